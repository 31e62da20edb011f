/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: what becomes one step, what is left out, whose buffer is written over, and that none of it changes a bit: random
 * programs run planned and node by node. */
#include "tensor/engine.h"
#include "tensor_fixture.h"

static struct tn_engine *eager_engine(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)256 << 20}, &err);
	struct tn_engine *e = tn_engine_create(&(struct tn_engine_params){.backend = backend, .eager = true}, &err);

	TN_CHECK_NO_ERROR(&err);
	return e;
}

/* Flushes and gives the plan as text, valid until the next call. */
static const char *flushed(struct tn_engine *e) {
	static struct tn_str text;
	struct tn_error err = {0};

	tn_str_clear(&text);
	TN_CHECK(tn_flush(e, "test", &err) || !tn_error_is_set(&err));
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(tn_engine_describe_last_plan(e, &text));
	return tn_str_c(&text);
}

static struct tn_tensor *scaled(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, double number, bool literal) {
	struct tn_error err = {0};
	struct tn_tensor *out = tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(x), tn_arg_f64(number, literal)}, 2, &err);

	TN_CHECK_NO_ERROR(&err);
	return out;
}

/* op over x, which is given up. */
static struct tn_tensor *then(struct tn_engine *e, enum tn_op op, struct tn_tensor *x) {
	struct tn_error err = {0};
	struct tn_tensor *out = tn_unary(e, op, x, &err);

	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(x);
	return out;
}

/* op over a and b, which are given up. */
static struct tn_tensor *join(struct tn_engine *e, enum tn_op op, struct tn_tensor *a, struct tn_tensor *b) {
	struct tn_error err = {0};
	struct tn_tensor *out = tn_binary(e, op, a, b, &err);

	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	return out;
}

static struct tn_tensor *reduced(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, int64_t axis, bool keepdim) {
	struct tn_error err = {0};
	struct tn_tensor *out = tn_reduce(e, op, x, &axis, 1, keepdim, &err);

	TN_CHECK_NO_ERROR(&err);
	return out;
}

/* x = x * factor + other, as an update of a variable. */
static void decay(struct tn_engine *e, struct tn_tensor **x, double factor, struct tn_tensor *other, double share) {
	struct tn_tensor *next = join(e, TN_OP_ADD, scaled(e, TN_OP_MUL, *x, factor, true), scaled(e, TN_OP_MUL, other, share, true));

	tn_tensor_unref(*x);
	*x = next;
}

/* One AdamW update of p by g, with the moments m and v, whose corrections are run-time numbers. */
static void adamw(
	struct tn_engine *e, struct tn_tensor **p, struct tn_tensor **m, struct tn_tensor **v, struct tn_tensor *g, double step) {
	struct tn_error err = {0};
	struct tn_tensor *square = tn_binary(e, TN_OP_MUL, g, g, &err), *top, *root, *change;

	decay(e, m, 0.9, g, 0.1);
	decay(e, v, 0.999, square, 0.001);
	tn_tensor_unref(square);
	top = scaled(e, TN_OP_DIV, *m, 1 - 0.9 * step, false);
	root = then(e, TN_OP_SQRT, scaled(e, TN_OP_DIV, *v, 1 - 0.999 * step, false));
	change = join(e, TN_OP_DIV, top, scaled(e, TN_OP_ADD, root, 1e-8, true));
	tn_tensor_unref(root);
	decay(e, p, 1 - 0.001 * 0.01, change, -0.001);
	tn_tensor_unref(change);
}

TN_TEST(an_update_of_adamw_is_one_step_over_its_three_tensors) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *p = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(20, 30)), *m = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(20, 30)),
					 *v = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(20, 30)), *g = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(20, 30));
	struct tn_engine_stats stats;

	adamw(e, &p, &m, &v, g, 0.5);
	TN_CHECK_STR_EQ(flushed(e),
		"0 fused [20, 30]: mul mul mul add mul mul add div div sqrt add div mul mul add; in 4 out 3, "
		"over leaf 1, over leaf 2, over leaf 3\n");
	adamw(e, &p, &m, &v, g, 0.25);
	flushed(e);
	tn_engine_get_stats(e, &stats);
	TN_CHECK_INT_EQ(stats.plan_misses, 1);
	TN_CHECK_INT_EQ(stats.plan_hits, 1);
	tn_tensor_unref(p);
	tn_tensor_unref(m);
	tn_tensor_unref(v);
	tn_tensor_unref(g);
	tn_engine_destroy(e);
}

