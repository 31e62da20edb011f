/* SPDX-License-Identifier: Apache-2.0 */
/* All small fused programs: every choice of a few instructions over operands that are full, one number in the whole, one number in
 * each row or a scalar, compared bit for bit with the same instructions one at a time over plain arrays, where nothing is shared,
 * uniform or kept from one strip to the next. The sizes lie on both sides of what a strip and a tile hold.
 *
 * The programs are a tree: what the first instructions give is computed once for all programs that begin with them. */
#include <stdio.h>

#include "cpu/fused.h"
#include "unit/cpu_fixture.h"

enum { MOST_INPUTS = 5, MOST_DEPTH = 4, MOST_SOURCES = MOST_INPUTS + MOST_DEPTH };

/* How an input is spread over the shape. */
enum spread { FULL, ONE, EACH_ROW, EACH_COLUMN, SPREAD_COUNT };

struct input_kind {
	enum tn_dtype dtype;
	enum spread spread;
};

/* Pseudo ops: casts to a dtype. */
enum { TO_F32 = TN_OP_COUNT, TO_F64, TO_BF16, TO_U8 };

enum mode {
	STORED,  /* the last register is stored, and each that nobody reads */
	DONATED, /* the last one onto input 0, where it has its dtype */
	SUMMED   /* along the last axis */
};

/* A family of programs. */
struct family {
	struct tn_shape shape;
	struct input_kind inputs[MOST_INPUTS];
	int input_count, depth, ops[8], op_count;
	bool scalar;   /* the number 1.5 is an operand too */
	bool one_ends; /* each register but the last is read by another */
	bool stored_only;
};

struct search {
	const struct family *family;
	struct tn_backend *backend;
	struct fixture inputs[MOST_INPUTS];
	char *plain[MOST_SOURCES];          /* each element of each input and register */
	char *scalars[TN_DTYPE_COUNT];      /* the number, once for each element */
	char *wanted, *stored[MOST_DEPTH], *kept; /* results, and input 0 as it was */
	struct tn_fused_ins ins[MOST_DEPTH];
	bool read[MOST_DEPTH];
	int64_t elements, programs;
};

static const struct tn_scalar number = {.is_float = true, .f = 1.5};

static enum tn_dtype source_dtype(const struct search *s, struct tn_fused_source source) {
	return source.kind == TN_SOURCE_REGISTER ? s->ins[source.index].dtype : s->inputs[source.index].view.dtype;
}

static const char *plain_of(const struct search *s, struct tn_fused_source source, enum tn_dtype dtype) {
	return source.kind == TN_SOURCE_SCALAR ? s->scalars[dtype]
		: source.kind == TN_SOURCE_INPUT   ? s->plain[source.index]
										   : s->plain[s->family->input_count + (int)source.index];
}

/* ---- one instruction, or a sum, over plain arrays ---- */

static void run_plain(struct search *s, struct tn_step *step, void **slots, uint32_t count) {
	struct tn_error err = {0};

	TN_CHECK(fixture_run(s->backend, step, slots, count, NULL, 0, &err));
	TN_CHECK_NO_ERROR(&err);
}

static struct tn_view plain_view(const struct search *s, enum tn_dtype dtype, uint32_t slot) {
	struct tn_view view = {.dtype = dtype, .slot = slot, .shape = s->family->shape};
	int64_t step = 1;

	for (int k = view.shape.ndim - 1; k >= 0; k--) {
		view.stride[k] = step;
		step *= view.shape.dims[k];
	}
	return view;
}

