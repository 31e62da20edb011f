/* SPDX-License-Identifier: Apache-2.0 */
/* The language's tables: interned names, units, modules, and what a name means in a module. Definitions are put here by the
 * checker (check.c); this file owns their memory. */
#include <string.h>

#include "lang/state.h"

const char *tn_intern(struct tn_lang *lang, const char *text, size_t length) {
	char *known = tn_map_get_n(&lang->names, text, length);
	if (known != NULL) {
		return known;
	}
	char *copy = tn_arena_strndup(&lang->arena, text, length);
	return copy != NULL && tn_map_set_n(&lang->names, text, length, copy) ? copy : NULL;
}

/* ---- units ---- */

struct tn_unit *tn_unit_create(
	struct tn_lang *lang, const char *name, const char *text, size_t length, struct tn_module *module, struct tn_error *err) {
	struct tn_unit *unit = tn_calloc(1, sizeof(*unit));
	if (unit == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	tn_arena_init(&unit->arena);
	unit->module = module;
	unit->serial = ++lang->unit_count;
	unit->source = tn_source_create(name, text, length, err);
	if (unit->source == NULL || !TN_VEC_PUSH(&lang->units, unit)) {
		tn_error_memory(err);
		tn_source_unref(unit->source);
		tn_free(unit);
		return NULL;
	}
	return unit;
}

static void instance_finish(struct tn_instance *instance) {
	tn_proto_destroy(instance->proto);
	instance->proto = NULL;
}

static void unit_finish(struct tn_unit *unit) {
	for (size_t i = 0; i < unit->functions.count; i++) {
		struct tn_function *f = unit->functions.items[i];
		for (size_t k = 0; k < f->instances.count; k++) {
			instance_finish(f->instances.items[k]);
		}
		TN_VEC_FINISH(&f->instances);
	}
	TN_VEC_FINISH(&unit->functions);
	for (size_t i = 0; i < unit->instances.count; i++) {
		instance_finish(unit->instances.items[i]);
	}
	TN_VEC_FINISH(&unit->instances);
	for (size_t i = 0; i < unit->constants.count; i++) {
		tn_value_unref(unit->constants.items[i]);
	}
	TN_VEC_FINISH(&unit->constants);
	tn_arena_finish(&unit->arena);
	tn_source_unref(unit->source);
	tn_free(unit);
}

void tn_unit_destroy(struct tn_lang *lang, struct tn_unit *unit) {
	if (unit == NULL) {
		return;
	}
	for (size_t i = lang->units.count; i > 0; i--) {
		if (lang->units.items[i - 1] == unit) {
			memmove(&lang->units.items[i - 1], &lang->units.items[i], (lang->units.count - i) * sizeof(lang->units.items[0]));
			lang->units.count--;
			break;
		}
	}
	unit_finish(unit);
}

/* Whether a call by name finds a function of it. */
static bool is_named(const struct tn_unit *unit) {
	for (size_t i = 0; i < unit->functions.count; i++) {
		const struct tn_function *f = unit->functions.items[i];
		const struct tn_overloads *set = tn_map_get(&unit->module->functions, f->name);
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			if (set->items.items[k] == f) {
				return true;
			}
		}
	}
	return false;
}

void tn_units_sweep(struct tn_lang *lang) {
	for (size_t i = lang->units.count; i > 0; i--) {
		struct tn_unit *unit = lang->units.items[i - 1];
		if (!unit->pinned && unit->module == lang->session && !is_named(unit)) {
			tn_unit_destroy(lang, unit);
		}
	}
}

/* ---- modules ---- */

struct tn_module *tn_module_create(struct tn_lang *lang, const char *name, struct tn_error *err) {
	struct tn_module *module = tn_calloc(1, sizeof(*module));
	if (module == NULL || (name != NULL && (module->name = tn_intern(lang, name, strlen(name))) == NULL) ||
		!TN_VEC_PUSH(&lang->modules, module)) {
		tn_free(module);
		tn_error_memory(err);
		return NULL;
	}
	return module;
}

