/* SPDX-License-Identifier: Apache-2.0 */
/* Making and sharing catalogs: catalog_part.h says what they are made of. A catalog is made after each cell, so it copies what
 * can have changed and shares the rest; the library is read when something is asked for the first time, on the thread that asks.
 */
#include <string.h>

#include "lang/catalog_part.h"

/* ---- the base: natives, library, words ---- */

static void base_unref(struct catalog_base *base) {
	if (base == NULL || atomic_fetch_sub(&base->refs, 1) != 1) {
		return;
	}
	catalog_finish(&base->table);
	pthread_mutex_destroy(&base->lock);
	tn_free(base->folder);
	tn_free(base->natives);
	tn_free(base);
}

static size_t count_natives(const struct tn_map *natives) {
	size_t count = 0;
	for (uint32_t i = 0; i < natives->used; i++) {
		const struct tn_overloads *set = natives->entries[i].key == NULL ? NULL : natives->entries[i].value;
		count += set == NULL ? 0 : set->items.count;
	}
	return count;
}

static struct catalog_base *base_create(const struct tn_map *natives, size_t count) {
	struct catalog_base *base = tn_calloc(1, sizeof(*base));
	if (base == NULL) {
		return NULL;
	}
	const char *folder = tn_library_folder();
	base->natives = tn_calloc(count + 1, sizeof(*base->natives));
	base->folder = folder == NULL ? NULL : tn_strdup(folder);
	bool ok = base->natives != NULL && (folder == NULL || base->folder != NULL);
	if (!ok || pthread_mutex_init(&base->lock, NULL) != 0) {
		tn_free(base->folder);
		tn_free(base->natives);
		tn_free(base);
		return NULL;
	}
	base->refs = 1;
	for (uint32_t i = 0; i < natives->used; i++) {
		const struct tn_overloads *set = natives->entries[i].key == NULL ? NULL : natives->entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			base->natives[base->native_count++] = set->items.items[k]->native;
		}
	}
	return base;
}

static bool add_library_file(void *data, const char *name, const char *text, size_t length, struct tn_error *err) {
	struct tn_arena arena;
	struct tn_ast_unit tree = {0};
	struct tn_diagnostics diag = {0};
	struct tn_source *source = tn_source_create(name, text, length, err);
	if (source == NULL) {
		return false;
	}
	tn_arena_init(&arena);
	bool whole = tn_parse(source, &arena, &tree, &diag); /* a mistake in it is told by whoever runs it */
	bool ok = whole || (diag.errors.count > 0 && diag.errors.items[0].kind != TN_ERR_MEMORY);
	ok = (ok && catalog_add_tree(data, &tree)) || tn_error_memory(err);
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
	return ok;
}

/* Functions of the library whose name begins with '_', or that nothing documents, are parts of it, which nobody is offered; `call` is what
 * calling a value runs. */
static void leave_out_parts(struct catalog_table *table) {
	size_t kept = 0;
	for (size_t i = 0; i < table->entries.count; i++) {
		const struct catalog_entry *entry = &table->entries.items[i];
		bool face = entry->name[0] != '_' && (entry->doc != NULL || strcmp(entry->name, "call") == 0);
		if (entry->kind != CATALOG_FUNCTION || face) {
			table->entries.items[kept++] = *entry;
		}
	}
	table->entries.count = kept;
}

static bool base_fill(struct catalog_base *base, struct tn_error *err) {
	for (size_t i = 0; i < base->native_count; i++) {
		if (!catalog_add_native(&base->table, base->natives[i])) {
			return tn_error_memory(err);
		}
	}
	if (!catalog_add_words(&base->table)) {
		return tn_error_memory(err);
	}
	if (!tn_library_each_file(base->folder, add_library_file, &base->table, err)) {
		return false;
	}
	leave_out_parts(&base->table);
	catalog_sort(&base->table);
	return true;
}

const struct catalog_table *catalog_library(const struct tn_catalog *catalog, struct tn_error *err) {
	struct catalog_base *base = catalog->base;
	pthread_mutex_lock(&base->lock);
	if (!base->ready) {
		base->ready = base_fill(base, err);
		if (!base->ready) {
			catalog_finish(&base->table); /* the next question tries again */
		}
	}
	bool ready = base->ready;
	pthread_mutex_unlock(&base->lock);
	return ready ? &base->table : NULL;
}

/* ---- the session's definitions ---- */

static void names_unref(struct catalog_names *names) {
	if (names == NULL || atomic_fetch_sub(&names->refs, 1) != 1) {
		return;
	}
	catalog_finish(&names->table);
	tn_free(names);
}

static uint64_t mix_map(uint64_t key, const struct tn_map *map) {
	for (uint32_t i = 0; i < map->used; i++) {
		if (map->entries[i].key != NULL) {
			key = tn_hash_mix(tn_hash_mix(key, map->entries[i].hash), (uint64_t)(uintptr_t)map->entries[i].value);
		}
	}
	return key;
}

