/* SPDX-License-Identifier: Apache-2.0 */
/* Fused programs, made at random: shapes, layouts, dtypes, reductions, donation. The reference computes one element at a time and
 * reduces in the order that fused.h promises, so the bits must be equal: for each instruction set and number of threads. */
#include "unit/cpu_fixture.h"

enum { MOST_INPUTS = 5, MOST_RANDOM = 14, MOST_INS = 32, MOST_OUTS = 4, CHUNK = 1024, LANES = 16 };

/* One element, in the way of its dtype. */
union number {
	double f64;
	float f32; /* 16-bit floats too */
	int64_t i;
};

static bool is_half(enum tn_dtype dtype) {
	return dtype == TN_DTYPE_BF16 || dtype == TN_DTYPE_F16;
}

static float round_half(enum tn_dtype dtype, float x) {
	return dtype == TN_DTYPE_BF16 ? tn_bf16_to_f32(tn_f32_to_bf16(x))
		: dtype == TN_DTYPE_F16   ? tn_f16_to_f32(tn_f32_to_f16(x))
								  : x;
}

static union number load(enum tn_dtype dtype, const char *p) {
	union number x = {0};

	if (dtype == TN_DTYPE_F64) {
		x.f64 = tn_element_f64(dtype, p);
	} else if (tn_dtype_is_float(dtype)) {
		x.f32 = (float)tn_element_f64(dtype, p);
	} else {
		x.i = tn_element_i64(dtype, p);
	}
	return x;
}

static void save(enum tn_dtype dtype, char *p, union number x) {
	if (dtype == TN_DTYPE_F64) {
		tn_element_set_f64(dtype, p, x.f64);
	} else if (tn_dtype_is_float(dtype)) {
		tn_element_set_f64(dtype, p, (double)x.f32);
	} else {
		tn_element_set_i64(dtype, p, x.i);
	}
}

static int64_t wrap(enum tn_dtype dtype, int64_t x) {
	return dtype == TN_DTYPE_I32  ? (int32_t)(uint32_t)x
		: dtype == TN_DTYPE_U8    ? (uint8_t)x
		: dtype == TN_DTYPE_BOOL8 ? x != 0
								  : x;
}

#define NUMBER_OP(x, y)                                                                                                           \
	(op == TN_OP_ADD              ? (x) + (y)                                                                                    \
			: op == TN_OP_SUB     ? (x) - (y)                                                                                    \
			: op == TN_OP_MUL     ? (x) * (y)                                                                                    \
			: op == TN_OP_MAXIMUM ? ((x) > (y) ? (x) : (y))                                                                      \
			: op == TN_OP_MINIMUM ? ((x) < (y) ? (x) : (y))                                                                      \
			: op == TN_OP_NEG     ? -(x)                                                                                         \
			: op == TN_OP_ABS     ? ((x) < 0 ? -(x) : (x))                                                                       \
								  : ((x) <= 0 ? 0 : (x)))

#define FLOAT_OP(x, y, root) (op == TN_OP_DIV ? (x) / (y) : op == TN_OP_SQRT ? root(x) : NUMBER_OP(x, y))

static int64_t integer_op(enum tn_op op, int64_t x, int64_t y) {
	uint64_t a = (uint64_t)x, b = (uint64_t)y;

	switch (op) {
	case TN_OP_ADD: return (int64_t)(a + b);
	case TN_OP_SUB: return (int64_t)(a - b);
	case TN_OP_MUL: return (int64_t)(a * b);
	case TN_OP_NEG: return (int64_t)(0 - a);
	case TN_OP_ABS: return x < 0 ? (int64_t)(0 - a) : x;
	default: return NUMBER_OP(x, y);
	}
}

static union number compute(enum tn_op op, enum tn_dtype dtype, union number a, union number b) {
	union number r = {0};

	if (dtype == TN_DTYPE_F64) {
		r.f64 = FLOAT_OP(a.f64, b.f64, sqrt);
	} else if (tn_dtype_is_float(dtype)) {
		r.f32 = round_half(dtype, FLOAT_OP(a.f32, b.f32, sqrtf));
	} else {
		r.i = wrap(dtype, integer_op(op, a.i, b.i));
	}
	return r;
}

static union number convert(enum tn_dtype from, enum tn_dtype to, union number x) {
	char bytes[8];

