/* SPDX-License-Identifier: Apache-2.0 */
/* The type Run and its methods. They check what the checker could not know and pass on; a run that is closed takes nothing more.
 */
#include <string.h>

#include "events/run.h"

/* ---- the handle ---- */

static void finish_run(void *data) {
	tn_run_destroy(data);
}

static bool format_run(void *data, struct tn_str *out) {
	static const char *const words[] = {"", ", finished", ", failed", ", interrupted"};
	const struct tn_run *run = data;
	return tn_str_printf(out, "Run %s: %s%s", run->name, run->path, run->open ? "" : words[run->status]);
}

static const struct tn_handle_impl run_impl = {.type_name = "Run", .finish = finish_run, .format = format_run};

/* The call's run, open; or NULL. */
static struct tn_run *open_run(const struct tn_native_call *call, struct tn_error *err) {
	struct tn_run *run = call->args[0].handle->data;
	if (!run->open) {
		tn_error_set(err, TN_ERR_VALUE, "run '%s' is closed", run->name);
		return NULL;
	}
	return run;
}

static bool run_run(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_run_params params = {
		.name = call->args[0].string->text,
		.hparams = tn_arg_given(call, 1) ? call->args[1].map : NULL,
		.root = call->args[2].string->text,
	};
	if (params.name[0] == '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "run: the name is empty");
	}
	struct tn_run *run = tn_run_create(tn_lang_extra(call->lang, "runs"), &params, err);
	if (run == NULL) {
		return false;
	}
	if (!tn_handle_create(&run_impl, run, call->result, err)) {
		tn_run_destroy(run);
		return false;
	}
	return true;
}

/* ---- log ---- */

static bool fill_value(struct tn_value value, const char *name, struct tn_run_item *item, struct tn_error *err) {
	if (value.tag == TN_TENSOR) {
		if (tn_shape_count(tn_tensor_shape(value.tensor)) == 1) {
			item->tensor = value.tensor;
			return true;
		}
		char text[176];
		tn_describe(tn_tensor_dtype(value.tensor), tn_tensor_shape(value.tensor), text);
		tn_error_set(err, TN_ERR_SHAPE, "log: '%s' must be one number, found %s", name, text);
		tn_error_hint(err, "mean(x) makes one number of it, r.histogram(name, x) shows how its elements are spread");
		return false;
	}
	if (value.tag != TN_INT && value.tag != TN_FLOAT && value.tag != TN_BOOL) {
		tn_error_set(err, TN_ERR_TYPE, "log: '%s' must be a number or a tensor of one element", name);
		return false;
	}
	item->value = tn_value_number(value);
	return true;
}

/* The item that stands for a named value; its step is the one given, else the name's next. */
static bool make_item(const struct tn_native_call *call, struct tn_run *run, const char *name, size_t length,
	struct tn_run_item *item, struct tn_error *err) {
	item->tag = tn_run_tag(run, name, length, err);
	if (item->tag == NULL) {
		return false;
	}
	item->wall_time = tn_wall_time();
	item->step = tn_arg_given(call, 3) ? call->args[3].i : item->tag->next_step;
	return true;
}

static bool log_one(const struct tn_native_call *call, struct tn_run *run, const char *name, size_t length, struct tn_value value,
	struct tn_error *err) {
	struct tn_run_item item = {.kind = TN_RUN_SCALAR};
	return fill_value(value, name, &item, err) && make_item(call, run, name, length, &item, err) && tn_run_log(run, &item, err);
}

static bool log_map(const struct tn_native_call *call, struct tn_run *run, const struct tn_dict *map, struct tn_error *err) {
	struct tn_run_item item = {.kind = TN_RUN_SCALAR};
	for (size_t i = 0; i < map->count; i++) {
		if (!fill_value(map->items[i], map->keys[i], &item, err)) {
			return false; /* all or nothing */
		}
	}
	for (size_t i = 0; i < map->count; i++) {
		if (!log_one(call, run, map->keys[i], strlen(map->keys[i]), map->items[i], err)) {
			return false;
		}
	}
	return true;
}

