/* SPDX-License-Identifier: Apache-2.0 */
/* Images come back from libpng's reader as they went in; nothing is left behind when memory is out. */
#include <png.h>
#include <string.h>

#include "cpu/cpu.h"
#include "io/io.h"
#include "runner/test.h"

/* Pixels that no filter predicts well. */
static uint8_t *fixture_pixels(size_t size) {
	uint8_t *pixels = tn_alloc(size);
	TN_CHECK_NOT_NULL(pixels);
	for (size_t i = 0; i < size; i++) {
		pixels[i] = (uint8_t)(i * i * 31 + i / 7);
	}
	return pixels;
}

static void check_round_trip(int64_t width, int64_t height, int channels) {
	static const png_uint_32 formats[] = {PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
	const size_t size = (size_t)(width * height * channels);
	struct tn_error err = {0};
	struct tn_str out = {0};
	uint8_t *pixels = fixture_pixels(size), *back = tn_alloc(size);
	png_image image = {.version = PNG_IMAGE_VERSION};

	TN_CHECK(tn_str_append(&out, "before"));
	TN_CHECK(tn_png_encode(pixels, width, height, channels, &out, &err));
	TN_CHECK_MEM_EQ(out.data, "before\x89PNG", 10);
	TN_CHECK(png_image_begin_read_from_memory(&image, out.data + 6, out.length - 6) != 0);
	TN_CHECK_INT_EQ(image.width, width);
	TN_CHECK_INT_EQ(image.height, height);
	TN_CHECK_INT_EQ(image.format & ~(png_uint_32)PNG_FORMAT_FLAG_LINEAR, formats[channels - 1]);
	TN_CHECK(back != NULL && png_image_finish_read(&image, NULL, back, 0, NULL) != 0);
	TN_CHECK_MEM_EQ(back, pixels, size);
	tn_free(back);
	tn_free(pixels);
	tn_str_finish(&out);
}

TN_TEST(each_kind_of_image_comes_back_as_it_was) {
	for (int channels = 1; channels <= 4; channels++) {
		check_round_trip(1, 1, channels);
		check_round_trip(13, 7, channels);
		check_round_trip(300, 200, channels);
	}
}

TN_TEST(the_same_pixels_give_the_same_bytes) {
	struct tn_error err = {0};
	struct tn_str a = {0}, b = {0};
	uint8_t *pixels = fixture_pixels(28 * 28);
	TN_CHECK(tn_png_encode(pixels, 28, 28, 1, &a, &err) && tn_png_encode(pixels, 28, 28, 1, &b, &err));
	TN_CHECK_SIZE_EQ(a.length, b.length);
	TN_CHECK_MEM_EQ(a.data, b.data, a.length);
	tn_free(pixels);
	tn_str_finish(&a);
	tn_str_finish(&b);
}

TN_TEST(a_size_that_png_does_not_hold_is_an_error) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	const uint8_t pixel = 0;
	TN_CHECK(!tn_png_encode(&pixel, 0, 5, 1, &out, &err));
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "png: an image of 0 by 5 pixels cannot be written");
	tn_error_clear(&err);
	TN_CHECK(!tn_png_encode(&pixel, INT64_MAX, INT64_MAX, 4, &out, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_VALUE);
	tn_error_clear(&err);
	TN_CHECK(!tn_png_encode(&pixel, 1, 1, 5, &out, &err));
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "png: an image has 1 to 4 channels, not 5");
	TN_CHECK_SIZE_EQ(out.length, 0);
}

TN_TEST(without_memory_the_string_is_as_it_was) {
	uint8_t *pixels = fixture_pixels(40 * 30 * 3);
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_str out = {0};
		bool ok = tn_png_encode(pixels, 40, 30, 3, &out, &err);
		TN_CHECK(ok == !tn_test_alloc_failed());
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		TN_CHECK(ok || out.length == 0);
		tn_str_finish(&out);
	}
	tn_free(pixels);
}

TN_TEST(an_interrupt_ends_a_picture_between_two_rows_and_the_string_is_as_it_was) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	volatile int interrupt = 0;
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)1 << 20}, &err);
	struct tn_engine *engine = tn_engine_create(&(struct tn_engine_params){.backend = backend, .interrupt = &interrupt}, &err);
	uint8_t *pixels = fixture_pixels(40 * 30);
	const struct tn_png_picture picture = {engine, pixels, 40, 30, 1};
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(tn_png_encode_picture(&picture, &out, &err));
	const size_t length = out.length;
	interrupt = 1;
	TN_CHECK(!tn_png_encode_picture(&picture, &out, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_INTERRUPTED);
	TN_CHECK_SIZE_EQ(out.length, length);
	tn_error_clear(&err);
	TN_CHECK(tn_png_encode(pixels, 40, 30, 1, &out, &err));
	tn_engine_destroy(engine);
	tn_free(pixels);
	tn_str_finish(&out);
}
