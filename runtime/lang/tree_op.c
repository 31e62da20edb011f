/* SPDX-License-Identifier: Apache-2.0 */
/* Leafwise operations on up to three trees of one shape, with numbers and bare tensors between (LANGUAGE.md section 4): weights are computed,
 * any other leaf is the first operand's that is not empty. */
#include <stdio.h>
#include <string.h>

#include "lang/state.h"

enum { OP_DEPTH = 1000 };

struct tree_op {
	struct tn_lang *lang;
	enum tn_op op;
	int count, depth;
	bool whole[3];       /* a number or a bare tensor: the same for every leaf */
	bool any_weight, differs;
	char first_differing[128];
	struct tn_str path;
};

static bool is_container(struct tn_value v) { return v.tag >= TN_LIST && v.tag <= TN_STRUCT; }

static bool leaf_arg(struct tn_value v, struct tn_arg *out, struct tn_error *err) {
	if (v.tag == TN_TENSOR) {
		*out = tn_arg_tensor(v.tensor);
	} else if (v.tag == TN_FLOAT) {
		*out = tn_arg_f64(v.f, false);
	} else if (v.tag == TN_INT || v.tag == TN_BOOL) {
		*out = tn_arg_i64(v.i, false);
		out->is_bool = v.tag == TN_BOOL;
	} else {
		return tn_error_set(err, TN_ERR_TYPE, "expected trees, tensors or numbers");
	}
	return true;
}

static bool mismatch(const struct tree_op *t, const char *what, struct tn_error *err) {
	return tn_error_set(err, TN_ERR_TYPE, "the trees are not of one shape: %s at '%.100s'", what, tn_str_c(&t->path));
}

static bool weight(struct tree_op *t, const struct tn_value *args, struct tn_value *out, struct tn_error *err) {
	struct tn_arg operands[3];
	t->any_weight = true;
	for (int i = 0; i < t->count; i++) {
		if (!leaf_arg(args[i], &operands[i], err)) {
			return false;
		}
	}
	struct tn_tensor *made = tn_elementwise(t->lang->engine, t->op, operands, t->count, err);
	if (made == NULL) {
		if (t->path.length > 0) {
			tn_error_detail(err, "at the weight %.200s", tn_str_c(&t->path));
		}
		return false;
	}
	*out = tn_tensor_value(made);
	return true;
}

static bool leaf(struct tree_op *t, const struct tn_value *args, struct tn_value lead, bool frozen, struct tn_value *out, struct tn_error *err) {
	bool computed = lead.tag == TN_TENSOR && !frozen && tn_dtype_is_float(tn_tensor_dtype(lead.tensor));
	for (int i = 0; i < t->count; i++) {
		if (t->whole[i]) {
			continue;
		}
		if (is_container(args[i]) || (args[i].tag != TN_EMPTY && (args[i].tag == TN_TENSOR) != (lead.tag == TN_TENSOR))) {
			return mismatch(t, "a tensor meets something else", err);
		}
		if (!t->differs && !computed && args[i].tag == TN_TENSOR && args[i].tensor != lead.tensor) {
			t->differs = true;
			snprintf(t->first_differing, sizeof(t->first_differing), "%s", t->path.length == 0 ? "the value" : tn_str_c(&t->path));
		}
		computed = computed && args[i].tag == TN_TENSOR;
	}
	if (computed) {
		return weight(t, args, out, err);
	}
	*out = tn_value_ref(lead);
	return true;
}

static size_t child_count(struct tn_value v) {
	return v.tag == TN_LIST ? v.list->count : v.tag == TN_TUPLE ? v.tuple->count : v.tag == TN_MAP ? v.map->count : v.instance->def->field_count;
}
static struct tn_value *child(struct tn_value v, size_t i) {
	return v.tag == TN_LIST ? &v.list->items[i] : v.tag == TN_TUPLE ? &v.tuple->items[i] : v.tag == TN_MAP ? &v.map->items[i] : &v.instance->fields[i];
}

