/* SPDX-License-Identifier: Apache-2.0 */
/* How values look: from what the language displays to the forms that the reader's program may choose from. */
#include "session/command.h"

bool tn_session_display(void *data, struct tn_value value, bool result, struct tn_error *err) {
	const struct tn_session *session = data;
	struct tn_str text = {0};
	bool ok = tn_value_format(value, true, &text, err);
	if (ok) {
		const struct tn_session_form plain = {"text/plain", tn_str_c(&text), text.length};
		const struct tn_session_show show = {.forms = &plain, .form_count = 1, .result = result};
		session->output.show(session->output.data, &show);
	}
	tn_str_finish(&text);
	return ok;
}

void tn_session_progress(void *data, const struct tn_lang_progress *progress) {
	const struct tn_session *session = data;
	if (session->output.progress != NULL) {
		session->output.progress(session->output.data, progress);
	}
}
