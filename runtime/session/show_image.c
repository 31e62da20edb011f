/* SPDX-License-Identifier: Apache-2.0 */
/* Images: a tensor of one or many becomes one PNG, tiles side by side, each pixel drawn as a square of `scale` (small images are
 * hard to see, and a browser would blur them). Only the images that are shown are read. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/io.h"
#include "session/figure.h"

enum { MOST_TILES = 100, MOST_SIDE = 16384, GRID_WIDTH = 960, GAP = 2, GAP_COLOUR = 0xcc };
static const int64_t most_pixels = (int64_t)64 << 20;

struct source {
	const char *what; /* the function, for errors */
	struct tn_engine *engine;
	struct tn_tensor *tensor;
	int64_t count, shown, height, width, channels, scale, columns;
	bool many, channels_first, normalize;
};

/* ---- what the axes are ---- */

static bool is_channels(int64_t n) {
	return n == 1 || n == 3 || n == 4;
}

static bool wrong_shape(const struct source *s, struct tn_error *err) {
	char found[176];
	tn_describe(tn_tensor_dtype(s->tensor), tn_tensor_shape(s->tensor), found);
	tn_error_set(err, TN_ERR_SHAPE, "%s: expected an image [H, W], [C, H, W] or [H, W, C], or several with N in front, found %s",
		s->what, found);
	tn_error_hint(err, "C is 1, 3 or 4 (grey, RGB, RGB and alpha)");
	return false;
}

/* Reads off count, channels, height and width. [3, 28, 28] is one image in colour, not three in grey. */
static bool read_axes(struct source *s, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(s->tensor);
	const int64_t *d = shape->dims;
	s->count = s->channels = 1;
	if (shape->ndim < 2 || shape->ndim > 4) {
		return wrong_shape(s, err);
	}
	const int64_t *image = shape->ndim == 4 ? d + 1 : d;
	if (shape->ndim == 2) {
		s->height = d[0];
		s->width = d[1];
	} else if (is_channels(image[0])) {
		s->channels_first = true;
		s->channels = image[0];
		s->height = image[1];
		s->width = image[2];
	} else if (is_channels(image[2])) {
		s->height = image[0];
		s->width = image[1];
		s->channels = image[2];
	} else if (shape->ndim == 3) {
		s->height = d[1];
		s->width = d[2];
	} else {
		return wrong_shape(s, err);
	}
	s->many = shape->ndim == 4 || (shape->ndim == 3 && !is_channels(d[0]) && !is_channels(d[2]));
	s->count = s->many ? d[0] : 1;
	return tn_shape_count(shape) > 0 || wrong_shape(s, err);
}

static bool check_pixels(const struct source *s, struct tn_error *err) {
	enum tn_dtype dtype = tn_tensor_dtype(s->tensor);
	if (tn_dtype_is_float(dtype) || dtype == TN_DTYPE_U8 || dtype == TN_DTYPE_BOOL8) {
		return true;
	}
	tn_error_set(err, TN_ERR_TYPE, "%s: expected pixels that are u8 (0 to 255) or floating (0 to 1), found %s", s->what,
		tn_dtype_name(dtype));
	tn_error_hint(err, "u8(x) or f32(x) / 255 converts");
	return false;
}

/* ---- the layout of the tiles ---- */

static int64_t ceil_div(int64_t a, int64_t b) {
	return a / b + (a % b != 0);
}

/* 0 asks for a choice: small images larger, and as many to a row as fit well. */
static bool choose_layout(struct source *s, struct tn_error *err) {
	int64_t side = s->width > s->height ? s->width : s->height;
	if (s->scale == 0) {
		s->scale = side > 160 ? 1 : side > 64 ? 2 : side > 32 ? (s->many ? 2 : 4) : (s->many ? 3 : 8);
	}
	if (s->width > MOST_SIDE / s->scale || s->height > MOST_SIDE / s->scale) {
		return tn_error_set(err, TN_ERR_VALUE, "%s: an image of %lld x %lld pixels at scale %lld is larger than %d pixels",
			s->what, (long long)s->width, (long long)s->height, (long long)s->scale, MOST_SIDE);
	}
	s->shown = s->count < MOST_TILES ? s->count : MOST_TILES;
	int64_t fit = GRID_WIDTH / (s->width * s->scale + GAP);
	if (s->columns == 0) {
		s->columns = s->shown <= 8 ? s->shown : (int64_t)ceil(sqrt((double)s->shown));
		s->columns = s->columns > fit ? (fit > 0 ? fit : 1) : s->columns;
	}
	s->columns = s->columns > s->shown ? s->shown : s->columns;
	int64_t width = s->columns * (s->width * s->scale + GAP),
			height = ceil_div(s->shown, s->columns) * (s->height * s->scale + GAP);
	if (width > most_pixels / height) {
		return tn_error_set(
			err, TN_ERR_VALUE, "%s: a picture of %lld x %lld pixels is too large", s->what, (long long)width, (long long)height);
	}
	return true;
}

