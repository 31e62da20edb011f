/* SPDX-License-Identifier: Apache-2.0 */
/* From the instructions of a fused program to codes: one tight loop each, over values that are inputs (read where they lie),
 * registers (blocks in L1) and scalars. 16-bit floats are widened when read and rounded after each op; an operand that is one
 * number in each tile takes a loop variant that needs no splat; registers share blocks by their lifetimes. */
#include <assert.h>

#include "cpu/fused.h"

enum { NO_SLOT = UINT32_MAX };

struct compiler {
	const struct tn_fused *fused;
	const bool *wanted;
	struct fused_pass *pass;
	const struct cpu_vectors *vectors;
	uint32_t *of_ins;   /* the value of each instruction */
	uint32_t *of_input; /* the value of each input in its class (widened), or NO_SLOT */
	bool *needed;       /* of each instruction */
	size_t code_room, value_room, scalar_room; /* of the pass's arrays */
	double work;        /* of one element, in vectorised additions */
};

/* An elementary function costs about as much as so many additions. */
static const double math_work = 12;

/* ---- loops that fill a block with one number ---- */

#define DEFINE_SPLAT(name, T) \
	static void name(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out, value = *(const T *)a; \
		(void)b; \
		(void)c; \
		for (int64_t i = 0; i < n; i++) { \
			o[i] = value; \
		} \
	}
DEFINE_SPLAT(splat8, uint64_t)
DEFINE_SPLAT(splat4, uint32_t)
DEFINE_SPLAT(splat1, uint8_t)

#define DEFINE_MOVE(name, T) \
	static void name(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		(void)b; \
		(void)c; \
		__builtin_memcpy(out, a, (size_t)n * sizeof(T)); \
	}
DEFINE_MOVE(move8, uint64_t)
DEFINE_MOVE(move4, uint32_t)
DEFINE_MOVE(move1, uint8_t)

static cpu_vec_fn splat_of(enum cpu_class class) {
	return cpu_class_size(class) == 8 ? splat8 : cpu_class_size(class) == 4 ? splat4 : splat1;
}

static cpu_vec_fn move_of(enum cpu_class class) {
	return cpu_class_size(class) == 8 ? move8 : cpu_class_size(class) == 4 ? move4 : move1;
}

/* ---- values and codes: the arrays are large enough for the most that a program can need (see bounds) ---- */

static uint32_t add_value(struct compiler *c, enum cpu_class class, bool uniform) {
	assert(c->pass->value_count < c->value_room);
	c->pass->values[c->pass->value_count] = (struct fused_value){.class = class, .uniform = uniform, .slot = NO_SLOT, .out = -1};
	return c->pass->value_count++;
}

static uint32_t add_code(struct compiler *c, cpu_vec_fn fn, enum cpu_class class, const uint32_t *in, int count) {
	struct fused_code *code = &c->pass->codes[c->pass->code_count++];
	bool uniform = true;

	assert(c->pass->code_count <= c->code_room && fn != NULL);
	for (int i = 0; i < count; i++) {
		uniform = uniform && c->pass->values[in[i]].uniform;
	}
	for (int i = 0; i < CPU_MIX_OPERANDS; i++) {
		code->in[i] = in[i < count ? i : 0]; /* unused ones repeat the first */
	}
	code->op = TN_OP_COUNT;
	c->work += uniform ? 0 : 1;
	code->fn = fn;
	code->uniform = uniform;
	code->out = add_value(c, class, uniform);
	return code->out;
}

/* Works on a value in place. */
static void add_in_place(struct compiler *c, cpu_vec_fn fn, uint32_t value) {
	struct fused_code *code = &c->pass->codes[c->pass->code_count++];

	assert(c->pass->code_count <= c->code_room && fn != NULL);
	*code = (struct fused_code){.fn = fn, .out = value, .op = TN_OP_COUNT, .uniform = c->pass->values[value].uniform};
	for (int i = 0; i < CPU_MIX_OPERANDS; i++) {
		code->in[i] = value;
	}
}

static uint32_t as_vector(struct compiler *c, uint32_t value) {
	uint32_t result;

	if (!c->pass->values[value].uniform) {
		return value;
	}
	result = add_code(c, splat_of(c->pass->values[value].class), c->pass->values[value].class, &value, 1);
	c->pass->values[result].uniform = c->pass->codes[c->pass->code_count - 1].uniform = false;
	return result;
}

