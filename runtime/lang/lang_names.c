/* SPDX-License-Identifier: Apache-2.0 */
/* What a session can say about names: the variables it has, help for `?name`, and every function of the library for the manual. */
#include <stdlib.h>
#include <string.h>

#include "lang/catalog_part.h"

void tn_lang_each_global(struct tn_lang *lang, tn_lang_name_visitor visit, void *data) {
	const struct tn_map *names = &lang->session->symbols;
	for (uint32_t i = 0; i < names->used; i++) {
		const struct tn_symbol *symbol = names->entries[i].key == NULL ? NULL : names->entries[i].value;
		if (symbol != NULL && symbol->value.tag != TN_VOID) {
			visit(data, symbol->name, symbol->type, symbol->value);
		}
	}
}

/* ---- signatures ---- */

/* All of a function's text; its own span is that of its name, which errors mark. */
static struct tn_span whole(const struct tn_function *f) { return f->decl != NULL ? f->decl->span : f->span; }

/* The source of a function up to its body, on one line. */
static bool signature(const struct tn_function *f, struct tn_str *out) {
	if (f->native != NULL) {
		return tn_str_append(out, f->native->signature);
	}
	struct tn_span span = whole(f);
	return catalog_head_text(span.source->text + span.begin, span.source->text + span.end, out);
}

const char *tn_doc_example(const char *doc, size_t *length) {
	static const char mark[] = "Example:";
	for (const char *line = doc; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t n = strcspn(line, "\n");
		if (n == strlen(mark) && memcmp(line, mark, n) == 0) {
			*length = (size_t)(line - doc);
			while (*length > 0 && (doc[*length - 1] == '\n' || doc[*length - 1] == ' ')) {
				--*length;
			}
			return line[n] == '\n' ? line + n + 1 : line + n;
		}
	}
	*length = strlen(doc);
	return NULL;
}

bool tn_doc_append_example(struct tn_str *out, const char *example) {
	static const char mark[] = "// expect: ";
	bool ok = true;
	for (const char *at; ok && (at = strstr(example, mark)) != NULL; example = at + strlen(mark)) {
		ok = tn_str_append_n(out, example, (size_t)(at - example)) && tn_str_append(out, "// ");
	}
	return ok && tn_str_append(out, example);
}

static const char *doc_of(const struct tn_function *f) { return f->native != NULL ? f->native->doc : f->decl != NULL ? f->decl->doc : NULL; }

/* A native's row has its example; a function of the language has it in its documentation. */
static const char *example_of(const struct tn_function *f) {
	size_t length;
	const char *doc = doc_of(f);
	return f->native != NULL ? f->native->example : doc != NULL ? tn_doc_example(doc, &length) : NULL;
}

/* ---- help ---- */

static bool describe_function(const struct tn_function *f, bool with_source, struct tn_str *out) {
	const char *doc = doc_of(f), *example = example_of(f);
	size_t length = 0;
	if ((out->length > 0 && !tn_str_append(out, "\n")) || !signature(f, out) || !tn_str_append(out, "\n")) {
		return false;
	}
	if (doc != NULL) {
		(void)tn_doc_example(doc, &length);
	}
	if (length > 0 && !tn_str_printf(out, "\n%.*s\n", (int)length, doc)) {
		return false;
	}
	if (example != NULL && !(tn_str_append(out, "\nexample:\n") && tn_doc_append_example(out, example) && tn_str_append(out, "\n"))) {
		return false;
	}
	if (!with_source || f->native != NULL || f->span.source == NULL) {
		return true;
	}
	struct tn_span span = whole(f);
	return tn_str_append(out, "\n") && tn_str_append_n(out, span.source->text + span.begin, span.end - span.begin) && tn_str_append(out, "\n");
}

static bool describe_set(const struct tn_overloads *set, bool with_source, struct tn_str *out) {
	for (size_t i = 0; set != NULL && i < set->items.count; i++) {
		if (!describe_function(set->items.items[i], with_source, out)) {
			return false;
		}
	}
	return true;
}

static bool describe_struct(const struct tn_struct_def *def, struct tn_str *out) {
	bool ok = tn_str_printf(out, "%sstruct %s {\n", out->length > 0 ? "\n" : "", def->name);
	for (uint32_t i = 0; ok && i < def->field_count; i++) {
		char type[128];
		const struct tn_struct_field *field = &def->fields[i];
		tn_type_format(field->type, type);
		ok = tn_str_printf(out, "    %s%s %s;%s%s\n", field->frozen ? "frozen " : "", type, field->name, field->doc != NULL ? "    /// " : "", field->doc != NULL ? field->doc : "");
	}
	return ok && tn_str_append(out, "}\n") && (def->doc == NULL || tn_str_printf(out, "\n%s\n", def->doc));
}

