/* SPDX-License-Identifier: Apache-2.0 */
/* The library's index: which file of lib/ defines a name. Built at the first name that neither the session nor the natives know,
 * by a scan that only counts brackets; a file is parsed when one of its names is asked for. TENON_LIB names a folder to read
 * instead of the texts inside the program.
 *
 * A function whose first parameter is a struct of the same file (`step(AdamW &opt, …)`, `call(Linear &layer, …)`) is not in the
 * index: whoever has a value of that struct has read the file. So `call` and `step` do not pull the whole library in. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/state.h"
#include "lib/embedded.h"

struct library_file {
	const char *name, *text;
	size_t length;
	bool loaded;
};
/* The files that define a name, newest first. */
struct library_entry {
	struct library_file *file;
	struct library_entry *next;
};

/* ---- the scan ---- */

struct scanner {
	const char *p, *end;
};

static bool is_word(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Passes blanks, comments and strings; false at the end of the text. */
static bool skip_quiet(struct scanner *s) {
	while (s->p < s->end) {
		if (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r') {
			s->p++;
		} else if (s->end - s->p > 1 && s->p[0] == '/' && s->p[1] == '/') {
			while (s->p < s->end && *s->p != '\n') {
				s->p++;
			}
		} else if (s->end - s->p > 1 && s->p[0] == '/' && s->p[1] == '*') {
			const char *close = strstr(s->p + 2, "*/");
			s->p = close == NULL ? s->end : close + 2;
		} else if (*s->p == '"' || *s->p == '\'') {
			char quote = *s->p++;
			while (s->p < s->end && *s->p != quote) {
				s->p += *s->p == '\\' ? 2 : 1;
			}
			s->p = s->p < s->end ? s->p + 1 : s->end;
		} else {
			return true;
		}
	}
	return false;
}

struct word {
	const char *text;
	size_t length;
};

/* Words seen since the last end of a declaration: enough to tell `struct X`, `T f(T1`, `const T x =`. */
struct declaration {
	struct word first, last, name, param;
	bool has_name, done;
};

static bool word_is(struct word w, const char *text) {
	return w.length == strlen(text) && memcmp(w.text, text, w.length) == 0;
}

static bool add_entry(struct tn_lang *lang, struct library_file *file, struct word name) {
	struct library_entry *entry = TN_ARENA_NEW(&lang->arena, struct library_entry);
	if (entry == NULL) {
		return false;
	}
	entry->file = file;
	entry->next = tn_map_get_n(&lang->library_index, name.text, name.length);
	if (entry->next != NULL && entry->next->file == file) {
		return true;
	}
	return tn_map_set_n(&lang->library_index, name.text, name.length, entry);
}

static bool note_declaration(
	struct tn_lang *lang, struct library_file *file, const struct declaration *d, struct tn_map *structs) {
	if (word_is(d->first, "struct")) {
		return tn_map_set_n(structs, d->last.text, d->last.length, file) && add_entry(lang, file, d->last);
	}
	if (d->has_name) {
		return tn_map_get_n(structs, d->param.text, d->param.length) != NULL || add_entry(lang, file, d->name);
	}
	return true;
}

/* One character that begins no word, at bracket depth `depth` (before it). False: out of memory. */
static bool scan_mark(
	struct tn_lang *lang, struct library_file *file, char c, int depth, struct declaration *d, struct tn_map *structs) {
	bool ends = depth == 0 && (c == '{' || c == ';');
	if (depth == 0 && c == '(' && !d->has_name && d->last.text != d->first.text) {
		d->has_name = true;
		d->name = d->last;
	}
	if (depth == 0 && c == '=' && !d->has_name && word_is(d->first, "const")) {
		d->has_name = true;
		d->name = d->last;
	}
	if (ends) {
		if (d->first.text != NULL && !note_declaration(lang, file, d, structs)) {
			return false;
		}
		*d = (struct declaration){0};
	}
	return true;
}

static bool scan_file(struct tn_lang *lang, struct library_file *file) {
	struct scanner s = {file->text, file->text + file->length};
	struct declaration d = {0};
	struct tn_map structs = {0};
	int depth = 0;
	bool ok = true;
	while (ok && skip_quiet(&s)) {
		if (is_word(*s.p)) {
			struct word w = {s.p, 0};
			while (s.p < s.end && is_word(*s.p)) {
				s.p++;
			}
			w.length = (size_t)(s.p - w.text);
			if (depth == 0) {
				d.last = w;
				d.first = d.first.text == NULL ? w : d.first;
			} else if (d.has_name && d.param.text == NULL) {
				d.param = w;
			}
			continue;
		}
		char c = *s.p++;
		ok = scan_mark(lang, file, c, depth, &d, &structs);
		depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
	}
	tn_map_finish(&structs);
	return ok;
}

/* ---- where the texts come from ---- */

static bool read_text(const char *folder, const char *name, struct tn_str *out, struct tn_error *err) {
	char path[4096];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) {
		return tn_error_set(err, TN_ERR_IO, "the path of the library file %s is too long", name);
	}
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		return tn_error_errno(err, "cannot open the library file '%s'", path);
	}
	char block[4096];
	size_t n;
	bool ok = true;
	while (ok && (n = fread(block, 1, sizeof(block), f)) > 0) {
		ok = tn_str_append_n(out, block, n) || tn_error_memory(err);
	}
	bool failed = ferror(f) != 0;
	fclose(f);
	return ok && (!failed || tn_error_set(err, TN_ERR_IO, "cannot read the library file '%s'", path));
}

