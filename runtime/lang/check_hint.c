/* SPDX-License-Identifier: Apache-2.0 */
/* Errors about names that there are not: what the habits of Python, PyTorch and C are called here (check_habit.c), and did you
 * mean …, by edit distance, of what fits the value that it is asked of. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

static void offer_map(struct tn_suggest *near, const struct tn_map *map) {
	for (uint32_t i = 0; i < map->used; i++) {
		if (map->entries[i].key != NULL) {
			tn_suggest_offer(near, map->entries[i].key);
		}
	}
}

static void offer_functions(struct tn_checker *c, struct tn_suggest *near) {
	offer_map(near, &c->frame->module->functions);
	offer_map(near, &c->lang->library->functions);
	offer_map(near, &c->lang->natives);
	tn_library_offer(c->lang, near);
}

/* Whether a native's first parameter can be a value of that type, by the words of its signature. */
static bool takes(const struct tn_native *native, const struct tn_type *type) {
	static const struct {
		enum tn_type_kind kind;
		const char *words;
	} rows[] = {{TN_TYPE_TENSOR, " tensor operand tree auto "}, {TN_TYPE_LIST, " auto[] tensor[] string[] tree auto "},
		{TN_TYPE_STRING, " string auto "}, {TN_TYPE_MAP, " map tree auto "}, {TN_TYPE_STRUCT, " tree auto "},
		{TN_TYPE_TUPLE, " tree auto "}, {TN_TYPE_INT, " int float number operand auto "},
		{TN_TYPE_FLOAT, " float number operand auto "}, {TN_TYPE_BOOL, " bool auto "}};
	const char *first = strchr(native->signature, '(');
	size_t length = first == NULL ? 0 : strcspn(first + 1, " ,)");
	char word[32];
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		if (rows[i].kind == type->kind) {
			snprintf(word, sizeof(word), " %.*s ", (int)length, length == 0 ? "" : first + 1);
			return length > 0 && length + 2 < sizeof(word) && strstr(rows[i].words, word) != NULL;
		}
	}
	return true;
}

/* The functions that may be called of a value: of the library, whose first parameters are not read for this, only where such are likely. */
static void offer_methods(struct tn_checker *c, struct tn_suggest *near, const struct tn_type *type) {
	offer_map(near, &c->frame->module->functions);
	for (uint32_t i = 0; i < c->lang->natives.used; i++) {
		const struct tn_overloads *set = c->lang->natives.entries[i].key == NULL ? NULL : c->lang->natives.entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			if (takes(set->items.items[k]->native, type)) {
				tn_suggest_offer(near, c->lang->natives.entries[i].key);
			}
		}
	}
	if (type->kind == TN_TYPE_TENSOR || type->kind == TN_TYPE_STRUCT) {
		tn_library_offer(c->lang, near);
	}
}

static void offer_variables(struct tn_checker *c, struct tn_suggest *near) {
	const struct frame *f = c->frame;
	for (size_t i = f->bindings.count; i > f->hidden; i--) {
		tn_suggest_offer(near, f->bindings.items[i - 1].name);
	}
	for (const struct tn_checker *k = c; k != NULL; k = k->outer) {
		offer_map(near, &k->pending);
	}
	offer_map(near, &f->module->symbols);
}

static void suggest(struct tn_error *err, const struct tn_suggest *near) {
	if (near->best != NULL) {
		HINT(err, "did you mean %s?", near->best);
	}
}

/* AdamW: adamw. BatchNorm2d: batch_norm. */
bool check_find_maker(struct tn_checker *c, const char *name, char out[64]) {
	size_t length = 0;
	for (const char *at = name; *at != '\0' && length + 2 < 64; at++) {
		bool capital = *at >= 'A' && *at <= 'Z';
		if (capital && at > name && at[-1] >= 'a' && at[-1] <= 'z') {
			out[length++] = '_';
		}
		out[length++] = capital ? (char)(*at - 'A' + 'a') : *at;
	}
	out[length] = '\0';
	if (tn_map_get(&c->lang->natives, out) != NULL ||
		(tn_library_index(c->lang, NULL) && tn_map_get(&c->lang->library_index, out) != NULL)) {
		return true;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, out);
	offer_map(&near, &c->lang->natives);
	tn_library_offer(c->lang, &near);
	if (near.best == NULL || strlen(near.best) >= 64 || (near.best[0] >= 'A' && near.best[0] <= 'Z')) {
		return false;
	}
	strcpy(out, near.best);
	return true;
}