static bool unknown(struct tn_lang *lang, const char *name, struct tn_error *err) {
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	tn_library_offer(lang, &near);
	for (uint32_t i = 0; i < lang->natives.used; i++) {
		if (lang->natives.entries[i].key != NULL) {
			tn_suggest_offer(&near, lang->natives.entries[i].key);
		}
	}
	for (uint32_t i = 0; i < lang->session->symbols.used; i++) {
		if (lang->session->symbols.entries[i].key != NULL) {
			tn_suggest_offer(&near, lang->session->symbols.entries[i].key);
		}
	}
	tn_error_set(err, TN_ERR_NAME, "nothing is called '%.100s'", name);
	if (near.best != NULL) {
		tn_error_hint(err, "did you mean %s?", near.best);
	}
	return false;
}

bool tn_lang_help(struct tn_lang *lang, const char *name, bool with_source, struct tn_str *out, struct tn_error *err) {
	struct tn_overload_view view = {0};
	size_t before = out->length;
	if (!tn_lookup_functions(lang, lang->session, name, &view, err)) {
		return false;
	}
	const struct tn_symbol *symbol = tn_lookup_symbol(lang, lang->session, name);
	const struct tn_struct_def *def = tn_lookup_struct(lang, lang->session, name);
	bool ok = true;
	if (symbol != NULL) {
		char type[128];
		tn_type_format(symbol->type, type);
		ok = tn_str_printf(out, "%s %s\n", type, symbol->name) && (symbol->doc == NULL || tn_str_printf(out, "\n%s\n", symbol->doc));
	}
	ok = ok && (def == NULL || describe_struct(def, out)) && describe_set(view.own, with_source, out) && describe_set(view.library, with_source, out) &&
		describe_set(view.native, with_source, out);
	if (!ok) {
		return tn_error_memory(err);
	}
	return out->length > before || unknown(lang, name, err);
}

/* ---- the manual ---- */

static int by_name(const void *a, const void *b) {
	const struct tn_function *x = *(struct tn_function *const *)a, *y = *(struct tn_function *const *)b;
	int order = strcmp(x->name, y->name);
	return order != 0 ? order : (x > y) - (x < y);
}

struct function_list { TN_VEC(struct tn_function *) all; };

static bool collect(const struct tn_map *sets, struct function_list *list) {
	for (uint32_t i = 0; i < sets->used; i++) {
		const struct tn_overloads *set = sets->entries[i].key == NULL ? NULL : sets->entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			if (!TN_VEC_PUSH(&list->all, set->items.items[k])) {
				return false;
			}
		}
	}
	return true;
}

static bool load_library(struct tn_lang *lang, struct tn_error *err) {
	if (!tn_library_index(lang, err)) {
		return false;
	}
	for (uint32_t i = 0; i < lang->library_index.used; i++) {
		if (lang->library_index.entries[i].key != NULL && !tn_library_load(lang, lang->library_index.entries[i].key, err)) {
			return false;
		}
	}
	return true;
}

bool tn_lang_each_doc(struct tn_lang *lang, tn_lang_doc_visitor visit, void *data, struct tn_error *err) {
	struct function_list list = {0};
	struct tn_str text = {0}, about = {0};
	bool ok = load_library(lang, err);
	if (ok && (!collect(&lang->natives, &list) || !collect(&lang->library->functions, &list))) {
		ok = tn_error_memory(err);
	}
	if (ok && list.all.count > 0) {
		qsort(list.all.items, list.all.count, sizeof(list.all.items[0]), by_name);
	}
	for (size_t i = 0; ok && i < list.all.count; i++) {
		const struct tn_function *f = list.all.items[i];
		const char *doc = doc_of(f);
		size_t length = 0;
		if (doc == NULL && f->native == NULL) {
			continue; /* a part of the library, not of its face */
		}
		tn_str_clear(&text);
		tn_str_clear(&about);
		if (doc != NULL) {
			(void)tn_doc_example(doc, &length);
		}
		if (!signature(f, &text) || !tn_str_append_n(&about, doc, length)) {
			ok = tn_error_memory(err);
		} else if (!visit(data, f->name, tn_str_c(&text), doc == NULL ? NULL : tn_str_c(&about), example_of(f))) {
			break;
		}
	}
	TN_VEC_FINISH(&list.all);
	tn_str_finish(&about);
	tn_str_finish(&text);
	return ok;
}
