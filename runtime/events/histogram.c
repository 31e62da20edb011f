/* SPDX-License-Identifier: Apache-2.0 */
/* The distribution of a tensor's elements over 30 buckets of equal width, as TensorBoard keeps it: rows of left edge, right edge,
 * count. Elements that are not finite are left out; where all are equal, every edge is that value and the last bucket has them
 * all; without elements all is zero. */
#include <math.h>
#include <string.h>

#include "events/run.h"

enum { BUCKETS = 30, CHUNK = 512 };

struct elements {
	enum tn_dtype dtype;
	const char *data;
	int64_t count;
};

/* Elements [begin, begin + n) as doubles. */
static void load(const struct elements *x, int64_t begin, int64_t n, double out[CHUNK]) {
	const size_t size = tn_dtype_size(x->dtype);
	const char *p = x->data + (size_t)begin * size;
	if (x->dtype == TN_DTYPE_F32) {
		for (int64_t i = 0; i < n; i++) {
			float f;
			memcpy(&f, p + (size_t)i * sizeof(f), sizeof(f));
			out[i] = (double)f;
		}
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		out[i] = tn_element_f64(x->dtype, p + (size_t)i * size);
	}
}

static int64_t chunk_at(const struct elements *x, int64_t begin) {
	return x->count - begin < CHUNK ? x->count - begin : CHUNK;
}

static void find_range(const struct elements *x, double *min, double *max) {
	double chunk[CHUNK];
	*min = INFINITY;
	*max = -INFINITY;
	for (int64_t begin = 0; begin < x->count; begin += CHUNK) {
		const int64_t n = chunk_at(x, begin);
		load(x, begin, n, chunk);
		for (int64_t i = 0; i < n; i++) {
			*min = isfinite(chunk[i]) && chunk[i] < *min ? chunk[i] : *min;
			*max = isfinite(chunk[i]) && chunk[i] > *max ? chunk[i] : *max;
		}
	}
}

static void count(const struct elements *x, double min, double max, double counts[BUCKETS]) {
	double chunk[CHUNK];
	/* max - min may not be finite: halves are. */
	const double scale = BUCKETS / (max / 2 - min / 2);
	for (int64_t begin = 0; begin < x->count; begin += CHUNK) {
		const int64_t n = chunk_at(x, begin);
		load(x, begin, n, chunk);
		for (int64_t i = 0; i < n; i++) {
			if (isfinite(chunk[i])) {
				const double at = (chunk[i] / 2 - min / 2) * scale;
				counts[at < BUCKETS ? (int)at : BUCKETS - 1]++;
			}
		}
	}
}

static double finite_count(const struct elements *x) {
	double chunk[CHUNK], found = 0;
	for (int64_t begin = 0; begin < x->count; begin += CHUNK) {
		const int64_t n = chunk_at(x, begin);
		load(x, begin, n, chunk);
		for (int64_t i = 0; i < n; i++) {
			found += isfinite(chunk[i]);
		}
	}
	return found;
}

static void fill(const struct elements *x, double rows[BUCKETS][3]) {
	double min, max, counts[BUCKETS] = {0};
	find_range(x, &min, &max);
	if (min > max) {
		min = max = 0;
	} else if (min == max || !isfinite(BUCKETS / (max / 2 - min / 2))) {
		counts[BUCKETS - 1] = finite_count(x);
		max = min;
	} else {
		count(x, min, max, counts);
	}
	for (int i = 0; i < BUCKETS; i++) {
		const double left = (double)i / BUCKETS, right = (double)(i + 1) / BUCKETS;
		rows[i][0] = min * (1 - left) + max * left;
		rows[i][1] = i + 1 < BUCKETS ? min * (1 - right) + max * right : max;
		rows[i][2] = counts[i];
	}
	if (min == max) {
		for (int i = 0; i < BUCKETS; i++) {
			rows[i][0] = rows[i][1] = min; /* not 0.9999999 of it */
		}
	}
}

struct tn_event_block *tn_run_histogram(const struct tn_event_place *place, struct tn_tensor *t, struct tn_error *err) {
	double rows[BUCKETS][3];
	struct elements x = {.dtype = tn_tensor_dtype(t), .count = tn_shape_count(tn_tensor_shape(t))};
	const size_t size = (size_t)x.count * tn_dtype_size(x.dtype);
	char *data = tn_alloc(size);
	struct tn_event_block *block = NULL;
	if (data == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	if (tn_tensor_read(t, data, size, err)) {
		x.data = data;
		fill(&x, rows);
		block = tn_event_histogram(place, rows[0], BUCKETS, err);
	}
	tn_free(data);
	return block;
}
