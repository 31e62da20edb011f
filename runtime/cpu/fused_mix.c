/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of codes that become one loop (mix_tmpl.c): an operation takes in those that compute its operands, where nobody else
 * reads these. The bits stay the same; what is saved is a walk over the tile, with its loads and stores, for each operation. */
#include <string.h>

#include "cpu/fused.h"

enum { NONE = UINT32_MAX };

struct finder {
	struct fused_pass *pass;
	uint32_t *producer; /* of each value: the code that computes it, NONE where none does or several */
	uint32_t *uses;     /* of each value: by codes, stores and folds */
};

static void count_uses(struct finder *f) {
	const struct fused_pass *pass = f->pass;

	for (uint32_t i = 0; i < pass->value_count; i++) {
		f->producer[i] = NONE;
		f->uses[i] = 0;
	}
	for (uint32_t i = 0; i < pass->code_count; i++) {
		const struct fused_code *code = &pass->codes[i];

		/* a second one works in place, on a value that is then more than its op */
		f->uses[code->out] += f->producer[code->out] != NONE ? 2 : 0;
		f->producer[code->out] = i;
		for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
			f->uses[code->in[k]] += k == 0 || code->in[k] != code->in[0];
		}
	}
	for (uint32_t i = 0; i < pass->store_count; i++) {
		f->uses[pass->stores[i].value]++;
	}
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		f->uses[pass->folds[i].value]++;
	}
}

static bool is_vector(const struct finder *f, uint32_t value) {
	return !f->pass->values[value].uniform;
}

/* The code that computes a value by that op, to be taken in: nobody else reads the value. NULL: there is none. */
static const struct fused_code *made_by(const struct finder *f, uint32_t value, enum tn_op op, enum cpu_class class) {
	const struct fused_code *code = f->producer[value] == NONE ? NULL : &f->pass->codes[f->producer[value]];

	return code != NULL && f->uses[value] == 1 && is_vector(f, value) && code->op == op && code->class == class ? code : NULL;
}

/* The number 1, as a value of the pass. */
static uint32_t one_of(struct finder *f, enum cpu_class class) {
	struct fused_pass *pass = f->pass;
	enum tn_dtype dtype = class == CPU_F64 ? TN_DTYPE_F64 : TN_DTYPE_F32;
	struct fused_scalar *scalar;

	for (uint32_t i = 0; i < pass->scalar_count; i++) {
		if (pass->scalars[i].index == FUSED_ONE && pass->scalars[i].dtype == dtype) {
			return pass->scalars[i].value;
		}
	}
	scalar = &pass->scalars[pass->scalar_count++];
	*scalar = (struct fused_scalar){.value = pass->value_count++, .index = FUSED_ONE, .dtype = dtype};
	pass->values[scalar->value] = (struct fused_value){.class = class, .uniform = true, .slot = NONE, .out = -1};
	f->producer[scalar->value] = NONE;
	f->uses[scalar->value] = 0;
	return scalar->value;
}

/* A vector times a number; the number is NONE where it is 1. */
struct scaled {
	uint32_t vector, number;
};

static struct scaled scaled_of(const struct finder *f, uint32_t value, enum cpu_class class) {
	const struct fused_code *code = made_by(f, value, TN_OP_MUL, class);

	for (int k = 0; code != NULL && k < 2; k++) {
		if (is_vector(f, code->in[k]) && !is_vector(f, code->in[1 - k])) {
			return (struct scaled){code->in[k], code->in[1 - k]};
		}
	}
	return (struct scaled){value, NONE};
}

/* A product of two vectors that is read here alone. */
static const struct fused_code *product_of(const struct finder *f, uint32_t value, enum cpu_class class) {
	const struct fused_code *code = made_by(f, value, TN_OP_MUL, class);

	return code != NULL && is_vector(f, code->in[0]) && is_vector(f, code->in[1]) ? code : NULL;
}

/* The operands of a mix; NONE: none (a vector), 1 (a number). */
struct match {
	enum cpu_mix mix;
	uint32_t vector[CPU_MIX_VECTORS], number[CPU_MIX_OPERANDS - CPU_MIX_VECTORS];
};

static bool match_sum(const struct finder *f, const struct fused_code *code, struct match *m) {
	struct scaled x = scaled_of(f, code->in[0], code->class), y = scaled_of(f, code->in[1], code->class);
	bool add = code->op == TN_OP_ADD;
	const struct fused_code *product;

	if (!is_vector(f, code->in[0]) || !is_vector(f, code->in[1])) {
		return false;
	}
	if (add && product_of(f, y.vector, code->class) == NULL && product_of(f, x.vector, code->class) != NULL) {
		struct scaled other = x;

		x = y;
		y = other;
	}
	product = add ? product_of(f, y.vector, code->class) : NULL;
	*m = (struct match){add ? CPU_MIX_SUM : CPU_MIX_DIFFERENCE, {x.vector, y.vector, NONE}, {x.number, y.number, NONE, NONE}};
	if (product != NULL) {
		*m = (struct match){CPU_MIX_SQUARES, {x.vector, product->in[0], product->in[1]}, {x.number, y.number, NONE, NONE}};
	}
	return product != NULL || x.number != NONE || y.number != NONE;
}

