/* SPDX-License-Identifier: Apache-2.0 */
/* Values as the VM holds them: 16 bytes, a tag and a payload. Objects are counted, on the executing thread. Lists, tuples, maps,
 * structs and strings are values to the user: they are shared until written, and a writer makes its path unique first
 * (tn_place_…). Private to lang/, except through lang.h, which natives include. */
#ifndef TN_LANG_VALUE_H
#define TN_LANG_VALUE_H

#include "lang/type.h"

enum tn_tag {
	TN_VOID, TN_BOOL, TN_INT, TN_FLOAT, TN_DTYPE, TN_EMPTY, /* empty: a tensor slot without a tensor */
	/* counted from here on */
	TN_TENSOR, TN_STRING, TN_LIST, TN_TUPLE, TN_MAP, TN_STRUCT, TN_FN, TN_SEQ, TN_HANDLE, TN_REF
};

struct tn_object { int refs; uint8_t tag; };

struct tn_value {
	uint8_t tag; /* enum tn_tag */
	union {
		int64_t i;
		double f;
		bool b;
		enum tn_dtype dtype;
		struct tn_tensor *tensor; /* TN_TENSOR: counted by tn_tensor_ref */
		struct tn_object *object;
		struct tn_string *string;
		struct tn_list *list;
		struct tn_tuple *tuple;
		struct tn_dict *map;
		struct tn_instance_value *instance; /* TN_STRUCT */
		struct tn_fn_value *fn;
		struct tn_seq *seq;
		struct tn_handle *handle;
		struct tn_ref *ref;
	};
};

/* Valid UTF-8, NUL-terminated. Only tn_string_append changes one that is there, at its end, where nobody else holds it. `marks` has the byte of
 * every TN_STRING_MARK-th code point as far as an index has looked, and is made by the first index into a text that is not ASCII. */
enum { TN_STRING_MARK = 64 };
struct tn_string { struct tn_object head; uint32_t length /* bytes */, points /* code points */, capacity /* of text, without the NUL */, mark_count; uint32_t *marks; char text[]; };
struct tn_list { struct tn_object head; struct tn_type *item; struct tn_value *items; size_t count, capacity; int locked; /* references or loops stand inside */ };
struct tn_tuple { struct tn_object head; uint32_t count; struct tn_value items[]; };
struct tn_dict { struct tn_object head; struct tn_type *item; struct tn_map index; /* key → item number + 1 */ struct tn_value *items; size_t count, capacity; char **keys; int locked;
	struct tn_list *key_list; /* what tn_dict_keys gave last; NULL: none, or the keys have changed since */ };
struct tn_instance_value { struct tn_object head; struct tn_struct_def *def; struct tn_value fields[]; };

/* A callable: a named overload set (function NULL), a lambda with its captures, or one native. */
struct tn_fn_value {
	struct tn_object head;
	const char *name;             /* overload set; interned */
	struct tn_function *function; /* lambda */
	uint32_t capture_count;
	struct tn_value captures[];
};

/* A sequence for `for`: each pass starts afresh. */
struct tn_seq_impl {
	const char *name;
	/* Starts a pass: private state in *iter. */
	bool (*start)(struct tn_seq *seq, void **iter, struct tn_error *err);
	/* The next element into *out (a new reference), or *done. May wait; looks at the interrupt flag. */
	bool (*next)(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err);
	void (*stop)(struct tn_seq *seq, void *iter);
	/* Elements of a pass, or -1. */
	int64_t (*length)(struct tn_seq *seq);
	void (*finish)(struct tn_seq *seq); /* frees what `data` holds */
};
struct tn_seq { struct tn_object head; struct tn_type *item; const struct tn_seq_impl *impl; struct tn_lang *lang; void *data; };

/* A native's object: runs, files, figures. */
struct tn_handle_impl { const char *type_name; void (*finish)(void *data); /* text form */ bool (*format)(void *data, struct tn_str *out); };
struct tn_handle { struct tn_object head; const struct tn_handle_impl *impl; void *data; };

/* A reference: the variable itself, found again at each use by walking from its root (an interior pointer would go stale when a
 * parent is copied). A root is a global's or register's slot; stacks do not move. */
