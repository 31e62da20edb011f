/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of natives, operations whose operands' types are known only now, and passes over what `for` walks. */
#include <stdio.h>
#include <string.h>

#include "lang/vm.h"

/* ---- natives ---- */

static void native_name(const struct tn_native *native, char out[64]) {
	const char *end = strchr(native->signature, '(');
	while (end != NULL && (end == native->signature || end[-1] == ' ')) {
		end = strchr(end + 1, '(');
	}
	const char *begin = end == NULL ? native->signature : end;
	while (begin > native->signature && begin[-1] != ' ') {
		begin--;
	}
	snprintf(out, 64, "%.*s", (int)(end == NULL ? 0 : end - begin), begin);
}

static bool is_container(struct tn_value v) { return v.tag >= TN_LIST && v.tag <= TN_STRUCT; }

bool vm_is_empty(struct tn_span span, const char *what, struct tn_error *err) {
	int n = span.source == NULL || span.end <= span.begin ? 0 : (int)(span.end - span.begin > 80 ? 80 : span.end - span.begin);
	tn_error_set(err, TN_ERR_VALUE, "%.*s is empty: it holds no tensor yet", n > 0 ? n : (int)strlen(what), n > 0 ? span.source->text + span.begin : what);
	tn_error_hint(err, "is_empty(x) asks");
	return false;
}

/* Empty tensors do not reach a native: they are left out where that may be, else an error. */
static bool check_empty(const struct tn_native_row *row, struct tn_value *args, struct tn_error *err) {
	char name[64], what[96];
	for (uint32_t i = 0; i < row->count && i < 32; i++) {
		if (args[i].tag != TN_EMPTY || (row->tensor_mask >> i & 1) == 0) {
			continue;
		}
		if ((row->optional_mask >> i & 1) != 0) {
			args[i] = tn_void();
			continue;
		}
		native_name(row->native, name);
		snprintf(what, sizeof(what), "%s: argument %u", name, i + 1);
		return vm_is_empty(row->spans[i], what, err);
	}
	return true;
}

static bool run_native(struct tn_vm *vm, const struct tn_native_row *row, struct tn_value *args, struct tn_value *result, struct tn_error *err) {
	bool tree = false;
	for (uint32_t i = 0; row->native->leafwise > 0 && i < row->count; i++) {
		tree = tree || is_container(args[i]);
	}
	if (tree) {
		return tn_tree_elementwise(vm->lang, (enum tn_op)(row->native->leafwise - 1), args, (int)row->count, result, err);
	}
	struct tn_native_call call = {.lang = vm->lang, .engine = vm->engine, .native = row->native, .args = args, .arg_count = row->count,
		.literal_mask = row->literal_mask, .type = row->type, .result = result};
	vm->appending = row->appends;
	bool ok = check_empty(row, args, err) && row->native->run(&call, err);
	vm->appending = false;
	return ok;
}

bool vm_native(struct tn_vm *vm, const struct tn_native_row *row, struct tn_value *args, struct tn_error *err) {
	struct tn_value result = tn_void();
	if (!run_native(vm, row, args, &result, err)) {
		tn_value_unref(result);
		return false;
	}
	for (uint32_t i = 0; i < row->count; i++) {
		tn_value_store(&args[i], tn_void());
	}
	args[0] = result;
	return true;
}

/* ---- references ---- */

static bool same_step(const struct tn_ref *a, const struct tn_ref *b, uint32_t i, const struct tn_value *slot) {
	const struct tn_ref_step *x = &a->steps[i], *y = &b->steps[i];
	if (x->key != NULL && y->key != NULL) {
		return strcmp(x->key->text, y->key->text) == 0;
	}
	int64_t n = slot->tag == TN_LIST ? (int64_t)slot->list->count : 0; /* xs[-1] and xs[n - 1] are one */
	return x->kind == y->kind && (x->index < 0 ? x->index + n : x->index) == (y->index < 0 ? y->index + n : y->index);
}

/* Whether one names the other's place or a part of it. */
static bool overlap(const struct tn_ref *a, const struct tn_ref *b) {
	if (a->root != b->root) {
		return false;
	}
	uint32_t shared = a->step_count < b->step_count ? a->step_count : b->step_count;
	for (uint32_t i = 0; i < shared; i++) {
		struct tn_value *slot;
		if (!tn_ref_read_part(a, i, &slot) || !same_step(a, b, i, slot)) {
			return false;
		}
	}
	return true;
}

