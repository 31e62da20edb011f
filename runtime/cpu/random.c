/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers: the blocks of tensor/philox.h, turned into elements. Element k depends on k alone, so that threads share the
 * blocks freely. Scalars: seed, counter, then what the op needs. Results are row-major. */
#include <assert.h>
#include <string.h>

#include "cpu/kernels.h"

struct draw {
	const struct cpu_call *call;
	uint64_t seed, counter;
	int64_t count;
	int per_block;       /* elements of one block of 4 words */
	int threads;
	int64_t low;         /* RAND_INT */
	uint64_t range, threshold;
	void (*block)(const struct draw *draw, const uint32_t words[4], char *out);
	bool stopped;
};

static enum tn_dtype out_dtype(const struct draw *draw) {
	return draw->call->step->step->out.dtype;
}

/* ---- one block: per_block elements at `out` ---- */

static void uniform_f32(const struct draw *draw, const uint32_t words[4], char *out) {
	float *o = (float *)(void *)out;

	(void)draw;
	for (int i = 0; i < 4; i++) {
		o[i] = tn_uniform_f32(words[i]);
	}
}

static void uniform_half(const struct draw *draw, const uint32_t words[4], char *out) {
	for (int i = 0; i < 4; i++) {
		float x = out_dtype(draw) == TN_DTYPE_F16 ? tn_uniform_f16(words[i]) : tn_uniform_bf16(words[i]);

		tn_element_set_f64(out_dtype(draw), out + 2 * i, (double)x);
	}
}

static void uniform_f64(const struct draw *draw, const uint32_t words[4], char *out) {
	double *o = (double *)(void *)out;

	(void)draw;
	o[0] = tn_uniform_f64(tn_philox_u64(words, 0));
	o[1] = tn_uniform_f64(tn_philox_u64(words, 1));
}

static void normal_f32(const struct draw *draw, const uint32_t words[4], char *out) {
	float *o = (float *)(void *)out;

	(void)draw;
	tn_normal_pair_f32(words[0], words[1], o);
	tn_normal_pair_f32(words[2], words[3], o + 2);
}

static void normal_half(const struct draw *draw, const uint32_t words[4], char *out) {
	float x[4];

	tn_normal_pair_f32(words[0], words[1], x);
	tn_normal_pair_f32(words[2], words[3], x + 2);
	for (int i = 0; i < 4; i++) {
		tn_element_set_f64(out_dtype(draw), out + 2 * i, (double)x[i]);
	}
}

static void normal_f64(const struct draw *draw, const uint32_t words[4], char *out) {
	(void)draw;
	tn_normal_pair_f64(tn_philox_u64(words, 0), tn_philox_u64(words, 1), (double *)(void *)out);
}

static void integers(const struct draw *draw, const uint32_t words[4], char *out) {
	for (int i = 0; i < 2; i++) {
		tn_element_set_i64(out_dtype(draw), out + i * (int)tn_dtype_size(out_dtype(draw)),
		                   tn_random_int(tn_philox_u64(words, i), draw->low, draw->range));
	}
}

static void bernoulli(const struct draw *draw, const uint32_t words[4], char *out) {
	for (int i = 0; i < 4; i++) {
		out[i] = words[i] < draw->threshold;
	}
}

/* ---- all blocks ---- */

static void walk(void *data, int thread) {
	struct draw *draw = data;
	int64_t size = (int64_t)tn_dtype_size(out_dtype(draw)), begin, end;
	int64_t blocks = (draw->count + draw->per_block - 1) / draw->per_block;
	uint32_t words[4];
	union { char bytes[32]; double aligned; } last;

	cpu_split(blocks, 1024, thread, draw->threads, &begin, &end);
	for (int64_t b = begin; b < end; b++) {
		int64_t at = b * draw->per_block, n = draw->count - at < draw->per_block ? draw->count - at : draw->per_block;

		if (b % 4096 == 0 && draw->call->interrupt != NULL && *draw->call->interrupt != 0) {
			__atomic_store_n(&draw->stopped, true, __ATOMIC_RELAXED);
			return;
		}
		tn_philox_block(draw->seed, draw->counter, (uint64_t)b, words);
		if (n == draw->per_block) {
			draw->block(draw, words, draw->call->out + at * size);
		} else {
			draw->block(draw, words, last.bytes);
			memcpy(draw->call->out + at * size, last.bytes, (size_t)(n * size));
		}
	}
}