struct tn_ref_step {
	enum { TN_STEP_FIELD /* index */, TN_STEP_NAME /* a field by name, behind `any` */, TN_STEP_ITEM /* list or tuple */, TN_STEP_KEY /* map */ } kind;
	int64_t index;
	struct tn_string *key; /* NAME KEY: counted */
};
/* Whose statistics a call may not change while training: a global inside a function, or what a lambda has captured (LANGUAGE.md section 4). */
struct tn_guard { const char *name; struct tn_type *type; bool captured; };
struct tn_ref { struct tn_object head; const struct tn_guard *guard; /* or NULL */ bool by_call; /* the first parameter of a `call` */ struct tn_value *root; struct tn_symbol *symbol; /* the global, or NULL */ uint32_t step_count; struct tn_ref_step steps[]; };

static inline bool tn_value_is_counted(struct tn_value v) { return v.tag >= TN_TENSOR; }
void tn_value_ref_slow(struct tn_value v);
void tn_value_unref_slow(struct tn_value v);
static inline struct tn_value tn_value_ref(struct tn_value v) { if (tn_value_is_counted(v)) tn_value_ref_slow(v); return v; }
static inline void tn_value_unref(struct tn_value v) { if (tn_value_is_counted(v)) tn_value_unref_slow(v); }
/* *slot = v (taking v's reference), dropping what was there. */
static inline void tn_value_store(struct tn_value *slot, struct tn_value v) { struct tn_value old = *slot; *slot = v; tn_value_unref(old); }

/* The parts of a list, tuple, map (its values) or struct (its fields), borrowed; NULL and 0 for everything else. */
struct tn_value *tn_value_parts(struct tn_value v, size_t *count);

static inline struct tn_value tn_void(void) { return (struct tn_value){.tag = TN_VOID}; }
static inline struct tn_value tn_bool(bool b) { return (struct tn_value){.tag = TN_BOOL, .i = b}; }
static inline struct tn_value tn_int(int64_t i) { return (struct tn_value){.tag = TN_INT, .i = i}; }
static inline struct tn_value tn_float(double f) { return (struct tn_value){.tag = TN_FLOAT, .f = f}; }
/* An int, float or bool as a double. */
static inline double tn_value_number(struct tn_value v) { return v.tag == TN_FLOAT ? v.f : (double)v.i; }
static inline struct tn_value tn_empty(void) { return (struct tn_value){.tag = TN_EMPTY}; }
static inline struct tn_value tn_tensor_value(struct tn_tensor *t) { return (struct tn_value){.tag = TN_TENSOR, .tensor = t}; } /* takes */

/* Makers: false when memory is out (err set). `items` are referenced anew unless the name says take. */
TN_MUST_USE bool tn_string_create(const char *text, size_t length, struct tn_value *out, struct tn_error *err); /* checks UTF-8 */
/* a + b as a new string. */
TN_MUST_USE bool tn_string_join(const struct tn_string *a, const struct tn_string *b, struct tn_value *out, struct tn_error *err);
/* *slot += b: in place, with room to grow, where the slot alone holds its string. */
TN_MUST_USE bool tn_string_append(struct tn_value *slot, const struct tn_string *b, struct tn_error *err);
/* Where code point `at` begins (0 … points), in bytes. The first index into a text that is not ASCII makes its marks; without memory for
 * them it counts from the beginning. */
uint32_t tn_string_seek(struct tn_string *s, uint32_t at);
/* The keys as a list of `item` (string), in order; the same list again while they stay. A new reference. */
TN_MUST_USE bool tn_dict_keys(struct tn_dict *map, struct tn_type *item, struct tn_value *out, struct tn_error *err);
TN_MUST_USE bool tn_list_create(struct tn_type *item, size_t capacity, struct tn_value *out, struct tn_error *err);
TN_MUST_USE bool tn_list_append_take(struct tn_list *list, struct tn_value item, struct tn_error *err);
TN_MUST_USE bool tn_tuple_create_take(const struct tn_value *items, uint32_t count, struct tn_value *out, struct tn_error *err); /* takes them always */
TN_MUST_USE bool tn_dict_create(struct tn_type *item, struct tn_value *out, struct tn_error *err);
TN_MUST_USE bool tn_dict_set_take(struct tn_dict *map, const char *key, size_t length, struct tn_value item, struct tn_error *err);
/* Takes a key out, the others keep their order; false: there is no such key. */
bool tn_dict_remove(struct tn_dict *map, const char *key, size_t length);
struct tn_value *tn_dict_get(const struct tn_dict *map, const char *key, size_t length); /* borrowed slot, or NULL */
TN_MUST_USE bool tn_struct_create(struct tn_struct_def *def, struct tn_value *out, struct tn_error *err); /* fields void */
TN_MUST_USE bool tn_fn_create(const char *name, struct tn_function *function, uint32_t captures, struct tn_value *out, struct tn_error *err); /* captures void */
TN_MUST_USE bool tn_range_create(struct tn_lang *lang, int64_t start, int64_t stop, struct tn_value *out, struct tn_error *err); /* seq of int */
TN_MUST_USE bool tn_seq_create(struct tn_lang *lang, const struct tn_seq_impl *impl, struct tn_type *item, void *data, struct tn_value *out, struct tn_error *err);
TN_MUST_USE bool tn_handle_create(const struct tn_handle_impl *impl, void *data, struct tn_value *out, struct tn_error *err);

