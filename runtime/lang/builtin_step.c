/* SPDX-License-Identifier: Apache-2.0 */
/* What optimizers written in the language ask of trees (LANGUAGE.md section 8): that the gradient has the net's structure, whether every
 * weight has one, and to leave those that have none as they are. And what a setting is, a number or a function. */
#include <stdio.h>
#include <string.h>

#include "lang/builtin.h"

enum { STEP_DEPTH = 1000 };

struct pair_walk { struct tn_str path; const char *name; bool whole; int depth; };

static bool is_container(struct tn_value v) { return v.tag >= TN_LIST && v.tag <= TN_STRUCT; }

static struct tn_value *partner(struct tn_value of, struct tn_value like, size_t i) {
	size_t count;
	return like.tag == TN_MAP ? tn_dict_get(of.map, like.map->keys[i], strlen(like.map->keys[i])) : &tn_value_parts(of, &count)[i];
}

static void describe(struct tn_value v, char out[176]) {
	if (v.tag == TN_TENSOR) {
		tn_describe(tn_tensor_dtype(v.tensor), tn_tensor_shape(v.tensor), out);
		return;
	}
	size_t count = 0;
	const char *kind = v.tag == TN_LIST ? "list" : v.tag == TN_TUPLE ? "tuple" : v.tag == TN_MAP ? "map" : "struct";
	if (is_container(v)) {
		(void)tn_value_parts(v, &count);
		snprintf(out, 176, "a %s of %zu", kind, count);
	} else {
		snprintf(out, 176, "%s", v.tag == TN_EMPTY ? "empty" : "no tensor");
	}
}

static bool differ(const struct pair_walk *w, struct tn_value want, struct tn_value found, struct tn_error *err) {
	char a[176], b[176];
	describe(want, a);
	describe(found, b);
	const char *at = tn_str_c(&w->path);
	tn_error_set(err, TN_ERR_VALUE, "step: the gradient is of another structure than the net%s%.200s: expected %s, found %s", at[0] == '\0' ? "" : ", at ", at, a, b);
	tn_error_hint(err, "auto (loss, g) = grad (net) { … } gives the gradient of that net");
	return false;
}

static bool compare(struct pair_walk *w, struct tn_value net, struct tn_value g, bool frozen, struct tn_error *err) {
	size_t n, m, before;
	if (!is_container(net)) {
		bool weight = net.tag == TN_TENSOR && !frozen && tn_dtype_is_float(tn_tensor_dtype(net.tensor));
		if (!weight) {
			return !is_container(g) || differ(w, net, g, err);
		}
		w->whole = w->whole && g.tag == TN_TENSOR;
		return g.tag == TN_EMPTY || (g.tag == TN_TENSOR && tn_shape_equal(tn_tensor_shape(net.tensor), tn_tensor_shape(g.tensor))) || differ(w, net, g, err);
	}
	if (net.tag != g.tag || ++w->depth > STEP_DEPTH) {
		return net.tag != g.tag ? differ(w, net, g, err) : tn_error_set(err, TN_ERR_RECURSION, "the tree is nested more than %d deep", STEP_DEPTH);
	}
	struct tn_value *items = tn_value_parts(net, &n);
	(void)tn_value_parts(g, &m);
	if (n != m) {
		return differ(w, net, g, err);
	}
	for (size_t i = 0; i < n; i++) {
		const struct tn_value *other = partner(g, net, i);
		bool below = frozen || (net.tag == TN_STRUCT && net.instance->def->fields[i].frozen);
		if (other == NULL) {
			return differ(w, net, g, err);
		}
		if (items[i].tag < TN_TENSOR && items[i].tag != TN_EMPTY && other->tag < TN_TENSOR) {
			continue;
		}
		if (!tn_tree_push_name(&w->path, net, i, &before, err) || !compare(w, items[i], *other, below, err)) {
			return false;
		}
		tn_tree_pop_name(&w->path, before);
	}
	w->depth--;
	return true;
}

static bool run_gradients_are_whole(struct tn_native_call *call, struct tn_error *err) {
	struct pair_walk w = {.whole = true};
	bool ok = compare(&w, call->args[0], call->args[1], false, err);
	tn_str_finish(&w.path);
	*call->result = tn_bool(w.whole);
	return ok;
}

/* ---- what has no gradient stays ---- */

/* *out: `made`, with the parts of `old` where g is empty. The structures are equal: compare() has seen to it. */
static bool choose(struct tn_value old, struct tn_value made, struct tn_value g, int depth, struct tn_value *out, struct tn_error *err) {
	size_t n, of_old, of_g;
	if (!is_container(made)) {
		*out = tn_value_ref(g.tag == TN_TENSOR ? made : old);
		return true;
	}
	*out = tn_void();
	if (depth > STEP_DEPTH) {
		return tn_error_set(err, TN_ERR_RECURSION, "the tree is nested more than %d deep", STEP_DEPTH);
	}
	(void)tn_value_parts(made, &n);
	if (old.tag != made.tag || g.tag != made.tag || (tn_value_parts(old, &of_old), of_old != n) || (tn_value_parts(g, &of_g), of_g != n)) {
		return tn_error_set(err, TN_ERR_VALUE, "step: the trees are of different structures");
	}
	*out = tn_value_ref(made);
	if (!tn_value_make_unique(out, err)) {
		return false;
	}
	struct tn_value *items = tn_value_parts(*out, &n);
	for (size_t i = 0; i < n; i++) {
		const struct tn_value *a = partner(old, made, i), *b = partner(g, made, i);
		struct tn_value part = tn_void();
		if (a != NULL && b != NULL && (items[i].tag >= TN_TENSOR || items[i].tag == TN_EMPTY)) {
			if (!choose(*a, items[i], *b, depth + 1, &part, err)) {
				tn_value_unref(part);
				return false;
			}
			tn_value_store(&items[i], part);
		}
	}
	return true;
}

static bool run_keep(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value made = tn_void();
	if (!choose(call->args[0], call->args[1], call->args[2], 0, &made, err)) {
		tn_value_unref(made);
		return false;
	}
	*call->result = made;
	return true;
}

static struct tn_type *type_second(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	return typing->args[1];
}

/* ---- settings ---- */

static bool run_is_number(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_bool(call->args[0].tag == TN_INT || call->args[0].tag == TN_FLOAT);
	return true;
}
static bool run_is_function(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_bool(call->args[0].tag == TN_FN || is_container(call->args[0]));
	return true;
}

static const struct tn_native rows[] = {
	{ "bool _gradients_are_whole(tree net, tree g)", "Whether every weight of net has a gradient in g; an error where g is of another structure.",
	  "_gradients_are_whole((ones(2), ones(3)), (zeros(2), zeros(3)))    // expect: true", run_gradients_are_whole, NULL, 0 },
	{ "auto _keep_without_gradient(tree before, tree after, tree g)", "`after`, with the weights of `before` where g is empty. The three are of one structure.",
	  "_keep_without_gradient((ones(1), ones(1)), (zeros(1), zeros(1)), zeros_like((ones(1), tensor([1]))))[1]    // expect: tensor([1.]) f32[1]", run_keep, type_second, 0 },
	{ "bool is_number(auto x)", "Whether a value is an int or a float: of what is known only when the code runs.\n\nx: anything.", "is_number(1.5)    // expect: true", run_is_number, NULL, 0 },
	{ "bool is_function(auto x)", "Whether a value is a function, a lambda, or what may be called: a struct, tuple or list.\n\nx: anything.", "is_function((x) => x)    // expect: true", run_is_function, NULL, 0 },
};
TN_NATIVE_TABLE(step, rows);
