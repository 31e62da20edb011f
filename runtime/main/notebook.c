/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the code cells of a notebook (nbformat 4, JSON) for `tenon run`. The file is hostile input: every part is checked for its
 * type, and what is no notebook of ours is said in words. Outputs, attachments and all metadata but a few names are passed over. */
#include <string.h>

#include "main/main.h"
#include "wire/wire.h"

/* The source of a cell is a string, or a list of strings to be joined. */
static bool append_source(const json_t *source, struct tn_str *out, bool *is_text, struct tn_error *err) {
	if (json_is_string(source)) {
		return tn_str_append_n(out, json_string_value(source), json_string_length(source)) || tn_error_memory(err);
	}
	*is_text = *is_text && json_is_array(source);
	for (size_t i = 0; i < json_array_size(source) && *is_text; i++) {
		const json_t *line = json_array_get(source, i);
		*is_text = json_is_string(line);
		if (*is_text && !tn_str_append_n(out, json_string_value(line), json_string_length(line))) {
			return tn_error_memory(err);
		}
	}
	return true;
}

/* The tag by which notebooks say that a cell shows an error on purpose. */
static bool may_fail(const json_t *cell) {
	const json_t *tags = json_object_get(json_object_get(cell, "metadata"), "tags");
	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *tag = json_string_value(json_array_get(tags, i));
		if (tag != NULL && strcmp(tag, "raises-exception") == 0) {
			return true;
		}
	}
	return false;
}

static bool read_cells(const json_t *cells, struct tn_notebook *out, struct tn_error *err) {
	size_t count = json_array_size(cells);
	out->cells = tn_calloc(count == 0 ? 1 : count, sizeof(*out->cells));
	if (out->cells == NULL) {
		return tn_error_memory(err);
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *cell = json_array_get(cells, i);
		bool is_text = true;
		if (strcmp(tn_json_get_text(cell, "cell_type", ""), "code") != 0) {
			continue;
		}
		struct tn_notebook_cell *row = &out->cells[out->count++];
		row->may_fail = may_fail(cell);
		if (!append_source(json_object_get(cell, "source"), &row->text, &is_text, err)) {
			return false;
		}
		if (!is_text) {
			return tn_error_set(err, TN_ERR_IO, "the source of cell %zu is no text", out->count);
		}
	}
	return true;
}

/* A notebook that names another language is refused; one that names none is taken for ours. */
static bool check_language(const json_t *notebook, struct tn_error *err) {
	const json_t *metadata = json_object_get(notebook, "metadata");
	const char *language = tn_json_get_text(json_object_get(metadata, "kernelspec"), "language", "");
	if (language[0] == '\0') {
		language = tn_json_get_text(json_object_get(metadata, "language_info"), "name", "tenon");
	}
	return strcmp(language, "tenon") == 0 || tn_error_set(err, TN_ERR_IO, "it is a notebook of another language (%s)", language);
}

static bool read_notebook(const json_t *notebook, struct tn_notebook *out, struct tn_error *err) {
	const json_t *cells = json_object_get(notebook, "cells");
	int64_t format = tn_json_get_int(notebook, "nbformat", 0);
	if (format > 0 && format != 4) {
		return tn_error_set(err, TN_ERR_IO, "its format is %lld, and 4 is read here; open and save it in JupyterLab",
			(long long)format);
	}
	if (format != 4 || !json_is_array(cells)) {
		return tn_error_set(err, TN_ERR_IO, "a notebook is a JSON object with \"nbformat\" and a list of \"cells\"");
	}
	return check_language(notebook, err) && read_cells(cells, out, err);
}

bool tn_notebook_read(const char *path, const struct tn_str *text, struct tn_notebook *out, struct tn_error *err) {
	struct tn_error reason = {0};
	*out = (struct tn_notebook){0};
	json_t *notebook = tn_json_parse(tn_str_c(text), text->length, &reason);
	bool ok = notebook != NULL && read_notebook(notebook, out, &reason);
	json_decref(notebook);
	if (!ok) {
		tn_notebook_finish(out);
		if (reason.kind == TN_ERR_MEMORY) {
			return tn_error_memory(err);
		}
		return tn_error_set(err, TN_ERR_IO, "'%s' cannot be run: %s", path, reason.text);
	}
	return true;
}

void tn_notebook_finish(struct tn_notebook *notebook) {
	for (size_t i = 0; i < notebook->count; i++) {
		tn_str_finish(&notebook->cells[i].text);
	}
	tn_free(notebook->cells);
	*notebook = (struct tn_notebook){0};
}