TN_TEST(a_softmax_by_hand_is_three_steps) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(4, 8)), *power, *total, *y;
	struct tn_error err = {0};
	struct tn_tensor *most = reduced(e, TN_OP_MAX, x, 1, true);

	power = then(e, TN_OP_EXP, tn_binary(e, TN_OP_SUB, x, most, &err));
	total = reduced(e, TN_OP_SUM, power, 1, true);
	y = join(e, TN_OP_DIV, power, total);
	TN_CHECK_STR_EQ(flushed(e),
		"0 fused [4, 8]: max; in 1 out 1\n"
		"1 fused [4, 8]: sub exp sum; in 2 out 2\n"
		"2 fused [4, 8]: div; in 2 out 1\n");
	tn_tensor_unref(most);
	tn_tensor_unref(y);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(the_sum_of_a_chain_stores_nothing_else) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(4, 8));
	struct tn_tensor *chain = then(e, TN_OP_EXP, scaled(e, TN_OP_MUL, x, 0.5, true)),
					 *sum = reduced(e, TN_OP_SUM, chain, 0, false);

	tn_tensor_unref(chain);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [4, 8]: mul exp sum; in 1 out 1\n");
	tn_tensor_unref(sum);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(equal_values_are_computed_once_and_dead_ones_never) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(5)), *a = then(e, TN_OP_EXP, tn_tensor_ref(x)),
					 *b = then(e, TN_OP_EXP, tn_tensor_ref(x)), *dead = then(e, TN_OP_SQRT, tn_tensor_ref(x));

	tn_tensor_unref(dead);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [5]: exp; in 1 out 1\n");
	TN_CHECK_STR_EQ(fixture_text(a), fixture_text(b));
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(numbers_of_variables_are_inputs_and_are_not_merged_for_being_equal) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *a, *b;
	struct tn_engine_stats stats;

	for (int i = 0; i < 3; i++) {
		a = scaled(e, TN_OP_MUL, x, i, false);
		b = scaled(e, TN_OP_MUL, x, i == 1 ? 1 : 7, false);
		TN_CHECK_STR_EQ(flushed(e), "0 fused [3]: mul mul; in 1 out 2\n");
		TN_CHECK_STR_EQ(fixture_text(a), i == 0 ? "f32[3] 0 0 0" : i == 1 ? "f32[3] 0 1 2" : "f32[3] 0 2 4");
		TN_CHECK_STR_EQ(fixture_text(b), i == 1 ? "f32[3] 0 1 2" : "f32[3] 0 7 14");
		tn_tensor_unref(a);
		tn_tensor_unref(b);
	}
	tn_engine_get_stats(e, &stats);
	TN_CHECK_INT_EQ(stats.plan_misses, 1);
	a = scaled(e, TN_OP_MUL, x, 2, true);
	b = scaled(e, TN_OP_MUL, x, 2, true);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [3]: mul; in 1 out 1\n");
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(draws_of_random_numbers_never_merge) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_random_params params = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(4)};
	struct tn_tensor *a = tn_random(e, TN_OP_RAND, &params, &err), *b = tn_random(e, TN_OP_RAND, &params, &err);

	TN_CHECK_STR_EQ(flushed(e), "0 rand f32[4]\n1 rand f32[4]\n");
	TN_CHECK(strcmp(fixture_text(a), fixture_text(b)) != 0);
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	tn_engine_destroy(e);
}

TN_TEST(views_of_pending_values_cost_no_step) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *y = then(e, TN_OP_NEG, tn_tensor_ref(x)),
					 *turned = tn_transpose(e, y, 0, 1, &err), *flat = tn_reshape(e, turned, (int64_t[]){6}, 1, &err),
					 *line = tn_reshape(e, y, (int64_t[]){6}, 1, &err);

	TN_CHECK_STR_EQ(flushed(e), "0 fused [2, 3]: neg; in 1 out 1\n1 contiguous f32[3, 2]\n");
	TN_CHECK_STR_EQ(fixture_text(turned), "f32[3, 2] -0 -3 -1 -4 -2 -5");
	TN_CHECK_STR_EQ(fixture_text(flat), "f32[6] -0 -3 -1 -4 -2 -5");
	TN_CHECK_STR_EQ(fixture_text(line), "f32[6] -0 -1 -2 -3 -4 -5");
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_tensor_unref(turned);
	tn_tensor_unref(flat);
	tn_tensor_unref(line);
	tn_engine_destroy(e);
}