/* ---- reading ---- */

/* The shown images as [N, H, W, C] in row-major order. */
static struct tn_tensor *arrange(const struct source *s, struct tn_error *err) {
	static const int64_t channels_last[] = {0, 2, 3, 1};
	const int64_t whole[4] = {s->shown, s->channels_first ? s->channels : s->height, s->channels_first ? s->height : s->width,
		s->channels_first ? s->width : s->channels};
	const struct tn_index first = {.kind = TN_INDEX_SLICE, .literal = true, .has_stop = true, .stop = s->shown};
	struct tn_tensor *plain = tn_stop_gradient(s->engine, s->tensor, err), *part = plain;
	if (plain != NULL && s->many) {
		part = tn_index_get(s->engine, plain, &first, 1, err);
		tn_tensor_unref(plain);
	}
	struct tn_tensor *four = part == NULL ? NULL : tn_reshape(s->engine, part, whole, 4, err);
	tn_tensor_unref(part);
	if (four != NULL && s->channels_first) {
		struct tn_tensor *last = tn_permute(s->engine, four, channels_last, 4, err);
		tn_tensor_unref(four);
		four = last;
	}
	return four;
}

/* Elements to bytes: low is black, high is white. */
struct levels {
	double low, high;
};

static struct levels find_levels(const struct source *s, enum tn_dtype dtype, const char *data, int64_t count) {
	struct levels l = {0, dtype == TN_DTYPE_U8 ? 255 : 1};
	if (s->normalize) {
		l = (struct levels){INFINITY, -INFINITY};
		for (int64_t i = 0; i < count; i++) {
			double x = tn_element_f64(dtype, data + (size_t)i * tn_dtype_size(dtype));
			l.low = isfinite(x) && x < l.low ? x : l.low;
			l.high = isfinite(x) && x > l.high ? x : l.high;
		}
	}
	return l.high > l.low ? l : (struct levels){0, 1};
}

static uint8_t to_byte(struct levels l, double x) {
	double y = (x - l.low) / (l.high - l.low) * 255;
	return y >= 255 ? 255 : y > 0 ? (uint8_t)(y + 0.5) : 0; /* NaN is black */
}

static void draw_tile(
	const struct source *s, struct tn_picture *p, struct levels l, enum tn_dtype dtype, const char *data, int64_t tile) {
	int64_t left = tile % s->columns * (p->tile_width + p->gap), top = tile / s->columns * (p->tile_height + p->gap);
	size_t size = tn_dtype_size(dtype), channels = (size_t)p->channels;
	for (int64_t y = 0; y < p->tile_height; y++) {
		uint8_t *out = p->pixels + (size_t)((top + y) * p->width + left) * channels;
		if (y % s->scale != 0) { /* the same as the line above */
			memcpy(out, out - (size_t)p->width * channels, (size_t)p->tile_width * channels);
			continue;
		}
		const char *row = data + (size_t)((tile * s->height + y / s->scale) * s->width) * channels * size;
		for (int64_t x = 0; x < p->tile_width; x++) {
			for (size_t c = 0; c < channels; c++) {
				*out++ = to_byte(l, tn_element_f64(dtype, row + ((size_t)(x / s->scale) * channels + c) * size));
			}
		}
	}
}

static bool draw(const struct source *s, struct tn_picture *p, struct tn_error *err) {
	struct tn_tensor *images = arrange(s, err), *holder = NULL;
	const void *data;
	p->engine = s->engine;
	p->gap = s->many ? GAP : 0;
	p->channels = (int)s->channels;
	p->tile_count = s->shown;
	p->columns = s->columns;
	p->tile_width = s->width * s->scale;
	p->tile_height = s->height * s->scale;
	p->width = s->columns * (p->tile_width + p->gap) - p->gap;
	p->height = ceil_div(s->shown, s->columns) * (p->tile_height + p->gap) - p->gap;
	size_t bytes = (size_t)p->width * (size_t)p->height * (size_t)p->channels; /* bounded by choose_layout */
	p->pixels = images == NULL ? NULL : tn_alloc(bytes);
	bool ok = images != NULL && (p->pixels != NULL || tn_error_memory(err)) && tn_tensor_data(images, &data, &holder, err);
	if (ok) {
		enum tn_dtype dtype = tn_tensor_dtype(images);
		struct levels l = find_levels(s, dtype, data, tn_shape_count(tn_tensor_shape(images)));
		memset(p->pixels, GAP_COLOUR, bytes);
		for (int64_t i = 0; i < s->shown; i++) {
			draw_tile(s, p, l, dtype, data, i);
		}
	}
	tn_tensor_unref(holder);
	tn_tensor_unref(images);
	return ok;
}