	if (from == TN_DTYPE_F64) {
		tn_element_set_f64(to, bytes, x.f64);
	} else if (tn_dtype_is_float(from)) {
		tn_element_set_f64(to, bytes, (double)x.f32);
	} else {
		tn_element_set_i64(to, bytes, x.i);
	}
	return load(to, bytes);
}

/* ---- a random program ---- */

struct program {
	struct fixture inputs[MOST_INPUTS], outs[MOST_OUTS];
	struct tn_view views[MOST_INPUTS];
	struct tn_fused_ins ins[MOST_INS];
	struct tn_fused_out fused_outs[MOST_OUTS];
	struct tn_scalar scalars[MOST_INS];
	uint32_t scalar_count;
	struct tn_step step;
	int donated[MOST_OUTS]; /* the input that an output lies on, or -1 */
};

static enum tn_dtype random_dtype(void) {
	static const enum tn_dtype dtypes[] = {TN_DTYPE_F32, TN_DTYPE_F32, TN_DTYPE_F32, TN_DTYPE_F64, TN_DTYPE_BF16, TN_DTYPE_F16,
		TN_DTYPE_I64, TN_DTYPE_I32, TN_DTYPE_U8, TN_DTYPE_BOOL8};

	return dtypes[fixture_int(0, (int64_t)TN_ARRAY_LEN(dtypes))];
}

static enum tn_dtype source_dtype(const struct program *p, struct tn_fused_source source) {
	return source.kind == TN_SOURCE_REGISTER ? p->ins[source.index].dtype : p->inputs[source.index].view.dtype;
}

static struct tn_fused_source random_source(const struct program *p) {
	uint32_t inputs = p->step.fused.input_count, all = inputs + p->step.fused.ins_count, at = (uint32_t)fixture_int(0, all);

	return at < inputs ? (struct tn_fused_source){TN_SOURCE_INPUT, at}
					   : (struct tn_fused_source){TN_SOURCE_REGISTER, at - inputs};
}

static struct tn_fused_source scalar_source(struct program *p, enum tn_dtype dtype) {
	p->scalars[p->scalar_count] = tn_dtype_is_float(dtype) ? (struct tn_scalar){.is_float = true, .f = fixture_uniform(-2, 2)}
	                                                       : (struct tn_scalar){.i = fixture_int(0, 2)};
	return (struct tn_fused_source){TN_SOURCE_SCALAR, p->scalar_count++};
}

/* Another operand of that dtype: a value that has it, else a number. */
static struct tn_fused_source matching(struct program *p, enum tn_dtype dtype) {
	for (int attempt = 0; attempt < 6; attempt++) {
		struct tn_fused_source source = random_source(p);

		if (source_dtype(p, source) == dtype) {
			return source;
		}
	}
	return scalar_source(p, dtype);
}

static void add_instruction(struct program *p) {
	static const enum tn_op ops[] = {
		TN_OP_ADD, TN_OP_SUB, TN_OP_MUL, TN_OP_MAXIMUM, TN_OP_MINIMUM, TN_OP_NEG, TN_OP_ABS, TN_OP_RELU};
	struct tn_fused_ins *ins = &p->ins[p->step.fused.ins_count];
	struct tn_fused_source first = random_source(p);
	enum tn_dtype dtype = source_dtype(p, first);
	int choice = (int)fixture_int(0, 12);

	*ins = (struct tn_fused_ins){.op = ops[choice % 8], .dtype = dtype, .in_dtype = dtype, .in = {first}};
	if (choice == 8) {
		ins->op = TN_OP_CAST;
		ins->dtype = random_dtype();
	} else if (choice == 9) {
		ins->op = TN_OP_LT;
		ins->dtype = TN_DTYPE_BOOL8;
		ins->in[1] = matching(p, dtype);
	} else if (choice >= 10) {
		struct tn_fused_source condition = matching(p, TN_DTYPE_BOOL8);

		if (condition.kind != TN_SOURCE_SCALAR) {
			ins->op = TN_OP_WHERE;
			ins->in[0] = condition;
			ins->in[1] = fixture_int(0, 4) == 0 ? scalar_source(p, dtype) : first;
			ins->in[2] = matching(p, dtype);
		} else {
			p->scalar_count--;
			ins->in[1] = first;
		}
	}
	if (choice < 8 && tn_op_inputs(ins->op) == 2) {
		ins->in[1] = matching(p, dtype);
		if (fixture_int(0, 2) == 0) {
			struct tn_fused_source kept = ins->in[0];

			ins->in[0] = ins->in[1];
			ins->in[1] = kept;
		}
	}
	p->step.fused.ins_count++;
}