static void compute_plain(struct search *s, int depth) {
	struct tn_fused_ins ins = s->ins[depth];
	struct tn_view views[3];
	void *slots[4];
	struct tn_fused_out out = {.from = {TN_SOURCE_REGISTER, 0}, .reduce = -1};
	struct tn_step step = {.is_fused = true, .fused = {.shape = s->family->shape, .ins_count = 1, .out_count = 1, .inputs = views,
	                       .ins = &ins, .outs = &out}};
	uint32_t count = (uint32_t)tn_op_inputs(ins.op);

	for (uint32_t k = 0; k < count; k++) {
		enum tn_dtype dtype = ins.op == TN_OP_WHERE && k == 0 ? TN_DTYPE_BOOL8 : ins.in_dtype;

		views[k] = plain_view(s, dtype, k);
		slots[k] = (void *)(uintptr_t)plain_of(s, ins.in[k], dtype);
		ins.in[k] = (struct tn_fused_source){TN_SOURCE_INPUT, k};
	}
	step.fused.input_count = count;
	out.view = plain_view(s, ins.dtype, count);
	slots[count] = s->plain[s->family->input_count + depth];
	run_plain(s, &step, slots, count + 1);
}

static struct tn_view sum_view(const struct search *s, enum tn_dtype dtype, uint32_t slot) {
	struct tn_view view = {.dtype = dtype, .slot = slot, .shape = s->family->shape};
	int64_t step = 1;

	view.shape.dims[view.shape.ndim - 1] = 1;
	for (int k = view.shape.ndim - 2; k >= 0; k--) {
		view.stride[k] = step;
		step *= view.shape.dims[k];
	}
	return view;
}

static void sum_plain(struct search *s, int last) {
	struct tn_view view = plain_view(s, s->ins[last].dtype, 0);
	struct tn_fused_out out = {.from = {TN_SOURCE_INPUT, 0}, .reduce = TN_OP_SUM, .axes = UINT32_C(1) << (view.shape.ndim - 1)};
	struct tn_step step = {.is_fused = true, .fused = {.shape = s->family->shape, .input_count = 1, .out_count = 1, .inputs = &view,
	                       .outs = &out}};
	void *slots[2] = {s->plain[s->family->input_count + last], s->wanted};

	out.view = sum_view(s, view.dtype, 1);
	run_plain(s, &step, slots, 2);
}

/* ---- the program as a whole ---- */

static void describe(const struct search *s, int count, char *text, size_t size) {
	size_t at = 0;

	for (int i = 0; i < count; i++) {
		at += (size_t)snprintf(text + at, size - at, "r%d = %s %s (", i, tn_dtype_name(s->ins[i].dtype), tn_op_name(s->ins[i].op));
		for (int k = 0; k < tn_op_inputs(s->ins[i].op); k++) {
			struct tn_fused_source source = s->ins[i].in[k];

			at += (size_t)snprintf(text + at, size - at, "%s%c%u", k > 0 ? ", " : "",
				source.kind == TN_SOURCE_REGISTER ? 'r' : source.kind == TN_SOURCE_INPUT ? 'x' : 's', source.index);
		}
		at += (size_t)snprintf(text + at, size - at, "); ");
	}
}

/* Bit for bit, but for the sign and the rest of a NaN. */
static void compare(const struct search *s, int count, enum mode mode, enum tn_dtype dtype, const char *found, const char *wanted,
	int64_t elements) {
	size_t size = tn_dtype_size(dtype);

	if (memcmp(found, wanted, (size_t)elements * size) == 0) {
		return;
	}
	for (int64_t i = 0; i < elements; i++) {
		double a = tn_element_f64(dtype, found + i * (int64_t)size), b = tn_element_f64(dtype, wanted + i * (int64_t)size);

		if (memcmp(found + i * (int64_t)size, wanted + i * (int64_t)size, size) != 0 && !(isnan(a) && isnan(b))) {
			char text[400], shape[160];

			describe(s, count, text, sizeof(text));
			tn_shape_format(&s->family->shape, shape);
			tn_test_fail(TN_TEST_HERE("compare"), "shape %s, mode %d: %sresult %s at %lld is %.17g, not %.17g", shape, (int)mode, text,
				tn_dtype_name(dtype), (long long)i, a, b);
		}
	}
}

struct outputs {
	struct tn_fused_out outs[MOST_DEPTH];
	int of[MOST_DEPTH]; /* the register of each */
	uint32_t count;
};

