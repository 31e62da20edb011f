/* SPDX-License-Identifier: Apache-2.0 */
/* Each elementwise op of the table, in each dtype that the CPU accepts, against long double: special values, wide and narrow
 * ranges, every variant of operands (tensor, number, 0-d tensor), every instruction set. */
#include "cpu/vector.h"
#include "unit/cpu_fixture.h"

enum { COUNT = 3000 };

static bool float_reference(enum tn_op op, long double x, long double y, long double *out) {
	switch (op) {
	case TN_OP_NEG: *out = -x; break;
	case TN_OP_ABS: *out = fabsl(x); break;
	case TN_OP_SIGN: *out = x > 0 ? 1 : x < 0 ? -1 : x; break;
	case TN_OP_FLOOR: *out = floorl(x); break;
	case TN_OP_CEIL: *out = ceill(x); break;
	case TN_OP_ROUND: *out = rintl(x); break;
	case TN_OP_EXP: *out = expl(x); break;
	case TN_OP_EXPM1: *out = expm1l(x); break;
	case TN_OP_LOG: *out = logl(x); break;
	case TN_OP_LOG1P: *out = log1pl(x); break;
	case TN_OP_SQRT: *out = sqrtl(x); break;
	case TN_OP_RSQRT: *out = 1 / sqrtl(x); break;
	case TN_OP_SIN: *out = sinl(x); break;
	case TN_OP_COS: *out = cosl(x); break;
	case TN_OP_TAN: *out = tanl(x); break;
	case TN_OP_ASIN: *out = asinl(x); break;
	case TN_OP_ACOS: *out = acosl(x); break;
	case TN_OP_ATAN: *out = atanl(x); break;
	case TN_OP_SINH: *out = sinhl(x); break;
	case TN_OP_COSH: *out = coshl(x); break;
	case TN_OP_TANH: *out = tanhl(x); break;
	case TN_OP_ERF: *out = erfl(x); break;
	case TN_OP_SIGMOID: *out = 1 / (1 + expl(-x)); break;
	case TN_OP_SOFTPLUS: *out = (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); break;
	case TN_OP_RELU: *out = x <= 0 ? 0 : x; break;
	case TN_OP_ISNAN: *out = isnan(x); break;
	case TN_OP_ISINF: *out = isinf(x) != 0; break;
	case TN_OP_ISFINITE: *out = isfinite(x) != 0; break;
	case TN_OP_LOGICAL_NOT: *out = x == 0; break;
	case TN_OP_ADD: *out = x + y; break;
	case TN_OP_SUB: *out = x - y; break;
	case TN_OP_MUL: *out = x * y; break;
	case TN_OP_DIV: *out = x / y; break;
	case TN_OP_FLOOR_DIV: /* by an infinity the quotient, small as it is, has a sign */
		*out = y == 0 ? x / y : isinf(x) || isnan(x) ? (long double)NAN : isinf(y) ? -(long double)(x != 0 && (x < 0) != (y < 0)) : floorl(x / y);
		break;
	case TN_OP_MOD: *out = fmodl(x, y); *out = *out == 0 ? copysignl(0, y) : (*out < 0) != (y < 0) ? *out + y : *out; break;
	case TN_OP_POW: *out = powl(x, y); break;
	case TN_OP_ATAN2: *out = atan2l(x, y); break;
	case TN_OP_MINIMUM: *out = isnan(x) || isnan(y) ? (long double)NAN : x < y ? x : y; break;
	case TN_OP_MAXIMUM: *out = isnan(x) || isnan(y) ? (long double)NAN : x > y ? x : y; break;
	case TN_OP_EQ: *out = x == y; break;
	case TN_OP_NE: *out = x != y; break;
	case TN_OP_LT: *out = x < y; break;
	case TN_OP_LE: *out = x <= y; break;
	case TN_OP_GT: *out = x > y; break;
	case TN_OP_GE: *out = x >= y; break;
	default: return false;
	}
	return true;
}

static int64_t wrap(int64_t x, enum tn_dtype dtype) {
	return dtype == TN_DTYPE_I64 ? x : dtype == TN_DTYPE_I32 ? (int32_t)(uint32_t)x : dtype == TN_DTYPE_U8 ? (uint8_t)x : x != 0;
}