/* Operand's part that goes with part i of lead; NULL: there is none. */
static const struct tn_value *partner(struct tn_value operand, struct tn_value lead, size_t i) {
	return lead.tag == TN_MAP ? tn_dict_get(operand.map, lead.map->keys[i], strlen(lead.map->keys[i])) : child(operand, i);
}

static bool combine(struct tree_op *t, const struct tn_value *args, bool frozen, struct tn_value *out, struct tn_error *err);

static bool part(struct tree_op *t, const struct tn_value *args, struct tn_value lead, size_t i, bool frozen, struct tn_value *slot, struct tn_error *err) {
	struct tn_value parts[3], made = tn_void();
	size_t before;
	for (int k = 0; k < t->count; k++) {
		const struct tn_value *p = t->whole[k] || args[k].tag == TN_EMPTY ? &args[k] : partner(args[k], lead, i);
		if (p == NULL) {
			return mismatch(t, "a key is missing", err);
		}
		parts[k] = *p;
	}
	bool below = frozen || (lead.tag == TN_STRUCT && lead.instance->def->fields[i].frozen);
	if (!tn_tree_push_name(&t->path, lead, i, &before, err) || !combine(t, parts, below, &made, err)) {
		return false;
	}
	tn_tree_pop_name(&t->path, before);
	tn_value_store(slot, made);
	return true;
}

static bool combine(struct tree_op *t, const struct tn_value *args, bool frozen, struct tn_value *out, struct tn_error *err) {
	struct tn_value lead = tn_empty();
	for (int i = t->count; i > 0; i--) {
		lead = t->whole[i - 1] || args[i - 1].tag == TN_EMPTY ? lead : args[i - 1];
	}
	if (!is_container(lead)) {
		return leaf(t, args, lead, frozen, out, err);
	}
	if (++t->depth > OP_DEPTH) {
		return tn_error_set(err, TN_ERR_RECURSION, "the tree is nested more than %d deep", OP_DEPTH);
	}
	size_t n = child_count(lead);
	for (int i = 0; i < t->count; i++) {
		if (!t->whole[i] && args[i].tag != TN_EMPTY && (args[i].tag != lead.tag || child_count(args[i]) != n)) {
			return mismatch(t, "lengths or kinds differ", err);
		}
	}
	*out = tn_value_ref(lead);
	if (!tn_value_make_unique(out, err)) {
		tn_value_unref(lead);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!part(t, args, lead, i, frozen, child(*out, i), err)) {
			tn_value_unref(*out);
			*out = tn_void();
			return false;
		}
	}
	t->depth--;
	return true;
}

bool tn_tree_elementwise(struct tn_lang *lang, enum tn_op op, const struct tn_value *args, int count, struct tn_value *out, struct tn_error *err) {
	struct tree_op t = {.lang = lang, .op = op, .count = count};
	struct tn_value made = tn_void();
	if (count < 1 || count > 3 || op >= TN_OP_COUNT) {
		return tn_error_set(err, TN_ERR_TYPE, "this operation does not work on trees");
	}
	for (int i = 0; i < count; i++) {
		t.whole[i] = !is_container(args[i]) && args[i].tag != TN_EMPTY;
	}
	bool ok = combine(&t, args, false, &made, err);
	tn_str_finish(&t.path);
	if (ok && !t.any_weight) {
		tn_value_unref(made);
		tn_error_set(err, TN_ERR_TYPE, "none of the operands holds a weight (a floating tensor that is not frozen)");
		tn_error_hint(err, "tensor(xs) makes a tensor of a list of numbers");
		return false;
	}
	if (!ok) {
		return false;
	}
	if (t.differs) {
		tn_vm_warn(lang, "set_weights(&net, t) takes the weights of t alone",
			"%.100s is no weight and differs between the trees: the first operand's is kept (stale running statistics?)", t.first_differing);
	}
	*out = made;
	return true;
}
