/* SPDX-License-Identifier: Apache-2.0 */
/* The interner of static types: a type is looked up by a key made of its kind and its parts' addresses, so that equal types are
 * one pointer. All of them live in one arena for the session's life. */
#include <stdio.h>
#include <string.h>

#include "lang/ir.h"
#include "lang/state.h"
#include "lang/type.h"

enum { BASIC_COUNT = TN_TYPE_OPERAND + 1, KEY_MAX = 64 };

struct tn_types {
	struct tn_arena arena;
	struct tn_map made; /* key bytes → struct tn_type */
	struct tn_type basic[BASIC_COUNT];
};

struct tn_types *tn_types_create(void) {
	struct tn_types *types = tn_calloc(1, sizeof(*types));
	if (types == NULL) {
		return NULL;
	}
	tn_arena_init(&types->arena);
	for (int kind = 0; kind < BASIC_COUNT; kind++) {
		types->basic[kind].kind = (enum tn_type_kind)kind;
	}
	return types;
}

void tn_types_destroy(struct tn_types *types) {
	if (types == NULL) {
		return;
	}
	tn_map_finish(&types->made);
	tn_arena_finish(&types->arena);
	tn_free(types);
}

struct tn_type *tn_type_basic(struct tn_types *types, enum tn_type_kind kind) {
	return &types->basic[kind];
}

/* The type of a kind with one or more pointers as its key: parts for containers, the name or definition for the rest. */
static struct tn_type *intern(
	struct tn_types *types, enum tn_type_kind kind, void *const *parts, uint32_t count, bool parts_are_types) {
	struct tn_str key = {0};
	struct tn_type *type = NULL;
	uintptr_t head = (uintptr_t)kind;
	if (!tn_str_append_n(&key, (const char *)&head, sizeof(head)) ||
		(count > 0 && !tn_str_append_n(&key, (const char *)parts, count * sizeof(parts[0])))) {
		goto done;
	}
	type = tn_map_get_n(&types->made, key.data, key.length);
	if (type != NULL) {
		goto done;
	}
	struct tn_type *made = TN_ARENA_NEW(&types->arena, struct tn_type);
	if (made == NULL) {
		goto done;
	}
	made->kind = kind;
	if (parts_are_types && count > 0) {
		made->item_count = count;
		made->items = TN_ARENA_ARRAY(&types->arena, count, struct tn_type *);
		if (made->items == NULL) {
			goto done;
		}
		memcpy(made->items, parts, count * sizeof(parts[0]));
	}
	if (tn_map_set_n(&types->made, key.data, key.length, made)) {
		type = made;
	}
done:
	tn_str_finish(&key);
	return type;
}

static struct tn_type *with_item(struct tn_types *types, enum tn_type_kind kind, struct tn_type *item) {
	void *parts[1] = {item};
	return item == NULL ? NULL : intern(types, kind, parts, 1, true);
}
struct tn_type *tn_type_list(struct tn_types *types, struct tn_type *item) {
	return with_item(types, TN_TYPE_LIST, item);
}
struct tn_type *tn_type_map(struct tn_types *types, struct tn_type *item) {
	return with_item(types, TN_TYPE_MAP, item);
}
struct tn_type *tn_type_seq(struct tn_types *types, struct tn_type *item) {
	return with_item(types, TN_TYPE_SEQ, item);
}

struct tn_type *tn_type_tuple(struct tn_types *types, struct tn_type *const *items, uint32_t count) {
	return intern(types, TN_TYPE_TUPLE, (void *const *)items, count, true);
}

struct tn_type *tn_type_named(struct tn_types *types, enum tn_type_kind kind, const char *name) {
	union {
		const char *name;
		void *part;
	} key = {.name = name};
	struct tn_type *type = intern(types, kind, &key.part, 1, false);
	if (type != NULL) {
		type->name = name;
	}
	return type;
}

struct tn_type *tn_type_struct(struct tn_types *types, struct tn_struct_def *def) {
	void *part = def;
	struct tn_type *type = intern(types, TN_TYPE_STRUCT, &part, 1, false);
	if (type != NULL) {
		type->def = def;
	}
	return type;
}

struct tn_type *tn_type_lambda(struct tn_types *types, struct tn_function *function) {
	void *part = function;
	struct tn_type *type = intern(types, TN_TYPE_LAMBDA, &part, 1, false);
	if (type != NULL) {
		type->function = function;
	}
	return type;
}

/* ---- as a user writes it ---- */

struct text {
	char *out;
	size_t length;
};
enum { TEXT_MAX = 128 };

static void put(struct text *t, const char *s) {
	size_t room = TEXT_MAX - 1 - t->length, n = strlen(s);
	if (n > room) {
		n = room;
	}
	memcpy(t->out + t->length, s, n);
	t->length += n;
	t->out[t->length] = '\0';
	if (n < strlen(s)) {
		memcpy(t->out + TEXT_MAX - 4, "...", 4);
	}
}