TN_TEST(a_buffer_that_somebody_holds_is_not_written_over) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *held = tn_tensor_ref(x);

	x = then(e, TN_OP_NEG, x);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [3]: neg; in 1 out 1\n");
	TN_CHECK_STR_EQ(fixture_text(held), "f32[3] 0 1 2");
	tn_tensor_unref(held);
	x = then(e, TN_OP_NEG, x);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [3]: neg; in 1 out 1, over leaf 0\n");
	TN_CHECK_STR_EQ(fixture_text(x), "f32[3] 0 1 2");
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(a_reference_for_undoing_does_not_stand_against_donation) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *undo = tn_tensor_ref(x);

	x = then(e, TN_OP_NEG, x);
	tn_tensor_undo_hold(undo);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [3]: neg; in 1 out 1, over leaf 0\n");
	tn_tensor_undo_release(undo);
	tn_tensor_unref(undo);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(nothing_is_donated_before_the_last_step_that_can_fail) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *w = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)),
					 *i = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), (double[]){0, 7}), *got;

	w = then(e, TN_OP_NEG, w);
	got = tn_gather(e, x, i, 0, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(!tn_flush(e, "test", &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_INDEX);
	tn_tensor_unref(got);
	tn_tensor_unref(w);
	tn_tensor_unref(x);
	tn_tensor_unref(i);
	tn_engine_destroy(e);
}

/* ---- random programs: the same bits planned and node by node ---- */

enum { POOL = 24, NODES = 60 };
struct random_program {
	struct tn_engine *e;
	uint64_t state;
	struct tn_tensor *pool[POOL];
};

static uint32_t choose(struct random_program *p, uint32_t n) {
	p->state = p->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(p->state >> 33) % n;
}

static struct tn_tensor *random_leaf(struct random_program *p) {
	static const int64_t dims[][3] = {{4, 6, 5}, {1, 6, 5}, {4, 1, 5}, {4, 6, 1}, {1, 1, 5}};
	const int64_t *d = dims[choose(p, 5)];
	struct tn_shape shape = TN_SHAPE(d[0], d[1], d[2]);
	double values[120];

	for (int i = 0; i < 120; i++) {
		values[i] = (double)choose(p, 2001) / 500 - 2;
	}
	return fixture_from(p->e, choose(p, 4) == 0 ? TN_DTYPE_BF16 : TN_DTYPE_F32, shape, values);
}

static struct tn_tensor *random_view(struct random_program *p, struct tn_tensor *x, struct tn_error *err) {
	const struct tn_shape *s = tn_tensor_shape(x);
	struct tn_tensor *turned, *out;

	switch (choose(p, 5)) {
	case 4: /* other axes innermost in memory */
		out = tn_permute(p->e, x, (int64_t[]){2, 0, 1}, 3, err);
		turned = tn_contiguous(p->e, out, err);
		tn_tensor_unref(out);
		out = tn_permute(p->e, turned, (int64_t[]){1, 2, 0}, 3, err);
		break;
	case 0: /* there and back through a copy that strides cannot avoid */
		turned = tn_permute(p->e, x, (int64_t[]){2, 0, 1}, 3, err);
		out = tn_permute(p->e, turned, (int64_t[]){1, 2, 0}, 3, err);
		break;
	case 1:
		turned = tn_reshape(p->e, x, (int64_t[]){-1}, 1, err);
		out = tn_reshape(p->e, turned, s->dims, 3, err);
		break;
	case 2:
		return tn_expand(p->e, x, (int64_t[]){4, 6, 5}, 3, err);
	default:
		turned = tn_flip(p->e, x, (int64_t[]){1}, 1, err);
		out = tn_contiguous(p->e, turned, err);
		break;
	}
	tn_tensor_unref(turned);
	return out;
}

/* One row, whose number is a variable's; or a write there. */
static struct tn_tensor *random_row(struct random_program *p, struct tn_tensor **at, struct tn_error *err) {
	struct tn_tensor *x = *at;
	int64_t rows = tn_tensor_shape(x)->dims[0], columns = tn_tensor_shape(x)->dims[1];
	struct tn_index row = {.kind = TN_INDEX_SLICE, .has_start = true, .has_stop = true, .start = choose(p, (uint32_t)rows)};
	struct tn_index element[3] = {{.kind = TN_INDEX_INT, .start = row.start},
		{.kind = TN_INDEX_INT, .literal = true, .start = choose(p, (uint32_t)columns)},
		{.kind = TN_INDEX_INT, .literal = true}};

	row.stop = row.start + 1;
	if (choose(p, 2) == 0) {
		return tn_index_get(p->e, x, &row, 1, err);
	}
	return tn_index_set(p->e, at, element, 3, tn_arg_f64(0.5, true), err) ? tn_tensor_ref(*at) : NULL;
}

static struct tn_tensor *random_node(struct random_program *p, struct tn_error *err) {
	static const enum tn_op unary[] = {TN_OP_NEG, TN_OP_ABS, TN_OP_SIGMOID, TN_OP_TANH, TN_OP_RELU, TN_OP_SIN, TN_OP_FLOOR};
	static const enum tn_op binary[] = {TN_OP_ADD, TN_OP_SUB, TN_OP_MUL, TN_OP_MAXIMUM, TN_OP_DIV};
	static const enum tn_op reduce[] = {TN_OP_SUM, TN_OP_MAX, TN_OP_MIN};
	struct tn_tensor **from = &p->pool[choose(p, POOL)], *a = *from, *b = p->pool[choose(p, POOL)];
	int64_t axes[2];

	switch (choose(p, 10)) {
	case 8:
		return tn_full(p->e, TN_DTYPE_F32, &TN_SHAPE(4, 6, 5), tn_arg_f64(0.25 * (double)choose(p, 9), true).scalar, err);
	case 9:
		return random_row(p, from, err);
	case 0:
	case 1:
		return tn_unary(p->e, unary[choose(p, 7)], a, err);
	case 2:
	case 3:
		return tn_binary(p->e, binary[choose(p, 5)], a, b, err);
	case 4:
		return scaled(p->e, binary[choose(p, 4)], a, (double)choose(p, 9) - 4, choose(p, 2) == 0);
	case 5:
		axes[0] = choose(p, 2);
		axes[1] = 2;
		return tn_reduce(p->e, reduce[choose(p, 3)], a, axes, 1 + (int)choose(p, 2), true, err);
	case 6:
		return random_view(p, a, err);
	default:
		return tn_cast(p->e, a, choose(p, 3) == 0 ? TN_DTYPE_BF16 : TN_DTYPE_F32, err);
	}
}

/* All bytes of the pool after the program, to compare; and the order of each one's axes in memory, on which the bits of a
 * contraction depend: it too must not depend on what was computed when. Flushes as often as one in `calm` nodes. */
static size_t run_program(struct tn_engine *e, uint64_t seed, uint32_t calm, char *out) {
	struct random_program p = {.e = e, .state = seed};
	struct tn_error err = {0};
	int64_t order[3];
	size_t at = 0;

	for (int i = 0; i < POOL; i++) {
		p.pool[i] = random_leaf(&p);
	}
	for (int i = 0; i < NODES; i++) {
		uint32_t to = choose(&p, POOL);
		struct tn_tensor *made = random_node(&p, &err);

		TN_CHECK_NO_ERROR(&err);
		tn_tensor_unref(p.pool[to]);
		p.pool[to] = made;
		if (choose(&p, 1 << 16) % calm == 0) {
			TN_CHECK(tn_flush(e, "test", &err));
		}
	}
	for (int i = 0; i < POOL; i++) {
		size_t size = (size_t)tn_shape_count(tn_tensor_shape(p.pool[i])) * tn_dtype_size(tn_tensor_dtype(p.pool[i]));

		TN_CHECK(tn_tensor_read(p.pool[i], out + at, size, &err) || !tn_error_is_set(&err));
		TN_CHECK_NO_ERROR(&err);
		at += size;
		memset(order, 0, sizeof(order));
		tn_strides_like(tn_tensor_shape(p.pool[i]), p.pool[i]->stride, order);
		memcpy(out + at, order, sizeof(order));
		at += sizeof(order);
	}
	for (int i = 0; i < POOL; i++) {
		tn_tensor_unref(p.pool[i]);
	}
	return at;
}

TN_TEST(random_programs_give_the_same_bits_planned_and_node_by_node) {
	static char planned[POOL * (120 * 4 + 24)], eager[POOL * (120 * 4 + 24)], flushed[POOL * (120 * 4 + 24)];
	struct tn_engine *lazy = fixture_engine(), *oracle = eager_engine();

	for (uint64_t seed = 1; seed <= 400; seed++) {
		size_t size = run_program(lazy, seed, 1 << 16, planned);

		TN_CHECK_SIZE_EQ(run_program(oracle, seed, 1 << 16, eager), size);
		TN_CHECK_SIZE_EQ(run_program(lazy, seed, 5, flushed), size);
		if (memcmp(planned, eager, size) != 0 || memcmp(planned, flushed, size) != 0) {
			printf("# program %d\n", (int)seed);
		}
		TN_CHECK_MEM_EQ(planned, eager, size);
		TN_CHECK_MEM_EQ(planned, flushed, size);
	}
	tn_engine_destroy(lazy);
	tn_engine_destroy(oracle);
}

TN_TEST(a_weight_is_written_over_though_a_view_of_it_was_read_before) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *w = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(4, 3)),
					 *turned = tn_transpose(e, w, 0, 1, &err), *y = tn_matmul(e, x, turned, &err);

	tn_tensor_unref(turned);
	w = then(e, TN_OP_NEG, w);
	TN_CHECK_STR_EQ(flushed(e), "0 matmul f32[4, 2]\n1 fused [2, 3]: neg; in 1 out 1, over leaf 2\n");
	TN_CHECK_STR_EQ(fixture_text(y), "f32[4, 2] 5 14 14 50 23 86 32 122");
	turned = tn_transpose(e, w, 0, 1, &err);
	tn_tensor_unref(y);
	w = then(e, TN_OP_NEG, w);
	y = tn_matmul(e, x, turned, &err); /* read later than the update: not in its place */
	tn_tensor_unref(turned);
	TN_CHECK_STR_EQ(flushed(e), "0 fused [2, 3]: neg; in 1 out 1\n1 matmul f32[4, 2]\n");
	TN_CHECK_STR_EQ(fixture_text(y), "f32[4, 2] -5 -14 -14 -50 -23 -86 -32 -122");
	tn_tensor_unref(y);
	tn_tensor_unref(x);
	tn_tensor_unref(w);
	tn_engine_destroy(e);
}