/* The value of an input, widened where it is a 16-bit float. */
static uint32_t input_value(struct compiler *c, uint32_t index) {
	enum tn_dtype dtype = c->fused->inputs[index].dtype;

	if (c->of_input[index] == NO_SLOT) {
		c->of_input[index] = !cpu_is_half(dtype) ? index : add_code(c, c->vectors->widen[dtype], CPU_F32, &index, 1);
	}
	return c->of_input[index];
}

static uint32_t scalar_value(struct compiler *c, uint32_t index, enum tn_dtype dtype) {
	struct fused_pass *pass = c->pass;

	for (uint32_t i = 0; i < pass->scalar_count; i++) {
		if (pass->scalars[i].index == index && pass->scalars[i].dtype == dtype) {
			return pass->scalars[i].value;
		}
	}
	assert(pass->scalar_count < c->scalar_room);
	pass->scalars[pass->scalar_count] = (struct fused_scalar){.index = index, .dtype = dtype};
	pass->scalars[pass->scalar_count].value = add_value(c, cpu_class_of(dtype), true);
	return pass->scalars[pass->scalar_count++].value;
}

static uint32_t source_value(struct compiler *c, struct tn_fused_source source, enum tn_dtype dtype) {
	switch (source.kind) {
	case TN_SOURCE_REGISTER: return c->of_ins[source.index];
	case TN_SOURCE_SCALAR: return scalar_value(c, source.index, dtype);
	default: return input_value(c, source.index);
	}
}

/* ---- instructions ---- */

static uint32_t add_cast(struct compiler *c, uint32_t value, enum tn_dtype from, enum tn_dtype to) {
	enum cpu_class a = cpu_class_of(from), b = cpu_class_of(to);

	if (from == to || (from == TN_DTYPE_BOOL8 && to == TN_DTYPE_U8) || (cpu_is_half(from) && to == TN_DTYPE_F32)) {
		return value;
	}
	if (to == TN_DTYPE_BOOL8) {
		return add_code(c, c->vectors->to_bool[a], CPU_U8, &value, 1);
	}
	if (a == b && TN_MUTATED(cast_not_rounded)) {
		return value;
	}
	if (a == b) {
		return add_code(c, c->vectors->round[to], b, &value, 1); /* to a 16-bit float */
	}
	value = add_code(c, c->vectors->cast[a][b], b, &value, 1);
	if (cpu_is_half(to)) {
		add_in_place(c, c->vectors->round[to], value);
	}
	return value;
}

/* The variant of an op's loop for these operands; those that it cannot take as one number are splat. */
static cpu_vec_fn choose_loop(struct compiler *c, enum tn_op op, enum cpu_class class, uint32_t *in, int count) {
	const cpu_vec_fn *variants = c->vectors->ops[op][class][0] != NULL ? c->vectors->ops[op][class] : c->vectors->math[op][class];
	const struct fused_value *values = c->pass->values;
	int first = count - 2, variant;
	bool all = true;

	c->work += c->vectors->ops[op][class][0] == NULL ? math_work : 0;
	for (int i = 0; i < count; i++) {
		all = all && values[in[i]].uniform;
	}
	if (all || count < 2) {
		return variants[0];
	}
	if (first == 1) {
		in[0] = as_vector(c, in[0]);
	}
	variant = (values[in[first + 1]].uniform ? CPU_LAST_SCALAR : 0) | (values[in[first]].uniform ? CPU_FIRST_SCALAR : 0);
	if (variants[variant] == NULL) {
		in[first] = as_vector(c, in[first]);
		in[first + 1] = as_vector(c, in[first + 1]);
		variant = 0;
	}
	return variants[variant];
}

/* Ops on bool8 whose loop on u8 can leave the range of 0 and 1. */
static bool leaves_bool(enum tn_op op) {
	return op == TN_OP_ADD || op == TN_OP_SUB || op == TN_OP_NEG || op == TN_OP_SHL;
}