static void module_clear(struct tn_module *module) {
	tn_map_finish(&module->symbols);
	tn_map_finish(&module->functions); /* the sets lie in the language's arena */
	tn_map_finish(&module->structs);
	tn_map_finish(&module->aliases);
}

/* struct ErrorInfo { string name; string message; string trace; }, which every language has before it reads anything. */
static bool define_error_info(struct tn_lang *lang, struct tn_error *err) {
	static const char *const names[3] = {"name", "message", "trace"};
	static const char *const docs[3] = {
		"kind of the error, such as ShapeError", "what went wrong", "where, and called from where, a line each"};
	struct tn_struct_def *def = TN_ARENA_NEW(&lang->arena, struct tn_struct_def);
	if (def == NULL || (def->fields = TN_ARENA_ARRAY(&lang->arena, 3, struct tn_struct_field)) == NULL) {
		return tn_error_memory(err);
	}
	def->name = tn_intern(lang, "ErrorInfo", 9);
	def->doc = "What catch (e) gives.";
	def->field_count = 3;
	for (int i = 0; i < 3; i++) {
		def->fields[i] = (struct tn_struct_field){.name = tn_intern(lang, names[i], strlen(names[i])),
			.doc = docs[i],
			.type = tn_type_basic(lang->types, TN_TYPE_STRING)};
		if (def->fields[i].name == NULL) {
			return tn_error_memory(err);
		}
	}
	def->type = tn_type_struct(lang->types, def);
	if (def->name == NULL || def->type == NULL || !tn_map_set(&lang->library->structs, def->name, def)) {
		return tn_error_memory(err);
	}
	lang->error_info = def;
	return true;
}

bool tn_state_init(struct tn_lang *lang, struct tn_error *err) {
	tn_arena_init(&lang->arena);
	lang->epoch = 1;
	lang->types = tn_types_create();
	lang->session = lang->types == NULL ? NULL : tn_module_create(lang, NULL, err);
	lang->library = lang->session == NULL ? NULL : tn_module_create(lang, "lib", err);
	if (lang->library == NULL) {
		return tn_error_memory(err);
	}
	lang->library->is_library = true;
	lang->thunks = tn_unit_create(lang, "calls", "", 0, lang->session, err);
	if (lang->thunks == NULL) {
		return false;
	}
	lang->thunks->keep = lang->thunks->pinned = true;
	return define_error_info(lang, err);
}

/* Values go first: they may hold lambdas whose code lies in units. */
static void drop_values(struct tn_lang *lang) {
	for (size_t i = 0; i < lang->symbols.count; i++) {
		tn_value_store(&lang->symbols.items[i]->value, tn_void());
	}
}

void tn_state_finish(struct tn_lang *lang) {
	drop_values(lang);
	for (size_t i = lang->units.count; i > 0; i--) {
		unit_finish(lang->units.items[i - 1]);
	}
	TN_VEC_FINISH(&lang->units);
	for (size_t i = 0; i < lang->modules.count; i++) {
		module_clear(lang->modules.items[i]);
		tn_free(lang->modules.items[i]);
	}
	TN_VEC_FINISH(&lang->modules);
	TN_VEC_FINISH(&lang->symbols);
	TN_VEC_FINISH(&lang->expected);
	for (uint32_t i = 0; i < lang->natives.used; i++) {
		struct tn_overloads *set = lang->natives.entries[i].key == NULL ? NULL : lang->natives.entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			TN_VEC_FINISH(&set->items.items[k]->instances);
		}
		if (set != NULL) {
			TN_VEC_FINISH(&set->items);
		}
	}
	tn_map_finish(&lang->natives);
	tn_map_finish(&lang->handles);
	tn_map_finish(&lang->extras);
	for (size_t i = 0; i < lang->signatures.count; i++) {
		tn_source_unref(lang->signatures.items[i]);
	}
	TN_VEC_FINISH(&lang->signatures);
	tn_map_finish(&lang->library_index);
	tn_map_finish(&lang->dyn_cache);
	tn_map_finish(&lang->names);
	tn_types_destroy(lang->types);
	lang->types = NULL;
	tn_arena_finish(&lang->arena);
}

