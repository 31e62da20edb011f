/* SPDX-License-Identifier: Apache-2.0 */
/* Hyperparameters: numbers (tensors of one element, too), truth values and texts; everything else is kept as the text that print
 * shows. */
#include <string.h>

#include "events/run.h"

static void finish_hparam(struct tn_event_hparam *hparam) {
	tn_free((char *)hparam->name);
	tn_free(hparam->text);
}

void tn_run_finish_hparams(struct tn_run *run) {
	for (size_t i = 0; i < run->hparams.count; i++) {
		finish_hparam(&run->hparams.items[i]);
	}
	TN_VEC_FINISH(&run->hparams);
}

/* A tensor of one element counts as its number. */
static bool is_number_tensor(struct tn_value v) {
	return v.tag == TN_TENSOR && tn_shape_count(tn_tensor_shape(v.tensor)) == 1;
}

static bool make_text(struct tn_value value, struct tn_event_hparam *out, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = tn_value_format(value, false, &text, err);
	out->text = ok ? tn_strdup(tn_str_c(&text)) : NULL;
	tn_str_finish(&text);
	return out->text != NULL || (ok && tn_error_memory(err));
}

static bool make_hparam(const char *name, struct tn_value value, struct tn_event_hparam *out, struct tn_error *err) {
	bool ok = true;
	*out = (struct tn_event_hparam){.name = tn_strdup(name)};
	switch (value.tag) {
	case TN_BOOL:
		out->kind = TN_HPARAM_BOOL;
		out->number = value.b;
		break;
	case TN_INT:
		out->kind = TN_HPARAM_INT;
		out->number = (double)value.i;
		out->integer = value.i;
		break;
	case TN_FLOAT:
		out->kind = TN_HPARAM_FLOAT;
		out->number = value.f;
		break;
	default:
		out->kind = is_number_tensor(value) ? TN_HPARAM_FLOAT : TN_HPARAM_TEXT;
		ok = out->kind == TN_HPARAM_FLOAT ? tn_tensor_item_f64(value.tensor, &out->number, err) : make_text(value, out, err);
	}
	ok = ok && (out->name != NULL || tn_error_memory(err));
	if (!ok) {
		finish_hparam(out);
	}
	return ok;
}

static bool set_hparam(struct tn_run *run, const struct tn_event_hparam *hparam) {
	for (size_t i = 0; i < run->hparams.count; i++) {
		if (strcmp(run->hparams.items[i].name, hparam->name) == 0) {
			finish_hparam(&run->hparams.items[i]);
			run->hparams.items[i] = *hparam;
			return true;
		}
	}
	return TN_VEC_PUSH(&run->hparams, *hparam);
}

bool tn_run_set_hparams(struct tn_run *run, const struct tn_dict *map, struct tn_error *err) {
	for (size_t i = 0; i < map->count; i++) {
		struct tn_event_hparam hparam;
		if (!make_hparam(map->keys[i], map->items[i], &hparam, err)) {
			return false;
		}
		if (!set_hparam(run, &hparam)) {
			finish_hparam(&hparam);
			return tn_error_memory(err);
		}
	}
	return true;
}