static uint32_t add_instruction(struct compiler *c, const struct tn_fused_ins *ins) {
	enum cpu_class class = cpu_class_of(ins->in_dtype);
	int count = tn_op_inputs(ins->op);
	enum tn_op op = ins->op == TN_OP_NOT && ins->in_dtype == TN_DTYPE_BOOL8 ? TN_OP_LOGICAL_NOT : ins->op;
	uint32_t in[3], result;
	cpu_vec_fn fn;

	if (op == TN_OP_CAST) {
		return add_cast(c, source_value(c, ins->in[0], ins->in_dtype), ins->in_dtype, ins->dtype);
	}
	for (int i = 0; i < count; i++) {
		in[i] = source_value(c, ins->in[i], op == TN_OP_WHERE && i == 0 ? TN_DTYPE_BOOL8 : ins->in_dtype);
	}
	fn = choose_loop(c, op, class, in, count);
	result = add_code(c, fn, cpu_class_of(ins->dtype), in, count);
	c->pass->codes[c->pass->code_count - 1].op = op;
	c->pass->codes[c->pass->code_count - 1].class = class;
	if (cpu_is_half(ins->dtype) && !TN_MUTATED(rounding_skipped)) {
		add_in_place(c, c->vectors->round[ins->dtype], result);
	} else if (ins->dtype == TN_DTYPE_BOOL8 && ins->in_dtype == TN_DTYPE_BOOL8 && leaves_bool(op)) {
		add_in_place(c, c->vectors->to_bool[CPU_U8], result);
	}
	return result;
}

static bool loop_exists(const struct compiler *c, const struct tn_fused_ins *ins) {
	enum cpu_class class = cpu_class_of(ins->in_dtype);

	return ins->op == TN_OP_CAST || (ins->op == TN_OP_NOT && ins->in_dtype == TN_DTYPE_BOOL8) ||
	       c->vectors->ops[ins->op][class][0] != NULL || c->vectors->math[ins->op][class][0] != NULL;
}

static bool add_instructions(struct compiler *c, struct tn_error *err) {
	const struct tn_fused *fused = c->fused;

	for (uint32_t i = 0; i < fused->out_count; i++) {
		if (c->wanted[i] && fused->outs[i].from.kind == TN_SOURCE_REGISTER) {
			c->needed[fused->outs[i].from.index] = true;
		}
	}
	for (uint32_t i = fused->ins_count; i-- > 0;) {
		for (int k = 0; c->needed[i] && k < tn_op_inputs(fused->ins[i].op); k++) {
			if (fused->ins[i].in[k].kind == TN_SOURCE_REGISTER) {
				c->needed[fused->ins[i].in[k].index] = true;
			}
		}
	}
	for (uint32_t i = 0; i < fused->ins_count; i++) {
		if (!c->needed[i]) {
			continue;
		}
		if (!loop_exists(c, &fused->ins[i])) {
			return tn_error_set(err, TN_ERR_TYPE, "%s of %s is not there on the CPU", tn_op_name(fused->ins[i].op),
			                    tn_dtype_name(fused->ins[i].in_dtype));
		}
		c->of_ins[i] = add_instruction(c, &fused->ins[i]);
	}
	return true;
}

/* ---- outputs ---- */

static enum tn_dtype source_dtype(const struct tn_fused *fused, struct tn_fused_source source) {
	return source.kind == TN_SOURCE_REGISTER ? fused->ins[source.index].dtype : fused->inputs[source.index].dtype;
}

static void add_store(struct compiler *c, uint32_t index) {
	const struct tn_fused_out *out = &c->fused->outs[index];
	struct fused_store *store = &c->pass->stores[c->pass->store_count];
	uint32_t value = source_value(c, out->from, out->view.dtype);

	if (value < c->pass->input_count && !c->pass->values[value].uniform) {
		value = add_code(c, move_of(c->pass->values[value].class), c->pass->values[value].class, &value, 1);
	}
	value = as_vector(c, value);
	fused_plan_view(&c->pass->nest, &out->view, &store->view);
	store->view.index = index;
	store->value = value;
	store->narrow = cpu_is_half(out->view.dtype) ? c->vectors->narrow[out->view.dtype] : NULL;
	store->direct = store->view.dense && store->narrow == NULL && c->pass->values[value].out < 0;
	if (store->direct) {
		c->pass->values[value].out = (int32_t)c->pass->store_count;
	}
	c->pass->store_count++;
}

static bool has_stores(const struct compiler *c) {
	for (uint32_t i = 0; i < c->fused->out_count; i++) {
		if (c->wanted[i] && c->fused->outs[i].reduce < 0) {
			return true;
		}
	}
	return false;
}