/* ---- the chains that run as one loop, whole or with parts left out, swapped or read elsewhere as well ---- */

static struct tn_fused_source emit(struct program *p, enum tn_op op, struct tn_fused_source a, struct tn_fused_source b) {
	enum tn_dtype dtype = source_dtype(p, a.kind != TN_SOURCE_SCALAR ? a : b);
	struct tn_fused_ins *ins = &p->ins[p->step.fused.ins_count];
	bool swaps = (op == TN_OP_ADD || op == TN_OP_MUL) && fixture_int(0, 2) == 0;

	*ins = (struct tn_fused_ins){.op = op, .dtype = dtype, .in_dtype = dtype, .in = {swaps ? b : a, swaps ? a : b}};
	return (struct tn_fused_source){TN_SOURCE_REGISTER, p->step.fused.ins_count++};
}

/* Times a number, mostly. */
static struct tn_fused_source scale(struct program *p, struct tn_fused_source x) {
	return fixture_int(0, 4) == 0 ? x : emit(p, TN_OP_MUL, x, scalar_source(p, source_dtype(p, x)));
}

static struct tn_fused_source ratio(struct program *p, struct tn_fused_source x, struct tn_fused_source y) {
	struct tn_fused_source root = emit(p, TN_OP_SQRT, emit(p, TN_OP_ABS, y, y), y); /* no NaN, which maxima pass over */

	return emit(p, TN_OP_DIV, scale(p, x), emit(p, TN_OP_ADD, scale(p, root), scalar_source(p, source_dtype(p, x))));
}

static void add_choice(struct program *p, struct tn_fused_source x, struct tn_fused_source y) {
	struct tn_fused_source test = emit(p, TN_OP_GT, x, scalar_source(p, source_dtype(p, x))), chosen;

	p->ins[test.index].dtype = TN_DTYPE_BOOL8;
	chosen = emit(p, TN_OP_WHERE, y, y);
	p->ins[chosen.index].in[0] = test;
	p->ins[chosen.index].in[2] = scalar_source(p, source_dtype(p, y));
}

static void add_chain(struct program *p) {
	struct tn_fused_source x = random_source(p), y, z;
	enum tn_dtype dtype = source_dtype(p, x);

	if (!tn_dtype_is_float(dtype)) {
		return;
	}
	y = matching(p, dtype);
	y = y.kind == TN_SOURCE_SCALAR ? x : y;
	switch (fixture_int(0, 7)) {
	case 0: emit(p, TN_OP_ADD, scale(p, x), scale(p, y)); break;
	case 1: emit(p, TN_OP_SUB, scale(p, x), scale(p, y)); break;
	case 2: emit(p, TN_OP_ADD, scale(p, x), scale(p, emit(p, TN_OP_MUL, y, fixture_int(0, 2) == 0 ? y : x))); break;
	case 3: ratio(p, x, y); break;
	case 4: emit(p, TN_OP_RELU, emit(p, TN_OP_ADD, x, y), x); break;
	case 5: add_choice(p, x, y); break;
	default: /* AdamW, of weights x, with y for the gradient and one mean */
		z = emit(p, TN_OP_ADD, scale(p, y), scale(p, emit(p, TN_OP_MUL, y, y)));
		emit(p, TN_OP_SUB, scale(p, x), ratio(p, emit(p, TN_OP_ADD, scale(p, x), scale(p, y)), z));
	}
}