static void choose_outputs(const struct search *s, int count, enum mode mode, struct outputs *o) {
	uint32_t inputs = (uint32_t)s->family->input_count;

	o->count = 0;
	for (int i = 0; i < count; i++) {
		enum tn_dtype dtype = s->ins[i].dtype;
		struct tn_fused_out *out = &o->outs[o->count];

		if (i < count - 1 && s->read[i]) {
			continue;
		}
		*out = (struct tn_fused_out){.from = {TN_SOURCE_REGISTER, (uint32_t)i}, .reduce = -1};
		out->view = plain_view(s, dtype, inputs + o->count);
		if (mode == SUMMED && i == count - 1) {
			out->reduce = TN_OP_SUM;
			out->axes = UINT32_C(1) << (s->family->shape.ndim - 1);
			out->view = sum_view(s, dtype, inputs + o->count);
		}
		o->of[o->count++] = i;
	}
}

static void run_whole(struct search *s, int count, enum mode mode) {
	struct tn_view views[MOST_INPUTS];
	void *slots[MOST_INPUTS + MOST_DEPTH];
	struct outputs o;
	struct tn_step step = {.is_fused = true, .fused = {.shape = s->family->shape, .inputs = views, .ins = s->ins, .outs = o.outs,
	                       .ins_count = (uint32_t)count, .input_count = (uint32_t)s->family->input_count}};
	struct tn_error err = {0};

	choose_outputs(s, count, mode, &o);
	step.fused.out_count = o.count;
	for (uint32_t i = 0; i < step.fused.input_count; i++) {
		views[i] = s->inputs[i].view;
		views[i].slot = i;
		slots[i] = s->inputs[i].storage;
	}
	for (uint32_t i = 0; i < o.count; i++) {
		slots[step.fused.input_count + i] = mode == DONATED && i == o.count - 1 ? s->inputs[0].storage : s->stored[i];
	}
	TN_CHECK(fixture_run(s->backend, &step, slots, step.fused.input_count + o.count, &number, 1, &err));
	TN_CHECK_NO_ERROR(&err);
	for (uint32_t i = 0; i < o.count; i++) {
		bool summed = o.outs[i].reduce >= 0;

		compare(s, count, mode, s->ins[o.of[i]].dtype, slots[step.fused.input_count + i],
			summed ? s->wanted : s->plain[s->family->input_count + o.of[i]],
			summed ? s->elements / s->family->shape.dims[s->family->shape.ndim - 1] : s->elements);
	}
	s->programs++;
}

static void check_program(struct search *s, int count) {
	enum tn_dtype dtype = s->ins[count - 1].dtype;

	for (int i = 0; s->family->one_ends && i < count - 1; i++) {
		if (!s->read[i]) {
			return;
		}
	}
	run_whole(s, count, STORED);
	if (s->family->stored_only) {
		return;
	}
	if (dtype == s->inputs[0].view.dtype) {
		run_whole(s, count, DONATED);
		memcpy(s->inputs[0].storage, s->kept, (size_t)s->elements * tn_dtype_size(dtype));
	}
	if (tn_dtype_is_float(dtype) && (s->programs & 1) != 0) { /* every other one: it takes the longest */
		sum_plain(s, count - 1);
		run_whole(s, count, SUMMED);
	}
}

/* ---- all of them ---- */

static void grow(struct search *s, int depth);

static void try_instruction(struct search *s, int depth, struct tn_fused_ins ins) {
	bool read[MOST_DEPTH];

	memcpy(read, s->read, sizeof(read));
	s->ins[depth] = ins;
	s->read[depth] = false;
	for (int k = 0; k < tn_op_inputs(ins.op); k++) {
		if (ins.in[k].kind == TN_SOURCE_REGISTER) {
			s->read[ins.in[k].index] = true;
		}
	}
	compute_plain(s, depth);
	grow(s, depth + 1);
	memcpy(s->read, read, sizeof(read));
}

/* Sources by number: inputs, registers so far, then the scalar. */
static int count_sources(const struct search *s, int depth) {
	return s->family->input_count + depth + (s->family->scalar ? 1 : 0);
}