static void add_fold(struct compiler *c, uint32_t index) {
	const struct tn_fused_out *out = &c->fused->outs[index];
	struct fused_fold *fold = &c->pass->folds[c->pass->fold_count++];
	enum tn_dtype from = source_dtype(c->fused, out->from);
	uint32_t value = source_value(c, out->from, from);
	bool test = out->reduce == TN_OP_ANY || out->reduce == TN_OP_ALL;
	enum tn_dtype wide = test ? TN_DTYPE_BOOL8 : cpu_is_half(out->view.dtype) ? TN_DTYPE_F32 : out->view.dtype;
	enum cpu_fold kind = out->reduce == TN_OP_SUM ? CPU_FOLD_SUM : out->reduce == TN_OP_PROD ? CPU_FOLD_PROD :
	                     out->reduce == TN_OP_MAX || out->reduce == TN_OP_ANY ? CPU_FOLD_MAX : CPU_FOLD_MIN;

	value = as_vector(c, add_cast(c, value, from, wide));
	if (value < c->pass->input_count && has_stores(c)) { /* folded after the tile is stored, perhaps onto that input */
		value = add_code(c, move_of(c->pass->values[value].class), c->pass->values[value].class, &value, 1);
	}
	*fold = (struct fused_fold){.out = index, .value = value, .class = cpu_class_of(wide), .dtype = out->view.dtype};
	fold->fns = &c->vectors->reduce[kind][fold->class];
}

/* ---- lifetimes and blocks ---- */

/* Code number `at` reads a value. */
static void extend_lifetime(const struct fused_pass *pass, const struct fused_code *code, struct fused_value *value, uint32_t at) {
	bool read_again = pass->strip < CPU_BLOCK && value->uniform && !code->uniform;

	if (value->last_use != FUSED_TILE_END) {
		value->last_use = read_again ? FUSED_TILE_END : TN_MUTATED(slot_freed_early) && at > value->defined ? at - 1 : at;
	}
}

/* The rule is above struct fused_value. */
static void find_lifetimes(struct fused_pass *pass) {
	for (uint32_t i = 0; i < pass->code_count; i++) {
		const struct fused_code *code = &pass->codes[i];

		if (pass->values[code->out].defined == 0) {
			pass->values[code->out].defined = i + 1;
		}
		extend_lifetime(pass, code, &pass->values[code->out], i + 1);
		for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
			extend_lifetime(pass, code, &pass->values[code->in[k]], i + 1);
		}
	}
	for (uint32_t i = 0; i < pass->store_count; i++) {
		pass->values[pass->stores[i].value].last_use = FUSED_TILE_END;
	}
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		pass->values[pass->folds[i].value].last_use = FUSED_TILE_END;
	}
}

/* Takes the lowest block that no living register has; an operand that dies in the code may give its block to the result. */
static uint32_t take_slot(const struct fused_pass *pass, uint32_t value, uint32_t first) {
	for (uint32_t slot = first;; slot++) {
		bool taken = false;

		for (uint32_t i = pass->input_count; i < pass->value_count && !taken; i++) {
			const struct fused_value *other = &pass->values[i], *mine = &pass->values[value];
			bool same_size = cpu_class_size(other->class) == cpu_class_size(mine->class);
			bool apart = pass->strip < CPU_BLOCK && (!same_size || other->uniform != mine->uniform);

			taken = other->slot == slot &&
				(apart || (same_size && !mine->uniform ? other->last_use > mine->defined : other->last_use >= mine->defined));
		}
		if (!taken) {
			return slot;
		}
	}
}

static void assign_slots(struct fused_pass *pass) {
	uint32_t slots = 0, gathered;
	size_t widest = 1;

	for (uint32_t i = 0; i < pass->input_count; i++) {
		const struct fused_view *view = &pass->inputs[i];
		int64_t inner = view->stride[pass->nest.ndim - 1];
		bool reads_in_place = pass->values[i].uniform || view->dense || (pass->nest.by_rows && inner == (int64_t)view->size);

		pass->input_slots[i] = reads_in_place || (pass->nest.band > 0 && view->turned) ? NO_SLOT : slots++;
		widest = view->size > widest ? view->size : widest;
	}
	gathered = slots;
	for (uint32_t i = 0; i < pass->code_count; i++) {
		struct fused_value *value = &pass->values[pass->codes[i].out];

		if (value->slot == NO_SLOT) {
			value->slot = take_slot(pass, pass->codes[i].out, gathered);
			slots = value->slot + 1 > slots ? value->slot + 1 : slots;
		}
		widest = cpu_class_size(value->class) > widest ? cpu_class_size(value->class) : widest;
	}
	pass->slot_count = slots;
	pass->slot_size = CPU_BLOCK * widest + 64;
}