bool tn_state_reset(struct tn_lang *lang, struct tn_error *err) {
	(void)err;
	struct tn_map *symbols = &lang->session->symbols;
	for (uint32_t i = 0; i < symbols->used; i++) {
		if (symbols->entries[i].key != NULL) {
			tn_value_store(&((struct tn_symbol *)symbols->entries[i].value)->value, tn_void());
		}
	}
	module_clear(lang->session);
	lang->expected.count = 0;
	lang->epoch++;
	return true;
}

/* ---- what a name means ---- */

bool tn_lookup_functions(
	struct tn_lang *lang, struct tn_module *module, const char *name, struct tn_overload_view *out, struct tn_error *err) {
	if (!tn_library_load(lang, name, err)) {
		return false;
	}
	out->own = module == lang->library ? NULL : tn_map_get(&module->functions, name);
	out->library = tn_map_get(&lang->library->functions, name);
	out->native = tn_map_get(&lang->natives, name);
	return true;
}

struct tn_symbol *tn_lookup_symbol(struct tn_lang *lang, struct tn_module *module, const char *name) {
	struct tn_symbol *symbol = tn_map_get(&module->symbols, name);
	return symbol != NULL ? symbol : tn_map_get(&lang->library->symbols, name);
}

struct tn_struct_def *tn_lookup_struct(struct tn_lang *lang, struct tn_module *module, const char *name) {
	struct tn_struct_def *def = tn_map_get(&module->structs, name);
	if (def == NULL && tn_library_load(lang, name, NULL)) {
		def = tn_map_get(&lang->library->structs, name);
	}
	return def;
}

/* ---- natives ---- */

bool tn_signature_name(const char *signature, const char **name, size_t *length) {
	const char *end = strchr(signature, '(');
	while (end != NULL && (end == signature || end[-1] == ' ' || end[-1] == '(')) {
		end = strchr(end + 1, '(');
	}
	if (end == NULL) {
		return false;
	}
	const char *begin = end;
	while (begin > signature && begin[-1] != ' ') {
		begin--;
	}
	*name = begin;
	*length = (size_t)(end - begin);
	return *length > 0 && begin > signature;
}

static struct tn_overloads *native_set(struct tn_lang *lang, const char *name) {
	struct tn_overloads *set = tn_map_get(&lang->natives, name);
	if (set != NULL) {
		return set;
	}
	set = TN_ARENA_NEW(&lang->arena, struct tn_overloads);
	if (set == NULL || !tn_map_set(&lang->natives, name, set)) {
		return NULL;
	}
	set->name = name;
	return set;
}

bool tn_lang_register(struct tn_lang *lang, const struct tn_native *rows, size_t count, struct tn_error *err) {
	struct tn_function *functions = TN_ARENA_ARRAY(&lang->arena, count, struct tn_function);
	if (functions == NULL && count > 0) {
		return tn_error_memory(err);
	}
	for (size_t i = 0; i < count; i++) {
		const char *text, *name;
		size_t length;
		if (!tn_signature_name(rows[i].signature, &text, &length)) {
			return tn_error_set(err, TN_ERR_ERROR, "a native's signature has no name: %s", rows[i].signature);
		}
		name = tn_intern(lang, text, length);
		struct tn_overloads *set = name == NULL ? NULL : native_set(lang, name);
		functions[i] = (struct tn_function){.name = name, .module = lang->library, .native = &rows[i], .is_library = true};
		if (set == NULL || !TN_VEC_PUSH(&set->items, &functions[i])) {
			return tn_error_memory(err);
		}
	}
	return true;
}

bool tn_lang_register_handle(struct tn_lang *lang, const char *name, struct tn_error *err) {
	const char *interned = tn_intern(lang, name, strlen(name));
	struct tn_type *type = interned == NULL ? NULL : tn_type_named(lang->types, TN_TYPE_HANDLE, interned);
	return (type != NULL && tn_map_set(&lang->handles, interned, type)) || tn_error_memory(err);
}
