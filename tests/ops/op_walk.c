/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every test row of the op table in every dtype that it takes, through the engine and the CPU backend, and writes operands
 * and results as text for check_ops.py, which computes them again with NumPy. `--eager` uses the eager reference mode. Exit
 * status 1 where an op has no row, or a call fails. */
#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "run_case.h"

static bool put_tensor(const char *label, struct tn_tensor *t, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(t);
	size_t size = (size_t)tn_shape_count(shape) * tn_dtype_size(tn_tensor_dtype(t));
	unsigned char *bytes = tn_alloc(size);
	bool ok = bytes != NULL ? tn_tensor_read(t, bytes, size, err) : tn_error_memory(err);

	if (ok) {
		printf("%s %s ", label, tn_dtype_name(tn_tensor_dtype(t)));
		for (int i = 0; i < shape->ndim; i++) {
			printf("%s%lld", i > 0 ? "," : "", (long long)shape->dims[i]);
		}
		printf(" ");
		for (size_t i = 0; i < size; i++) {
			printf("%02x", bytes[i]);
		}
		printf("\n");
	}
	tn_free(bytes);
	return ok;
}

static void put_head(const struct op_case *c, enum tn_dtype dtype) {
	printf("case %s %s\nnote %s\nattrs", tn_op_name(c->op), tn_dtype_name(dtype), c->note);
	for (int i = 0; i < c->attr_count; i++) {
		printf(" %lld", (long long)c->attrs[i]);
	}
	printf("\nscalars%s", c->scalar_first ? " first" : "");
	for (int i = 0; i < c->scalar_count; i++) {
		if (c->scalars[i].is_float) {
			printf(" %.17g", c->scalars[i].f);
		} else {
			printf(" %lld", (long long)c->scalars[i].i);
		}
	}
	printf("\n");
}

/* One call in one dtype. */
static bool walk_case(
	struct tn_engine *e, const struct op_case *c, enum tn_dtype dtype, enum tn_dtype result, struct tn_error *err) {
	struct tn_tensor *inputs[4] = {NULL}, *out = NULL;
	bool ok = true;

	for (int i = 0; i < c->input_count && ok; i++) {
		inputs[i] = c->in[i].fill == FILL_RESULT ? case_pooled(e, c, inputs[0], err) : case_tensor(e, c, i, dtype, NULL, err);
		ok = inputs[i] != NULL;
	}
	out = ok ? case_call(e, c, inputs, result, err) : NULL;
	ok = out != NULL;
	if (ok) {
		put_head(c, result);
	}
	for (int i = 0; i < c->input_count && ok; i++) {
		ok = put_tensor("in", inputs[i], err);
	}
	ok = ok && put_tensor("out", out, err);
	for (int i = 0; i < c->input_count; i++) {
		tn_tensor_unref(inputs[i]);
	}
	tn_tensor_unref(out);
	if (!ok) {
		fprintf(stderr, "%s (%s) in %s: %s\n", tn_op_name(c->op), c->note, tn_dtype_name(dtype), err->text);
		tn_error_clear(err);
	}
	return ok;
}

static bool takes(const struct op_case *c, enum tn_dtype dtype) {
	unsigned class = tn_dtype_is_float(dtype) ? OP_F : tn_dtype_is_integer(dtype) ? OP_I : OP_B;
	bool only_i64 = c->op == TN_OP_RAND_INT || c->op == TN_OP_RAND_PERM;

	return ((unsigned)c->classes & class) != 0 && (!only_i64 || dtype == TN_DTYPE_I64);
}

static bool walk(struct tn_engine *e) {
	bool seen[TN_OP_COUNT] = {false}, ok = true;
	struct tn_error err = {0};

	for (size_t i = 0; i < TN_ARRAY_LEN(op_cases); i++) {
		seen[op_cases[i].op] = true;
		for (int dtype = 0; dtype < TN_DTYPE_COUNT; dtype++) {
			if (!takes(&op_cases[i], (enum tn_dtype)dtype)) {
				continue;
			}
			for (int to = 0; to < TN_DTYPE_COUNT && op_cases[i].op == TN_OP_CAST; to++) {
				ok = walk_case(e, &op_cases[i], (enum tn_dtype)dtype, (enum tn_dtype)to, &err) && ok;
			}
			ok = (op_cases[i].op == TN_OP_CAST || walk_case(e, &op_cases[i], (enum tn_dtype)dtype, (enum tn_dtype)dtype, &err)) &&
				ok;
		}
	}
	for (int op = 0; op < TN_OP_COUNT; op++) {
		if (!seen[op]) {
			fprintf(stderr, "op '%s' has no test row in tests/ops/cases.h\n", tn_op_name((enum tn_op)op));
			ok = false;
		}
	}
	return ok;
}

int main(int argc, char **argv) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)256 << 20}, &err);
	struct tn_engine *e = backend == NULL
		? NULL
		: tn_engine_create(
			  &(struct tn_engine_params){.backend = backend, .eager = argc > 1 && strcmp(argv[1], "--eager") == 0}, &err);
	bool ok;

	if (e == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	ok = walk(e);
	tn_engine_destroy(e);
	return ok ? 0 : 1;
}