/* The cell has been told: once for each name is enough. */
static bool told(const struct tn_checker *c, const char *name) {
	char variable[TN_ERROR_TEXT_MAX], function[TN_ERROR_TEXT_MAX];
	snprintf(variable, sizeof(variable), "%s is not declared", name);
	snprintf(function, sizeof(function), "there is no function %s", name);
	for (size_t i = 0; i < c->diag->errors.count; i++) {
		const char *text = c->diag->errors.items[i].text;
		if (strcmp(text, variable) == 0 || strcmp(text, function) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_function(struct tn_checker *c, const char *name) {
	return tn_map_get(&c->lang->natives, name) != NULL || (tn_library_index(c->lang, NULL) && tn_map_get(&c->lang->library_index, name) != NULL);
}

static void hint_prefix(struct tn_checker *c, struct tn_error *err, const char *root, const char *name) {
	size_t length = strlen(name);
	char stem[64], maker[64];
	bool in_place = length > 1 && length < sizeof(stem) && name[length - 1] == '_';
	snprintf(stem, sizeof(stem), "%.*s", (int)(length - in_place), name);
	const char *row = check_habit_own_function(name);
	row = row == NULL ? check_habit_own_function(stem) : row;
	if (row != NULL) {
		HINT(err, "%s", row);
	} else if (name[0] >= 'A' && name[0] <= 'Z' && check_find_maker(c, name, maker)) {
		HINT(err, "write %s(…), without a prefix", maker);
	} else if (is_function(c, stem)) {
		HINT(err, in_place ? "x = %s(…); without a prefix: no function changes a tensor in place" : "write %s(…), without a prefix", stem);
	} else if (check_habit_name(name) != NULL) {
		HINT(err, "%s", check_habit_name(name));
	} else if (strcmp(name, "pi") == 0 || strcmp(name, "inf") == 0 || strcmp(name, "nan") == 0) {
		HINT(err, "write %s, without a prefix", name);
	} else {
		HINT(err, "%s", check_habit_name(root) != NULL ? check_habit_name(root) : "functions have no prefix here: relu(x), zeros(2, 3)");
	}
}

bool check_report_prefix(struct tn_checker *c, const struct tn_ast *ast) {
	const struct tn_ast *root = ast;
	while (root->kind == TN_AST_FIELD) {
		root = root->field.object;
	}
	const char *name = root->kind != TN_AST_NAME || ast->kind != TN_AST_FIELD ? NULL : check_name(c, root->name);
	if (name == NULL || !check_habit_is_prefix(name) || check_find_binding(c, name) != NULL ||
		check_find_symbol(c, c->frame->module, name) != NULL || check_find_alias(c, root->name) != NULL) {
		return false;
	}
	const char *last = check_name(c, ast->field.name);
	struct tn_error *err = check_error(c, root->span, TN_ERR_NAME, "%s is not declared", name);
	if (err != NULL && last != NULL) {
		hint_prefix(c, err, name, last);
	}
	return true;
}

/* A variable that a statement further down declares. */
static bool declared_later(struct tn_checker *c, const char *name, struct tn_span span) {
	const struct tn_ast *later = tn_map_get(&c->later, name);
	if (later != NULL) {
		uint32_t line, column;
		tn_source_position(later->span.source, later->span.begin, &line, &column);
		check_error(c, span, TN_ERR_NAME, "%s is not declared yet: that is in line %u", name, line);
	}
	return later != NULL;
}

void check_unknown_name(struct tn_checker *c, const char *name, struct tn_span span) {
	struct tn_struct_def *def = check_find_struct(c, c->frame->module, name);
	if (def != NULL) {
		struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is a type, not a value", name);
		HINT(err, "%s{ … } makes one", name);
		return;
	}
	if (told(c, name) || declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is not declared", name);
	const char *habit = check_habit_name(name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_variables(c, &near);
	offer_functions(c, &near);
	suggest(err, &near);
}

void check_unknown_function(struct tn_checker *c, const char *name, struct tn_span span) {
	if (told(c, name) || declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "there is no function %s", name);
	const char *habit = check_habit_function(name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	char maker[64];
	if (name[0] >= 'A' && name[0] <= 'Z' && check_find_maker(c, name, maker)) {
		HINT(err, "did you mean %s?", maker);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_functions(c, &near);
	offer_variables(c, &near);
	suggest(err, &near);
}

/* What a Python or PyTorch user means by x.name: the habit's row; a function in place, `relu_`, by the one that gives a new tensor. A
 * row about a field of the library's layers says nothing of a struct without it. */
static bool hint_habit(struct tn_checker *c, struct tn_error *err, const struct tn_type *type, const char *name) {
	const char *habit = check_habit_method(type, name);
	bool is_layer = type != NULL && type->kind == TN_TYPE_STRUCT && check_has_field(type, "w");
	bool of_layer = strcmp(name, "weight") == 0 || strcmp(name, "bias") == 0 || strstr(name, "_features") != NULL;
	if (habit != NULL && (is_layer || !of_layer)) {
		HINT(err, "%s", habit);
		return true;
	}
	size_t length = strlen(name);
	char stem[64];
	if (type == NULL || type->kind != TN_TYPE_TENSOR || length < 3 || length > sizeof(stem) || name[length - 1] != '_') {
		return false;
	}
	snprintf(stem, sizeof(stem), "%.*s", (int)length - 1, name);
	bool known = tn_map_get(&c->lang->natives, stem) != NULL ||
		(tn_library_index(c->lang, NULL) && tn_map_get(&c->lang->library_index, stem) != NULL);
	if (known) {
		HINT(err, "there are no functions that change a tensor in place: x = %s(x…);", stem);
	}
	return known;
}

void check_unknown_method(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128] = "value";
	if (type != NULL) {
		tn_type_format(type, text);
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s has no field and no function %s", text, name);
	if (hint_habit(c, err, type, name)) {
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	for (uint32_t i = 0; type != NULL && type->kind == TN_TYPE_STRUCT && i < type->def->field_count; i++) {
		tn_suggest_offer(&near, type->def->fields[i].name);
	}
	if (type == NULL) {
		offer_functions(c, &near);
	} else {
		offer_methods(c, &near, type);
	}
	suggest(err, &near);
}

void check_unknown_field(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128];
	tn_type_format(type, text);
	struct tn_error *err =
		check_error(c, span, TN_ERR_NAME, "%s has no %s %s", text, type->kind == TN_TYPE_TENSOR ? "attribute" : "field", name);
	if (err == NULL) {
		return;
	}
	if (type->kind == TN_TYPE_MAP) {
		bool length = strcmp(name, "length") == 0 || strcmp(name, "size") == 0;
		tn_error_hint(err, length ? "len(m); m[\"%s\"] reads a map" : "m[\"%s\"] reads a map", name);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	if (type->kind == TN_TYPE_STRUCT) {
		for (uint32_t i = 0; i < type->def->field_count; i++) {
			tn_suggest_offer(&near, type->def->fields[i].name);
		}
	} else if (type->kind == TN_TYPE_TENSOR) {
		static const char *const attributes[] = {"shape", "ndim", "dtype", "device", "T"};
		for (size_t i = 0; i < TN_ARRAY_LEN(attributes); i++) {
			tn_suggest_offer(&near, attributes[i]);
		}
	}
	if (hint_habit(c, err, type, name)) {
		return;
	}
	if (near.best != NULL) {
		suggest(err, &near);
	} else if (tn_map_get(&c->lang->natives, name) != NULL) {
		tn_error_hint(err, "a method is called with parentheses: x.%s()", name);
	} else if (type->kind == TN_TYPE_TUPLE) {
		HINT(err, "the parts of a tuple have numbers, not names: x[0]");
	}
}
