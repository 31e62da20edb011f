/* SPDX-License-Identifier: Apache-2.0 */
/* Walking values from C; see iter.h. */
#include "lang/iter.h"

#include <string.h>

#include "lang/state.h"

struct tn_type *tn_iter_item_type(struct tn_types *types, struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_LIST:
	case TN_TYPE_SEQ:
		return type->items[0];
	case TN_TYPE_TENSOR:
	case TN_TYPE_ANY:
	case TN_TYPE_STRING:
		return type;
	case TN_TYPE_MAP: {
		struct tn_type *pair[2] = {tn_type_basic(types, TN_TYPE_STRING), type->items[0]};
		return tn_type_tuple(types, pair, 2);
	}
	default:
		return NULL;
	}
}

int64_t tn_iter_length(struct tn_value source) {
	switch (source.tag) {
	case TN_LIST:
		return (int64_t)source.list->count;
	case TN_MAP:
		return (int64_t)source.map->count;
	case TN_STRING:
		return source.string->points;
	case TN_TENSOR:
		return tn_tensor_shape(source.tensor)->ndim == 0 ? -1 : tn_tensor_shape(source.tensor)->dims[0];
	case TN_SEQ:
		return source.seq->impl->length == NULL ? -1 : source.seq->impl->length(source.seq);
	default:
		return -1;
	}
}

bool tn_iter_start(struct tn_iter *iter, struct tn_lang *lang, struct tn_value source, struct tn_error *err) {
	*iter = (struct tn_iter){.lang = lang};
	switch (source.tag) {
	case TN_LIST:
	case TN_MAP:
	case TN_STRING:
		break;
	case TN_TENSOR:
		if (tn_tensor_shape(source.tensor)->ndim == 0) {
			return tn_error_set(err, TN_ERR_SHAPE, "a tensor without axes cannot be walked");
		}
		break;
	case TN_SEQ:
		if (!source.seq->impl->start(source.seq, &iter->pass, err)) {
			return false;
		}
		break;
	default:
		return tn_error_set(err, TN_ERR_TYPE, "expected something to walk: a list, tensor, string, map or sequence");
	}
	iter->source = tn_value_ref(source);
	iter->started = true;
	return true;
}

static bool next_tensor(struct tn_iter *iter, struct tn_value *out, struct tn_error *err) {
	struct tn_index index = {.kind = TN_INDEX_INT, .start = (int64_t)iter->at};
	struct tn_tensor *t = tn_index_get(iter->lang->engine, iter->source.tensor, &index, 1, err);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}

static bool next_pair(const struct tn_dict *map, size_t at, struct tn_value *out, struct tn_error *err) {
	struct tn_value pair[2];
	if (!tn_string_create(map->keys[at], strlen(map->keys[at]), &pair[0], err)) {
		return false;
	}
	pair[1] = tn_value_ref(map->items[at]);
	return tn_tuple_create_take(pair, 2, out, err);
}

bool tn_iter_next(struct tn_iter *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	struct tn_value s = iter->source;
	*done = false;
	if (s.tag == TN_SEQ) {
		return s.seq->impl->next(s.seq, iter->pass, out, done, err);
	}
	if (s.tag == TN_STRING) { /* `at` counts bytes */
		uint32_t code;
		const char *p = s.string->text + iter->at;
		size_t n = tn_utf8_decode(p, s.string->text + s.string->length, &code);
		*done = n == 0;
		iter->at += n;
		return *done || tn_string_create(p, n, out, err);
	}
	if ((int64_t)iter->at >= tn_iter_length(s)) {
		*done = true;
		return true;
	}
	bool ok = true;
	if (s.tag == TN_LIST) {
		*out = tn_value_ref(s.list->items[iter->at]);
	} else if (s.tag == TN_TENSOR) {
		ok = next_tensor(iter, out, err);
	} else {
		ok = next_pair(s.map, iter->at, out, err);
	}
	iter->at++;
	return ok;
}

void tn_iter_stop(struct tn_iter *iter) {
	if (!iter->started) {
		return;
	}
	if (iter->source.tag == TN_SEQ) {
		iter->source.seq->impl->stop(iter->source.seq, iter->pass);
	}
	tn_value_unref(iter->source);
	iter->started = false;
}
