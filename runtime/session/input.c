/* SPDX-License-Identifier: Apache-2.0 */
/* input(): asks whoever runs the session for a line. What that looks like is the face's affair. */
#include "session/command.h"

static bool run_input(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_session *session = tn_lang_get_output(call->lang)->data;
	const char *prompt = call->args[0].string->text;
	struct tn_str line = {0};
	if (session->output.input == NULL) {
		return tn_error_set(err, TN_ERR_IO, "input: nobody can be asked here");
	}
	bool ok = session->output.input(session->output.data, prompt, call->args[1].i != 0, &line, err) &&
		tn_string_create(tn_str_c(&line), line.length, call->result, err);
	tn_str_finish(&line);
	return ok;
}

static const struct tn_native rows[] = {
	{ "string input(string prompt = \"\", bool password = false)",
	  "A line that the user types, without its end.\n\nprompt: shown before it. password: what is typed is not shown.\n\nErrors: IOError where nobody can be asked, and at the end of the input.",
	  "try { input(\"Name? \"); } catch (e) { print(e.name); }    // expect: IOError", run_input, NULL, TN_NATIVE_ACTS },
};

bool tn_input_register(struct tn_lang *lang, struct tn_error *err) { return tn_lang_register(lang, rows, TN_ARRAY_LEN(rows), err); }