/* ---- words ---- */

static bool describe(const struct source *s, struct tn_picture *p, struct tn_error *err) {
	struct tn_sink text = {0};
	if (s->many) {
		if (s->shown < s->count) {
			tn_sink_printf(&text, "%lld of ", (long long)s->shown);
		}
		tn_sink_grouped(&text, s->count);
		tn_sink_put(&text, s->count == 1 ? " image " : " images ");
	} else {
		tn_sink_put(&text, "image ");
	}
	tn_sink_printf(&text, "%lldx%lld", (long long)s->width, (long long)s->height);
	for (int64_t i = 0; p->labels != NULL && i < p->tile_count; i++) {
		tn_sink_put(&text, i % p->columns == 0 ? "\n" : "  ");
		tn_sink_put(&text, p->labels[i]);
	}
	p->text = text.failed ? NULL : tn_str_steal(&text.text);
	tn_sink_finish(&text);
	return p->text != NULL || tn_error_memory(err);
}

static bool label_text(struct tn_engine *e, struct tn_value labels, int64_t i, char **out, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok;
	if (labels.tag == TN_LIST) {
		ok = tn_value_format(labels.list->items[i], false, &text, err);
	} else {
		const struct tn_index index = {.kind = TN_INDEX_INT, .start = i};
		struct tn_tensor *one = tn_index_get(e, labels.tensor, &index, 1, err);
		ok = one != NULL && tn_tensor_format(one, &text, err);
		tn_tensor_unref(one);
	}
	*out = ok ? tn_str_steal(&text) : NULL;
	tn_str_finish(&text);
	return *out != NULL || (ok && tn_error_memory(err));
}

static bool read_labels(const struct source *s, struct tn_value labels, struct tn_picture *p, struct tn_error *err) {
	if (labels.tag == TN_VOID) {
		return true;
	}
	bool is_vector = labels.tag == TN_TENSOR && tn_tensor_shape(labels.tensor)->ndim == 1;
	if (labels.tag != TN_LIST && !is_vector) {
		return tn_error_set(err, TN_ERR_TYPE, "%s: labels: expected a list or a tensor with one axis", s->what);
	}
	int64_t count = is_vector ? tn_tensor_shape(labels.tensor)->dims[0] : (int64_t)labels.list->count;
	if (count != s->count) {
		tn_error_set(err, TN_ERR_VALUE, "%s: labels: %lld image%s, but %lld label%s", s->what, (long long)s->count,
			s->count == 1 ? "" : "s", (long long)count, count == 1 ? "" : "s");
		if (s->count == 1 && tn_tensor_shape(s->tensor)->ndim == 3) {
			tn_error_hint(err, "an axis of 1, 3 or 4 at an end is that of the colours: several in grey are [N, 1, H, W]");
		}
		return false;
	}
	p->labels = tn_calloc((size_t)s->shown, sizeof(*p->labels));
	if (p->labels == NULL) {
		return tn_error_memory(err);
	}
	for (int64_t i = 0; i < s->shown; i++) {
		if (!label_text(s->engine, labels, i, &p->labels[i], err)) {
			return false;
		}
	}
	return true;
}

void tn_picture_finish(struct tn_picture *p) {
	for (int64_t i = 0; p->labels != NULL && i < p->tile_count; i++) {
		tn_free(p->labels[i]);
	}
	tn_free(p->labels);
	tn_free(p->pixels);
	tn_free(p->text);
	*p = (struct tn_picture){0};
}

/* ---- forms ---- */

static bool encode_whole(const struct tn_picture *p, struct tn_str *out, struct tn_error *err) {
	return tn_png_encode_picture(&(struct tn_png_picture){p->engine, p->pixels, p->width, p->height, p->channels}, out, err);
}

static bool encode_tile(const struct tn_picture *p, int64_t tile, struct tn_str *out, struct tn_error *err) {
	size_t channels = (size_t)p->channels, line = (size_t)p->tile_width * channels;
	int64_t left = tile % p->columns * (p->tile_width + p->gap), top = tile / p->columns * (p->tile_height + p->gap);
	uint8_t *pixels = tn_calloc((size_t)p->tile_height, line);
	if (pixels == NULL) {
		return tn_error_memory(err);
	}
	for (int64_t y = 0; y < p->tile_height; y++) {
		memcpy(pixels + (size_t)y * line, p->pixels + (size_t)((top + y) * p->width + left) * channels, line);
	}
	const struct tn_png_picture tile_picture = {p->engine, pixels, p->tile_width, p->tile_height, p->channels};
	bool ok = tn_png_encode_picture(&tile_picture, out, err);
	tn_free(pixels);
	return ok;
}