static bool run_draw(struct draw *draw, const struct cpu_call *call, struct tn_error *err) {
	const struct tn_view *out = &call->step->step->out;

	assert(cpu_view_is_dense(out));
	draw->call = call;
	draw->seed = (uint64_t)call->scalars[0].i;
	draw->counter = (uint64_t)call->scalars[1].i;
	draw->count = tn_shape_count(&out->shape);
	draw->threads = cpu_threads_for(call, (double)draw->count * 16);
	if (draw->count > 0) {
		cpu_parallel(draw->threads, walk, draw);
	}
	return !draw->stopped || tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
}

static bool run_rand(const struct cpu_call *call, struct tn_error *err) {
	enum tn_dtype dtype = call->step->step->out.dtype;
	struct draw draw = {.per_block = dtype == TN_DTYPE_F64 ? 2 : 4};

	draw.block = dtype == TN_DTYPE_F64 ? uniform_f64 : dtype == TN_DTYPE_F32 ? uniform_f32 : uniform_half;
	return run_draw(&draw, call, err);
}

static bool run_randn(const struct cpu_call *call, struct tn_error *err) {
	enum tn_dtype dtype = call->step->step->out.dtype;
	struct draw draw = {.per_block = dtype == TN_DTYPE_F64 ? 2 : 4};

	draw.block = dtype == TN_DTYPE_F64 ? normal_f64 : dtype == TN_DTYPE_F32 ? normal_f32 : normal_half;
	return run_draw(&draw, call, err);
}

static bool run_rand_int(const struct cpu_call *call, struct tn_error *err) {
	struct draw draw = {.per_block = 2, .block = integers, .low = call->scalars[2].i};

	draw.range = (uint64_t)call->scalars[3].i - (uint64_t)draw.low;
	return run_draw(&draw, call, err);
}

static bool run_bernoulli(const struct cpu_call *call, struct tn_error *err) {
	struct draw draw = {.per_block = 4, .block = bernoulli};

	draw.threshold = tn_bernoulli_threshold(call->scalars[2].is_float ? call->scalars[2].f : (double)call->scalars[2].i);
	return run_draw(&draw, call, err);
}

/* Fisher and Yates' shuffle from the end: exchange k swaps element n - 1 - k with the one at floor(r (n - k) / 2^64), r the k-th
 * 64-bit number of the stream: tn_random_permutation's definition. */
static bool run_perm(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_view *out = &call->step->step->out;
	uint64_t seed = (uint64_t)call->scalars[0].i, counter = (uint64_t)call->scalars[1].i;
	int64_t n = tn_shape_count(&out->shape), *order = (int64_t *)(void *)call->out;
	uint32_t words[4] = {0};

	assert(cpu_view_is_dense(out));
	for (int64_t i = 0; i < n; i++) {
		if (i % CPU_LOOK == 0 && cpu_interrupted(call, err)) {
			return false;
		}
		order[i] = i;
	}
	for (int64_t k = 0; k < n - 1; k++) {
		int64_t last = n - 1 - k, other, held;

		if (k % 65536 == 0 && cpu_interrupted(call, err)) {
			return false;
		}
		if (k % 2 == 0) {
			tn_philox_block(seed, counter, (uint64_t)k / 2, words);
		}
		other = tn_random_int(tn_philox_u64(words, (int)(k % 2)), 0, (uint64_t)last + 1);
		held = order[last];
		order[last] = order[other];
		order[other] = held;
	}
	return true;
}

static bool accepts_float(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return tn_dtype_is_float(out);
}

static bool accepts_integer(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return tn_dtype_is_integer(out);
}

static bool accepts_bool(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return out == TN_DTYPE_BOOL8;
}

static bool accepts_i64(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return out == TN_DTYPE_I64;
}

const struct cpu_kernel cpu_rand = {.run = run_rand, .accepts = accepts_float};
const struct cpu_kernel cpu_randn = {.run = run_randn, .accepts = accepts_float};
const struct cpu_kernel cpu_rand_int = {.run = run_rand_int, .accepts = accepts_integer};
const struct cpu_kernel cpu_rand_bernoulli = {.run = run_bernoulli, .accepts = accepts_bool};
const struct cpu_kernel cpu_rand_perm = {.run = run_perm, .accepts = accepts_i64};