static void add_out(struct program *p, struct tn_shape shape, bool may_reduce, uint32_t axes) {
	static const enum tn_op reductions[] = {TN_OP_SUM, TN_OP_SUM, TN_OP_PROD, TN_OP_MAX, TN_OP_MIN, TN_OP_ANY, TN_OP_ALL};
	uint32_t at = p->step.fused.out_count++;
	struct tn_fused_out *out = &p->fused_outs[at];
	enum tn_dtype dtype;

	*out = (struct tn_fused_out){.from = random_source(p), .reduce = -1};
	dtype = source_dtype(p, out->from);
	if (may_reduce) {
		out->reduce = (int32_t)reductions[fixture_int(0, (int64_t)TN_ARRAY_LEN(reductions))];
		out->axes = axes;
		if (out->reduce == TN_OP_ANY || out->reduce == TN_OP_ALL) {
			dtype = TN_DTYPE_BOOL8;
		} else if ((out->reduce == TN_OP_SUM || out->reduce == TN_OP_PROD) && !tn_dtype_is_float(dtype)) {
			dtype = TN_DTYPE_I64;
		}
		for (int k = 0; k < shape.ndim; k++) {
			shape.dims[k] = (axes >> k & 1) != 0 ? 1 : shape.dims[k];
		}
	}
	p->outs[at] = fixture_dense(dtype, shape, true);
	p->donated[at] = -1;
	for (int k = 0; may_reduce && k < shape.ndim; k++) {
		p->outs[at].view.stride[k] = (axes >> k & 1) != 0 ? 0 : p->outs[at].view.stride[k];
	}
}

/* Lets an output lie on an input of the same layout now and then. */
static void donate(struct program *p) {
	bool taken[MOST_INPUTS] = {false};

	for (uint32_t o = 0; o < p->step.fused.out_count; o++) {
		for (uint32_t i = 0; i < p->step.fused.input_count && p->fused_outs[o].reduce < 0; i++) {
			struct fixture *in = &p->inputs[i], *out = &p->outs[o];
			bool same_size = tn_dtype_size(in->view.dtype) == tn_dtype_size(out->view.dtype);

			if (same_size && !taken[i] && in->view.offset == 0 && fixture_int(0, 2) == 0 &&
			    memcmp(in->view.stride, out->view.stride, sizeof(in->view.stride)) == 0) {
				p->donated[o] = (int)i;
				taken[i] = true;
				break;
			}
		}
	}
}

static void make_program(struct program *p, bool reduce) {
	struct tn_shape shape = fixture_shape(5, fixture_int(0, 10) == 0 ? 20000 : 1500);
	uint32_t inputs = 1 + (uint32_t)fixture_int(0, MOST_INPUTS), ins = (uint32_t)fixture_int(0, MOST_RANDOM + 1);
	uint32_t axes = (uint32_t)fixture_int(0, 1 << shape.ndim), other = (uint32_t)fixture_int(0, 1 << shape.ndim);

	*p = (struct program){0};
	p->step =
		(struct tn_step){.is_fused = true, .fused = {.shape = shape, .inputs = p->views, .ins = p->ins, .outs = p->fused_outs}};
	for (uint32_t i = 0; i < inputs; i++) {
		enum tn_dtype dtype = i == 0 ? random_dtype() : fixture_int(0, 3) == 0 ? random_dtype() : p->inputs[0].view.dtype;

		p->inputs[i] =
			fixture_int(0, 2) == 0 ? fixture_dense(dtype, shape, fixture_int(0, 3) == 0) : fixture_strided(dtype, shape);
		fixture_fill(&p->inputs[i], dtype == TN_DTYPE_U8 ? 0 : -3, 3);
		p->views[i] = p->inputs[i].view;
		p->views[i].slot = i;
		p->step.fused.input_count++;
	}
	for (uint32_t i = 0; i < ins; i++) {
		add_instruction(p);
	}
	if (fixture_int(0, 2) == 0) {
		add_chain(p);
	}
	for (int64_t n = 1 + fixture_int(0, MOST_OUTS); n > 0; n--) {
		add_out(p, shape, reduce && fixture_int(0, 4) != 0, fixture_int(0, 4) == 0 ? other : axes);
	}
	donate(p);
}

static void finish_program(struct program *p) {
	for (uint32_t i = 0; i < p->step.fused.input_count; i++) {
		fixture_finish(&p->inputs[i]);
	}
	for (uint32_t i = 0; i < p->step.fused.out_count; i++) {
		fixture_finish(&p->outs[i]);
	}
}

/* ---- the reference ---- */

static union number operand(
	const struct program *p, const union number *registers, const union number *inputs, const struct tn_fused_ins *ins, int k) {
	struct tn_fused_source source = ins->in[k];
	char bytes[8];

	if (source.kind == TN_SOURCE_REGISTER) {
		return registers[source.index];
	}
	if (source.kind == TN_SOURCE_INPUT) {
		return inputs[source.index];
	}
	if (p->scalars[source.index].is_float) {
		tn_element_set_f64(ins->in_dtype, bytes, p->scalars[source.index].f);
	} else {
		tn_element_set_i64(ins->in_dtype, bytes, p->scalars[source.index].i);
	}
	return load(ins->in_dtype, bytes);
}

