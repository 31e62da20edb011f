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

static bool offer_word(void *data, const char *name, const char *signature, const char *doc, const char *example) {
	(void)signature;
	(void)doc;
	(void)example;
	if (is_name_byte(name[0])) { /* an operator is near to nothing */
		tn_suggest_offer(data, name);
	}
	return true;
}

static bool unknown(struct tn_lang *lang, const char *name, struct tn_error *err) {
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	tn_library_offer(lang, &near);
	(void)tn_lang_each_word(offer_word, &near);
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
	size_t before = out->length;
	struct tn_catalog *catalog = tn_catalog_create(lang, err);
	bool ok = catalog != NULL && catalog_help(catalog, name, with_source, out, err);
	tn_catalog_unref(catalog);
	return ok && (out->length > before || unknown(lang, name, err));
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
		if (f->name[0] == '_' || (doc == NULL && f->native == NULL)) {
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