/* ---- workspace ---- */

static size_t round64(size_t size) {
	return (size + 63) & ~(size_t)63;
}

/* Partials, results and lanes. The sizes are below that of what is reduced, so that they cannot overflow. */
static void place_folds(const struct tn_fused *fused, struct fused_pass *pass) {
	const struct fused_nest *nest = &pass->nest;
	int64_t lanes = CPU_LANES * (nest->kind == FUSED_OUTER ? (nest->by_rows ? nest->piece : nest->row) : 1);

	pass->thread_size = round64(pass->slot_count * pass->slot_size);
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		struct fused_fold *fold = &pass->folds[i];
		const struct tn_view *view = &fused->outs[fold->out].view;
		size_t size = cpu_class_size(fold->class);
		int64_t step = 1;

		fold->direct = nest->chunks <= 1 && tn_dtype_size(fold->dtype) == size;
		for (int k = nest->axis_count - 1; k >= 0; k--) {
			if ((fused->outs[fold->out].axes >> nest->axes[k] & 1) == 0) {
				fold->direct = fold->direct && view->stride[nest->axes[k]] == step;
				step *= fused->shape.dims[nest->axes[k]];
			}
		}
		fold->partial_at = pass->shared_size;
		if (!fold->direct) {
			pass->shared_size += round64((size_t)(nest->kept * (nest->chunks > 0 ? nest->chunks : 1)) * size);
		}
		fold->lanes_at = pass->thread_size;
		pass->thread_size += round64((size_t)lanes * size);
	}
	for (uint32_t i = 0; nest->band > 0 && i < pass->input_count; i++) {
		if (pass->inputs[i].turned) {
			pass->thread_size = pass->thread_size > 0 ? pass->thread_size : 64; /* an offset of 0 means none */
			pass->turned_at[i] = pass->thread_size;
			pass->thread_size += round64((size_t)(nest->band * nest->piece) * pass->inputs[i].size);
		}
	}
	pass->scalars_at = pass->shared_size;
	pass->shared_size += round64(pass->scalar_count * sizeof(uint64_t));
	pass->pointers_at = pass->thread_size;
	pass->thread_size += round64(pass->value_count * sizeof(void *));
	pass->args_at = pass->thread_size;
	pass->thread_size += round64(pass->code_count * FUSED_ARGS * sizeof(char *));
	pass->seen_at = pass->thread_size;
	pass->thread_size += round64(pass->input_count * 2 * sizeof(int64_t));
}

/* ---- strips ---- */

/* Whether the code keeps the arithmetic busy for longer than its operands take to come from the second cache. */
static bool is_costly(const struct compiler *c, const struct fused_code *code) {
	if (code->op == TN_OP_COUNT) {
		const cpu_mix_fn *mixes = c->vectors->mix[code->class];

		return code->mix != NULL && (code->mix == mixes[CPU_MIX_RATIO] || code->mix == mixes[CPU_MIX_STEP]);
	}
	return code->op == TN_OP_DIV || code->op == TN_OP_SQRT || c->vectors->ops[code->op][code->class][0] == NULL;
}

static int64_t bytes_of_strip(const struct fused_pass *pass, uint32_t value) {
	size_t size = value < pass->input_count ? pass->inputs[value].size : cpu_class_size(pass->values[value].class);

	return pass->values[value].uniform ? 0 : pass->strip * (int64_t)size;
}

/* A tile with a costly code goes in strips, short enough for the processor to look from one into the next: a step of AdamW over
 * 200,704 weights on one core takes 148 us in whole tiles, 111 in strips of 128, and its divisions and roots alone 100. */
static void choose_strip(struct compiler *c) {
	struct fused_pass *pass = c->pass;

	pass->strip = CPU_BLOCK;
	for (uint32_t i = 0; i < pass->code_count; i++) {
		if (pass->code_count > 1 && !pass->codes[i].uniform && is_costly(c, &pass->codes[i])) {
			pass->strip = CPU_STRIP;
		}
	}
	for (uint32_t i = 0; i < pass->code_count; i++) {
		struct fused_code *code = &pass->codes[i];

		code->advance[0] = bytes_of_strip(pass, code->out);
		for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
			code->advance[k + 1] = bytes_of_strip(pass, code->in[k]);
		}
	}
}