static int span_length(struct tn_span span) { return span.source == NULL || span.end < span.begin ? 0 : (int)(span.end - span.begin > 80 ? 80 : span.end - span.begin); }
static const char *span_text(struct tn_span span) { return span.source == NULL ? "" : span.source->text + span.begin; }

bool vm_distinct(const struct tn_distinct_row *row, const struct tn_value *args, struct tn_error *err) {
	for (uint32_t i = 0; i < row->count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			struct tn_value a = args[row->registers[k]], b = args[row->registers[i]];
			if (a.tag == TN_REF && b.tag == TN_REF && overlap(a.ref, b.ref)) {
				struct tn_span x = row->spans[k], y = row->spans[i];
				tn_error_at(err, y, TN_ERR_VALUE, "two arguments of one call refer to the same variable: %.*s and %.*s", span_length(x), span_text(x), span_length(y), span_text(y));
				tn_error_hint(err, "pass a copy of one: auto c = %.*s;", span_length(y), span_text(y));
				return false;
			}
		}
	}
	return true;
}

/* ---- any ---- */

static struct tn_type *operand_type(struct tn_vm *vm, struct tn_value v, struct tn_error *err) {
	struct tn_value *slot;
	if (v.tag == TN_REF) {
		if (!tn_ref_read(v.ref, &slot, err)) {
			return NULL;
		}
		v = *slot;
	}
	struct tn_type *type = tn_value_type(vm->lang, v);
	if (type == NULL) {
		tn_error_memory(err);
	}
	return type;
}

struct tn_instance *vm_dynamic(struct tn_vm *vm, struct tn_dyn_row *row, struct tn_value *args, struct tn_error *err) {
	struct tn_type *few[TN_DYN_CACHED], **types = few;
	struct tn_instance *thunk = NULL;
	if (row->count > TN_DYN_CACHED && (types = tn_calloc(row->count, sizeof(types[0]))) == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (uint32_t i = 0; i < row->count; i++) {
		types[i] = operand_type(vm, args[i], err);
		if (types[i] == NULL) {
			goto done;
		}
	}
	if (types == few && row->instance != NULL && row->epoch == vm->lang->epoch && memcmp(types, row->types, row->count * sizeof(types[0])) == 0) {
		return row->instance;
	}
	thunk = tn_check_dyn(vm->lang, row->ir, types, row->count, err);
	if (thunk != NULL && types == few) {
		memcpy(row->types, types, row->count * sizeof(types[0]));
		row->instance = thunk;
		row->epoch = vm->lang->epoch;
	}
done:
	if (types != few) {
		tn_free(types);
	}
	return thunk;
}

/* ---- passes ---- */

static void finish_pass(void *data) {
	tn_iter_stop(data);
	tn_free(data);
}
static const struct tn_handle_impl pass_impl = {.type_name = "pass", .finish = finish_pass};

bool vm_iterate(struct tn_vm *vm, struct tn_value source, struct tn_value *out, struct tn_error *err) {
	struct tn_iter *iter = tn_calloc(1, sizeof(*iter));
	if (iter == NULL) {
		return tn_error_memory(err);
	}
	if (source.tag == TN_EMPTY) {
		tn_free(iter);
		return tn_error_set(err, TN_ERR_VALUE, "what is walked is empty: it holds no tensor yet");
	}
	if (!tn_iter_start(iter, vm->lang, source, err)) {
		tn_free(iter);
		return false;
	}
	if (!tn_handle_create(&pass_impl, iter, out, err)) {
		finish_pass(iter);
		return false;
	}
	return true;
}

struct tn_iter *vm_iterator(struct tn_value v) { return v.handle->data; }

bool vm_next_ref(struct tn_value *pass, struct tn_value *out, bool *done, struct tn_error *err) {
	struct tn_value *slot, ref;
	tn_value_store(out, tn_void()); /* unlocks the list for a moment: nothing runs in between */
	if (!tn_ref_read(pass[0].ref, &slot, err)) {
		return false;
	}
	*done = slot->tag != TN_LIST || pass[1].i >= (int64_t)slot->list->count;
	if (*done) {
		return true;
	}
	struct tn_ref_step step = {.kind = TN_STEP_ITEM, .index = pass[1].i++};
	if (!tn_ref_create(pass[0].ref, NULL, NULL, &step, 1, &ref, err)) {
		return false;
	}
	*out = ref;
	return true;
}