static struct tn_fused_source source_at(const struct search *s, int depth, int i) {
	int inputs = s->family->input_count;

	return i < inputs       ? (struct tn_fused_source){TN_SOURCE_INPUT, (uint32_t)i}
		: i < inputs + depth ? (struct tn_fused_source){TN_SOURCE_REGISTER, (uint32_t)(i - inputs)}
							 : (struct tn_fused_source){TN_SOURCE_SCALAR, 0};
}

static void try_casts(struct search *s, int depth, enum tn_dtype to) {
	for (int i = 0; i < s->family->input_count + depth; i++) {
		struct tn_fused_source source = source_at(s, depth, i);

		if (source_dtype(s, source) != to) {
			try_instruction(s, depth, (struct tn_fused_ins){TN_OP_CAST, to, source_dtype(s, source), {source}});
		}
	}
}

static void try_pairs(struct search *s, int depth, enum tn_op op, const struct tn_fused_source *condition) {
	bool commutes = op == TN_OP_ADD || op == TN_OP_MUL;
	int count = count_sources(s, depth);

	for (int i = 0; i < count; i++) {
		for (int k = commutes ? i : 0; k < count; k++) {
			struct tn_fused_source a = source_at(s, depth, i), b = source_at(s, depth, k);
			enum tn_dtype dtype;

			if (a.kind == TN_SOURCE_SCALAR && b.kind == TN_SOURCE_SCALAR) {
				continue;
			}
			dtype = source_dtype(s, a.kind != TN_SOURCE_SCALAR ? a : b);
			if (!tn_dtype_is_float(dtype) ||
				(a.kind != TN_SOURCE_SCALAR && b.kind != TN_SOURCE_SCALAR && source_dtype(s, a) != source_dtype(s, b))) {
				continue;
			}
			try_instruction(s, depth,
				condition != NULL ? (struct tn_fused_ins){op, dtype, dtype, {*condition, a, b}}
								  : (struct tn_fused_ins){op, op == TN_OP_GT ? TN_DTYPE_BOOL8 : dtype, dtype, {a, b}});
		}
	}
}

static void try_op(struct search *s, int depth, int op) {
	int count = s->family->input_count + depth;

	switch (op) {
	case TO_F32: try_casts(s, depth, TN_DTYPE_F32); return;
	case TO_F64: try_casts(s, depth, TN_DTYPE_F64); return;
	case TO_BF16: try_casts(s, depth, TN_DTYPE_BF16); return;
	case TO_U8: try_casts(s, depth, TN_DTYPE_U8); return;
	default: break;
	}
	for (int i = 0; i < count && tn_op_inputs((enum tn_op)op) != 2; i++) {
		struct tn_fused_source source = source_at(s, depth, i);
		enum tn_dtype dtype = source_dtype(s, source);

		if (op == TN_OP_WHERE && dtype == TN_DTYPE_BOOL8) {
			try_pairs(s, depth, TN_OP_WHERE, &source);
		} else if (op != TN_OP_WHERE && tn_dtype_is_float(dtype)) {
			try_instruction(s, depth, (struct tn_fused_ins){(enum tn_op)op, dtype, dtype, {source}});
		}
	}
	if (tn_op_inputs((enum tn_op)op) == 2) {
		try_pairs(s, depth, (enum tn_op)op, NULL);
	}
}

static void grow(struct search *s, int depth) {
	if (depth == s->family->depth) {
		check_program(s, depth);
		return;
	}
	for (int i = 0; i < s->family->op_count; i++) {
		try_op(s, depth, s->family->ops[i]);
	}
}

/* ---- a family ---- */

