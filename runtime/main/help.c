/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon help`: on a command, or on a name of the language, from the same texts that ?name shows. */
#include <stdio.h>
#include <string.h>

#include "main/main.h"

/* One line for each function: its name and the first line of its documentation. */
static bool print_row(void *data, const char *name, const char *signature, const char *doc, const char *example) {
	(void)data;
	(void)signature;
	(void)example;
	printf("%-24s %.*s\n", name, (int)strcspn(doc == NULL ? "" : doc, "\n"), doc == NULL ? "" : doc);
	return true;
}

static bool show_manual(struct tn_session *session, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = tn_session_manual(session, &text, err);
	if (ok) {
		fputs(tn_str_c(&text), stdout);
	}
	tn_str_finish(&text);
	return ok;
}

static bool show(struct tn_session *session, const char *name, struct tn_error *err) {
	if (strcmp(name, "--all") == 0) {
		return tn_lang_each_doc(tn_session_lang(session), print_row, NULL, err);
	}
	if (strcmp(name, "--manual") == 0) {
		return show_manual(session, err);
	}
	struct tn_str text = {0};
	bool ok = tn_session_help(session, name, false, &text, err);
	if (ok) {
		fputs(tn_str_c(&text), stdout);
		if (text.length > 0 && text.data[text.length - 1] != '\n') {
			putchar('\n');
		}
	}
	tn_str_finish(&text);
	return ok;
}

int tn_face_help(int argc, char **argv) {
	if (argc < 2) {
		tn_face_print_help();
		return TN_EXIT_OK;
	}
	if (argc > 2) {
		return tn_face_usage("help", "help takes one name");
	}
	const struct tn_face *face = tn_face_find(argv[1]);
	if (face != NULL) {
		fputs(face->help, stdout);
		return TN_EXIT_OK;
	}
	if (argv[1][0] == '-' && strcmp(argv[1], "--all") != 0 && strcmp(argv[1], "--manual") != 0) {
		return tn_face_usage("help", "'%s' is no option of help", argv[1]);
	}
	struct tn_error err = {0};
	const struct tn_session_params params = {.output = tn_terminal_output(), .interrupt = tn_terminal_interrupt()};
	struct tn_session *session = tn_session_create(&params, &err);
	bool ok = session != NULL && show(session, argv[1], &err);
	if (!ok) {
		tn_error_hint(&err, "tenon help --all lists the functions");
		tn_terminal_report(&err, "error");
	}
	tn_session_destroy(session);
	return ok ? TN_EXIT_OK : TN_EXIT_ERROR;
}
