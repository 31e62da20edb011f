/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text: numbers as Python prints them, tensors as the engine does, containers with their parts. What is nested deeper than a bound is
 * shown as "…". */
#include <string.h>

#include "lang/state.h"

enum { FORMAT_DEPTH = 100 };

/* How deep we are, and of which lengths on only the ends of a container are shown: by depth, 0 for always all. */
struct level { int depth; bool shorten; };
enum { SHORT_EDGE = 5 };

static bool format_at(struct tn_value v, bool quoted, struct level at, struct tn_str *out, struct tn_error *err);

static bool add(struct tn_str *out, const char *text, struct tn_error *err) { return tn_str_append(out, text) || tn_error_memory(err); }

static bool quote(const char *text, size_t length, struct tn_str *out, struct tn_error *err) {
	bool ok = tn_str_append_char(out, '"');
	for (size_t i = 0; ok && i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		switch (c) {
		case '"':
		case '\\':
			ok = tn_str_append_char(out, '\\') && tn_str_append_char(out, (char)c);
			break;
		case '\n':
			ok = tn_str_append(out, "\\n");
			break;
		case '\t':
			ok = tn_str_append(out, "\\t");
			break;
		case '\r':
			ok = tn_str_append(out, "\\r");
			break;
		default:
			ok = c < 32 || c == 127 ? tn_str_printf(out, "\\x%02x", c) : tn_str_append_char(out, (char)c);
			break;
		}
	}
	return (ok && tn_str_append_char(out, '"')) || tn_error_memory(err);
}

static struct level below(struct level at) { return (struct level){at.depth + 1, at.shorten}; }

/* Whether item i begins the part that is left out: *i moves to its last item, and the text says how many there are. */
static bool leave_out(struct level at, size_t *i, size_t count, struct tn_str *out, bool *ok) {
	static const size_t most[] = {1000, 100, 20};
	if (!at.shorten || *i != SHORT_EDGE || count <= most[at.depth < 2 ? at.depth : 2]) {
		return false;
	}
	*ok = tn_str_printf(out, "… %zu more …", count - 2 * SHORT_EDGE);
	*i = count - SHORT_EDGE - 1;
	return true;
}

static bool items(const struct tn_value *v, size_t count, struct level at, struct tn_str *out, struct tn_error *err) {
	for (size_t i = 0; i < count; i++) {
		bool ok = i == 0 || add(out, ", ", err);
		if (ok && !leave_out(at, &i, count, out, &ok)) {
			ok = format_at(v[i], true, below(at), out, err);
		}
		if (!ok) {
			return tn_error_memory(err);
		}
	}
	return true;
}

static bool format_map(const struct tn_dict *map, struct level at, struct tn_str *out, struct tn_error *err) {
	if (!add(out, "{", err)) {
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		bool ok = i == 0 || add(out, ", ", err);
		if (ok && !leave_out(at, &i, map->count, out, &ok)) {
			ok = quote(map->keys[i], strlen(map->keys[i]), out, err) && add(out, ": ", err) && format_at(map->items[i], true, below(at), out, err);
		}
		if (!ok) {
			return tn_error_memory(err);
		}
	}
	return add(out, "}", err);
}

static bool format_struct(const struct tn_instance_value *s, struct level at, struct tn_str *out, struct tn_error *err) {
	char name[128];
	tn_type_format(s->def->type, name);
	if (!add(out, s->def->newer == NULL ? s->def->name : name, err) || !add(out, "{", err)) {
		return false;
	}
	for (uint32_t i = 0; i < s->def->field_count; i++) {
		if (!add(out, i > 0 ? ", ." : ".", err) || !add(out, s->def->fields[i].name, err) || !add(out, " = ", err) ||
		    !format_at(s->fields[i], true, below(at), out, err)) {
			return false;
		}
	}
	return add(out, "}", err);
}

static bool format_number(struct tn_value v, struct tn_str *out, struct tn_error *err) {
	char text[32];
	if (v.tag == TN_FLOAT) {
		return (tn_format_f64(v.f, text), add(out, text, err));
	}
	if (v.tag == TN_INT) {
		return tn_str_printf(out, "%lld", (long long)v.i) || tn_error_memory(err);
	}
	return add(out, v.i != 0 ? "true" : "false", err);
}

static bool format_handle(const struct tn_handle *h, struct tn_str *out, struct tn_error *err) {
	if (h->impl->format != NULL) {
		return h->impl->format(h->data, out) || tn_error_memory(err);
	}
	return add(out, h->impl->type_name, err);
}

static bool format_container(struct tn_value v, struct level at, struct tn_str *out, struct tn_error *err) {
	if (at.depth > FORMAT_DEPTH) {
		return add(out, "…", err);
	}
	switch (v.tag) {
	case TN_LIST:
		return add(out, "[", err) && items(v.list->items, v.list->count, at, out, err) && add(out, "]", err);
	case TN_TUPLE:
		return add(out, "(", err) && items(v.tuple->items, v.tuple->count, at, out, err) && add(out, v.tuple->count == 1 ? ",)" : ")", err);
	case TN_MAP:
		return format_map(v.map, at, out, err);
	default:
		return format_struct(v.instance, at, out, err);
	}
}

static bool format_at(struct tn_value v, bool quoted, struct level at, struct tn_str *out, struct tn_error *err) {
	struct tn_value *slot;
	switch (v.tag) {
	case TN_VOID:
		return true;
	case TN_BOOL:
	case TN_INT:
	case TN_FLOAT:
		return format_number(v, out, err);
	case TN_DTYPE:
		return add(out, tn_dtype_name(v.dtype), err);
	case TN_EMPTY:
		return add(out, "empty", err);
	case TN_TENSOR:
		return tn_tensor_format(v.tensor, out, err);
	case TN_STRING:
		return quoted ? quote(v.string->text, v.string->length, out, err) : (tn_str_append_n(out, v.string->text, v.string->length) || tn_error_memory(err));
	case TN_FN:
		return add(out, v.fn->function != NULL ? "lambda" : "function ", err) && (v.fn->function != NULL || add(out, v.fn->name, err));
	case TN_SEQ:
		return tn_str_printf(out, "sequence %s", v.seq->impl->name == NULL ? "" : v.seq->impl->name) || tn_error_memory(err);
	case TN_HANDLE:
		return format_handle(v.handle, out, err);
	case TN_REF:
		return tn_ref_read(v.ref, &slot, err) && format_at(*slot, quoted, below(at), out, err);
	default:
		return format_container(v, at, out, err);
	}
}

bool tn_value_format(struct tn_value v, bool quoted, struct tn_str *out, struct tn_error *err) {
	return format_at(v, quoted, (struct level){0}, out, err);
}

bool tn_value_format_short(struct tn_value v, struct tn_str *out, struct tn_error *err) {
	return format_at(v, true, (struct level){.shorten = true}, out, err);
}