/* Labels are text in a table of tiles: no font of our own, and they can be searched and copied. */
static bool labelled_html(const struct tn_picture *p, struct tn_sink *out, struct tn_error *err) {
	tn_sink_put(out, "<table><tbody>\n");
	for (int64_t i = 0; i < p->tile_count; i++) {
		struct tn_str png = {0};
		bool ok = encode_tile(p, i, &png, err);
		tn_sink_put(out, i % p->columns == 0 ? "<tr style=\"background: none\">" : ""); /* no stripes */
		tn_sink_printf(out, "<td style=\"text-align: center\"><img width=\"%lld\" height=\"%lld\" alt=\"",
			(long long)p->tile_width, (long long)p->tile_height);
		tn_sink_html(out, p->labels[i], strlen(p->labels[i]));
		tn_sink_put(out, "\" src=\"data:image/png;base64,");
		tn_sink_base64(out, tn_str_c(&png), png.length);
		tn_sink_put(out, "\"><br>");
		tn_sink_html(out, p->labels[i], strlen(p->labels[i]));
		tn_sink_put(out, i % p->columns == p->columns - 1 || i == p->tile_count - 1 ? "</td></tr>\n" : "</td>");
		tn_str_finish(&png);
		if (!ok) {
			return false;
		}
	}
	tn_sink_put(out, "</tbody></table>");
	return true;
}

bool tn_picture_forms(const struct tn_picture *p, bool rich, struct tn_forms *out, struct tn_error *err) {
	tn_sink_put(&out->form[TN_FORM_TEXT], p->text);
	if (!rich) {
		return true;
	}
	tn_sink_printf(
		&out->metadata, "{\"image/png\": {\"width\": %lld, \"height\": %lld}}", (long long)p->width, (long long)p->height);
	return encode_whole(p, &out->form[TN_FORM_PNG].text, err) &&
		(p->labels == NULL || labelled_html(p, &out->form[TN_FORM_HTML], err));
}

/* ---- natives ---- */

static bool get_positive(const struct tn_native_call *call, uint32_t at, const char *what, int64_t *out, struct tn_error *err) {
	*out = tn_arg_given(call, at) ? call->args[at].i : 0;
	return !tn_arg_given(call, at) || (*out > 0 && *out <= MOST_SIDE) ||
		tn_error_set(err, TN_ERR_VALUE, "image: %s must be between 1 and %d, it is %lld", what, MOST_SIDE, (long long)*out);
}

bool tn_show_image(struct tn_native_call *call, struct tn_error *err) {
	struct source s = {
		.what = "image", .engine = call->engine, .tensor = call->args[0].tensor, .normalize = call->args[4].i != 0};
	struct tn_figure figure = {.kind = TN_FIGURE_PICTURE};
	bool ok = check_pixels(&s, err) && read_axes(&s, err) && get_positive(call, 1, "columns", &s.columns, err) &&
		get_positive(call, 3, "scale", &s.scale, err) && choose_layout(&s, err) && draw(&s, &figure.picture, err) &&
		read_labels(&s, call->args[2], &figure.picture, err) && describe(&s, &figure.picture, err);
	if (!ok) {
		tn_picture_finish(&figure.picture);
		return false;
	}
	return tn_figure_return(call, &figure, err);
}

bool tn_show_write_file(const char *path, const struct tn_str *bytes, struct tn_error *err) {
	FILE *file = fopen(path, "we");
	if (file == NULL) {
		return tn_error_errno(err, "cannot write '%s'", path);
	}
	bool ok = fwrite(bytes->data, 1, bytes->length, file) == bytes->length;
	ok = (fclose(file) == 0) && ok;
	return ok || tn_error_errno(err, "cannot write '%s'", path);
}

bool tn_show_write_png(struct tn_native_call *call, struct tn_error *err) {
	struct source s = {.what = "write_png", .engine = call->engine, .tensor = call->args[1].tensor, .scale = 1};
	struct tn_picture p = {0};
	struct tn_str png = {0};
	bool ok = check_pixels(&s, err) && read_axes(&s, err) && choose_layout(&s, err) && draw(&s, &p, err) &&
		encode_whole(&p, &png, err) && tn_show_write_file(call->args[0].string->text, &png, err);
	tn_str_finish(&png);
	tn_picture_finish(&p);
	return ok;
}
