/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor as a picture: [H, W], [C, H, W] or [H, W, C] with 1, 3 or 4 channels, or a batch of such as a grid. Floats go from 0
 * to 1 and are clamped, u8 from 0 to 255, bool8 is black and white. A first axis of 1, 3 or 4 before two others is one of
 * channels, as PyTorch has it. */
#include <math.h>
#include <string.h>

#include "events/run.h"
#include "io/io.h"

enum { GAP = 2 /* pixels between the pictures of a grid */ };

static const double SLACK = 1e-3; /* of rounding, by which a picture may lie beyond 0 to 1 */

struct layout {
	int64_t count, height, width, channels;
	int64_t stride_n, stride_y, stride_x, stride_c; /* in elements of the row-major tensor */
};

static bool is_channels(int64_t n) {
	return n == 1 || n == 3 || n == 4;
}

static bool find_layout(const struct tn_shape *shape, struct layout *out) {
	const int64_t *d = shape->dims;
	const int n = shape->ndim;
	if (n == 2 || (n == 3 && !is_channels(d[0]) && !is_channels(d[2]))) {
		const int64_t h = d[n - 2], w = d[n - 1];
		*out = (struct layout){n == 2 ? 1 : d[0], h, w, 1, h * w, w, 1, 0};
	} else if ((n == 3 || n == 4) && is_channels(d[n - 3])) {
		const int64_t c = d[n - 3], h = d[n - 2], w = d[n - 1];
		*out = (struct layout){n == 3 ? 1 : d[0], h, w, c, c * h * w, w, 1, h * w};
	} else if ((n == 3 || n == 4) && is_channels(d[n - 1])) {
		const int64_t h = d[n - 3], w = d[n - 2], c = d[n - 1];
		*out = (struct layout){n == 3 ? 1 : d[0], h, w, c, c * h * w, w * c, c, 1};
	} else {
		return false;
	}
	return out->count > 0 && out->height > 0 && out->width > 0;
}

static bool dtype_fits(enum tn_dtype dtype) {
	return tn_dtype_is_float(dtype) || dtype == TN_DTYPE_U8 || dtype == TN_DTYPE_BOOL8;
}

bool tn_run_check_image(const struct tn_tensor *t, struct tn_error *err) {
	struct layout layout;
	if (dtype_fits(tn_tensor_dtype(t)) && find_layout(tn_tensor_shape(t), &layout)) {
		return true;
	}
	char text[176];
	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), text);
	tn_error_set(err, dtype_fits(tn_tensor_dtype(t)) ? TN_ERR_SHAPE : TN_ERR_TYPE,
		"image: expected floats from 0 to 1, or u8, of shape [H, W], [C, H, W], [H, W, C] or a batch of such, found %s", text);
	tn_error_hint(err, "C is 1, 3 or 4");
	return false;
}

static uint8_t pixel_of(enum tn_dtype dtype, const char *p, bool *cut_off) {
	if (dtype == TN_DTYPE_U8) {
		return *(const uint8_t *)p;
	}
	const double x = tn_element_f64(dtype, p);
	*cut_off = *cut_off || x < -SLACK || x > 1 + SLACK;
	return x > 0 ? (uint8_t)lrint((x < 1 ? x : 1) * 255) : 0; /* NaN is black */
}

struct source {
	const struct tn_engine *engine; /* asked for interrupts; NULL: at a run's end none is heeded */
	enum tn_dtype dtype;
	const char *data;
	bool *cut_off; /* set where a value lies beyond 0 to 1 */
};

struct grid {
	int64_t columns, rows, width, height;
};

/* As near to a square as the number of pictures allows. */
static struct grid make_grid(const struct layout *l) {
	struct grid g = {.columns = (int64_t)ceil(sqrt((double)l->count))};
	const int64_t gap = l->count > 1 ? GAP : 0;
	g.rows = (l->count + g.columns - 1) / g.columns;
	g.width = g.columns * (l->width + gap) + gap;
	g.height = g.rows * (l->height + gap) + gap;
	return g;
}

/* False: interrupted. */
static bool paint(uint8_t *pixels, const struct grid *g, const struct layout *l, const struct source *s, struct tn_error *err) {
	const int64_t gap = l->count > 1 ? GAP : 0;
	const size_t size = tn_dtype_size(s->dtype);
	for (int64_t n = 0; n < l->count; n++) {
		const int64_t top = n / g->columns * (l->height + gap) + gap, left = n % g->columns * (l->width + gap) + gap;
		for (int64_t y = 0; y < l->height; y++) {
			if (s->engine != NULL && tn_engine_interrupted(s->engine, err)) {
				return false;
			}
			uint8_t *out = pixels + ((top + y) * g->width + left) * l->channels;
			for (int64_t x = 0; x < l->width; x++) {
				const int64_t at = n * l->stride_n + y * l->stride_y + x * l->stride_x;
				for (int64_t c = 0; c < l->channels; c++) {
					*out++ = pixel_of(s->dtype, s->data + (size_t)(at + c * l->stride_c) * size, s->cut_off);
				}
			}
		}
	}
	return true;
}

static bool encode(
	const struct layout *l, const struct source *s, struct grid *g, struct tn_str *png, struct tn_error *err) {
	size_t size;
	*g = make_grid(l);
	if (!tn_mul_size((size_t)g->width, (size_t)g->height, &size) || !tn_mul_size(size, (size_t)l->channels, &size)) {
		return tn_error_memory(err);
	}
	uint8_t *pixels = tn_calloc(size, 1);
	if (pixels == NULL) {
		return tn_error_memory(err);
	}
	const struct tn_png_picture picture = {s->engine, pixels, g->width, g->height, (int)l->channels};
	bool ok = paint(pixels, g, l, s, err) && tn_png_encode_picture(&picture, png, err);
	tn_free(pixels);
	return ok;
}

struct tn_event_block *tn_run_picture(
	const struct tn_run *run, const struct tn_event_place *place, struct tn_tensor *t, bool *cut_off, struct tn_error *err) {
	const enum tn_dtype dtype = tn_tensor_dtype(t);
	const size_t size = (size_t)tn_shape_count(tn_tensor_shape(t)) * tn_dtype_size(dtype);
	struct tn_event_block *block = NULL;
	struct tn_str png = {0};
	struct layout layout;
	struct grid grid;
	char *data = tn_alloc(size);
	const struct source source = {run->closing ? NULL : run->runs->engine, dtype, data, cut_off};
	if (data == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	if (tn_run_check_image(t, err) && find_layout(tn_tensor_shape(t), &layout) && tn_tensor_read(t, data, size, err) &&
		encode(&layout, &source, &grid, &png, err)) {
		block = tn_event_image(place, grid.width, grid.height, &png, err);
	}
	tn_str_finish(&png);
	tn_free(data);
	return block;
}