static bool is_less(enum tn_dtype dtype, union number a, union number b) {
	return dtype == TN_DTYPE_F64 ? a.f64 < b.f64 : tn_dtype_is_float(dtype) ? a.f32 < b.f32 : a.i < b.i;
}

/* The value of output `o` before it is reduced, at one place. */
static union number value_at(const struct program *p, uint32_t o, const int64_t *index) {
	union number inputs[MOST_INPUTS], registers[MOST_INS];
	const struct tn_fused *fused = &p->step.fused;

	for (uint32_t i = 0; i < fused->input_count; i++) {
		inputs[i] = load(p->inputs[i].view.dtype, fixture_at(&p->inputs[i], index));
	}
	for (uint32_t i = 0; i < fused->ins_count; i++) {
		const struct tn_fused_ins *ins = &p->ins[i];

		if (ins->op == TN_OP_WHERE) {
			registers[i] = operand(p, registers, inputs, ins, operand(p, registers, inputs, ins, 0).i != 0 ? 1 : 2);
			continue;
		}
		if (ins->op == TN_OP_CAST) {
			registers[i] = convert(ins->in_dtype, ins->dtype, operand(p, registers, inputs, ins, 0));
		} else if (ins->op == TN_OP_LT || ins->op == TN_OP_GT) {
			int first = ins->op == TN_OP_LT ? 0 : 1;

			registers[i].i =
				is_less(ins->in_dtype, operand(p, registers, inputs, ins, first), operand(p, registers, inputs, ins, 1 - first));
		} else {
			union number a = operand(p, registers, inputs, ins, 0);

			registers[i] =
				compute(ins->op, ins->dtype, a, tn_op_inputs(ins->op) == 2 ? operand(p, registers, inputs, ins, 1) : a);
		}
	}
	return fused->outs[o].from.kind == TN_SOURCE_INPUT ? inputs[fused->outs[o].from.index] : registers[fused->outs[o].from.index];
}

/* x[0..n) in the promised order; n is kept. */
static union number reduce(enum tn_op op, enum tn_dtype dtype, union number *x, int64_t n, union number identity) {
	int64_t chunks = (n + CHUNK - 1) / CHUNK;

	for (int64_t m = 0; m < chunks; m++) {
		union number lanes[LANES];

		for (int j = 0; j < LANES; j++) {
			lanes[j] = identity;
		}
		for (int64_t r = m * CHUNK; r < n && r < (m + 1) * CHUNK; r++) {
			lanes[r % LANES] = compute(op, dtype, lanes[r % LANES], x[r]);
		}
		for (int width = LANES / 2; width > 0; width /= 2) {
			for (int j = 0; j < width; j++) {
				lanes[j] = compute(op, dtype, lanes[j], lanes[j + width]);
			}
		}
		x[m] = lanes[0];
	}
	for (int64_t width = 1; width < chunks; width *= 2) {
		for (int64_t m = 0; m + width < chunks; m += 2 * width) {
			x[m] = compute(op, dtype, x[m], x[m + width]);
		}
	}
	return chunks == 0 ? identity : x[0];
}

static union number identity_of(enum tn_op op, enum tn_dtype dtype) {
	union number x = {0};
	double f = op == TN_OP_SUM ? 0 : op == TN_OP_PROD ? 1 : op == TN_OP_MAX ? -INFINITY : INFINITY;

	if (dtype == TN_DTYPE_F64) {
		x.f64 = f;
	} else if (tn_dtype_is_float(dtype)) {
		x.f32 = (float)f;
	} else if (op == TN_OP_SUM || op == TN_OP_PROD) {
		x.i = op == TN_OP_PROD;
	} else {
		bool small = dtype == TN_DTYPE_U8 || dtype == TN_DTYPE_BOOL8;

		x.i = op == TN_OP_MAX ? (small ? 0 : dtype == TN_DTYPE_I32 ? INT32_MIN : INT64_MIN)
		                      : (small ? (dtype == TN_DTYPE_U8 ? 255 : 1) : dtype == TN_DTYPE_I32 ? INT32_MAX : INT64_MAX);
	}
	return x;
}

