/* SPDX-License-Identifier: Apache-2.0 */
/* Files and data sets: readers of formats, images, and batches that are gathered ahead on a thread of their own. */
#ifndef TN_IO_IO_H
#define TN_IO_IO_H

#include "lang/lang.h"

/* Registers read_fashion_mnist, read_idx, batches. */
TN_MUST_USE bool tn_io_register(struct tn_lang *lang, struct tn_error *err);

/* One array of an IDX file (the MNIST format: magic 0 0 type ndim, big-endian sizes, row-major data), plain or gzip-compressed. u8 and i8 give
 * u8 and i32, i16 and i32 i32, f32 f32, f64 f64. `crc32`: of the uncompressed file, checked when not 0. Errors name the file, what was
 * expected and found. Executing thread. */
struct tn_idx_params {
	const char *path;
	uint32_t crc32;
};
TN_MUST_USE struct tn_tensor *tn_idx_load(struct tn_engine *e, const struct tn_idx_params *params, struct tn_error *err);

/* Appends a PNG file to *out: 8 bits a channel, `pixels` row by row from the top without gaps. channels: 1 grey, 2 grey and alpha,
 * 3 RGB, 4 RGB and alpha. The same pixels give the same bytes. False (ValueError for sizes that PNG does not hold, MemoryError):
 * *out is as it was. Any thread. */
TN_MUST_USE bool tn_png_encode(const uint8_t *pixels, int64_t width, int64_t height, int channels, struct tn_str *out,
	struct tn_error *err);
/* The same for a picture that may be large: an interrupt of `engine` (NULL: none) ends it between two rows, and is the error then. Executing
 * thread. */
struct tn_png_picture {
	const struct tn_engine *engine;
	const uint8_t *pixels;
	int64_t width, height;
	int channels;
};
TN_MUST_USE bool tn_png_encode_picture(const struct tn_png_picture *picture, struct tn_str *out, struct tn_error *err);

#endif
