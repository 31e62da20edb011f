/* SPDX-License-Identifier: Apache-2.0 */
/* IDX files (Y. LeCun's MNIST page): 4 bytes of magic, the sizes as big-endian u32, then the elements, big-endian. zlib reads plain and
 * gzip-compressed files alike, and gives the CRC-32. The file is hostile input: every size is checked before it is believed, and
 * memory is taken for what the file says only after its length has been compared with it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "io/io.h"

struct idx_header { enum tn_dtype stored_as; int width; bool is_float; uint8_t type; struct tn_shape shape; size_t bytes; };

static bool fail_format(const char *path, struct tn_error *err, const char *what) {
	return tn_error_set(err, TN_ERR_IO, "'%s' is not a whole IDX file: %s", path, what);
}

/* Reads exactly `size` bytes, folding them into *crc. */
static bool read_exactly(gzFile file, const char *path, void *out, size_t size, uint32_t *crc, struct tn_error *err) {
	size_t done = 0;
	while (done < size) {
		unsigned step = size - done > (1u << 24) ? 1u << 24 : (unsigned)(size - done);
		int n = gzread(file, (char *)out + done, step);
		if (n < 0) {
			int code;
			const char *text = gzerror(file, &code);
			return tn_error_set(err, TN_ERR_IO, "cannot read '%s': %s", path, code == Z_ERRNO ? strerror(errno) : text);
		}
		if (n == 0) {
			return tn_error_set(err, TN_ERR_IO, "'%s' is cut short: it ends %zu bytes early", path, size - done);
		}
		*crc = (uint32_t)crc32(*crc, (const Bytef *)out + done, (uInt)n);
		done += (size_t)n;
	}
	return true;
}

static bool describe_type(uint8_t type, struct idx_header *head) {
	static const struct { uint8_t type; enum tn_dtype dtype; int width; bool is_float; } types[] = {
		{0x08, TN_DTYPE_U8, 1, false}, {0x09, TN_DTYPE_I32, 1, false}, {0x0b, TN_DTYPE_I32, 2, false},
		{0x0c, TN_DTYPE_I32, 4, false}, {0x0d, TN_DTYPE_F32, 4, true}, {0x0e, TN_DTYPE_F64, 8, true}};
	for (size_t i = 0; i < TN_ARRAY_LEN(types); i++) {
		if (types[i].type == type) {
			head->stored_as = types[i].dtype;
			head->width = types[i].width;
			head->is_float = types[i].is_float;
			head->type = type;
			return true;
		}
	}
	return false;
}

static uint32_t big_endian(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static bool read_header(gzFile file, const char *path, struct idx_header *head, uint32_t *crc, struct tn_error *err) {
	uint8_t magic[4], sizes[4 * TN_MAX_NDIM];
	if (!read_exactly(file, path, magic, 4, crc, err)) {
		return false;
	}
	if (magic[0] != 0 || magic[1] != 0 || !describe_type(magic[2], head) || magic[3] < 1 || magic[3] > TN_MAX_NDIM) {
		return tn_error_set(err, TN_ERR_IO, "'%s' is no IDX file: expected magic 00 00 type axes, found %02x %02x %02x %02x", path, magic[0], magic[1],
			magic[2], magic[3]);
	}
	head->shape.ndim = magic[3];
	if (!read_exactly(file, path, sizes, 4u * magic[3], crc, err)) {
		return false;
	}
	head->bytes = (size_t)head->width;
	for (int i = 0; i < head->shape.ndim; i++) {
		head->shape.dims[i] = big_endian(sizes + 4 * i);
		if (!tn_mul_size(head->bytes, (size_t)head->shape.dims[i], &head->bytes)) {
			return fail_format(path, err, "its sizes are too large");
		}
	}
	return tn_shape_check(&head->shape, path, err);
}

/* The most that the file can hold once decompressed: deflate reaches 1032 to 1. */
static bool check_plausible(const char *path, size_t bytes, struct tn_error *err) {
	struct stat st;
	if (stat(path, &st) != 0) {
		return tn_error_errno(err, "cannot read '%s'", path);
	}
	if (bytes / 1032 > (size_t)st.st_size) {
		return tn_error_set(err, TN_ERR_IO, "'%s' is cut short: its header promises %zu bytes, the file has %lld", path, bytes, (long long)st.st_size);
	}
	return true;
}

/* Widens or swaps the raw elements of types wider than a byte into `out`. */
static void convert(const struct idx_header *head, const uint8_t *raw, void *out, size_t count) {
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = raw + i * (size_t)head->width;
		if (head->type == 0x09) {
			((int32_t *)out)[i] = (int8_t)p[0];
		} else if (head->type == 0x0b) {
			((int32_t *)out)[i] = (int16_t)((uint16_t)p[0] << 8 | p[1]);
		} else if (head->width == 4) {
			uint32_t word = big_endian(p);
			memcpy((char *)out + 4 * i, &word, 4);
		} else {
			uint64_t word = (uint64_t)big_endian(p) << 32 | big_endian(p + 4);
			memcpy((char *)out + 8 * i, &word, 8);
		}
	}
}

static bool read_elements(gzFile file, const char *path, const struct idx_header *head, void *out, uint32_t *crc, struct tn_error *err) {
	if (head->type == 0x08) {
		return read_exactly(file, path, out, head->bytes, crc, err);
	}
	uint8_t *raw = tn_alloc(head->bytes);
	if (raw == NULL) {
		return tn_error_memory(err);
	}
	bool ok = read_exactly(file, path, raw, head->bytes, crc, err);
	if (ok) {
		convert(head, raw, out, head->bytes / (size_t)head->width);
	}
	tn_free(raw);
	return ok;
}

static bool check_end(gzFile file, const char *path, uint32_t crc, uint32_t wanted, struct tn_error *err) {
	char extra;
	int n = gzread(file, &extra, 1);
	if (n > 0) {
		return fail_format(path, err, "there is more behind its last element");
	}
	if (n < 0) {
		int code;
		return tn_error_set(err, TN_ERR_IO, "cannot read '%s': %s", path, gzerror(file, &code));
	}
	if (wanted != 0 && crc != wanted) {
		tn_error_set(err, TN_ERR_IO, "'%s' is damaged: its checksum is %08x, expected %08x", path, crc, wanted);
		tn_error_hint(err, "fetch or install the data again");
		return false;
	}
	return true;
}

struct tn_tensor *tn_idx_load(struct tn_engine *e, const struct tn_idx_params *params, struct tn_error *err) {
	struct idx_header head = {0};
	struct tn_host *host = NULL;
	struct tn_tensor *result = NULL;
	uint32_t crc = 0;
	errno = 0;
	gzFile file = gzopen(params->path, "rb");
	if (file == NULL) {
		if (errno == 0) {
			tn_error_memory(err);
		} else {
			tn_error_errno(err, "cannot open '%s'", params->path);
		}
		return NULL;
	}
	gzbuffer(file, 1u << 18);
	if (read_header(file, params->path, &head, &crc, err) && check_plausible(params->path, head.bytes, err) &&
	    (host = tn_host_create(e, head.stored_as, &head.shape, err)) != NULL &&
	    read_elements(file, params->path, &head, tn_host_data(host), &crc, err) && check_end(file, params->path, crc, params->crc32, err)) {
		result = tn_tensor_take_host(e, host, err);
		host = NULL;
	}
	tn_host_destroy(host);
	gzclose_r(file);
	return result;
}