static int64_t integer_power(int64_t x, int64_t y) {
	uint64_t result = 1;

	if (y < 0) {
		return x == 1 ? 1 : x == -1 ? (y % 2 != 0 ? -1 : 1) : 0;
	}
	for (int64_t i = 0; i < (y > 300 ? 300 : y); i++) { /* the fixture's exponents are small */
		result *= (uint64_t)x;
	}
	return (int64_t)result;
}

static bool integer_reference(enum tn_op op, enum tn_dtype dtype, int64_t x, int64_t y, int64_t *out) {
	int width = (int)tn_dtype_size(dtype) * 8;

	switch (op) {
	case TN_OP_NEG: *out = wrap((int64_t)(0 - (uint64_t)x), dtype); break;
	case TN_OP_ABS: *out = wrap(x < 0 ? (int64_t)(0 - (uint64_t)x) : x, dtype); break;
	case TN_OP_SIGN: *out = (x > 0) - (x < 0); break;
	case TN_OP_FLOOR: case TN_OP_CEIL: case TN_OP_ROUND: *out = x; break;
	case TN_OP_RELU: *out = x > 0 ? x : 0; break;
	case TN_OP_ISNAN: case TN_OP_ISINF: *out = 0; break;
	case TN_OP_ISFINITE: *out = 1; break;
	case TN_OP_LOGICAL_NOT: *out = x == 0; break;
	case TN_OP_NOT: *out = dtype == TN_DTYPE_BOOL8 ? x == 0 : wrap(~x, dtype); break;
	case TN_OP_ADD: *out = wrap((int64_t)((uint64_t)x + (uint64_t)y), dtype); break;
	case TN_OP_SUB: *out = wrap((int64_t)((uint64_t)x - (uint64_t)y), dtype); break;
	case TN_OP_MUL: *out = wrap((int64_t)((uint64_t)x * (uint64_t)y), dtype); break;
	case TN_OP_FLOOR_DIV: *out = y == 0 ? 0 : wrap(x / y - (x % y != 0 && (x < 0) != (y < 0)), dtype); break;
	case TN_OP_MOD: *out = y == 0 ? 0 : x % y != 0 && (x % y < 0) != (y < 0) ? x % y + y : x % y; break;
	case TN_OP_POW: *out = wrap(integer_power(x, y), dtype); break;
	case TN_OP_MINIMUM: *out = x < y ? x : y; break;
	case TN_OP_MAXIMUM: *out = x > y ? x : y; break;
	case TN_OP_EQ: *out = x == y; break;
	case TN_OP_NE: *out = x != y; break;
	case TN_OP_LT: *out = x < y; break;
	case TN_OP_LE: *out = x <= y; break;
	case TN_OP_GT: *out = x > y; break;
	case TN_OP_GE: *out = x >= y; break;
	case TN_OP_AND: *out = x & y; break;
	case TN_OP_OR: *out = x | y; break;
	case TN_OP_XOR: *out = x ^ y; break;
	case TN_OP_SHL: *out = wrap((int64_t)((uint64_t)x << ((uint64_t)y & (uint64_t)(width - 1))), dtype); break;
	case TN_OP_SHR: *out = wrap(x >> ((uint64_t)y & (uint64_t)(width - 1)), dtype); break;
	default: return false;
	}
	return true;
}

/* How many units in the last place of the dtype lie between; 1e9 for another class of number. */
static double ulps(enum tn_dtype dtype, double found, long double wanted) {
	int digits = dtype == TN_DTYPE_F64 ? 53 : dtype == TN_DTYPE_F32 ? 24 : dtype == TN_DTYPE_F16 ? 11 : 8;
	int least = dtype == TN_DTYPE_F64 ? -1074 : dtype == TN_DTYPE_F32 ? -149 : dtype == TN_DTYPE_F16 ? -24 : -133;
	long double largest = dtype == TN_DTYPE_F64 ? (long double)0x1.fffffffffffffp1023 :
	                      dtype == TN_DTYPE_F32 ? 0x1.fffffep127L : dtype == TN_DTYPE_F16 ? 65504.0L : 0x1.fep127L;
	int exponent;

	if (isnan(wanted) || isnan(found)) {
		return isnan(wanted) && isnan(found) ? 0 : 1e9;
	}
	if (fabsl(wanted) > largest) {
		return (isinf(found) != 0 && (found > 0) == (wanted > 0)) || fabsl((long double)found - wanted) < largest * 1e-3L ? 0
																														  : 1e9;
	}
	if (isinf(found)) {
		return fabsl(wanted) > largest * (1 - 1e-6L) ? 1 : 1e9;
	}
	frexpl(wanted, &exponent);
	exponent -= digits;
	return (double)(fabsl((long double)found - wanted) / ldexpl(1, exponent < least ? least : exponent));
}

