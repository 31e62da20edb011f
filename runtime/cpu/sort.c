/* SPDX-License-Identifier: Apache-2.0 */
/* argsort, stable: each element becomes an unsigned key of the same order (NaN above all, -0 equal to 0; inverted to sort
 * descending), then keys with their indices are sorted by insertion when few, else by bytes from the lowest up, leaving out the
 * bytes that all keys share. */
#include <string.h>

#include "cpu/lines.h"

enum { FEW = 48 };

struct pair {
	uint64_t key;
	int64_t index;
};

static bool prepare_sort(struct cpu_step *step, struct tn_error *err) {
	return cpu_lines_reserve(step, (int)step->step->attrs[0], 2 * sizeof(struct pair) + sizeof(uint64_t), err);
}

static uint64_t key_of_f64(double x) {
	uint64_t bits;

	x = x == 0 ? 0 : x;
	memcpy(&bits, &x, sizeof(bits));
	return x != x ? UINT64_MAX : (bits >> 63) != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

static uint64_t key_of_f32(float x) {
	uint32_t bits;

	x = x == 0 ? 0 : x;
	memcpy(&bits, &x, sizeof(bits));
	return x != x ? UINT32_MAX : (bits >> 31) != 0 ? ~bits : bits | UINT32_C(1) << 31;
}

static uint64_t key_at(enum cpu_class class, const void *in, int64_t i) {
	switch (class) {
	case CPU_F64: return key_of_f64(((const double *)in)[i]);
	case CPU_F32: return key_of_f32(((const float *)in)[i]);
	case CPU_I64: return ((const uint64_t *)in)[i] ^ UINT64_C(1) << 63;
	case CPU_I32: return ((const uint32_t *)in)[i] ^ UINT32_C(1) << 31;
	default: return ((const uint8_t *)in)[i];
	}
}

static void sort_few(struct pair *pairs, int64_t n) {
	for (int64_t i = 1; i < n; i++) {
		struct pair pair = pairs[i];
		int64_t at = i;

		while (at > 0 && pairs[at - 1].key > pair.key) {
			pairs[at] = pairs[at - 1];
			at--;
		}
		pairs[at] = pair;
	}
}

/* Sorts by one byte of the keys, stably; false when all have the same and nothing was moved, or when stopped. */
static bool sort_byte(const struct pair *from, struct pair *to, int64_t n, int shift, const volatile int *interrupt) {
	int64_t counts[256] = {0}, at = 0;

	for (int64_t i = 0; i < n; i++) {
		if (i % CPU_LOOK == 0 && cpu_is_stopped(interrupt)) {
			return false;
		}
		counts[from[i].key >> shift & 255]++;
	}
	if (counts[from[0].key >> shift & 255] == n) {
		return false;
	}
	for (int k = 0; k < 256; k++) {
		int64_t count = counts[k];

		counts[k] = at;
		at += count;
	}
	for (int64_t i = 0; i < n; i++) {
		if (i % CPU_LOOK == 0 && cpu_is_stopped(interrupt)) {
			return false;
		}
		to[counts[from[i].key >> shift & 255]++] = from[i];
	}
	return true;
}

static void sort_line(const struct cpu_lines *lines, const struct cpu_line *line) {
	const struct tn_step *step = lines->call->step->step;
	enum tn_dtype dtype = step->inputs[0].dtype;
	struct pair *pairs = (struct pair *)(void *)line->buffer, *other = pairs + line->length + 8;
	const void *in = cpu_line_load(line, dtype, (char *)(other + line->length + 8));
	int64_t n = line->length;
	bool descending = step->attrs[1] != 0;

	for (int64_t i = 0; i < n; i++) {
		uint64_t key;

		if (i % CPU_LOOK == 0 && cpu_is_stopped(line->interrupt)) {
			return;
		}
		key = key_at(cpu_class_of(dtype), in, i);

		pairs[i] = (struct pair){descending ? ~key : key, i};
	}
	if (n <= FEW) {
		sort_few(pairs, n);
	} else {
		for (int shift = 0; shift < 64; shift += 8) {
			if (sort_byte(pairs, other, n, shift, line->interrupt)) {
				struct pair *sorted = other;

				other = pairs;
				pairs = sorted;
			}
		}
	}
	for (int64_t i = 0; i < n; i++) {
		if (i % CPU_LOOK == 0 && cpu_is_stopped(line->interrupt)) {
			return;
		}
		*(int64_t *)(void *)(line->out + i * line->out_step) = pairs[i].index;
	}
}

static bool run_argsort(const struct cpu_call *call, struct tn_error *err) {
	struct cpu_lines lines = {.call = call, .axis = (int)call->step->step->attrs[0], .work = 40, .body = sort_line};

	return cpu_lines_run(&lines, err);
}

static bool accepts_to_i64(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return out == TN_DTYPE_I64;
}

const struct cpu_kernel cpu_argsort = {.prepare = prepare_sort, .run = run_argsort, .accepts = accepts_to_i64};
