/* SPDX-License-Identifier: Apache-2.0 */
/* Completion with the commands: a line that begins with % names one; what stands behind it is code, or a file, as the command
 * takes it. */
#include <string.h>

#include "session/command.h"

/* The line of commands that the cursor stands in: its first byte, or SIZE_MAX. `%` in the first column may be the operator of an
 * expression that goes on; a name of a command right behind it is then no harm. */
static size_t command_line(const char *text, size_t cursor) {
	size_t begin = cursor;
	if (cursor > 1 && text[0] == '%' && text[1] == '%') {
		return 0; /* takes the whole cell */
	}
	while (begin > 0 && text[begin - 1] != '\n') {
		begin--;
	}
	if (text[begin] == '?') { /* ?%time */
		begin += strspn(text + begin, "?");
		return begin < cursor && text[begin] == '%' ? begin : SIZE_MAX;
	}
	return begin < cursor && (text[begin] == '%' || text[begin] == '!') ? begin : SIZE_MAX;
}

static bool is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\n';
}

static bool complete_name(const char *text, size_t begin, size_t cursor, struct tn_completion *out, struct tn_error *err) {
	bool whole = cursor > begin + 1 && text[begin + 1] == '%';
	const char *name = text + begin + 1 + whole;
	size_t length = cursor - begin - 1 - whole;
	out->begin = begin;
	out->end = cursor;
	for (const struct tn_command *c = tn_commands; c->name != NULL; c++) {
		bool fits = c->run != NULL && strncmp(c->name, name, length) == 0 && (!whole || c->takes_cell);
		struct tn_str shown = {0};
		bool ok = !fits || (tn_str_printf(&shown, "%s%s", whole ? "%%" : "%", c->name) || tn_error_memory(err));
		ok = ok && (!fits || tn_completion_add(out, tn_str_c(&shown), "command", c->doc, err));
		tn_str_finish(&shown);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* [from, cursor) is code of its own; places in it are given back as places of the text. */
static bool complete_code(const struct tn_catalog *catalog, const char *text, size_t length, size_t from, size_t cursor,
	struct tn_completion *out, struct tn_error *err) {
	if (!tn_catalog_complete(catalog, text + from, length - from, cursor - from, out, err)) {
		return false;
	}
	out->begin += from;
	out->end += from;
	return true;
}

static bool complete_file(
	const char *text, size_t from, size_t cursor, const char *extension, struct tn_completion *out, struct tn_error *err) {
	size_t begin = cursor;
	while (begin > from && !is_blank(text[begin - 1])) {
		begin--;
	}
	const char *slash = memrchr(text + begin, '/', cursor - begin);
	out->begin = slash == NULL ? begin : (size_t)(slash + 1 - text);
	out->end = cursor;
	return tn_completion_add_files(out, text + begin, cursor - begin, extension, err);
}

static bool takes(const struct tn_command *command, const char *what) {
	return strstr(command->arguments, what) != NULL;
}

/* The command of the line that begins at `begin`, as far as `limit`, or NULL; *end: behind its name. */
static const struct tn_command *command_at(const char *text, size_t begin, size_t limit, size_t *end) {
	size_t name = begin + 1 + (limit > begin + 1 && text[begin + 1] == '%');
	*end = name;
	while (*end < limit && !is_blank(text[*end])) {
		++*end;
	}
	return tn_command_find(text + name, *end - name);
}

bool tn_session_complete(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor,
	struct tn_completion *out, struct tn_error *err) {
	cursor = cursor > length ? length : cursor;
	size_t begin = command_line(text, cursor);
	*out = (struct tn_completion){.begin = cursor, .end = cursor};
	if (begin == SIZE_MAX) {
		return tn_catalog_complete(catalog, text, length, cursor, out, err);
	}
	if (text[begin] == '!') {
		return complete_file(text, begin + 1, cursor, NULL, out, err);
	}
	size_t end;
	bool ok = true;
	const struct tn_command *command = command_at(text, begin, cursor, &end);
	if (end == cursor) {
		ok = complete_name(text, begin, cursor, out, err);
	} else if (command != NULL && takes(command, "CODE")) {
		ok = complete_code(catalog, text, length, end, cursor, out, err);
	} else if (command != NULL && (takes(command, "FILE") || takes(command, "FOLDER"))) {
		ok = complete_file(text, end, cursor, strcmp(command->name, "run") == 0 ? ".tn" : NULL, out, err);
	}
	if (!ok) {
		tn_completion_finish(out);
	}
	return ok;
}

bool tn_session_inspect(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor, int detail,
	struct tn_str *plain, struct tn_str *markdown, bool *found, struct tn_error *err) {
	cursor = cursor > length ? length : cursor;
	size_t begin = command_line(text, cursor), end;
	*found = false;
	if (begin == SIZE_MAX) {
		return tn_catalog_inspect(catalog, text, length, cursor, detail, plain, markdown, found, err);
	}
	const struct tn_command *command = text[begin] == '%' ? command_at(text, begin, length, &end) : NULL;
	if (command == NULL) {
		return true;
	}
	if (cursor > end && takes(command, "CODE")) {
		return tn_catalog_inspect(catalog, text + end, length - end, cursor - end, detail, plain, markdown, found, err);
	}
	*found = true;
	return tn_command_describe(command, plain, markdown) || tn_error_memory(err);
}