static const double specials[] = {0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, 1e-30, -1e-30, 1e-40, 5e-324, 1e30, -1e30, 700, -700,
	720, -720, -745, 88.7, 89, -87.5, -103, -104, 1e5, 1e7, 3.5, 2.5, -2.5, 0.1, 15, 20, 1e300, -1e300, 16777217, INFINITY,
	-INFINITY, NAN};

static void fill_operand(struct fixture *f, bool second) {
	fixture_fill(f, -6, 6);
	for (int64_t i = 0; i < f->elements; i++) {
		char *p = f->storage + i * (int64_t)tn_dtype_size(f->view.dtype);
		enum { SPECIALS = (int)TN_ARRAY_LEN(specials) };

		if (!tn_dtype_is_float(f->view.dtype)) {
			if (i % 5 == 0 && f->view.dtype != TN_DTYPE_BOOL8 && !second) {
				tn_element_set_i64(f->view.dtype, p, (int64_t)fixture_random());
			}
		} else if (i < SPECIALS * SPECIALS) { /* every pair of them */
			tn_element_set_f64(f->view.dtype, p, specials[second ? i / SPECIALS : i % SPECIALS]);
		} else if (i % 3 == 0) {
			tn_element_set_f64(f->view.dtype, p, ldexp(fixture_uniform(-1, 1), (int)fixture_int(-20, 10)));
		} else if (i % 3 == 1) {
			tn_element_set_f64(f->view.dtype, p, ldexp(fixture_uniform(-1, 1), (int)fixture_int(-140, 127)));
		}
	}
}

/* What an op may be off, in ulp: exact ones 0.5. */
static double allowed(enum tn_op op) {
	switch (op) {
	case TN_OP_EXP:
	case TN_OP_EXPM1:
	case TN_OP_LOG:
	case TN_OP_LOG1P:
	case TN_OP_SIN:
	case TN_OP_COS:
	case TN_OP_TAN:
	case TN_OP_SIGMOID:
	case TN_OP_SOFTPLUS:
	case TN_OP_ASIN:
	case TN_OP_ACOS:
	case TN_OP_ATAN:
	case TN_OP_SINH:
	case TN_OP_COSH:
	case TN_OP_ERF:
	case TN_OP_ATAN2:
	case TN_OP_RSQRT:
		return 2;
	case TN_OP_TANH: return 2.5;
	case TN_OP_POW: return 1.5;
	default: return 0.5;
	}
}

enum variant { TENSORS, SECOND_NUMBER, FIRST_NUMBER, SECOND_0D, VARIANTS };

static struct tn_scalar number_of(const struct fixture *f) {
	return tn_dtype_is_float(f->view.dtype) ? (struct tn_scalar){.is_float = true, .f = tn_element_f64(f->view.dtype, f->storage)}
	                                        : (struct tn_scalar){.i = tn_element_i64(f->view.dtype, f->storage)};
}