static void make_input(struct search *s, int i) {
	struct input_kind kind = s->family->inputs[i];
	struct fixture *f = &s->inputs[i];
	int64_t index[TN_MAX_NDIM] = {0};
	int last = s->family->shape.ndim - 1;
	char *to = s->plain[i];

	*f = fixture_dense(kind.dtype, s->family->shape, false);
	fixture_fill(f, kind.dtype == TN_DTYPE_U8 ? 0 : 0.25, kind.dtype == TN_DTYPE_U8 ? 9 : 1.25);
	for (int k = 0; k <= last; k++) {
		bool spreads = kind.spread == ONE || (kind.spread == EACH_ROW && k == last) || (kind.spread == EACH_COLUMN && k < last);

		f->view.stride[k] = spreads ? 0 : kind.spread == EACH_ROW && k == last - 1 ? 1 : f->view.stride[k];
	}
	do {
		memcpy(to, fixture_at(f, index), tn_dtype_size(kind.dtype));
		to += tn_dtype_size(kind.dtype);
	} while (fixture_next(&f->view.shape, index));
}

static int64_t run_family(const struct family *family) {
	struct search s = {.family = family, .backend = fixture_backend(1), .elements = tn_shape_count(&family->shape)};
	size_t room = (size_t)s.elements + 1;

	for (int i = 0; i < family->input_count + family->depth; i++) {
		s.plain[i] = fixture_alloc(room, 8);
	}
	for (int i = 0; i < family->depth; i++) {
		s.stored[i] = fixture_alloc(room, 8);
	}
	s.wanted = fixture_alloc(room, 8);
	s.kept = fixture_alloc(room, 8);
	for (int d = 0; d < TN_DTYPE_COUNT; d++) {
		s.scalars[d] = fixture_alloc(room, 8);
		for (int64_t i = 0; i < s.elements; i++) {
			tn_element_set_f64((enum tn_dtype)d, s.scalars[d] + i * (int64_t)tn_dtype_size((enum tn_dtype)d), number.f);
		}
	}
	for (int i = 0; i < family->input_count; i++) {
		make_input(&s, i);
	}
	memcpy(s.kept, s.inputs[0].storage, (size_t)s.elements * tn_dtype_size(s.inputs[0].view.dtype));
	grow(&s, 0);
	s.backend->impl->destroy(s.backend);
	return s.programs;
}

#define X(dtype, spread) {TN_DTYPE_##dtype, spread}

TN_TEST(three_instructions_of_one_dtype_at_every_border_of_a_strip_and_a_tile) {
	static const struct tn_shape shapes[] = {TN_SHAPE(1), TN_SHAPE(127), TN_SHAPE(128), TN_SHAPE(129), TN_SHAPE(512), TN_SHAPE(513),
		TN_SHAPE(700), TN_SHAPE(2, 300), TN_SHAPE(2, 256), TN_SHAPE(5, 90), TN_SHAPE(3, 1, 129)};
	int64_t programs = 0;

	for (size_t i = 0; i < TN_ARRAY_LEN(shapes); i++) {
		programs += run_family(&(struct family){.shape = shapes[i], .inputs = {X(F32, FULL), X(F32, shapes[i].ndim > 1 ? EACH_ROW : ONE)},
			.input_count = 2, .depth = 3, .ops = {TN_OP_ADD, TN_OP_DIV}, .op_count = 2, .scalar = true});
	}
	TN_CHECK(programs > 100000);
}

TN_TEST(three_instructions_over_every_spread) {
	for (int by_rows = 0; by_rows < 2; by_rows++) {
		struct tn_shape shape = by_rows != 0 ? TN_SHAPE(2, 300) : TN_SHAPE(7, 90);

		TN_CHECK(run_family(&(struct family){.shape = shape,
			.inputs = {X(F32, FULL), X(F32, ONE), X(F32, EACH_ROW), X(F32, EACH_COLUMN)}, .input_count = 4, .depth = 3,
			.ops = {TN_OP_MUL, TN_OP_DIV}, .op_count = 2, .one_ends = true}) > 10000);
	}
}