/* A struct that is defined again with equal fields stays, with another documentation. */
static uint64_t mix_structs(uint64_t key, const struct tn_map *structs) {
	key = mix_map(key, structs);
	for (uint32_t i = 0; i < structs->used; i++) {
		const struct tn_struct_def *def = structs->entries[i].key == NULL ? NULL : structs->entries[i].value;
		key = def == NULL ? key : tn_hash_mix(key, (uint64_t)(uintptr_t)def->doc);
	}
	return key;
}

/* An address serves again once a function was replaced: its unit tells them apart. */
static uint64_t unit_serial(const struct tn_function *f) {
	return f->unit == NULL ? 0 : f->unit->serial;
}

static uint64_t mix_functions(uint64_t key, const struct tn_map *functions) {
	for (uint32_t i = 0; i < functions->used; i++) {
		const struct tn_overloads *set = functions->entries[i].key == NULL ? NULL : functions->entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			key = tn_hash_mix(tn_hash_mix(key, (uint64_t)(uintptr_t)set->items.items[k]), unit_serial(set->items.items[k]));
		}
	}
	return key;
}

/* A struct that was defined anew since: live values of it show its cell, and their fields are the old ones. */
static const struct tn_struct_def *replaced_struct(const struct tn_symbol *symbol) {
	const struct tn_type *type = symbol->type;
	while (type->kind == TN_TYPE_LIST && type->item_count == 1) {
		type = type->items[0];
	}
	return type->kind == TN_TYPE_STRUCT && type->def->newer != NULL ? type->def : NULL;
}

/* Structs and modules are never freed before the language, so equal addresses are equal definitions. */
static uint64_t names_key(const struct tn_lang *lang) {
	const struct tn_module *session = lang->session;
	uint64_t key = mix_structs(mix_functions(1, &session->functions), &session->structs);
	for (uint32_t i = 0; i < session->aliases.used; i++) {
		const struct tn_module *module = session->aliases.entries[i].key == NULL ? NULL : session->aliases.entries[i].value;
		if (module != NULL) {
			key = tn_hash_mix(key, session->aliases.entries[i].hash);
			key = mix_map(mix_structs(mix_functions(key, &module->functions), &module->structs), &module->symbols);
		}
	}
	for (uint32_t i = 0; i < session->symbols.used; i++) {
		const struct tn_symbol *symbol = session->symbols.entries[i].key == NULL ? NULL : session->symbols.entries[i].value;
		const struct tn_struct_def *old = symbol == NULL ? NULL : replaced_struct(symbol);
		key = old == NULL ? key : tn_hash_mix(key, (uint64_t)(uintptr_t)old);
	}
	return key;
}

static bool add_functions(struct catalog_table *table, const struct tn_map *functions, const char *alias) {
	for (uint32_t i = 0; i < functions->used; i++) {
		const struct tn_overloads *set = functions->entries[i].key == NULL ? NULL : functions->entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			const struct tn_ast_function *decl = set->items.items[k]->decl;
			if (decl != NULL && !catalog_add_function(table, decl, alias)) {
				return false;
			}
		}
	}
	return true;
}

static bool add_struct_shown(struct catalog_table *table, const struct tn_struct_def *def) {
	char name[128];
	tn_type_format(def->type, name);
	return catalog_add_struct(table, def, name, NULL);
}

static bool add_structs(struct catalog_table *table, const struct tn_map *structs, const char *alias) {
	for (uint32_t i = 0; i < structs->used; i++) {
		const struct tn_struct_def *def = structs->entries[i].key == NULL ? NULL : structs->entries[i].value;
		if (def != NULL && !catalog_add_struct(table, def, def->name, alias)) {
			return false;
		}
	}
	return true;
}

static bool add_module(struct catalog_table *table, const char *name, const struct tn_module *module) {
	const char *alias = tn_arena_strndup(&table->arena, name, strlen(name));
	const struct catalog_entry entry = {.kind = CATALOG_MODULE, .name = alias, .signature = NULL};
	if (alias == NULL || !catalog_add_entry(table, &entry) || !add_functions(table, &module->functions, alias) ||
		!add_structs(table, &module->structs, alias)) {
		return false;
	}
	for (uint32_t i = 0; i < module->symbols.used; i++) {
		const struct tn_symbol *symbol = module->symbols.entries[i].key == NULL ? NULL : module->symbols.entries[i].value;
		if (symbol != NULL) {
			char type[128];
			tn_type_format(symbol->type, type);
			struct catalog_entry variable = {.kind = CATALOG_VARIABLE, .module = alias};
			variable.name = tn_arena_strndup(&table->arena, symbol->name, strlen(symbol->name));
			variable.signature = tn_arena_strndup(&table->arena, type, strlen(type));
			if (variable.name == NULL || variable.signature == NULL || !catalog_add_entry(table, &variable)) {
				return false;
			}
		}
	}
	return true;
}

