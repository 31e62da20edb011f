/* SPDX-License-Identifier: Apache-2.0 */
/* Output and conversion to text, and the errors that a program raises itself: print, display, error, assert. */
#include <string.h>

#include "lang/builtin.h"

/* print(values…): a space between, a newline behind. */
static bool run_print(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_tuple *values = call->args[0].tuple;
	const struct tn_lang_output *output = tn_lang_get_output(call->lang);
	struct tn_str text = {0};
	bool ok = true;
	for (uint32_t i = 0; ok && i < values->count; i++) {
		if (i > 0 && !tn_str_append_char(&text, ' ')) {
			ok = tn_error_memory(err);
			break;
		}
		ok = tn_value_format(values->items[i], false, &text, err);
	}
	if (ok && !tn_str_append_char(&text, '\n')) {
		ok = tn_error_memory(err);
	}
	if (ok && output->text != NULL) {
		output->text(output->data, tn_str_c(&text), text.length);
	}
	tn_str_finish(&text);
	return ok;
}

static bool run_display(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_lang_output *output = tn_lang_get_output(call->lang);
	const char *id = tn_arg_given(call, 1) ? call->args[1].string->text : NULL;
	return output->display == NULL || output->display(output->data, &(struct tn_lang_display){.value = call->args[0], .id = id}, err);
}

static bool run_update_display(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_lang_output *output = tn_lang_get_output(call->lang);
	const struct tn_lang_display what = {.value = call->args[0], .id = call->args[1].string->text, .update = true};
	return output->display == NULL || output->display(output->data, &what, err);
}

/* error(message, hint, name) */
static bool run_error(struct tn_native_call *call, struct tn_error *err) {
	enum tn_error_kind kind = TN_ERR_ERROR;
	if (tn_arg_given(call, 2)) {
		const char *name = call->args[2].string->text;
		for (kind = TN_ERR_ERROR; kind < TN_ERR_INTERRUPTED && strcmp(tn_error_kind_name(kind), name) != 0;) {
			kind++;
		}
		if (kind == TN_ERR_INTERRUPTED) {
			return tn_error_set(err, TN_ERR_VALUE, "error: name is that of a kind of error, such as ValueError or ShapeError, not '%s'", name);
		}
	}
	tn_error_set(err, kind, "%s", call->args[0].string->text);
	if (tn_arg_given(call, 1)) {
		tn_error_hint(err, "%s", call->args[1].string->text);
	}
	return false;
}
static struct tn_type *type_never(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	return tn_type_basic(typing->types, TN_TYPE_NEVER);
}

/* assert(condition, message) */
static bool run_assert(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	bool holds = v.tag == TN_BOOL ? v.i != 0 : v.tag == TN_INT ? v.i != 0 : v.tag == TN_FLOAT ? v.f != 0 : false;
	if (v.tag == TN_TENSOR) {
		if (tn_shape_count(tn_tensor_shape(v.tensor)) != 1) {
			tn_error_set(err, TN_ERR_TYPE, "assert: expected one truth value, found a tensor of %lld elements",
				(long long)tn_shape_count(tn_tensor_shape(v.tensor)));
			tn_error_hint(err, "any() and all() give one");
			return false;
		}
		double x;
		if (!tn_tensor_item_f64(v.tensor, &x, err)) {
			return false;
		}
		holds = x != 0;
	}
	if (holds) {
		return true;
	}
	if (tn_arg_given(call, 1)) {
		return tn_error_set(err, TN_ERR_ASSERTION, "%s", call->args[1].string->text);
	}
	return tn_error_set(err, TN_ERR_ASSERTION, "the condition is false");
}

static const struct tn_native rows[] = {
	{ "void print(auto... values)", "Writes values as text, a space between and a newline behind.", "print(\"a\", 1, 2.5)    // expect: a 1 2.5", run_print, NULL, 0 },
	{ "void display(auto value, string id = none)",
	  "Shows a value as the last expression of a cell is shown.\n\nid: a name for the place in the output; a later display with that id in the same cell takes the same place.",
	  "for (int i = 1; i < 3; i++) { display(10 * i); }\n// expect: 10\n// expect: 20", run_display, NULL, 0 },
	{ "void update_display(auto value, string id)",
	  "Shows a value in the place of what display(…, id: id) has shown, in this cell or in an earlier one.\n\nErrors: KeyError when nothing was shown with that id.",
	  "display(1, id: \"n\"); update_display(2, \"n\");\n// expect: 1\n// expect: 2", run_update_display, NULL, 0 },
	{ "auto error(string message, string hint = none, string name = none)",
	  "Ends what runs with an error of that text; try … catch (e) catches it.\n\nmessage: what it says. hint: what could be done. name: its kind, \"ValueError\" or \"ShapeError\" and so on, which e.name gives; \"Error\" when left out.",
	  "try { error(\"too small\"); } catch (e) { print(e.message); }    // expect: too small", run_error, type_never, TN_NATIVE_CHECKS },
	{ "void assert(auto condition, string message = none)", "Ends what runs with an AssertionError where the condition is false.\n\ncondition: a bool, a number, or a tensor of one element. message: what the error says.", "assert(1 + 1 == 2, \"arithmetic\");", run_assert,
	  NULL, TN_NATIVE_CHECKS },
};
TN_NATIVE_TABLE(print, rows);
