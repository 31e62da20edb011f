/* SPDX-License-Identifier: Apache-2.0 */
/* Fashion-MNIST (Xiao et al. 2017): finds the four files, checks size and checksum, and gives images as f32 in 0 to 1 and labels as i64. */
#include "io/fashion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/io.h"

struct part { const char *name, *images, *labels; int64_t count; uint32_t images_crc, labels_crc; };
static const struct part parts[] = {
	{"train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60000, 0xb4f29f28, 0x741a4657},
	{"t10k", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10000, 0x678fe0b1, 0x80142c1f},
};
enum { PIXELS = 28 * 28 };

/* `folder`/[fashion-mnist/]`name`[.gz], whichever is there. */
static bool look_in(const char *folder, const char *name, char *out, size_t size) {
	static const char *const forms[] = {"%s/%s.gz", "%s/%s", "%s/fashion-mnist/%s.gz", "%s/fashion-mnist/%s"};
	for (size_t i = 0; i < TN_ARRAY_LEN(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(out, size, forms[i], folder, name);
#pragma GCC diagnostic pop
		if (n > 0 && (size_t)n < size && access(out, F_OK) == 0) {
			return true;
		}
	}
	return false;
}

static bool find_file(const char *name, char *out, size_t size, struct tn_error *err) {
	const char *data = tn_setting_text(TN_SETTING_DATA), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char folder[4096] = "";
	if (data != NULL) { /* a setting is obeyed, not completed from elsewhere */
		if (look_in(data, name, out, size)) {
			return true;
		}
		tn_error_set(err, TN_ERR_IO, "fashion_mnist: '%s' is not in the folder that TENON_DATA names, '%s'", name, data);
		tn_error_hint(err, "put the four files of the data set there, or unset TENON_DATA");
		return false;
	}
	if (cache != NULL && *cache != '\0') {
		snprintf(folder, sizeof(folder), "%s/tenon/data", cache);
	} else if (home != NULL) {
		snprintf(folder, sizeof(folder), "%s/.cache/tenon/data", home);
	}
	if ((*folder != '\0' && look_in(folder, name, out, size)) || look_in("/usr/share/datasets", name, out, size)) {
		return true;
	}
	tn_error_set(err, TN_ERR_IO, "fashion_mnist: the data set is not on this machine: '%s' is neither in '%s' nor in '/usr/share/datasets'", name, folder);
	tn_error_hint(err, "apt-get install dataset-fashion-mnist, or set TENON_DATA to a folder with its four files");
	return false;
}

static struct tn_tensor *load_checked(struct tn_engine *e, const char *name, uint32_t crc, const struct tn_shape *expected, struct tn_error *err) {
	char path[4200];
	if (!find_file(name, path, sizeof(path), err)) {
		return NULL;
	}
	struct tn_tensor *t = tn_idx_load(e, &(struct tn_idx_params){.path = path, .crc32 = crc}, err);
	if (t != NULL && (!tn_shape_equal(tn_tensor_shape(t), expected) || tn_tensor_dtype(t) != TN_DTYPE_U8)) {
		char found[176], want[176];
		tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), found);
		tn_describe(TN_DTYPE_U8, expected, want);
		tn_error_set(err, TN_ERR_IO, "'%s' holds %s, expected %s", path, found, want);
		tn_tensor_unref(t);
		t = NULL;
	}
	return t;
}

/* u8 0 … 255 to f32 0 … 1, in the shape asked for. */
static struct tn_tensor *scale_images(struct tn_engine *e, struct tn_tensor *images, const int64_t *dims, int ndim, struct tn_error *err) {
	struct tn_tensor *wide = tn_cast(e, images, TN_DTYPE_F32, err), *scaled = NULL, *shaped = NULL;
	if (wide != NULL) {
		struct tn_arg args[2] = {tn_arg_tensor(wide), tn_arg_f64(255.0, true)};
		scaled = tn_elementwise(e, TN_OP_DIV, args, 2, err);
	}
	if (scaled != NULL) {
		shaped = tn_reshape(e, scaled, dims, ndim, err);
	}
	tn_tensor_unref(wide);
	tn_tensor_unref(scaled);
	return shaped;
}

static bool check_image_shape(const int64_t *dims, int ndim, struct tn_error *err) {
	int64_t n = 1;
	for (int i = 0; i < ndim; i++) {
		if (dims[i] < 1 || dims[i] > PIXELS) {
			n = 0;
			break;
		}
		n *= dims[i];
	}
	if (n == PIXELS) {
		return true;
	}
	tn_error_set(err, TN_ERR_SHAPE, "fashion_mnist: an image has %d pixels, and the shape asked for has another number", PIXELS);
	tn_error_hint(err, "[784], [28, 28] or [1, 28, 28]");
	return false;
}

bool tn_run_read_fashion_mnist(struct tn_native_call *call, struct tn_error *err) {
	const struct part *part = NULL;
	int64_t dims[TN_MAX_NDIM];
	int ndim;
	for (size_t i = 0; i < TN_ARRAY_LEN(parts); i++) {
		part = strcmp(parts[i].name, call->args[0].string->text) == 0 ? &parts[i] : part;
	}
	if (part == NULL) {
		return tn_error_set(err, TN_ERR_VALUE, "read_fashion_mnist: the part is \"train\" or \"t10k\"");
	}
	if (!tn_arg_get_ints(call, 1, dims + 1, TN_MAX_NDIM - 1, &ndim, err) || !check_image_shape(dims + 1, ndim, err)) {
		return false;
	}
	dims[0] = part->count;
	struct tn_tensor *labels = NULL, *x = NULL, *y = NULL;
	struct tn_tensor *images = load_checked(call->engine, part->images, part->images_crc, &TN_SHAPE(part->count, 28, 28), err);
	if (images != NULL) {
		x = scale_images(call->engine, images, dims, ndim + 1, err);
	}
	if (x != NULL) {
		labels = load_checked(call->engine, part->labels, part->labels_crc, &TN_SHAPE(part->count), err);
	}
	if (labels != NULL) {
		y = tn_cast(call->engine, labels, TN_DTYPE_I64, err);
	}
	tn_tensor_unref(images);
	tn_tensor_unref(labels);
	if (y == NULL) {
		tn_tensor_unref(x);
		return false;
	}
	struct tn_value pair[2] = {tn_tensor_value(x), tn_tensor_value(y)};
	return tn_tuple_create_take(pair, 2, call->result, err);
}
