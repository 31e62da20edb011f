/* SPDX-License-Identifier: Apache-2.0 */
/* Maps: get with a default, keys, values, contains, remove. Reading and writing m[key] belongs to the VM. */
#include <string.h>

#include "lang/builtin.h"

static bool run_get(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *key = call->args[1].string;
	struct tn_value *slot = tn_dict_get(call->args[0].map, key->text, key->length);
	if (slot != NULL && call->type->kind == TN_TYPE_FLOAT && slot->tag == TN_INT) {
		*call->result = tn_float((double)slot->i);
		return true;
	}
	if (slot != NULL && call->type->kind != TN_TYPE_ANY) {
		struct tn_type *found = tn_value_type(call->lang, *slot);
		if (found == NULL) {
			return tn_error_memory(err);
		}
		if (found != call->type) {
			char want[128], got[128];
			tn_type_format(call->type, want);
			tn_type_format(found, got);
			return tn_error_set(err, TN_ERR_TYPE, "get: the default is %s, but the value of \"%.60s\" is %s", want, key->text, got);
		}
	}
	*call->result = tn_value_ref(slot != NULL ? *slot : call->args[2]);
	return true;
}
/* The default's type: that is what the caller goes on with. */
static struct tn_type *type_get(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	const struct tn_type *map = typing->args[0];
	return map->kind == TN_TYPE_MAP && map->items[0]->kind != TN_TYPE_ANY ? map->items[0] : typing->args[2];
}

static bool run_contains(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *key = call->args[1].string;
	*call->result = tn_bool(tn_dict_get(call->args[0].map, key->text, key->length) != NULL);
	return true;
}

static bool run_keys(struct tn_native_call *call, struct tn_error *err) {
	return tn_dict_keys(call->args[0].map, tn_type_basic(tn_lang_types(call->lang), TN_TYPE_STRING), call->result, err);
}

static bool run_values(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_dict *map = call->args[0].map;
	struct tn_value list;
	if (!tn_list_create(map->item, map->count, &list, err)) {
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (!tn_list_append_take(list.list, tn_value_ref(map->items[i]), err)) {
			tn_value_unref(list);
			return false;
		}
	}
	*call->result = list;
	return true;
}
static struct tn_type *type_values(const struct tn_native_typing *typing, struct tn_error *err) {
	if (typing->args[0]->kind != TN_TYPE_MAP) {
		char found[128];
		tn_type_format(typing->args[0], found);
		tn_error_set(err, TN_ERR_TYPE, "values: expected a map, found %s", found);
		return NULL;
	}
	return tn_type_list(typing->types, typing->args[0]->items[0]);
}

static const struct tn_native rows[] = {
	{ "auto get(map m, string key, auto otherwise)", "The value of a key, or `otherwise` where the map has no such key; the value must be of its type.\n\nm: any map.",
	  "get({ \"lr\": 0.1 }, \"momentum\", 0.9)    // expect: 0.9", run_get, type_get, 0 },
	{ "bool contains(map m, string key)", "Whether a map has a key.\n\nm: any map.", "contains({ \"lr\": 0.1 }, \"lr\")    // expect: true", run_contains, NULL, 0 },
	{ "string[] keys(map m)", "The keys of a map, in the order in which they were added.\n\nm: any map.", "keys({ \"a\": 1, \"b\": 2 })    // expect: [\"a\", \"b\"]", run_keys, NULL, 0 },
	{ "auto values(map m)", "The values of a map, in the order in which their keys were added.\n\nm: any map.", "len(values({ \"a\": 1, \"b\": 2 }))    // expect: 2", run_values, type_values, 0 },
};
TN_NATIVE_TABLE(map, rows);
