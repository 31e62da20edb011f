/* SPDX-License-Identifier: Apache-2.0 */
/* References (`&` parameters, `auto &` loops): a root slot and the steps from there. Each use walks from the root, so that a parent
 * copied in between is no danger; a write makes every container on the way unshared. Lists that a reference goes through are
 * locked: their length may not change while it stands. */
#include <string.h>

#include "lang/state.h"

/* The part of *slot that a step names. `write`: the container is made unshared first. */
static struct tn_value *take_step(struct tn_value *slot, const struct tn_ref_step *step, bool write, struct tn_error *err) {
	if (write && !tn_value_make_unique(slot, err)) {
		return NULL;
	}
	size_t i = (size_t)step->index;
	switch (slot->tag) {
	case TN_STRUCT:
		if (step->kind == TN_STEP_NAME) {
			const struct tn_struct_def *def = slot->instance->def;
			for (i = 0; i < def->field_count && strcmp(def->fields[i].name, step->key->text) != 0; i++) {
			}
		}
		if (i < slot->instance->def->field_count) {
			return &slot->instance->fields[i];
		}
		break;
	case TN_TUPLE:
		if (i < slot->tuple->count) {
			return &slot->tuple->items[i];
		}
		break;
	case TN_LIST: {
		int64_t at = step->index < 0 ? step->index + (int64_t)slot->list->count : step->index;
		if (at >= 0 && (size_t)at < slot->list->count) {
			return &slot->list->items[at];
		}
		tn_error_set(err, TN_ERR_INDEX, "index %lld is out of range for a list of %zu", (long long)step->index, slot->list->count);
		return NULL;
	}
	case TN_MAP:
		if (step->key != NULL) {
			struct tn_value *found = tn_dict_get(slot->map, step->key->text, step->key->length);
			if (found != NULL) {
				return found;
			}
			tn_error_set(err, TN_ERR_KEY, "the map has no key \"%.200s\"", step->key->text);
			return NULL;
		}
		break;
	default:
		break;
	}
	tn_error_set(err, TN_ERR_TYPE, "what the reference names is no longer there: the value that held it has been replaced");
	return NULL;
}

static struct tn_value *walk(const struct tn_ref *ref, uint32_t steps, bool write, struct tn_error *err) {
	struct tn_value *slot = ref->root;
	for (uint32_t i = 0; slot != NULL && i < steps; i++) {
		slot = take_step(slot, &ref->steps[i], write, err);
	}
	return slot;
}

bool tn_ref_read(const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err) {
	*slot = walk(ref, ref->step_count, false, err);
	return *slot != NULL;
}

bool tn_ref_read_part(const struct tn_ref *ref, uint32_t steps, struct tn_value **slot) {
	*slot = walk(ref, steps, false, NULL);
	return *slot != NULL;
}

bool tn_ref_write_quiet(const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err) {
	*slot = walk(ref, ref->step_count, true, err);
	return *slot != NULL;
}

static bool guarded(const struct tn_guard *guard, struct tn_error *err) {
	char type[128];
	tn_type_format(guard->type, type);
	tn_error_set(err, TN_ERR_VALUE, "while training, this call changes %s (running statistics), which is %s", guard->name,
		guard->captured ? "a copy that a lambda has captured" : "a global inside a function");
	if (guard->type->kind == TN_TYPE_STRUCT) {
		tn_error_hint(err, "declare a parameter `%s &%s`, and let the caller write &%s", type, guard->name, guard->name);
	} else {
		tn_error_hint(err, "declare a parameter `auto &%s`, and let the caller write &%s", guard->name, guard->name);
	}
	return false;
}

bool tn_ref_write(struct tn_lang *lang, const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err) {
	if (ref->guard != NULL && tn_training(lang->engine)) {
		return guarded(ref->guard, err);
	}
	if (ref->by_call) {
		tn_vm_note_call_write(lang, ref);
	}
	if (ref->symbol != NULL && !tn_vm_note_ref(lang, ref, err)) {
		return false;
	}
	return tn_ref_write_quiet(ref, slot, err);
}

/* ---- making ---- */

/* Adds `by` to the locks of the lists that the reference goes through. */
static void lock_lists(const struct tn_ref *ref, int by) {
	struct tn_value *slot = ref->root;
	for (uint32_t i = 0; slot != NULL && i < ref->step_count; i++) {
		if (slot->tag == TN_LIST && (by > 0 || slot->list->locked > 0)) {
			slot->list->locked += by;
		}
		slot = take_step(slot, &ref->steps[i], false, NULL);
	}
}

void tn_ref_unlock(const struct tn_ref *ref) { lock_lists(ref, -1); }

bool tn_ref_create(const struct tn_ref *base, struct tn_value *root, struct tn_symbol *symbol, const struct tn_ref_step *steps, uint32_t count, struct tn_value *out,
		struct tn_error *err) {
	uint32_t before = base == NULL ? 0 : base->step_count;
	struct tn_ref *ref = tn_calloc(1, sizeof(*ref) + ((size_t)before + count) * sizeof(ref->steps[0]));
	if (ref == NULL) {
		return tn_error_memory(err);
	}
	ref->head = (struct tn_object){.refs = 1, .tag = TN_REF};
	ref->root = base == NULL ? root : base->root;
	ref->symbol = base == NULL ? symbol : base->symbol;
	ref->guard = base == NULL ? NULL : base->guard;
	ref->by_call = base != NULL && base->by_call;
	ref->step_count = before + count;
	for (uint32_t i = 0; i < before + count; i++) {
		ref->steps[i] = i < before ? base->steps[i] : steps[i - before];
		if (ref->steps[i].key != NULL) {
			ref->steps[i].key->head.refs++;
		}
	}
	lock_lists(ref, 1);
	*out = (struct tn_value){.tag = TN_REF, .ref = ref};
	return true;
}
