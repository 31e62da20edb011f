/* SPDX-License-Identifier: Apache-2.0 */
/* A language: made, asked to run cells, ended. A cell is parsed, checked whole, compiled, run, and flushed; its unit stays as long as something
 * that it defines may be named. */
#include <string.h>

#include "lang/vm.h"

/* ---- hooks of the engine ---- */

static struct tn_lang *lang_of(void *data) { return *(struct tn_lang **)data; }

static void before_flush(void *data) {
	struct tn_lang *lang = lang_of(data);
	if (lang != NULL && lang->vm != NULL) {
		vm_undo_before_flush(lang->vm);
	}
}

static void after_flush(void *data, bool ok, const struct tn_error *err) {
	struct tn_lang *lang = lang_of(data);
	(void)err;
	if (lang != NULL && lang->vm != NULL) {
		vm_undo_after_flush(lang->vm, ok);
	}
}

static void locate(void *data, struct tn_origin origin, struct tn_error *err) {
	struct tn_lang *lang = lang_of(data);
	if (lang != NULL && lang->vm != NULL) {
		vm_locate(lang->vm, origin, err);
	}
}

static uint64_t here(void *data) {
	const struct tn_lang *lang = lang_of(data);
	return lang != NULL && lang->vm != NULL ? vm_here(lang->vm) : TN_SITE_NONE;
}

static void warn(void *data, const char *text, const char *hint) {
	struct tn_lang *lang = lang_of(data);
	if (lang != NULL && lang->vm != NULL) {
		tn_vm_warn(lang, hint, "%s", text);
	}
}

struct tn_engine_hooks tn_lang_hooks(struct tn_lang **slot) {
	return (struct tn_engine_hooks){.data = slot, .before_flush = before_flush, .after_flush = after_flush, .locate = locate, .here = here, .warn = warn};
}

/* ---- life ---- */

struct tn_lang *tn_lang_create(const struct tn_lang_params *params, struct tn_error *err) {
	struct tn_lang *lang = tn_calloc(1, sizeof(*lang));
	if (lang == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	lang->engine = params->engine;
	lang->output = params->output;
	lang->interrupt = params->interrupt;
	lang->args = params->args;
	lang->arg_count = params->arg_count;
	if (!tn_state_init(lang, err) || (lang->vm = tn_vm_create(lang, params, err)) == NULL || !tn_lang_register_builtins(lang, err)) {
		tn_lang_destroy(lang);
		return NULL;
	}
	return lang;
}

void tn_lang_destroy(struct tn_lang *lang) {
	if (lang == NULL) {
		return;
	}
	if (lang->vm != NULL) {
		vm_undo_finish(lang->vm);
	}
	tn_catalog_unref(lang->catalog);
	tn_state_finish(lang);
	tn_vm_destroy(lang->vm);
	tn_free(lang);
}

void tn_lang_reset(struct tn_lang *lang) {
	struct tn_error err = {0};
	vm_undo_finish(lang->vm);
	if (!tn_state_reset(lang, &err)) {
		tn_log(TN_LOG_WARN, "%s", err.text);
	}
}

struct tn_engine *tn_lang_engine(struct tn_lang *lang) { return lang->engine; }
struct tn_types *tn_lang_types(struct tn_lang *lang) { return lang->types; }
const struct tn_lang_output *tn_lang_get_output(const struct tn_lang *lang) { return &lang->output; }

bool tn_lang_interrupted(const struct tn_lang *lang, struct tn_error *err) {
	if (lang->interrupt == NULL || *lang->interrupt == 0) {
		return false;
	}
	tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
	return true;
}

const char *const *tn_lang_args(const struct tn_lang *lang, int *count) {
	*count = lang->arg_count;
	return lang->args;
}

bool tn_lang_set_extra(struct tn_lang *lang, const char *name, void *data, struct tn_error *err) {
	return tn_map_set(&lang->extras, name, data) || tn_error_memory(err);
}

void *tn_lang_extra(const struct tn_lang *lang, const char *name) { return tn_map_get(&lang->extras, name); }

bool tn_lang_get_standing(const struct tn_lang *lang, struct tn_lang_standing *out) {
	uint64_t site = 0;
	uint32_t column;
	*out = (struct tn_lang_standing){.op = tn_engine_running(lang->engine, &site)};
	struct tn_span span = {0};
	if (out->op != NULL) {
		span = vm_site_span(lang->vm, site);
	} else if (lang->vm->depth > 0) {
		span = vm_site_span(lang->vm, vm_here(lang->vm));
	}
	if (span.source == NULL) {
		return false;
	}
	out->where = span.source->name;
	tn_source_position(span.source, span.caret, &out->line, &column);
	return true;
}

/* ---- cells ---- */

static bool run_cell(struct tn_lang *lang, struct tn_unit *unit, struct tn_error *err) {
	struct tn_value result = tn_void();
	bool ok = tn_compile(lang, unit->cell, err) && tn_vm_run(lang, unit->cell, NULL, 0, &result, err);
	tn_value_unref(result);
	return tn_vm_end_cell(lang, ok, err) && ok;
}

/* An error that ended the run joins those of the check. */
static void report(struct tn_diagnostics *diag, struct tn_error *err) {
	if (!tn_error_is_set(err)) {
		tn_error_memory(err);
	}
	if (!TN_VEC_PUSH(&diag->errors, *err)) {
		diag->left_out++;
	}
}

/* Before the cell runs: after an hour of training they would come too late. */
static void show_warnings(struct tn_lang *lang, struct tn_diagnostics *diag) {
	if (lang->output.warning == NULL) {
		return;
	}
	for (size_t i = 0; i < diag->warnings.count; i++) {
		lang->output.warning(lang->output.data, &diag->warnings.items[i]);
	}
	diag->warnings.count = 0;
}

bool tn_lang_run(struct tn_lang *lang, const struct tn_lang_cell *cell, struct tn_diagnostics *diag) {
	struct tn_error err = {0};
	struct tn_unit *unit = tn_unit_create(lang, cell->name, cell->text, cell->length, lang->session, &err);
	if (unit == NULL) {
		report(diag, &err);
		return false;
	}
	bool ok = tn_parse(unit->source, &unit->arena, &unit->tree, diag) && tn_check_unit(lang, unit, cell->display_last, diag);
	if (!ok && diag->errors.count == 0) {
		report(diag, &err); /* memory is out */
	}
	if (ok && !cell->check_only) {
		show_warnings(lang, diag);
		ok = run_cell(lang, unit, &err);
		if (!ok) {
			report(diag, &err);
		}
	}
	if (!unit->keep && lang->vm->depth == 0) {
		tn_unit_destroy(lang, unit);
		return ok;
	}
	bool defines = unit->functions.count > 0;
	unit->keep = true;
	if (unit->cell != NULL && lang->vm->depth == 0) { /* what it defines lives on, its statements do not run again */
		tn_proto_destroy(unit->cell->proto);
		unit->cell->proto = NULL;
	}
	if (defines && lang->vm->depth == 0) {
		tn_units_sweep(lang);
	}
	return ok;
}