static bool each_in_folder(const char *folder, tn_library_visitor visit, void *data, struct tn_error *err) {
	struct dirent **names = NULL;
	int count = scandir(folder, &names, NULL, alphasort);
	bool ok = count >= 0 || tn_error_errno(err, "cannot read the library folder '%s' (TENON_LIB)", folder);
	for (int i = 0; i < count; i++) {
		size_t n = strlen(names[i]->d_name);
		if (ok && n > 3 && strcmp(names[i]->d_name + n - 3, ".tn") == 0) {
			struct tn_str text = {0};
			ok = read_text(folder, names[i]->d_name, &text, err) && visit(data, names[i]->d_name, tn_str_c(&text), text.length, err);
			tn_str_finish(&text);
		}
		free(names[i]); /* from scandir, so not ours */
	}
	free(names);
	return ok;
}

const char *tn_library_folder(void) {
	return tn_setting_text(TN_SETTING_LIB);
}

bool tn_library_each_file(const char *folder, tn_library_visitor visit, void *data, struct tn_error *err) {
	if (folder != NULL) {
		return each_in_folder(folder, visit, data, err);
	}
	for (size_t i = 0; i < tn_lib_file_count; i++) {
		if (!visit(data, tn_lib_files[i].name, tn_lib_files[i].text, tn_lib_files[i].length, err)) {
			return false;
		}
	}
	return true;
}

/* The embedded texts stay where they are; what was read from a folder is kept in the arena. */
static bool add_file(void *data, const char *name, const char *text, size_t length, struct tn_error *err) {
	struct tn_lang *lang = data;
	struct library_file *file = TN_ARENA_NEW(&lang->arena, struct library_file);
	if (file == NULL) {
		return tn_error_memory(err);
	}
	file->name = tn_arena_printf(&lang->arena, "lib/%s", name);
	file->text = tn_library_folder() == NULL ? text : tn_arena_strndup(&lang->arena, text, length);
	file->length = length;
	return (file->name != NULL && file->text != NULL && scan_file(lang, file)) || tn_error_memory(err);
}

bool tn_library_index(struct tn_lang *lang, struct tn_error *err) {
	if (lang->library_indexed) {
		return true;
	}
	lang->library_indexed = true;
	return tn_library_each_file(tn_library_folder(), add_file, lang, err);
}

static bool load_file(struct tn_lang *lang, struct library_file *file, struct tn_error *err) {
	file->loaded = true; /* before it is read: its own names ask for it again */
	struct tn_diagnostics diag = {0};
	struct tn_unit *unit = tn_unit_create(lang, file->name, file->text, file->length, lang->library, err);
	if (unit == NULL) {
		return false;
	}
	unit->keep = unit->pinned = true;
	bool ok = tn_parse(unit->source, &unit->arena, &unit->tree, &diag) && tn_check_library(lang, unit, &diag);
	if (!ok) {
		if (diag.errors.count > 0) {
			if (err != NULL && !tn_error_is_set(err)) {
				*err = diag.errors.items[0];
			}
		} else {
			tn_error_memory(err);
		}
	}
	tn_diagnostics_finish(&diag);
	return ok;
}

bool tn_library_load(struct tn_lang *lang, const char *name, struct tn_error *err) {
	if (!tn_library_index(lang, err)) {
		return false;
	}
	for (struct library_entry *e = tn_map_get(&lang->library_index, name); e != NULL; e = e->next) {
		if (!e->file->loaded && !load_file(lang, e->file, err)) {
			return false;
		}
	}
	return true;
}

void tn_library_offer(struct tn_lang *lang, struct tn_suggest *suggest) {
	if (!tn_library_index(lang, NULL)) {
		return;
	}
	for (uint32_t i = 0; i < lang->library_index.used; i++) {
		if (lang->library_index.entries[i].key != NULL) {
			tn_suggest_offer(suggest, lang->library_index.entries[i].key);
		}
	}
}