/* (x s) / (sqrt(y) t + u) */
static bool match_ratio(const struct finder *f, const struct fused_code *code, struct match *m) {
	const struct fused_code *sum = made_by(f, code->in[1], TN_OP_ADD, code->class), *root;
	struct scaled x, y;
	int side;

	if (sum == NULL || !is_vector(f, code->in[0]) || is_vector(f, sum->in[0]) == is_vector(f, sum->in[1])) {
		return false;
	}
	side = is_vector(f, sum->in[0]) ? 0 : 1;
	x = scaled_of(f, code->in[0], code->class);
	y = scaled_of(f, sum->in[side], code->class);
	root = made_by(f, y.vector, TN_OP_SQRT, code->class);
	*m = (struct match){CPU_MIX_RATIO, {x.vector, root == NULL ? NONE : root->in[0], NONE},
	                    {x.number, y.number, sum->in[1 - side], NONE}};
	return root != NULL;
}

/* x s minus a ratio. */
static bool match_step(const struct finder *f, const struct fused_code *code, struct match *m) {
	const struct fused_code *quotient = made_by(f, code->in[1], TN_OP_DIV, code->class);
	struct scaled x = scaled_of(f, code->in[0], code->class);
	struct match ratio;

	if (quotient == NULL || !is_vector(f, code->in[0]) || !match_ratio(f, quotient, &ratio)) {
		return false;
	}
	*m = (struct match){CPU_MIX_STEP, {x.vector, ratio.vector[0], ratio.vector[1]},
	                    {x.number, ratio.number[0], ratio.number[1], ratio.number[2]}};
	return true;
}

static bool match_relu(const struct finder *f, const struct fused_code *code, struct match *m) {
	const struct fused_code *sum = made_by(f, code->in[0], TN_OP_ADD, code->class);

	if (sum == NULL || !is_vector(f, sum->in[0]) || !is_vector(f, sum->in[1])) {
		return false;
	}
	*m = (struct match){CPU_MIX_ADD_RELU, {sum->in[0], sum->in[1], NONE}, {NONE, NONE, NONE, NONE}};
	return true;
}

static bool match_mask(const struct finder *f, const struct fused_code *code, struct match *m) {
	const struct fused_code *test = made_by(f, code->in[0], TN_OP_GT, code->class);

	if (test == NULL || !is_vector(f, test->in[0]) || is_vector(f, test->in[1]) || !is_vector(f, code->in[1]) ||
		is_vector(f, code->in[2])) {
		return false;
	}
	*m = (struct match){CPU_MIX_MASK, {test->in[0], code->in[1], NONE}, {test->in[1], code->in[2], NONE, NONE}};
	return true;
}

static bool match_code(const struct finder *f, const struct fused_code *code, struct match *m) {
	if (!is_vector(f, code->out) || (code->class != CPU_F32 && code->class != CPU_F64)) {
		return false;
	}
	switch (code->op) {
	case TN_OP_ADD: return match_sum(f, code, m);
	case TN_OP_SUB: return match_step(f, code, m) || match_sum(f, code, m);
	case TN_OP_DIV: return match_ratio(f, code, m);
	case TN_OP_RELU: return match_relu(f, code, m);
	case TN_OP_WHERE: return match_mask(f, code, m);
	default: return false;
	}
}

static void apply(struct finder *f, struct fused_code *code, const struct match *m) {
	for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
		uint32_t value = k < CPU_MIX_VECTORS ? m->vector[k] : m->number[k - CPU_MIX_VECTORS];

		code->in[k] = value != NONE ? value : k < CPU_MIX_VECTORS ? m->vector[0] : one_of(f, code->class);
	}
	code->mix = cpu_vectors()->mix[code->class][m->mix];
	code->op = TN_OP_COUNT;
}

/* Leaves out what nobody reads any more. */
static void drop_unread(struct finder *f) {
	struct fused_pass *pass = f->pass;
	uint32_t kept = pass->code_count;

	count_uses(f);
	for (uint32_t i = pass->code_count; i-- > 0;) {
		struct fused_code *code = &pass->codes[i];

		if (f->uses[code->out] == 0) {
			for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
				f->uses[code->in[k]] -= k == 0 || code->in[k] != code->in[0];
			}
			continue;
		}
		pass->codes[--kept] = *code;
	}
	pass->code_count -= kept;
	memmove(pass->codes, pass->codes + kept, pass->code_count * sizeof(*pass->codes));
}

bool fused_mix(struct fused_pass *pass) {
	struct finder f = {.pass = pass};
	size_t most = (size_t)pass->value_count + 2; /* two numbers 1 may come */
	bool ok;

	f.producer = tn_calloc(most, sizeof(*f.producer));
	f.uses = tn_calloc(most, sizeof(*f.uses));
	ok = f.producer != NULL && f.uses != NULL;
	if (ok) {
		count_uses(&f);
		for (uint32_t i = pass->code_count; i-- > 0;) { /* what takes in most comes last */
			struct match m;

			if (match_code(&f, &pass->codes[i], &m)) {
				apply(&f, &pass->codes[i], &m);
			}
		}
		drop_unread(&f);
	}
	tn_free(f.producer);
	tn_free(f.uses);
	return ok;
}