/* ---- a small network with its training, planned and node by node ---- */

enum { WEIGHTS = 4 };
struct network {
	struct tn_engine *e;
	struct tn_tensor *w[WEIGHTS], *m[WEIGHTS], *v[WEIGHTS], *images, *classes;
};

static struct tn_tensor *drawn(struct tn_engine *e, struct tn_shape shape) {
	struct tn_error err = {0};
	struct tn_random_params params = {.dtype = TN_DTYPE_F32, .shape = shape};
	struct tn_tensor *x = tn_random(e, TN_OP_RAND, &params, &err), *out = scaled(e, TN_OP_SUB, x, 0.5, true);

	tn_tensor_unref(x);
	return out;
}

static struct tn_tensor *zeros_like(struct tn_engine *e, struct tn_tensor *x) {
	struct tn_error err = {0};

	return tn_full(e, TN_DTYPE_F32, tn_tensor_shape(x), (struct tn_scalar){.is_float = true, .literal = true}, &err);
}

static struct network network_new(struct tn_engine *e) {
	struct tn_error err = {0};
	struct network n = {.e = e};
	struct tn_random_params classes = {.dtype = TN_DTYPE_I64, .shape = TN_SHAPE(6), .low = 0, .high = 5};

	tn_random_set(e, (struct tn_random_state){.seed = 3});
	n.w[0] = drawn(e, TN_SHAPE(4, 2, 3, 3));
	n.w[1] = drawn(e, TN_SHAPE(4));
	n.w[2] = drawn(e, TN_SHAPE(5, 64));
	n.w[3] = drawn(e, TN_SHAPE(5));
	n.images = drawn(e, TN_SHAPE(6, 2, 8, 8));
	n.classes = tn_random(e, TN_OP_RAND_INT, &classes, &err);
	for (int i = 0; i < WEIGHTS; i++) {
		n.m[i] = zeros_like(e, n.w[i]);
		n.v[i] = zeros_like(e, n.w[i]);
	}
	return n;
}