static const char *basic_name(enum tn_type_kind kind) {
	static const char *const names[BASIC_COUNT] = {
		[TN_TYPE_VOID] = "void",
		[TN_TYPE_BOOL] = "bool",
		[TN_TYPE_INT] = "int",
		[TN_TYPE_FLOAT] = "float",
		[TN_TYPE_STRING] = "string",
		[TN_TYPE_DTYPE] = "dtype",
		[TN_TYPE_TENSOR] = "tensor",
		[TN_TYPE_TREE] = "tree",
		[TN_TYPE_MODULE] = "module",
		[TN_TYPE_FN] = "fn",
		[TN_TYPE_EMPTY] = "empty",
		[TN_TYPE_ANY] = "any",
		[TN_TYPE_NEVER] = "nothing",
		[TN_TYPE_AUTO] = "auto",
		[TN_TYPE_AXES] = "int or list of int",
		[TN_TYPE_SHAPE] = "shape",
		[TN_TYPE_NUMBER] = "number",
		[TN_TYPE_OPERAND] = "tensor or number",
		[TN_TYPE_SEQ] = "seq",
		[TN_TYPE_LIST] = "list",
		[TN_TYPE_MAP] = "map",
		[TN_TYPE_LAMBDA] = "lambda",
		[TN_TYPE_TUPLE] = "tuple",
	};
	return names[kind] == NULL ? "value" : names[kind];
}

static void put_type(struct text *t, const struct tn_type *type);

static void put_items(struct text *t, const struct tn_type *type) {
	put(t, "(");
	for (uint32_t i = 0; i < type->item_count && t->length < TEXT_MAX - 8; i++) {
		put(t, i == 0 ? "" : ", ");
		put_type(t, type->items[i]);
	}
	put(t, ")");
}

static void put_struct(struct text *t, const struct tn_struct_def *def) {
	put(t, def->name);
	if (def->newer != NULL && def->unit != NULL && def->unit->source != NULL) {
		put(t, " (");
		put(t, def->unit->source->name);
		put(t, ")");
	}
}

static void put_type(struct text *t, const struct tn_type *type) {
	if (t->length >= TEXT_MAX - 4) {
		return; /* cut already; also bounds the recursion */
	}
	switch (type->kind) {
	case TN_TYPE_LIST:
		if (type->item_count == 0) {
			put(t, "list");
			return;
		}
		put_type(t, type->items[0]);
		put(t, "[]");
		return;
	case TN_TYPE_TUPLE:
		put_items(t, type);
		return;
	case TN_TYPE_MAP:
		put(t, "map");
		if (type->item_count > 0 && type->items[0]->kind != TN_TYPE_ANY) {
			put(t, "[");
			put_type(t, type->items[0]);
			put(t, "]");
		}
		return;
	case TN_TYPE_SEQ:
		put(t, "seq");
		if (type->item_count > 0) {
			put(t, " of ");
			put_type(t, type->items[0]);
		}
		return;
	case TN_TYPE_STRUCT:
		put_struct(t, type->def);
		return;
	case TN_TYPE_FNSET:
		put(t, "function ");
		put(t, type->name);
		return;
	case TN_TYPE_HANDLE:
	case TN_TYPE_MODULE:
		put(t, type->name == NULL ? "module" : type->name);
		return;
	default:
		put(t, basic_name(type->kind));
	}
}

void tn_type_format(const struct tn_type *type, char out[128]) {
	struct text t = {.out = out};
	out[0] = '\0';
	put_type(&t, type);
}

/* ---- questions ---- */

bool tn_type_is_tree(const struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_TENSOR:
	case TN_TYPE_TREE:
	case TN_TYPE_ANY:
	case TN_TYPE_FN:
		return true;
	case TN_TYPE_STRUCT:
		return type->def->has_weights;
	case TN_TYPE_LIST:
	case TN_TYPE_MAP:
	case TN_TYPE_TUPLE:
		for (uint32_t i = 0; i < type->item_count; i++) {
			if (tn_type_is_tree(type->items[i])) {
				return true;
			}
		}
		return false;
	default:
		return false;
	}
}

bool tn_type_is_number(const struct tn_type *type) {
	return type->kind == TN_TYPE_INT || type->kind == TN_TYPE_FLOAT || type->kind == TN_TYPE_BOOL;
}

bool tn_type_is_callable(const struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_FNSET:
	case TN_TYPE_LAMBDA:
	case TN_TYPE_FN:
	case TN_TYPE_ANY:
		return true;
	case TN_TYPE_TUPLE:
	case TN_TYPE_LIST:
		for (uint32_t i = 0; i < type->item_count; i++) {
			if (!tn_type_is_callable(type->items[i]) && type->items[i]->kind != TN_TYPE_STRUCT &&
				type->items[i]->kind != TN_TYPE_TREE) {
				return false;
			}
		}
		return type->item_count > 0;
	default:
		return false;
	}
}