/* ---- the whole ---- */

/* Room for the most that can be made of a program: an instruction gives at most 3 splats, itself and a rounding; an input one
 * widening; an output a copy, a splat, a cast and a rounding; mixes two numbers 1. */
static bool allocate(const struct tn_fused *fused, struct compiler *c) {
	struct fused_pass *pass = c->pass;
	size_t codes = c->code_room = (size_t)fused->ins_count * 5 + fused->input_count + (size_t)fused->out_count * 4 + 1;
	size_t values = c->value_room = codes + fused->input_count + (size_t)fused->ins_count * 3 + 3;
	size_t scalars = c->scalar_room = (size_t)fused->ins_count * 3 + 3;

	pass->inputs = tn_calloc(fused->input_count + 1, sizeof(*pass->inputs));
	pass->input_slots = tn_calloc(fused->input_count + 1, sizeof(*pass->input_slots));
	pass->turned_at = tn_calloc(fused->input_count + 1, sizeof(*pass->turned_at));
	pass->values = tn_calloc(values, sizeof(*pass->values));
	pass->codes = tn_calloc(codes, sizeof(*pass->codes));
	pass->stores = tn_calloc(fused->out_count + 1, sizeof(*pass->stores));
	pass->folds = tn_calloc(fused->out_count + 1, sizeof(*pass->folds));
	pass->scalars = tn_calloc(scalars, sizeof(*pass->scalars));
	c->of_ins = tn_calloc(fused->ins_count + 1, sizeof(*c->of_ins));
	c->of_input = tn_calloc(fused->input_count + 1, sizeof(*c->of_input));
	c->needed = tn_calloc(fused->ins_count + 1, sizeof(*c->needed));
	return pass->inputs != NULL && pass->input_slots != NULL && pass->turned_at != NULL && pass->values != NULL &&
		pass->codes != NULL && pass->stores != NULL && pass->folds != NULL && pass->scalars != NULL && c->of_ins != NULL && c->of_input != NULL &&
		c->needed != NULL;
}

static void add_inputs(struct compiler *c) {
	struct fused_pass *pass = c->pass;

	pass->input_count = c->fused->input_count;
	for (uint32_t i = 0; i < pass->input_count; i++) {
		struct fused_view *view = &pass->inputs[i];
		const struct fused_nest *nest = &pass->nest;

		fused_plan_view(nest, &c->fused->inputs[i], view);
		view->index = i;
		/* A tile within one row sees one element where the row's stride is 0; other tiles only where all are. */
		add_value(
			c, cpu_class_of(c->fused->inputs[i].dtype), nest->by_rows ? view->stride[nest->ndim - 1] == 0 : view->period == 1);
		c->of_input[i] = NO_SLOT;
	}
}

bool fused_compile(const struct tn_fused *fused, const bool *wanted, struct fused_pass *pass, struct tn_error *err) {
	struct compiler c = {.fused = fused, .wanted = wanted, .pass = pass, .vectors = cpu_vectors()};
	bool ok = false;

	if (!allocate(fused, &c)) {
		tn_error_memory(err);
		goto done;
	}
	add_inputs(&c);
	if (!add_instructions(&c, err)) {
		goto done;
	}
	for (uint32_t i = 0; i < fused->out_count; i++) {
		if (wanted[i] && fused->outs[i].reduce < 0) {
			add_store(&c, i);
		} else if (wanted[i]) {
			add_fold(&c, i);
		}
	}
	if (!fused_mix(pass)) {
		tn_error_memory(err);
		goto done;
	}
	assert(pass->value_count <= c.value_room && pass->scalar_count <= c.scalar_room);
	choose_strip(&c);
	find_lifetimes(pass);
	assign_slots(pass);
	assert(fused_fault(pass) == NULL);
	place_folds(fused, pass);
	pass->work = (c.work + 1) * (double)pass->nest.count;
	ok = true;
done:
	tn_free(c.of_ins);
	tn_free(c.of_input);
	tn_free(c.needed);
	return ok;
}

void fused_pass_finish(struct fused_pass *pass) {
	tn_free(pass->inputs);
	tn_free(pass->input_slots);
	tn_free(pass->turned_at);
	tn_free(pass->values);
	tn_free(pass->codes);
	tn_free(pass->stores);
	tn_free(pass->folds);
	tn_free(pass->scalars);
}