/* The loss of conv, pool, linear, from weights w. */
static struct tn_tensor *network_loss(struct network *n, struct tn_tensor *const *w) {
	struct tn_error err = {0};
	struct tn_conv2d_params conv = {.stride = {1, 1}, .padding = {1, 1}, .dilation = {1, 1}, .groups = 1};
	struct tn_pool2d_params pool = {.kernel = {2, 2}, .stride = {2, 2}};
	struct tn_tensor *x = then(n->e, TN_OP_RELU, tn_conv2d(n->e, n->images, w[0], w[1], &conv, &err)),
					 *pooled = tn_pool2d(n->e, TN_OP_MAX_POOL2D, x, &pool, &err),
					 *flat = tn_reshape(n->e, pooled, (int64_t[]){6, -1}, 2, &err),
					 *turned = tn_transpose(n->e, w[2], 0, 1, &err), *scores, *logs, *index, *picked, *loss;

	scores = join(n->e, TN_OP_ADD, tn_matmul(n->e, flat, turned, &err), tn_tensor_ref(w[3]));
	logs = tn_along(n->e, TN_OP_LOG_SOFTMAX, scores, 1, false, &err);
	index = tn_unsqueeze(n->e, n->classes, 1, &err);
	picked = tn_take_along(n->e, logs, index, 1, &err);
	loss = then(n->e, TN_OP_NEG, tn_mean(n->e, picked, NULL, 0, false, &err));
	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(x);
	tn_tensor_unref(pooled);
	tn_tensor_unref(flat);
	tn_tensor_unref(turned);
	tn_tensor_unref(scores);
	tn_tensor_unref(logs);
	tn_tensor_unref(index);
	tn_tensor_unref(picked);
	return loss;
}

