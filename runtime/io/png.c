/* SPDX-License-Identifier: Apache-2.0 */
/* The PNG encoder: libpng with our memory, writing into a string. libpng leaves by longjmp when something fails, so
 * everything that must survive it stands in one struct that the caller of setjmp does not touch afterwards. */
#include "io/io.h"

#include <limits.h>
#include <png.h>
#include <setjmp.h>

struct writer {
	struct tn_str *out;
	size_t start; /* of this file in *out */
	bool memory;  /* what failed was memory */
	bool interrupted;
	struct tn_error *err; /* of an interrupt */
	char text[128];
};

static png_voidp callback_alloc(png_structp png, png_alloc_size_t size) {
	struct writer *w = png_get_mem_ptr(png);
	void *block = tn_alloc(size);
	w->memory |= block == NULL;
	return block;
}

static void callback_free(png_structp png, png_voidp block) {
	(void)png;
	tn_free(block);
}

static TN_NORETURN void callback_error(png_structp png, png_const_charp text) {
	struct writer *w = png_get_error_ptr(png);
	snprintf(w->text, sizeof(w->text), "%s", text);
	png_longjmp(png, 1);
}

static void callback_warning(png_structp png, png_const_charp text) {
	(void)png;
	tn_log(TN_LOG_INFO, "png: %s", text);
}

static void callback_write(png_structp png, png_bytep bytes, size_t size) {
	struct writer *w = png_get_io_ptr(png);
	if (!tn_str_append_n(w->out, (const char *)bytes, size)) {
		w->memory = true;
		png_error(png, "out of memory");
	}
}

static void callback_flush(png_structp png) {
	(void)png;
}

struct image {
	const struct tn_engine *engine;
	const uint8_t *pixels;
	uint32_t width, height;
	int channels;
};

static const int color_types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};

/* False: libpng gave up, or an interrupt came; the writer knows why. */
static bool write_image(png_structp png, png_infop info, struct writer *w, const struct image *image) {
	const size_t stride = (size_t)image->width * (size_t)image->channels;
	if (setjmp(png_jmpbuf(png)) != 0) {
		return false;
	}
	png_set_write_fn(png, w, callback_write, callback_flush);
	png_set_user_limits(png, INT32_MAX, INT32_MAX); /* libpng's own are 1,000,000 */
	png_set_IHDR(png, info, image->width, image->height, 8, color_types[image->channels - 1], PNG_INTERLACE_NONE,
		PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (uint32_t y = 0; y < image->height; y++) {
		if (image->engine != NULL && tn_engine_interrupted(image->engine, w->err)) {
			w->interrupted = true;
			return false;
		}
		png_write_row(png, image->pixels + y * stride);
	}
	png_write_end(png, info);
	return true;
}

static bool encode(const struct image *image, struct writer *w) {
	png_structp png =
		png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, callback_error, callback_warning, w, callback_alloc, callback_free);
	png_infop info = png == NULL ? NULL : png_create_info_struct(png);
	bool ok = info != NULL && write_image(png, info, w, image);
	if (png != NULL) {
		png_destroy_write_struct(&png, &info);
	}
	return ok;
}

bool tn_png_encode(const uint8_t *pixels, int64_t width, int64_t height, int channels, struct tn_str *out, struct tn_error *err) {
	const struct tn_png_picture picture = {NULL, pixels, width, height, channels};
	return tn_png_encode_picture(&picture, out, err);
}

bool tn_png_encode_picture(const struct tn_png_picture *picture, struct tn_str *out, struct tn_error *err) {
	const int64_t width = picture->width, height = picture->height;
	const int channels = picture->channels;
	size_t size;
	if (channels < 1 || channels > 4) {
		return tn_error_set(err, TN_ERR_VALUE, "png: an image has 1 to 4 channels, not %d", channels);
	}
	if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX ||
		!tn_mul_size((size_t)width, (size_t)height, &size) || !tn_mul_size(size, (size_t)channels, &size) || size > PTRDIFF_MAX) {
		return tn_error_set(
			err, TN_ERR_VALUE, "png: an image of %lld by %lld pixels cannot be written", (long long)width, (long long)height);
	}
	struct writer w = {.out = out, .start = out->length, .err = err};
	const struct image image = {picture->engine, picture->pixels, (uint32_t)width, (uint32_t)height, channels};
	if (encode(&image, &w)) {
		return true;
	}
	out->length = w.start;
	if (out->data != NULL) {
		out->data[w.start] = '\0';
	}
	if (w.interrupted) {
		return false;
	}
	return w.memory || w.text[0] == '\0' ? tn_error_memory(err) : tn_error_set(err, TN_ERR_VALUE, "png: %s", w.text);
}