TN_TEST(three_instructions_on_16_bit_floats) {
	static const struct tn_shape shapes[] = {TN_SHAPE(300), TN_SHAPE(2, 300)};

	for (size_t i = 0; i < TN_ARRAY_LEN(shapes); i++) {
		enum spread spread = shapes[i].ndim > 1 ? EACH_ROW : ONE;

		TN_CHECK(run_family(&(struct family){.shape = shapes[i], .inputs = {X(BF16, FULL), X(BF16, spread), X(BF16, spread)},
			.input_count = 3, .depth = 3, .ops = {TN_OP_ADD, TN_OP_EXP}, .op_count = 2, .scalar = true}) > 5000);
		TN_CHECK(run_family(&(struct family){.shape = shapes[i], .inputs = {X(F16, FULL), X(F16, spread), X(F16, spread)},
			.input_count = 3, .depth = 3, .ops = {TN_OP_MUL, TN_OP_DIV}, .op_count = 2, .one_ends = true}) > 5000);
	}
}

TN_TEST(three_instructions_on_elements_of_different_sizes) {
	static const struct tn_shape shapes[] = {TN_SHAPE(640), TN_SHAPE(2, 385), TN_SHAPE(5, 90)};

	for (size_t i = 0; i < TN_ARRAY_LEN(shapes); i++) {
		enum spread spread = shapes[i].ndim > 1 ? EACH_ROW : ONE;

		TN_CHECK(run_family(&(struct family){.shape = shapes[i],
			.inputs = {X(F32, FULL), X(F32, spread), X(BF16, spread), X(U8, FULL), X(BOOL8, FULL)}, .input_count = 5, .depth = 3,
			.ops = {TN_OP_ADD, TN_OP_EXP, TO_F32, TO_F64, TO_U8, TN_OP_GT, TN_OP_WHERE}, .op_count = 7, .one_ends = true}) > 5000);
	}
}

TN_TEST(four_instructions_where_each_is_read) {
	TN_CHECK(run_family(&(struct family){.shape = TN_SHAPE(300), .inputs = {X(F32, FULL), X(F32, ONE)}, .input_count = 2, .depth = 4,
		.ops = {TN_OP_ADD, TN_OP_DIV}, .op_count = 2, .scalar = true, .one_ends = true, .stored_only = true}) > 10000);
}

/* ---- what the plan asserts ---- */

/* A pass of one output over two inputs, the second one number, and all that running it takes. */
struct single {
	struct tn_step step;
	struct cpu_step cpu_step;
	struct tn_view views[2];
	struct tn_fused_out out;
	struct fused_pass pass;
	struct cpu_settings settings;
	char *inputs[2], *outs[1], *workspace;
	size_t out_size;
};

static void make_single(struct single *s, struct tn_fused_ins *ins, uint32_t ins_count, enum tn_dtype first) {
	static double memory[2][CPU_BLOCK];
	const bool wanted = true;
	struct tn_error err = {0};

	*s = (struct single){.settings = {.threads = 1}};
	for (uint32_t k = 0; k < 2; k++) {
		s->views[k] = (struct tn_view){.dtype = k == 0 ? first : TN_DTYPE_F32, .slot = k, .shape = TN_SHAPE(500), .stride = {k == 0}};
		s->inputs[k] = (char *)memory[k];
		for (int64_t i = 0; i < 500; i++) {
			tn_element_set_f64(s->views[k].dtype, s->inputs[k] + i * (int64_t)tn_dtype_size(s->views[k].dtype), 0.5 + (double)(i % 7));
		}
	}
	s->out = (struct tn_fused_out){.from = {TN_SOURCE_REGISTER, ins_count - 1}, .reduce = -1,
	                               .view = {.dtype = ins[ins_count - 1].dtype, .slot = 2, .shape = TN_SHAPE(500), .stride = {1}}};
	s->step = (struct tn_step){.is_fused = true, .fused = {.shape = TN_SHAPE(500), .inputs = s->views, .input_count = 2, .ins = ins,
	                           .ins_count = ins_count, .outs = &s->out, .out_count = 1}};
	s->cpu_step = (struct cpu_step){.step = &s->step, .settings = &s->settings};
	fused_plan_nest(&s->step.fused, &wanted, &s->pass.nest);
	TN_CHECK(fused_compile(&s->step.fused, &wanted, &s->pass, &err));
	TN_CHECK(fused_fault(&s->pass) == NULL);
	s->workspace = aligned_alloc(64, (s->pass.shared_size + s->pass.thread_size + 64) / 64 * 64);
	TN_CHECK_NOT_NULL(s->workspace);
	s->out_size = 500 * tn_dtype_size(s->out.view.dtype);
	s->outs[0] = fixture_alloc(500, 8);
}