static bool run_log(struct tn_native_call *call, struct tn_error *err) {
	struct tn_run *run = open_run(call, err);
	const struct tn_value what = call->args[1];
	if (run == NULL) {
		return false;
	}
	if (TN_LIKELY(what.tag == TN_STRING && tn_arg_given(call, 2))) {
		return log_one(call, run, what.string->text, what.string->length, call->args[2], err);
	}
	if (what.tag == TN_MAP && !tn_arg_given(call, 2)) {
		return log_map(call, run, what.map, err);
	}
	tn_error_set(err, TN_ERR_TYPE, "log: expected a name and a value, or a map of numbers");
	return false;
}

static bool is_kind(const struct tn_type *type, enum tn_type_kind kind) {
	return type->kind == kind || type->kind == TN_TYPE_ANY;
}

static struct tn_type *type_log(const struct tn_native_typing *typing, struct tn_error *err) {
	const struct tn_type *what = typing->args[1], *value = typing->args[2];
	char found[128];
	if (value == NULL && is_kind(what, TN_TYPE_MAP)) {
		return tn_type_basic(typing->types, TN_TYPE_VOID);
	}
	if (value == NULL || !is_kind(what, TN_TYPE_STRING)) {
		tn_type_format(what, found);
		tn_error_set(err, TN_ERR_TYPE,
			value == NULL && what->kind == TN_TYPE_STRING ? "log: the value is missing"
														  : "log: expected a name and a value, or a map of numbers; found %s",
			found);
		return NULL;
	}
	if (!tn_type_is_number(value) && !is_kind(value, TN_TYPE_TENSOR)) {
		tn_type_format(value, found);
		tn_error_set(err, TN_ERR_TYPE, "log: the value must be a number or a tensor of one element, found %s", found);
		return NULL;
	}
	return tn_type_basic(typing->types, TN_TYPE_VOID);
}

/* ---- the rest ---- */

static bool run_hparams(struct tn_native_call *call, struct tn_error *err) {
	struct tn_run *run = open_run(call, err);
	struct tn_error warning = {0};
	if (run == NULL || !tn_run_set_hparams(run, call->args[1].map, err)) {
		return false;
	}
	tn_run_use(run);
	const struct tn_lang_output *out = tn_lang_get_output(call->lang);
	if (run->hparams_sent && out->warning != NULL) {
		tn_error_set(&warning, TN_ERR_VALUE,
			"hparams: run '%s' has logged values already: run.json has these settings, TensorBoard shows those from before",
			run->name);
		out->warning(out->data, &warning);
	}
	return true;
}

/* A histogram or an image of args[2]. */
static bool log_tensor(struct tn_native_call *call, enum tn_run_kind kind, struct tn_error *err) {
	struct tn_run_item item = {.kind = kind, .tensor = call->args[2].tensor};
	struct tn_run *run = open_run(call, err);
	const struct tn_string *name = call->args[1].string;
	return run != NULL && make_item(call, run, name->text, name->length, &item, err) && tn_run_log(run, &item, err);
}

static bool run_histogram(struct tn_native_call *call, struct tn_error *err) {
	return log_tensor(call, TN_RUN_HISTOGRAM, err);
}

static bool run_image(struct tn_native_call *call, struct tn_error *err) {
	return tn_run_check_image(call->args[2].tensor, err) && log_tensor(call, TN_RUN_IMAGE, err);
}

static bool run_text(struct tn_native_call *call, struct tn_error *err) {
	struct tn_run_item item = {0};
	struct tn_run *run = open_run(call, err);
	const struct tn_string *name = call->args[1].string, *text = call->args[2].string;
	if (run == NULL || !make_item(call, run, name->text, name->length, &item, err)) {
		return false;
	}
	const struct tn_event_place place = {item.tag->event.name, item.wall_time, item.step};
	tn_run_use(run);
	tn_run_note_step(run, item.tag, item.step);
	return tn_run_send(run, tn_event_text(&place, text->text, text->length, err), err);
}