static void check_element(const struct program *p, uint32_t o, const int64_t *index, union number wanted, int round) {
	const struct fixture *out = &p->outs[o];
	enum tn_dtype dtype = out->view.dtype;
	char bytes[8];

	save(dtype, bytes, wanted);
	if (tn_dtype_is_float(dtype) && isnan(tn_element_f64(dtype, bytes)) && isnan(tn_element_f64(dtype, fixture_at(out, index)))) {
		return;
	}
	if (memcmp(bytes, fixture_at(out, index), tn_dtype_size(dtype)) != 0 &&
	    tn_element_f64(dtype, bytes) != tn_element_f64(dtype, fixture_at(out, index))) { /* -0 is 0 to max and min */
		char shape[160];

		tn_shape_format(&p->step.fused.shape, shape);
		tn_test_fail(TN_TEST_HERE("check_element"),
			"program %d, shape %s, output %u (reduce %d, axes %u, %s, donated %d): %.17g, not %.17g", round, shape, o,
			p->fused_outs[o].reduce, p->fused_outs[o].axes, tn_dtype_name(dtype), p->donated[o],
			tn_element_f64(dtype, fixture_at(out, index)), tn_element_f64(dtype, bytes));
	}
}

static void check_reduced(const struct program *p, uint32_t o, int round) {
	const struct tn_fused_out *out = &p->fused_outs[o];
	enum tn_dtype from = source_dtype(p, out->from), dtype = out->view.dtype, wide = is_half(dtype) ? TN_DTYPE_F32 : dtype;
	struct tn_shape kept = p->step.fused.shape, reduced = p->step.fused.shape;
	enum tn_op op = out->reduce == TN_OP_ANY ? TN_OP_MAX : out->reduce == TN_OP_ALL ? TN_OP_MIN : (enum tn_op)out->reduce;
	enum tn_op step = op == TN_OP_SUM ? TN_OP_ADD
		: op == TN_OP_PROD            ? TN_OP_MUL
		: op == TN_OP_MAX             ? TN_OP_MAXIMUM
									  : TN_OP_MINIMUM;
	int64_t place[TN_MAX_NDIM] = {0}, n;
	union number *x;

	for (int k = 0; k < kept.ndim; k++) {
		if ((out->axes >> k & 1) != 0) {
			kept.dims[k] = 1;
		} else {
			reduced.dims[k] = 1;
		}
	}
	n = tn_shape_count(&reduced);
	x = calloc((size_t)n + 1, sizeof(*x));
	do {
		int64_t inner[TN_MAX_NDIM] = {0}, r = 0;

		while (n > 0) {
			int64_t index[TN_MAX_NDIM];
			union number value;

			for (int k = 0; k < kept.ndim; k++) {
				index[k] = place[k] + inner[k];
			}
			value = value_at(p, o, index);
			x[r++] = from == wide || (is_half(from) && wide == TN_DTYPE_F32) ? value : convert(from, wide, value);
			if (!fixture_next(&reduced, inner)) {
				break;
			}
		}
		check_element(p, o, place, reduce(step, wide, x, n, identity_of(op, wide)), round);
	} while (fixture_next(&kept, place));
	free(x);
}

static void check_program(struct program *p, int round) {
	for (uint32_t o = 0; o < p->step.fused.out_count; o++) {
		int64_t index[TN_MAX_NDIM] = {0};

		if (p->fused_outs[o].reduce >= 0) {
			check_reduced(p, o, round);
			continue;
		}
		do {
			check_element(p, o, index, value_at(p, o, index), round);
		} while (fixture_next(&p->step.fused.shape, index));
	}
}

