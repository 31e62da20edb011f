/* SPDX-License-Identifier: Apache-2.0 */
/* grad_check: the comparison itself is written in the language (lib/gradients.tn). Here is what it cannot do: weights become f64, and
 * while it runs a declared f32 accepts f64 (LANGUAGE.md section 3, Templates), as in evaluation, with one seed. */
#include "lang/builtin.h"

static bool to_f64(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	(void)path;
	struct tn_tensor *t = is_weight ? tn_cast(data, leaf.tensor, TN_DTYPE_F64, err) : tn_tensor_ref(leaf.tensor);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}

static bool run_grad_check(struct tn_native_call *call, struct tn_error *err) {
	struct tn_modes *modes = tn_engine_modes(call->engine), before = *modes;
	struct tn_random_state random = tn_random_get(call->engine);
	bool outer = call->lang->in_grad_check;
	struct tn_value args[4] = {call->args[0], tn_void(), call->args[2], call->args[3]};
	if (call->args[3].i < 1) {
		return tn_error_set(err, TN_ERR_VALUE, "grad_check: limit must be positive, it is %lld", (long long)call->args[3].i);
	}
	if (!tn_tree_map(call->args[1], to_f64, call->engine, &args[1], err)) {
		return false;
	}
	modes->train = TN_TRAIN_OFF;
	modes->autocast = false;
	call->lang->in_grad_check = true;
	bool ok = tn_call_name(call->lang, "_compare_gradients", args, 4, call->result, err);
	call->lang->in_grad_check = outer;
	*modes = before;
	tn_random_set(call->engine, random);
	tn_value_unref(args[1]);
	return ok;
}

static struct tn_type *type_grad_check(const struct tn_native_typing *typing, struct tn_error *err) {
	return tn_call_name_type(typing->lang, "_compare_gradients", typing->args, typing->count, err);
}

static const struct tn_native rows[] = {
	{ "auto grad_check(fn f, tree x, float step = 1e-5, int limit = 1000)",
	  "Compares the gradient of f(x) with central differences, in f64, in evaluation and with one seed; gives the largest relative error and where it is.\n\n"
	  "f: a function of x that gives a 0-d tensor. x: a tensor or a tree; its weights become f64. step: change of a weight, relative to it where it is above 1. "
	  "limit: elements looked at in each weight, evenly spread.\nThe result has the fields error, at, gradient, difference and checked.",
	  "grad_check((x) => sum(x * x * x), tensor([1., 2.])).error < 1e-6    // expect: true", run_grad_check, type_grad_check, 0 },
};
TN_NATIVE_TABLE(grad_check, rows);