static bool run_close(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	tn_run_close(call->args[0].handle->data, TN_RUN_FINISHED);
	return true;
}

static bool run_path(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_run *run = call->args[0].handle->data;
	return tn_string_create(run->absolute, strlen(run->absolute), call->result, err);
}

static const struct tn_native rows[] = {
	{"Run run(string name, map hparams = none, string logdir = \"\")",
		"A new run: a folder for what a training leaves behind, which TensorBoard reads while it grows.\n\nname: what the "
		"folder's name ends with, "
		"behind date and time. hparams: settings to compare runs by: numbers, truth values, strings. logdir: where the folder is "
		"made; left out: the "
		"folder that TENON_RUNS names, else runs. The run is open until r.close(), until nothing names it, or until the session "
		"ends.\n\n"
		"Errors: IOError where the folder or its files cannot be made.",
		"auto r = run(\"mlp\", hparams: { \"lr\": 1e-3 }); r.log(\"loss\", 0.5); r.close();", run_run, NULL, TN_NATIVE_ACTS},
	{"auto log(Run r, auto name, auto value = none, int step = none)",
		"Adds a point to a curve of a run, or to several.\n\nname: the curve's name; those that begin alike up to a / are shown "
		"together. value: a number, "
		"or a tensor of one element, which is not waited for: its value is written when it is there. step: left out: one more "
		"than the curve's last, "
		"beginning with 0. A map of numbers in place of name and value adds a point to each curve that it names. r: a run.\n\nErrors: "
		"ShapeError for a tensor of "
		"several elements, ValueError when the run is closed.",
		"auto r = run(\"log\"); r.log(\"loss/train\", sum(ones(3))); r.log({ \"loss/val\": 0.25, \"accuracy\": 0.9 }, step: 10);",
		run_log, type_log, 0},
	{"void hparams(Run r, map values)",
		"Adds settings to a run, or changes them, before its first value is logged.\n\nvalues: by name: numbers, truth values, "
		"strings; anything else is kept as text. r: a run.",
		"auto r = run(\"sweep\"); r.hparams({ \"lr\": 3e-4, \"layers\": 2, \"bias\": true });", run_hparams, NULL, 0},
	{"void histogram(Run r, string name, tensor values, int step = none)",
		"Logs how the elements of a tensor are spread.\n\nvalues: any shape and dtype; elements that are not finite are left "
		"out. step: as in r.log. name: under which TensorBoard shows it.",
		"auto r = run(\"spread\"); r.histogram(\"weights\", randn(100));", run_histogram, NULL, 0},
	{"void image(Run r, string name, tensor pixels, int step = none)",
		"Logs a picture.\n\npixels: [H, W], [C, H, W] or [H, W, C] with 1, 3 or 4 channels, or a batch of such, which becomes a "
		"grid; floats from 0 to 1, or "
		"u8. step: as in r.log. name: under which TensorBoard shows it.\n\nErrors: ShapeError, TypeError for a tensor that is no picture.",
		"auto r = run(\"pictures\"); r.image(\"noise\", rand(16, 1, 28, 28));", run_image, NULL, 0},
	{"void text(Run r, string name, string markdown, int step = none)",
		"Logs a text, which TensorBoard shows as Markdown.\n\nstep: as in r.log. name: under which TensorBoard shows it. markdown: the text.",
		"auto r = run(\"notes\"); r.text(\"why\", \"A **baseline** without dropout.\");", run_text, NULL, 0},
	{"void close(Run r)", "Ends a run: all is written, and run.json says that it finished. Closing again does nothing.\n\nr: a run.",
		"auto r = run(\"short\"); r.close();", run_close, NULL, 0},
	{"string path(Run r)", "The folder of a run as an absolute path, to keep more there.\n\nr: a run.",
		"auto r = run(\"kept\"); contains(r.path(), \"kept\")    // expect: true", run_path, NULL, 0},
};

bool tn_runs_register(struct tn_lang *lang, struct tn_error *err) {
	return tn_lang_register_handle(lang, "Run", err) && tn_lang_register(lang, rows, TN_ARRAY_LEN(rows), err);
}