/* The static type of a value, as dynamic calls and `any` see it. */
TN_MUST_USE struct tn_type *tn_value_type(struct tn_lang *lang, struct tn_value v);
/* Text as print shows it (strings bare) / as inside containers and displayed (strings quoted). */
TN_MUST_USE bool tn_value_format(struct tn_value v, bool quoted, struct tn_str *out, struct tn_error *err);
/* As displayed, with the middle of long lists, tuples and maps left out and counted. */
TN_MUST_USE bool tn_value_format_short(struct tn_value v, struct tn_str *out, struct tn_error *err);
/* With Python's format mini-language; 0-d tensors too. */
TN_MUST_USE bool tn_value_format_spec(struct tn_value v, const char *spec, struct tn_str *out, struct tn_error *err);
/* == on numbers, strings, lists, tuples, structs, maps; an error where a tensor is inside. */
TN_MUST_USE bool tn_value_equal(struct tn_value a, struct tn_value b, bool *equal, struct tn_error *err);

/* References. The slot that a reference names: for reading (borrowed, valid until the next write)… */
TN_MUST_USE bool tn_ref_read(const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err);
/* The slot after the first `steps` steps only; false where it is gone. */
TN_MUST_USE bool tn_ref_read_part(const struct tn_ref *ref, uint32_t steps, struct tn_value **slot);
/* … and for writing: every container on the path is made unique first, and the global is noted in the undo log. */
TN_MUST_USE bool tn_ref_write(struct tn_lang *lang, const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err);
/* As tn_ref_write, without a note in the undo log: for what puts the same value back. */
TN_MUST_USE bool tn_ref_write_quiet(const struct tn_ref *ref, struct tn_value **slot, struct tn_error *err);
/* `steps` from a root, or on from where `base` stands (root and symbol are then its own). Keys are referenced anew. */
TN_MUST_USE bool tn_ref_create(const struct tn_ref *base, struct tn_value *root, struct tn_symbol *symbol, const struct tn_ref_step *steps, uint32_t count, struct tn_value *out, struct tn_error *err);
void tn_ref_unlock(const struct tn_ref *ref); /* the end of a reference: lists on its path may change their length again */
/* Makes the object in *slot unshared (a shallow copy when needed), so that its parts may be written. */
TN_MUST_USE bool tn_value_make_unique(struct tn_value *slot, struct tn_error *err);

/* Walks the weights of a tree (LANGUAGE.md section 4, Leafwise). The visitor gets the path ("layers.0.fc.w"), the slot, and whether it is
 * a weight (a floating tensor not under `frozen`); `all` visits other tensors too. Empty slots are left out. */
typedef bool (*tn_leaf_visitor)(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err);
TN_MUST_USE bool tn_tree_walk(struct tn_value *tree, bool all, tn_leaf_visitor visit, void *data, struct tn_error *err);
/* A copy of `tree` in which map() decides each tensor leaf: it sets *out to a new reference (or tn_empty()). Containers are new. */
typedef bool (*tn_leaf_mapper)(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err);
TN_MUST_USE bool tn_tree_map(struct tn_value tree, tn_leaf_mapper map, void *data, struct tn_value *out, struct tn_error *err);
/* Leafwise op of 1 to 3 operands: trees of one shape, tensors and numbers; at least one tree. */
TN_MUST_USE bool tn_tree_elementwise(struct tn_lang *lang, enum tn_op op, const struct tn_value *args, int count, struct tn_value *out, struct tn_error *err);

#endif