/* out = op(a, b) by a fused program of one instruction. */
static void run_one(struct tn_backend *b, enum tn_op op, struct fixture *in, struct fixture *out, enum variant variant) {
	int count = tn_op_inputs(op);
	struct tn_view views[2] = {in[0].view, in[1].view};
	void *slots[3] = {in[0].storage, in[1].storage, out->storage};
	struct tn_scalar number = number_of(&in[variant == FIRST_NUMBER ? 0 : 1]);
	struct tn_fused_ins ins = {.op = op, .dtype = out->view.dtype, .in_dtype = in[0].view.dtype};
	struct tn_fused_out outs = {.from = {TN_SOURCE_REGISTER, 0}, .reduce = -1, .view = out->view};
	struct tn_step step = {.is_fused = true, .fused = {.shape = out->view.shape, .input_count = 2, .ins_count = 1, .out_count = 1,
	                       .inputs = views, .ins = &ins, .outs = &outs}};
	struct tn_error err = {0};

	views[1].slot = 1;
	outs.view.slot = 2;
	for (int k = 0; k < count; k++) {
		ins.in[k] = (struct tn_fused_source){TN_SOURCE_INPUT, (uint32_t)k};
	}
	if (variant == SECOND_NUMBER || variant == FIRST_NUMBER) {
		ins.in[variant == FIRST_NUMBER ? 0 : 1] = (struct tn_fused_source){TN_SOURCE_SCALAR, 0};
	} else if (variant == SECOND_0D) {
		views[1].stride[0] = 0;
	}
	TN_CHECK(fixture_run(b, &step, slots, 3, &number, 1, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void check_one(enum tn_op op, const struct fixture *in, const struct fixture *out, enum variant variant, double *worst) {
	enum tn_dtype dtype = in[0].view.dtype;

	for (int64_t i = 0; i < COUNT; i++) {
		int64_t first = variant == FIRST_NUMBER ? 0 : i, second = variant == SECOND_NUMBER || variant == SECOND_0D ? 0 : i;
		int64_t size = (int64_t)tn_dtype_size(dtype);
		const char *x = in[0].storage + first * size, *y = in[1].storage + second * size;
		const char *found = out->storage + i * (int64_t)tn_dtype_size(out->view.dtype);

		if (tn_dtype_is_float(dtype)) {
			long double wanted = 0;
			double error, a = tn_element_f64(dtype, x), b = tn_element_f64(dtype, y);

			TN_CHECK(float_reference(op, a, b, &wanted));
			if (op == TN_OP_FLOOR_DIV && isfinite(wanted) && fabsl(wanted) > 1e6L) {
				continue; /* the reference itself rounds */
			}
			if (op == TN_OP_TANH && isnan(a)) {
				wanted = a;
			}
			error = ulps(out->view.dtype, tn_element_f64(out->view.dtype, found), wanted);
			*worst = error > *worst ? error : *worst;
			if (error > (dtype == TN_DTYPE_F64 || dtype == TN_DTYPE_F32 ? allowed(op) : 0.51)) {
				tn_test_fail(TN_TEST_HERE("check_one"), "%s of %s, variant %d: op(%a, %a) = %a, not %a: %g ulp", tn_op_name(op),
				             tn_dtype_name(dtype), variant, a, b, tn_element_f64(out->view.dtype, found), (double)wanted, error);
			}
		} else {
			int64_t wanted = 0, a = tn_element_i64(dtype, x), b = tn_element_i64(dtype, y);

			TN_CHECK(integer_reference(op, dtype, a, b, &wanted));
			if (tn_element_i64(out->view.dtype, found) != wanted) {
				tn_test_fail(TN_TEST_HERE("check_one"), "%s of %s, variant %d: op(%lld, %lld) = %lld, not %lld", tn_op_name(op),
					tn_dtype_name(dtype), variant, (long long)a, (long long)b, (long long)tn_element_i64(out->view.dtype, found),
					(long long)wanted);
			}
		}
	}
}

static void walk_dtype(struct tn_backend *b, enum tn_op op, enum tn_dtype dtype, bool verbose) {
	enum tn_dtype out_dtype = b->impl->accepts(b, op, dtype, dtype) ? dtype : TN_DTYPE_BOOL8;
	struct fixture in[2],
		out = fixture_dense(b->impl->accepts(b, op, dtype, TN_DTYPE_BOOL8) ? TN_DTYPE_BOOL8 : out_dtype, TN_SHAPE(COUNT), false);
	double worst = 0;

	in[0] = fixture_dense(dtype, TN_SHAPE(COUNT), false);
	in[1] = fixture_dense(dtype, TN_SHAPE(COUNT), false);
	fill_operand(&in[0], false);
	fill_operand(&in[1], true);
	if (b->impl->accepts(b, op, dtype, out.view.dtype)) {
		for (int variant = 0; variant < (tn_op_inputs(op) == 2 ? (int)VARIANTS : 1); variant++) {
			for (int round = 0; round < (variant == TENSORS ? 1 : 4); round++) {
				if (round > 0) { /* another number */
					memcpy(in[0].storage, in[0].storage + (size_t)(round * 37) * tn_dtype_size(dtype), tn_dtype_size(dtype));
					memcpy(in[1].storage, in[1].storage + (size_t)(round * 37 * 21) * tn_dtype_size(dtype), tn_dtype_size(dtype));
				}
				run_one(b, op, in, &out, (enum variant)variant);
				check_one(op, in, &out, (enum variant)variant, &worst);
			}
		}
		if (verbose) {
			tn_log(TN_LOG_INFO, "%s of %s: %.3f ulp at most", tn_op_name(op), tn_dtype_name(dtype), worst);
		}
	}
	fixture_finish(&in[0]);
	fixture_finish(&in[1]);
	fixture_finish(&out);
}

static void walk(const char *isa) {
	struct tn_backend *b;

	setenv("TENON_ISA", isa, 1);
	b = fixture_backend(1);
	for (int op = 0; op < TN_OP_COUNT; op++) {
		for (int dtype = 0; dtype < TN_DTYPE_COUNT; dtype++) {
			if (tn_op_kind((enum tn_op)op) == TN_KIND_ELEMENTWISE && op != TN_OP_WHERE) {
				walk_dtype(b, (enum tn_op)op, (enum tn_dtype)dtype, true);
			}
		}
	}
	b->impl->destroy(b);
}

TN_TEST(elementwise_ops_are_right_on_the_portable_set) {
	walk("base");
}

TN_TEST(elementwise_ops_are_right_on_avx2) {
	walk("avx2");
}

TN_TEST(elementwise_ops_are_right_on_the_best_set) {
	walk("avx512");
}

/* ---- the whole range of f32 ---- */

/* Numbers of all exponents and signs, as bits at random; a third of them near 1. */
static void fill_bits(struct fixture *f) {
	for (int64_t i = 0; i < f->elements; i++) {
		uint32_t bits = (uint32_t)(fixture_random() >> 20);

		bits = i % 3 == 0 ? (bits & 0x83ffffffu) | 0x3c000000u : bits; /* from 2^-7 to 2 */
		memcpy(f->storage + i * 4, &bits, 4);
	}
}

/* What is computed in f64 is off by nothing but the last rounding. */
static double allowed_of_range(enum tn_op op) {
	return op == TN_OP_ERF ? 1.5 : 0.505;
}

static void walk_range(const char *isa) {
	static const enum tn_op ops[] = {TN_OP_ERF, TN_OP_ATAN, TN_OP_ASIN, TN_OP_ACOS, TN_OP_POW, TN_OP_ATAN2};
	struct tn_backend *b;

	setenv("TENON_ISA", isa, 1);
	b = fixture_backend(1);
	for (size_t k = 0; k < TN_ARRAY_LEN(ops); k++) {
		struct fixture in[2], out = fixture_dense(TN_DTYPE_F32, TN_SHAPE(COUNT), false);
		double worst = 0;

		in[0] = fixture_dense(TN_DTYPE_F32, TN_SHAPE(COUNT), false);
		in[1] = fixture_dense(TN_DTYPE_F32, TN_SHAPE(COUNT), false);
		for (int round = 0; round < 60; round++) {
			fill_bits(&in[0]);
			fill_bits(&in[1]);
			run_one(b, ops[k], in, &out, TENSORS);
			check_one(ops[k], in, &out, TENSORS, &worst);
		}
		tn_log(TN_LOG_INFO, "%s: %.4f ulp at most", tn_op_name(ops[k]), worst);
		TN_CHECK(worst <= allowed_of_range(ops[k]));
		fixture_finish(&in[0]);
		fixture_finish(&in[1]);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(series_hold_over_the_whole_range_on_the_portable_set) {
	walk_range("base");
}

TN_TEST(series_hold_over_the_whole_range_on_avx2) {
	walk_range("avx2");
}

TN_TEST(series_hold_over_the_whole_range_on_the_best_set) {
	walk_range("avx512");
}

/* A tail, an element alone and one in the middle of a vector: the same bits. */
TN_TEST(elementary_functions_have_the_same_bits_at_every_place) {
	static const enum tn_op ops[] = {TN_OP_ERF, TN_OP_ATAN, TN_OP_ASIN, TN_OP_ACOS, TN_OP_POW, TN_OP_ATAN2};
	struct fixture in[2];
	const struct cpu_vectors *vectors = cpu_vectors();
	float whole[COUNT], part[COUNT];

	in[0] = fixture_dense(TN_DTYPE_F32, TN_SHAPE(COUNT), false);
	in[1] = fixture_dense(TN_DTYPE_F32, TN_SHAPE(COUNT), false);
	fill_bits(&in[0]);
	fill_bits(&in[1]);
	for (size_t k = 0; k < TN_ARRAY_LEN(ops); k++) {
		cpu_vec_fn fn = vectors->math[ops[k]][CPU_F32][0];

		fn(whole, in[0].storage, in[1].storage, NULL, COUNT);
		for (int64_t at = 0; at < COUNT; at += 37) {
			int64_t n = at % 3 == 0 ? 1 : COUNT - at < 37 ? COUNT - at : 37;

			fn(part, in[0].storage + at * 4, in[1].storage + at * 4, NULL, n);
			TN_CHECK_MEM_EQ(part, whole + at, (size_t)n * 4);
		}
	}
	fixture_finish(&in[0]);
	fixture_finish(&in[1]);
}

/* ---- casts ---- */

static void check_cast(struct tn_backend *b, enum tn_dtype from, enum tn_dtype to) {
	struct fixture in = fixture_dense(from, TN_SHAPE(COUNT), false), out = fixture_dense(to, TN_SHAPE(COUNT), false);
	struct tn_fused_ins ins = {.op = TN_OP_CAST, .dtype = to, .in_dtype = from, .in = {{TN_SOURCE_INPUT, 0}}};
	struct tn_fused_out outs = {.from = {TN_SOURCE_REGISTER, 0}, .reduce = -1, .view = out.view};
	struct tn_step step = {.is_fused = true, .fused = {.shape = out.view.shape, .input_count = 1, .ins_count = 1, .out_count = 1,
	                       .inputs = &in.view, .ins = &ins, .outs = &outs}};
	void *slots[2] = {in.storage, out.storage};
	struct tn_error err = {0};

	outs.view.slot = 1;
	fill_operand(&in, false);
	TN_CHECK(fixture_run(b, &step, slots, 2, NULL, 0, &err));
	for (int64_t i = 0; i < COUNT; i++) {
		char *x = in.storage + i * (int64_t)tn_dtype_size(from), *found = out.storage + i * (int64_t)tn_dtype_size(to), wanted[8];

		if (tn_dtype_is_float(from)) {
			tn_element_set_f64(to, wanted, tn_element_f64(from, x));
		} else {
			tn_element_set_i64(to, wanted, tn_element_i64(from, x));
		}
		if (tn_dtype_is_float(to) && isnan(tn_element_f64(to, wanted))) {
			TN_CHECK(isnan(tn_element_f64(to, found)));
		} else if (memcmp(wanted, found, tn_dtype_size(to)) != 0) {
			tn_test_fail(TN_TEST_HERE("check_cast"), "%s to %s: %a gives %a, not %a", tn_dtype_name(from), tn_dtype_name(to),
			             tn_element_f64(from, x), tn_element_f64(to, found), tn_element_f64(to, wanted));
		}
	}
	fixture_finish(&in);
	fixture_finish(&out);
}

static void walk_casts(const char *isa) {
	struct tn_backend *b;

	setenv("TENON_ISA", isa, 1);
	b = fixture_backend(1);
	for (int from = 0; from < TN_DTYPE_COUNT; from++) {
		for (int to = 0; to < TN_DTYPE_COUNT; to++) {
			check_cast(b, (enum tn_dtype)from, (enum tn_dtype)to);
		}
	}
	b->impl->destroy(b);
}

TN_TEST(casts_agree_with_conversions_of_single_elements) {
	walk_casts("avx512");
}

TN_TEST(casts_agree_with_conversions_of_single_elements_on_the_portable_set) {
	walk_casts("base");
}