static double train_once(struct network *n, double step) {
	struct tn_error err = {0};
	struct tn_grad *grad = tn_grad_begin(n->e, &err);
	struct tn_tensor *leaves[WEIGHTS], *grads[WEIGHTS], *loss;
	double value;

	for (int i = 0; i < WEIGHTS; i++) {
		leaves[i] = tn_grad_leaf(grad, n->w[i], &err);
	}
	loss = network_loss(n, leaves);
	TN_CHECK(tn_grad_end(grad, loss, leaves, WEIGHTS, grads, &err) || !tn_error_is_set(&err));
	TN_CHECK_NO_ERROR(&err);
	for (int i = 0; i < WEIGHTS; i++) {
		tn_tensor_unref(leaves[i]);
		adamw(n->e, &n->w[i], &n->m[i], &n->v[i], grads[i], step);
		tn_tensor_unref(grads[i]);
	}
	TN_CHECK(tn_flush(n->e, "test", &err) || !tn_error_is_set(&err));
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(tn_tensor_item_f64(loss, &value, &err));
	tn_tensor_unref(loss);
	return value;
}

static void network_finish(struct network *n) {
	for (int i = 0; i < WEIGHTS; i++) {
		tn_tensor_unref(n->w[i]);
		tn_tensor_unref(n->m[i]);
		tn_tensor_unref(n->v[i]);
	}
	tn_tensor_unref(n->images);
	tn_tensor_unref(n->classes);
	tn_engine_destroy(n->e);
}

TN_TEST(a_network_trains_to_the_same_bits_planned_and_node_by_node) {
	struct network planned = network_new(fixture_engine()), eager = network_new(eager_engine());
	struct tn_engine_stats before, after;
	double first = 0, last = 0;

	for (int i = 0; i < 20; i++) {
		if (i == 2) {
			tn_engine_get_stats(planned.e, &before);
		}
		last = train_once(&planned, 1.0 / (i + 1));
		first = i == 0 ? last : first;
		TN_CHECK_F64_EQ(last, train_once(&eager, 1.0 / (i + 1)));
	}
	tn_engine_get_stats(planned.e, &after);
	TN_CHECK(last < first);
	TN_CHECK_INT_EQ(after.plan_misses, before.plan_misses); /* from the third step on nothing is planned again */
	TN_CHECK_INT_EQ(after.flushes - before.flushes, 18);
	for (int i = 0; i < WEIGHTS; i++) {
		TN_CHECK_STR_EQ(fixture_text(planned.w[i]), fixture_text(eager.w[i]));
	}
	network_finish(&planned);
	network_finish(&eager);
}

/* ---- writes by index, whose results take each other's places ---- */

TN_TEST(a_chain_of_writes_copies_once) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(6)), *held = tn_tensor_ref(x),
					 *one = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(1)), *next;

	for (int i = 0; i < 4; i++) {
		struct tn_tensor *index = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(1), (double[]){i});

		next = tn_scatter(e, TN_OP_INDEX_SET, x, index, one, 0, &err);
		TN_CHECK_NO_ERROR(&err);
		tn_tensor_unref(x);
		tn_tensor_unref(index);
		x = next;
	}
	TN_CHECK_STR_EQ(fixture_text(x), "f32[6] 0 0 0 0 4 5");
	TN_CHECK_STR_EQ(fixture_text(held), "f32[6] 0 1 2 3 4 5");
	tn_tensor_unref(x);
	tn_tensor_unref(held);
	tn_tensor_unref(one);
	tn_engine_destroy(e);
}