static bool names_fill(struct catalog_table *table, const struct tn_lang *lang) {
	const struct tn_module *session = lang->session;
	bool ok = add_functions(table, &session->functions, NULL) && add_structs(table, &session->structs, NULL);
	if (ok && lang->error_info != NULL) {
		ok = add_struct_shown(table, lang->error_info);
	}
	for (uint32_t i = 0; ok && i < session->aliases.used; i++) {
		if (session->aliases.entries[i].key != NULL) {
			ok = add_module(table, session->aliases.entries[i].key, session->aliases.entries[i].value);
		}
	}
	for (uint32_t i = 0; ok && i < session->symbols.used; i++) {
		const struct tn_symbol *symbol = session->symbols.entries[i].key == NULL ? NULL : session->symbols.entries[i].value;
		const struct tn_struct_def *old = symbol == NULL ? NULL : replaced_struct(symbol);
		ok = old == NULL || add_struct_shown(table, old);
	}
	if (ok) {
		catalog_sort(table);
	}
	return ok;
}

static struct catalog_names *names_create(const struct tn_lang *lang, uint64_t key) {
	struct catalog_names *names = tn_calloc(1, sizeof(*names));
	if (names == NULL) {
		return NULL;
	}
	names->refs = 1;
	names->key = key;
	if (!names_fill(&names->table, lang)) {
		names_unref(names);
		return NULL;
	}
	return names;
}

/* ---- variables ---- */

static const char *keep(struct tn_catalog *catalog, const char *text) {
	return tn_arena_strndup(&catalog->arena, text, strlen(text));
}

static bool add_variable(struct tn_catalog *catalog, struct tn_lang *lang, const struct tn_symbol *symbol, uint32_t *budget) {
	struct catalog_variable *row = &catalog->variables[catalog->variable_count];
	struct catalog_value value;
	const struct tn_type *type = symbol->type;
	char name[128];
	if (type->kind == TN_TYPE_ANY) {
		const struct tn_type *live = tn_value_type(lang, symbol->value);
		type = live != NULL ? live : type;
	}
	tn_type_format(type, name);
	if (!catalog_describe(symbol->value, budget, &value)) {
		return false;
	}
	row->shown = (struct tn_catalog_variable){.name = keep(catalog, symbol->name),
		.type = keep(catalog, name),
		.shape = keep(catalog, value.shape),
		.dtype = keep(catalog, value.dtype),
		.text = keep(catalog, tn_str_c(&value.text)),
		.bytes = value.bytes};
	row->doc = symbol->doc == NULL ? NULL : keep(catalog, symbol->doc);
	tn_str_finish(&value.text);
	catalog->variable_count++;
	return row->shown.name != NULL && row->shown.type != NULL && row->shown.shape != NULL && row->shown.dtype != NULL &&
		row->shown.text != NULL && (symbol->doc == NULL || row->doc != NULL);
}

static bool add_variables(struct tn_catalog *catalog, struct tn_lang *lang) {
	enum { SLOTS = 4096 };
	const struct tn_map *symbols = &lang->session->symbols;
	uint32_t budget = SLOTS;
	catalog->variables = TN_ARENA_ARRAY(&catalog->arena, symbols->count + 1u, struct catalog_variable);
	if (catalog->variables == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < symbols->used; i++) {
		const struct tn_symbol *symbol = symbols->entries[i].key == NULL ? NULL : symbols->entries[i].value;
		if (symbol != NULL && symbol->value.tag != TN_VOID && !add_variable(catalog, lang, symbol, &budget)) {
			return false;
		}
	}
	return true;
}

bool tn_catalog_each_variable(const struct tn_catalog *catalog, tn_catalog_visitor visit, void *data) {
	for (uint32_t i = 0; i < catalog->variable_count; i++) {
		if (!visit(data, &catalog->variables[i].shown)) {
			return false;
		}
	}
	return true;
}

/* ---- the catalog ---- */

struct tn_catalog *tn_catalog_create(struct tn_lang *lang, struct tn_error *err) {
	const struct tn_catalog *last = lang->catalog;
	size_t natives = count_natives(&lang->natives);
	uint64_t key = names_key(lang);
	struct tn_catalog *catalog = tn_calloc(1, sizeof(*catalog));
	if (catalog == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	catalog->refs = 1;
	if (last != NULL && last->base->native_count == natives) {
		catalog->base = last->base;
		atomic_fetch_add(&catalog->base->refs, 1);
	} else {
		catalog->base = base_create(&lang->natives, natives);
	}
	if (last != NULL && last->names->key == key) {
		catalog->names = last->names;
		atomic_fetch_add(&catalog->names->refs, 1);
	} else {
		catalog->names = names_create(lang, key);
	}
	if (catalog->base == NULL || catalog->names == NULL || !add_variables(catalog, lang)) {
		tn_catalog_unref(catalog);
		tn_error_memory(err);
		return NULL;
	}
	tn_catalog_unref(lang->catalog);
	lang->catalog = tn_catalog_ref(catalog);
	return catalog;
}

struct tn_catalog *tn_catalog_ref(struct tn_catalog *catalog) {
	atomic_fetch_add(&catalog->refs, 1);
	return catalog;
}

void tn_catalog_unref(struct tn_catalog *catalog) {
	if (catalog == NULL || atomic_fetch_sub(&catalog->refs, 1) != 1) {
		return;
	}
	base_unref(catalog->base);
	names_unref(catalog->names);
	tn_arena_finish(&catalog->arena);
	tn_free(catalog);
}