static void run_single(struct single *s) {
	struct cpu_call call = {.step = &s->cpu_step, .inputs = s->inputs, .outs = s->outs, .scalars = &number, .workspace = s->workspace,
	                        .threads = 1};
	struct tn_error err = {0};

	TN_CHECK(fused_run_pass(&s->pass, &call, &err));
}

/* Lets each two results share a block: what then computes something else must be found without running it. */
static void check_shared_blocks(struct tn_fused_ins *ins, uint32_t ins_count, enum tn_dtype first) {
	char *right = fixture_alloc(500, 8);
	struct single s;
	int wrong = 0;

	make_single(&s, ins, ins_count, first);
	run_single(&s);
	memcpy(right, s.outs[0], s.out_size);
	for (uint32_t i = 2; i < s.pass.value_count; i++) {
		for (uint32_t k = 2; k < s.pass.value_count; k++) {
			uint32_t kept = s.pass.values[i].slot;

			if (kept == UINT32_MAX || s.pass.values[k].slot == UINT32_MAX) {
				continue;
			}
			s.pass.values[i].slot = s.pass.values[k].slot;
			run_single(&s);
			if (memcmp(right, s.outs[0], s.out_size) != 0) {
				wrong++;
				TN_CHECK(fused_fault(&s.pass) != NULL);
			}
			s.pass.values[i].slot = kept;
		}
	}
	TN_CHECK(wrong > 0);
	TN_CHECK(fused_fault(&s.pass) == NULL);
	fused_pass_finish(&s.pass);
	free(s.workspace);
}

#define IN(k) {TN_SOURCE_INPUT, k}
#define REG(k) {TN_SOURCE_REGISTER, k}
#define NUMBER {TN_SOURCE_SCALAR, 0}

TN_TEST(a_block_shared_too_early_is_found_when_the_plan_is_made) {
	struct tn_fused_ins chain[] = {
		{TN_OP_EXP, TN_DTYPE_F32, TN_DTYPE_F32, {IN(0)}}, {TN_OP_MUL, TN_DTYPE_F32, TN_DTYPE_F32, {IN(1), NUMBER}},
		{TN_OP_MUL, TN_DTYPE_F32, TN_DTYPE_F32, {REG(0), REG(1)}}, {TN_OP_ADD, TN_DTYPE_F32, TN_DTYPE_F32, {IN(1), NUMBER}},
		{TN_OP_ADD, TN_DTYPE_F32, TN_DTYPE_F32, {REG(2), REG(3)}}, {TN_OP_SUB, TN_DTYPE_F32, TN_DTYPE_F32, {REG(4), REG(0)}}};
	struct tn_fused_ins sizes[] = {
		{TN_OP_CAST, TN_DTYPE_F64, TN_DTYPE_U8, {IN(0)}}, {TN_OP_EXP, TN_DTYPE_F64, TN_DTYPE_F64, {REG(0)}},
		{TN_OP_CAST, TN_DTYPE_F32, TN_DTYPE_U8, {IN(0)}}, {TN_OP_GT, TN_DTYPE_BOOL8, TN_DTYPE_F32, {REG(2), IN(1)}},
		{TN_OP_CAST, TN_DTYPE_F64, TN_DTYPE_F32, {REG(2)}}, {TN_OP_WHERE, TN_DTYPE_F64, TN_DTYPE_F64, {REG(3), REG(1), REG(4)}},
		{TN_OP_SUB, TN_DTYPE_F64, TN_DTYPE_F64, {REG(5), REG(0)}}};

	check_shared_blocks(chain, (uint32_t)TN_ARRAY_LEN(chain), TN_DTYPE_F32);
	check_shared_blocks(sizes, (uint32_t)TN_ARRAY_LEN(sizes), TN_DTYPE_U8);
}