/* Runs it; an output that lies on an input is given the input's contents first, in memory of its own for the reference. */
static void run_program(struct tn_backend *b, struct program *p) {
	void *slots[MOST_INPUTS + MOST_OUTS];
	struct tn_error err = {0};

	for (uint32_t i = 0; i < p->step.fused.input_count; i++) {
		slots[i] = p->inputs[i].storage;
	}
	for (uint32_t o = 0; o < p->step.fused.out_count; o++) {
		uint32_t slot = p->step.fused.input_count + o;

		p->fused_outs[o].view = p->outs[o].view;
		p->fused_outs[o].view.slot = slot;
		slots[slot] = p->outs[o].storage;
		if (p->donated[o] >= 0) {
			const struct fixture *in = &p->inputs[p->donated[o]];

			memcpy(p->outs[o].storage, in->storage, (size_t)p->outs[o].elements * tn_dtype_size(in->view.dtype));
			slots[p->donated[o]] = p->outs[o].storage;
		}
	}
	TN_CHECK(
		fixture_run(b, &p->step, slots, p->step.fused.input_count + p->step.fused.out_count, p->scalars, p->scalar_count, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void walk(const char *isa, int threads, int rounds, bool with_reductions, uint64_t seed) {
	struct tn_backend *b;
	struct program p;

	setenv("TENON_ISA", isa, 1);
	fixture_state += seed;
	b = fixture_backend(threads);
	for (int round = 0; round < rounds; round++) {
		make_program(&p, with_reductions);
		run_program(b, &p);
		check_program(&p, round);
		finish_program(&p);
	}
	b->impl->destroy(b);
}

TN_TEST(random_elementwise_programs_give_the_bits_of_the_reference) {
	walk("avx512", 1, 600, false, 0);
}

TN_TEST(random_elementwise_programs_on_two_threads) {
	walk("avx512", 2, 250, false, 1000);
}

TN_TEST(random_elementwise_programs_on_the_portable_set) {
	walk("base", 1, 250, false, 2000);
}

TN_TEST(random_reductions_have_the_promised_order) {
	walk("avx512", 1, 600, true, 3000);
}

TN_TEST(random_reductions_on_two_threads) {
	walk("avx512", 2, 250, true, 4000);
}

TN_TEST(random_reductions_on_avx2) {
	walk("avx2", 1, 250, true, 5000);
}

TN_TEST(random_reductions_on_the_portable_set) {
	walk("base", 2, 250, true, 6000);
}

/* ---- the shapes that matter, larger ---- */

static void check_sum(struct tn_backend *b, struct tn_shape shape, uint32_t axes, bool last_first) {
	struct program *p = calloc(1, sizeof(*p));

	*p = (struct program){0};
	p->step =
		(struct tn_step){.is_fused = true, .fused = {.shape = shape, .inputs = p->views, .ins = p->ins, .outs = p->fused_outs}};
	p->inputs[0] = fixture_dense(TN_DTYPE_F32, shape, false);
	if (last_first) { /* axis 1 innermost in memory: channels last */
		int64_t c = shape.dims[1], inner = shape.dims[2] * shape.dims[3];

		p->inputs[0].view.stride[0] = c * inner;
		p->inputs[0].view.stride[1] = 1;
		p->inputs[0].view.stride[2] = shape.dims[3] * c;
		p->inputs[0].view.stride[3] = c;
	}
	fixture_fill(&p->inputs[0], -1, 1);
	p->views[0] = p->inputs[0].view;
	p->step.fused.input_count = 1;
	p->fused_outs[0] = (struct tn_fused_out){.from = {TN_SOURCE_INPUT, 0}, .reduce = TN_OP_SUM, .axes = axes};
	for (int k = 0; k < shape.ndim; k++) {
		shape.dims[k] = (axes >> k & 1) != 0 ? 1 : shape.dims[k];
	}
	p->outs[0] = fixture_dense(TN_DTYPE_F32, shape, false);
	p->step.fused.out_count = 1;
	p->donated[0] = -1;
	run_program(b, p);
	check_program(p, 0);
	finish_program(p);
	free(p);
}

TN_TEST(sums_of_common_patterns_have_the_promised_order) {
	for (int threads = 1; threads <= 2; threads++) {
		struct tn_backend *b = fixture_backend(threads);

		check_sum(b, TN_SHAPE(128, 256), 1, false);
		check_sum(b, TN_SHAPE(300, 1000), 1, false);
		check_sum(b, TN_SHAPE(5000, 3), 1, false);
		check_sum(b, TN_SHAPE(700, 1300), 2, false);
		check_sum(b, TN_SHAPE(70, 10), 2, false);
		check_sum(b, TN_SHAPE(300000), 1, false);
		check_sum(b, TN_SHAPE(16, 32, 14, 14), 13, false);
		check_sum(b, TN_SHAPE(16, 32, 14, 14), 13, true);
		check_sum(b, TN_SHAPE(16, 32, 14, 14), 12, true);
		check_sum(b, TN_SHAPE(4, 32, 14, 14), 15, true);
		check_sum(b, TN_SHAPE(2, 700, 3, 5), 13, true);
		b->impl->destroy(b);
	}
}

TN_TEST(empty_iterations_store_nothing_and_reduce_to_the_identity) {
	struct tn_backend *b = fixture_backend(2);

	check_sum(b, TN_SHAPE(5, 0), 2, false);
	check_sum(b, TN_SHAPE(0, 5), 1, false);
	check_sum(b, TN_SHAPE(3, 0, 4), 6, false);
	b->impl->destroy(b);
}

/* ---- inputs that are contiguous across the rows ---- */

/* out = x - y; out lies on x. */
static void run_difference(struct tn_backend *b, const struct fixture *x, const struct fixture *y, struct fixture *out) {
	struct tn_view views[2] = {x->view, y->view};
	struct tn_fused_ins ins = {
		.op = TN_OP_SUB, .dtype = x->view.dtype, .in_dtype = x->view.dtype, .in = {{TN_SOURCE_INPUT, 0}, {TN_SOURCE_INPUT, 1}}};
	struct tn_fused_out outs = {.from = {TN_SOURCE_REGISTER, 0}, .reduce = -1, .view = out->view};
	struct tn_step step = {.is_fused = true, .fused = {.shape = x->view.shape, .input_count = 2, .ins_count = 1, .out_count = 1,
	                       .inputs = views, .ins = &ins, .outs = &outs}};
	void *slots[3] = {out->storage, y->storage, out->storage};
	struct tn_error err = {0};

	memcpy(out->storage, x->storage, (size_t)x->elements * tn_dtype_size(x->view.dtype));
	views[1].slot = 1;
	outs.view.slot = 2;
	TN_CHECK(fixture_run(b, &step, slots, 3, NULL, 0, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void check_turned(struct tn_backend *b, enum tn_dtype dtype, struct tn_shape shape, bool backwards) {
	struct fixture x = fixture_dense(dtype, shape, false), y = fixture_dense(dtype, shape, false);
	struct fixture plain = fixture_dense(dtype, shape, false);
	struct fixture out[2] = {fixture_dense(dtype, shape, false), fixture_dense(dtype, shape, false)};
	int last = shape.ndim - 1;
	int64_t index[TN_MAX_NDIM] = {0};

	fixture_fill(&x, -9, 9);
	fixture_fill(&y, -9, 9);
	y.view.stride[last - 1] = 1;
	y.view.stride[last] = shape.dims[last - 1];
	if (backwards) {
		y.view.offset = y.view.stride[last] * (shape.dims[last] - 1);
		y.view.stride[last] = -y.view.stride[last];
	}
	do {
		memcpy(fixture_at(&plain, index), fixture_at(&y, index), tn_dtype_size(dtype));
	} while (fixture_next(&shape, index));
	run_difference(b, &x, &y, &out[0]);
	run_difference(b, &x, &plain, &out[1]);
	TN_CHECK_MEM_EQ(out[0].storage, out[1].storage, (size_t)x.elements * tn_dtype_size(dtype));
	fixture_finish(&x);
	fixture_finish(&y);
	fixture_finish(&plain);
	fixture_finish(&out[0]);
	fixture_finish(&out[1]);
}

TN_TEST(transposed_inputs_of_any_size_give_the_bits_of_a_copy) {
	static const enum tn_dtype dtypes[] = {TN_DTYPE_F64, TN_DTYPE_F32, TN_DTYPE_BF16, TN_DTYPE_U8};

	for (int threads = 1; threads <= 2; threads++) {
		struct tn_backend *b = fixture_backend(threads);

		for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
			for (int backwards = 0; backwards < 2; backwards++) {
				check_turned(b, dtypes[d], TN_SHAPE(8, 32), backwards != 0);
				check_turned(b, dtypes[d], TN_SHAPE(33, 31), backwards != 0);
				check_turned(b, dtypes[d], TN_SHAPE(300, 701), backwards != 0);
				check_turned(b, dtypes[d], TN_SHAPE(512, 512), backwards != 0);
				check_turned(b, dtypes[d], TN_SHAPE(3, 70, 129), backwards != 0);
				check_turned(b, dtypes[d], TN_SHAPE(2, 3, 9, 258), backwards != 0);
			}
		}
		b->impl->destroy(b);
	}
}
