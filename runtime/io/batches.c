/* SPDX-License-Identifier: Apache-2.0 */
/* batches(data, size): a sequence of mini-batches.
 *
 * Tensors in memory (a Dataset, a tensor, a tuple of tensors of one length) are gathered by row: in order as views that cost nothing; shuffled
 * by a thread of the pass, which stays up to `prefetch` batches ahead in a bounded queue. Any other data set (a struct with len(d) and
 * get(d, i), a Dataset with a transform) runs its functions on the executing thread, and the items are stacked, or given to `collate`.
 *
 * A pass takes one number from the random stream as it starts; the order is the permutation of that number (RAND_PERM's), so it
 * does not depend on threads; the functions of example i draw from (that number, i), so that an augmentation does not depend on the order
 * either. The thread touches host memory only: no tensor, no engine but its allocator. */
#include "io/batches.h"

#include <pthread.h>
#include <string.h>

enum { MAX_PARTS = 8 };

struct batches {
	struct tn_value data, collate;   /* collate: void where the items are stacked */
	int64_t size, prefetch;
	bool shuffle, drop_last;
	int part_count;                  /* tensors side by side; 0: a data set of functions */
	struct tn_tensor *parts[MAX_PARTS];
	bool single;                     /* one bare tensor: elements are tensors, not tuples */
};

/* One gathered batch on its way. */
struct bundle { struct tn_host *parts[MAX_PARTS]; int count; struct tn_error error; };

struct source { const char *data; size_t row_bytes; enum tn_dtype dtype; struct tn_shape shape; struct tn_tensor *holder; };

struct pass {
	struct tn_engine *engine;
	int64_t rows, at, size;
	bool drop_last;
	int64_t *order;                  /* NULL: in order */
	struct tn_random_state number;   /* the pass's own, where functions run */
	int part_count;
	struct source sources[MAX_PARTS];
	struct tn_queue *queue;
	pthread_t thread;
	bool has_thread;
};

/* ---- what is walked ---- */

static int64_t rows_of(const struct tn_tensor *t) { return tn_tensor_shape(t)->dims[0]; }

static bool note_part(struct batches *b, struct tn_tensor *t, struct tn_error *err) {
	char text[176];
	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), text);
	if (tn_tensor_shape(t)->ndim == 0) {
		return tn_error_set(err, TN_ERR_SHAPE, "batches: a tensor without axes is no data set");
	}
	if (b->part_count == MAX_PARTS) {
		return tn_error_set(err, TN_ERR_VALUE, "batches: at most %d tensors side by side", MAX_PARTS);
	}
	if (b->part_count > 0 && rows_of(t) != rows_of(b->parts[0])) {
		return tn_error_set(err, TN_ERR_SHAPE, "batches: the tensors differ in length: %lld examples, and %s", (long long)rows_of(b->parts[0]), text);
	}
	b->parts[b->part_count++] = t; /* held through b->data */
	return true;
}

/* Finds the tensors of the data; none: a data set of functions. */
static bool find_parts(struct batches *b, struct tn_error *err) {
	struct tn_value v = b->data;
	if (b->collate.tag != TN_VOID && v.tag != TN_STRUCT) {
		return tn_error_set(err, TN_ERR_TYPE, "batches: collate is for data sets with get(d, i)");
	}
	if (b->collate.tag != TN_VOID) {
		return true;
	}
	if (v.tag == TN_TENSOR) {
		b->single = true;
		return note_part(b, v.tensor, err);
	}
	if (v.tag == TN_TUPLE) {
		for (uint32_t i = 0; i < v.tuple->count; i++) {
			if (v.tuple->items[i].tag != TN_TENSOR) {
				return tn_error_set(err, TN_ERR_TYPE, "batches: part %u of the tuple is no tensor", i);
			}
			if (!note_part(b, v.tuple->items[i].tensor, err)) {
				return false;
			}
		}
		return true;
	}
	if (v.tag == TN_STRUCT && strcmp(v.instance->def->name, "Dataset") == 0 && v.instance->def->field_count == 3 && v.instance->fields[2].tag == TN_EMPTY &&
	    v.instance->fields[0].tag == TN_TENSOR && v.instance->fields[1].tag == TN_TENSOR) {
		return note_part(b, v.instance->fields[0].tensor, err) && note_part(b, v.instance->fields[1].tensor, err);
	}
	return true;
}

static bool count_rows(struct tn_lang *lang, const struct batches *b, int64_t *out, struct tn_error *err) {
	if (b->part_count > 0) {
		*out = rows_of(b->parts[0]);
		return true;
	}
	struct tn_value n = tn_void();
	if (!tn_call_name(lang, "len", &b->data, 1, &n, err)) {
		return false;
	}
	if (n.tag != TN_INT || n.i < 0) {
		tn_value_unref(n);
		return tn_error_set(err, TN_ERR_TYPE, "batches: len(data) must give an int that is not negative");
	}
	*out = n.i;
	return true;
}

/* ---- gathering on the thread ---- */

static void bundle_destroy(struct bundle *bundle) {
	if (bundle != NULL) {
		for (int i = 0; i < bundle->count; i++) {
			tn_host_destroy(bundle->parts[i]);
		}
		tn_free(bundle);
	}
}

static int64_t batch_rows(const struct pass *p, int64_t at) {
	int64_t n = p->rows - at < p->size ? p->rows - at : p->size;
	return n < p->size && p->drop_last ? 0 : n;
}

static struct bundle *gather(const struct pass *p, int64_t at, int64_t n) {
	struct bundle *bundle = tn_calloc(1, sizeof(*bundle));
	if (bundle == NULL) {
		return NULL;
	}
	for (int k = 0; k < p->part_count; k++) {
		const struct source *s = &p->sources[k];
		struct tn_shape shape = s->shape;
		shape.dims[0] = n;
		bundle->parts[k] = tn_host_create(p->engine, s->dtype, &shape, &bundle->error);
		if (bundle->parts[k] == NULL) {
			return bundle;
		}
		bundle->count++;
		char *out = tn_host_data(bundle->parts[k]);
		for (int64_t i = 0; i < n; i++) {
			memcpy(out + (size_t)i * s->row_bytes, s->data + (size_t)p->order[at + i] * s->row_bytes, s->row_bytes);
		}
	}
	return bundle;
}

static void *gather_all(void *data) {
	struct pass *p = data;
	for (int64_t at = 0, n; (n = batch_rows(p, at)) > 0; at += n) {
		struct bundle *bundle = gather(p, at, n);
		bool failed = bundle == NULL || bundle->count < p->part_count;
		if (bundle == NULL || !tn_queue_push(p->queue, bundle)) {
			bundle_destroy(bundle);
			break;
		}
		if (failed) {
			break;
		}
	}
	tn_queue_close(p->queue);
	return NULL;
}

/* ---- a pass ---- */

static void pass_stop(struct tn_seq *seq, void *iter) {
	struct pass *p = iter;
	(void)seq;
	if (p->has_thread) {
		tn_queue_close(p->queue);
		pthread_join(p->thread, NULL);
	}
	if (p->queue != NULL) {
		struct bundle *left;
		while ((left = tn_queue_pop(p->queue, 0)) != NULL) {
			bundle_destroy(left);
		}
		tn_queue_destroy(p->queue);
	}
	for (int k = 0; k < p->part_count; k++) {
		tn_tensor_unref(p->sources[k].holder);
	}
	tn_free(p->order);
	tn_free(p);
}

static bool open_sources(struct pass *p, const struct batches *b, struct tn_error *err) {
	for (int k = 0; k < b->part_count; k++) {
		struct source *s = &p->sources[k];
		const void *data;
		s->dtype = tn_tensor_dtype(b->parts[k]);
		s->shape = *tn_tensor_shape(b->parts[k]);
		if (!tn_tensor_data(b->parts[k], &data, &s->holder, err)) {
			return false;
		}
		p->part_count++;
		struct tn_shape row = s->shape;
		row.dims[0] = 1;
		s->row_bytes = (size_t)tn_shape_count(&row) * tn_dtype_size(s->dtype);
		s->data = data;
	}
	return true;
}

static bool start_shuffled(struct pass *p, const struct batches *b, struct tn_random_state number, struct tn_error *err) {
	p->order = tn_calloc((size_t)p->rows, sizeof(*p->order));
	if (p->order == NULL) {
		return tn_error_memory(err);
	}
	tn_random_permutation(number, p->rows, p->order);
	if (b->part_count == 0) {
		return true;
	}
	if (!open_sources(p, b, err)) {
		return false;
	}
	if (b->prefetch == 0) {
		return true;
	}
	p->queue = tn_queue_create((size_t)b->prefetch);
	if (p->queue == NULL) {
		return tn_error_memory(err);
	}
	p->has_thread = pthread_create(&p->thread, NULL, gather_all, p) == 0; /* without one, batches are gathered when asked for */
	return true;
}

static bool pass_start(struct tn_seq *seq, void **iter, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct pass *p = tn_calloc(1, sizeof(*p));
	if (p == NULL) {
		return tn_error_memory(err);
	}
	p->engine = tn_lang_engine(seq->lang);
	p->size = b->size;
	p->drop_last = b->drop_last;
	bool counted = count_rows(seq->lang, b, &p->rows, err);
	if (counted && (b->shuffle || b->part_count == 0)) {
		p->number = tn_random_next(p->engine);
	}
	if (!counted || (b->shuffle && !start_shuffled(p, b, p->number, err))) {
		pass_stop(seq, p);
		return false;
	}
	*iter = p;
	return true;
}

/* One tuple (or the bare tensor) of tensors, taken. */
static bool give(const struct batches *b, struct tn_value *items, int count, struct tn_value *out, struct tn_error *err) {
	if (b->single) {
		*out = items[0];
		return true;
	}
	return tn_tuple_create_take(items, (uint32_t)count, out, err);
}

static bool next_views(const struct batches *b, struct pass *p, int64_t n, struct tn_value *out, struct tn_error *err) {
	struct tn_value items[MAX_PARTS];
	struct tn_index rows = {.kind = TN_INDEX_SLICE, .has_start = true, .has_stop = true, .start = p->at, .stop = p->at + n};
	for (int k = 0; k < b->part_count; k++) {
		struct tn_tensor *t = tn_index_get(p->engine, b->parts[k], &rows, 1, err);
		if (t == NULL) {
			while (k-- > 0) {
				tn_value_unref(items[k]);
			}
			return false;
		}
		items[k] = tn_tensor_value(t);
	}
	return give(b, items, b->part_count, out, err);
}

/* Waits for the thread, in steps short enough for an interrupt. */
static bool wait_for_bundle(struct tn_seq *seq, struct pass *p, int64_t n, struct bundle **out, struct tn_error *err) {
	*out = NULL;
	if (!p->has_thread) {
		*out = gather(p, p->at, n);
		return *out != NULL || tn_error_memory(err);
	}
	for (;;) {
		bool closed = tn_queue_is_closed(p->queue);
		*out = tn_queue_pop(p->queue, 20 * 1000000LL);
		if (*out != NULL) {
			return true;
		}
		if (tn_lang_interrupted(seq->lang, err)) {
			return false;
		}
		if (closed) {
			return tn_error_memory(err);
		}
	}
}

static bool next_gathered(struct tn_seq *seq, struct pass *p, int64_t n, struct tn_value *out, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct bundle *bundle;
	struct tn_value items[MAX_PARTS];
	if (!wait_for_bundle(seq, p, n, &bundle, err)) {
		return false;
	}
	if (bundle->count < p->part_count) {
		if (err != NULL && !tn_error_is_set(err)) {
			*err = bundle->error;
		}
		bundle_destroy(bundle);
		return false;
	}
	int count = bundle->count, k = 0;
	for (; k < count; k++) {
		struct tn_tensor *t = tn_tensor_take_host(p->engine, bundle->parts[k], err);
		bundle->parts[k] = NULL;
		if (t == NULL) {
			break;
		}
		items[k] = tn_tensor_value(t);
	}
	bundle_destroy(bundle);
	if (k < count) {
		while (k-- > 0) {
			tn_value_unref(items[k]);
		}
		return false;
	}
	return give(b, items, count, out, err);
}

/* ---- data sets of functions ---- */

/* items[0..n): values of one place of the examples; tensors are stacked, numbers become a vector. */
static bool stack_values(struct tn_lang *lang, const struct tn_value *items, int64_t n, struct tn_value *out, struct tn_error *err) {
	struct tn_value list = tn_void();
	struct tn_type *any = tn_type_basic(tn_lang_types(lang), TN_TYPE_ANY);
	bool ok = tn_list_create(any, (size_t)n, &list, err);
	for (int64_t i = 0; ok && i < n; i++) {
		ok = tn_list_append_take(list.list, tn_value_ref(items[i]), err);
	}
	ok = ok && tn_call_name(lang, "tensor", &list, 1, out, err);
	tn_value_unref(list);
	return ok;
}

static bool stack_examples(struct tn_lang *lang, const struct tn_value *examples, int64_t n, struct tn_value *out, struct tn_error *err) {
	if (examples[0].tag != TN_TUPLE) {
		return stack_values(lang, examples, n, out, err);
	}
	uint32_t width = examples[0].tuple->count, made = 0;
	struct tn_value parts[MAX_PARTS], *column = tn_calloc((size_t)n, sizeof(*column));
	bool ok = column != NULL || tn_error_memory(err);
	if (ok && width > MAX_PARTS) {
		ok = tn_error_set(err, TN_ERR_VALUE, "batches: get(data, i) gives %u values, at most %d are possible", width, MAX_PARTS);
	}
	for (; ok && made < width; made++) {
		for (int64_t i = 0; i < n; i++) {
			column[i] = examples[i].tuple->items[made];
		}
		parts[made] = tn_void();
		ok = stack_values(lang, column, n, &parts[made], err);
		if (!ok) {
			break;
		}
	}
	tn_free(column);
	if (!ok) {
		while (made-- > 0) {
			tn_value_unref(parts[made]);
		}
		return false;
	}
	return tn_tuple_create_take(parts, width, out, err);
}

/* The random stream of one example's functions. */
static struct tn_random_state stream_of(const struct pass *p, int64_t index) {
	return (struct tn_random_state){.seed = tn_hash_mix(p->number.seed, p->number.counter), .counter = (uint64_t)index << 24};
}

static bool get_example(struct tn_seq *seq, const struct pass *p, int64_t at, struct tn_value *out, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct tn_value args[2] = {b->data, tn_int(p->order != NULL ? p->order[at] : at)};
	struct tn_random_state outer = tn_random_get(p->engine);
	tn_random_set(p->engine, stream_of(p, args[1].i));
	bool ok = !tn_lang_interrupted(seq->lang, err) && tn_call_name(seq->lang, "get", args, 2, out, err);
	tn_random_set(p->engine, outer);
	return ok;
}

static bool collate(struct tn_seq *seq, const struct tn_value *examples, int64_t n, struct tn_value *out, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct tn_value list = tn_void();
	struct tn_type *type = tn_value_type(seq->lang, examples[0]);
	bool ok = type != NULL || tn_error_memory(err);
	ok = ok && tn_list_create(type, (size_t)n, &list, err);
	for (int64_t i = 0; ok && i < n; i++) {
		ok = tn_list_append_take(list.list, tn_value_ref(examples[i]), err);
	}
	ok = ok && tn_call_value(seq->lang, b->collate, &list, 1, out, err);
	tn_value_unref(list);
	return ok;
}

static bool next_by_function(struct tn_seq *seq, struct pass *p, int64_t n, struct tn_value *out, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct tn_value *examples = tn_calloc((size_t)n, sizeof(*examples));
	bool ok = examples != NULL || tn_error_memory(err);
	int64_t made = 0;
	for (; ok && made < n; made++) {
		ok = get_example(seq, p, p->at + made, &examples[made], err);
		if (!ok) {
			break;
		}
		if (b->collate.tag == TN_VOID && examples[made].tag == TN_TUPLE && (examples[0].tag != TN_TUPLE || examples[made].tuple->count != examples[0].tuple->count)) {
			made++;
			ok = tn_error_set(err, TN_ERR_TYPE, "batches: get(data, i) must give tuples of one length");
			break;
		}
	}
	ok = ok && (b->collate.tag == TN_VOID ? stack_examples(seq->lang, examples, n, out, err) : collate(seq, examples, n, out, err));
	for (int64_t i = 0; i < made; i++) {
		tn_value_unref(examples[i]);
	}
	tn_free(examples);
	return ok;
}

/* ---- the sequence ---- */

static bool pass_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	const struct batches *b = seq->data;
	struct pass *p = iter;
	int64_t n = batch_rows(p, p->at);
	*done = n <= 0;
	if (*done) {
		return true;
	}
	bool ok;
	if (b->part_count == 0) {
		ok = next_by_function(seq, p, n, out, err);
	} else if (b->shuffle) {
		ok = next_gathered(seq, p, n, out, err);
	} else {
		ok = next_views(b, p, n, out, err);
	}
	p->at += n;
	return ok;
}

static int64_t pass_length(struct tn_seq *seq) {
	const struct batches *b = seq->data;
	int64_t rows = 0;
	struct tn_error err = {0};
	if (!count_rows(seq->lang, b, &rows, &err)) {
		return -1;
	}
	return b->drop_last ? rows / b->size : rows / b->size + (rows % b->size != 0);
}

static void batches_finish(struct tn_seq *seq) {
	struct batches *b = seq->data;
	tn_value_unref(b->data);
	tn_value_unref(b->collate);
	tn_free(b);
}

static const struct tn_seq_impl batches_impl = {
	.name = "batches", .start = pass_start, .next = pass_next, .stop = pass_stop, .length = pass_length, .finish = batches_finish};

bool tn_run_batches(struct tn_native_call *call, struct tn_error *err) {
	if (call->args[1].i < 1) {
		return tn_error_set(err, TN_ERR_VALUE, "batches: the batch size must be positive, it is %lld", (long long)call->args[1].i);
	}
	if (call->args[4].i < 0 || call->args[4].i > 64) {
		return tn_error_set(err, TN_ERR_VALUE, "batches: prefetch must be between 0 and 64 batches, it is %lld", (long long)call->args[4].i);
	}
	struct batches *b = tn_calloc(1, sizeof(*b));
	if (b == NULL) {
		return tn_error_memory(err);
	}
	*b = (struct batches){.data = tn_value_ref(call->args[0]), .collate = tn_value_ref(call->args[5]), .size = call->args[1].i, .shuffle = call->args[2].i != 0,
		.drop_last = call->args[3].i != 0, .prefetch = call->args[4].i};
	struct tn_type *item = call->type->kind == TN_TYPE_SEQ ? call->type->items[0] : tn_type_basic(tn_lang_types(call->lang), TN_TYPE_ANY);
	if (!find_parts(b, err) || !tn_seq_create(call->lang, &batches_impl, item, b, call->result, err)) {
		struct tn_seq dying = {.data = b};
		batches_finish(&dying);
		return false;
	}
	return true;
}

/* An example's type with numbers as tensors: what a batch of it looks like. */
static struct tn_type *stacked_type(const struct tn_native_typing *typing, struct tn_type *example) {
	struct tn_type *tensor = tn_type_basic(typing->types, TN_TYPE_TENSOR), *items[MAX_PARTS];
	if (example->kind == TN_TYPE_ANY) {
		return example;
	}
	if (example->kind != TN_TYPE_TUPLE || example->item_count > MAX_PARTS) {
		return tensor;
	}
	for (uint32_t i = 0; i < example->item_count; i++) {
		items[i] = tensor;
	}
	return tn_type_tuple(typing->types, items, example->item_count);
}

struct tn_type *tn_type_batches(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *data = typing->args[0], *item = NULL;
	if (data->kind == TN_TYPE_TENSOR || data->kind == TN_TYPE_ANY) {
		item = data;
	} else if (data->kind == TN_TYPE_TUPLE) {
		item = stacked_type(typing, data);
	} else if (data->kind == TN_TYPE_STRUCT) {
		struct tn_type *args[2] = {data, tn_type_basic(typing->types, TN_TYPE_INT)};
		struct tn_type *example = tn_call_name_type(typing->lang, "get", args, 2, err);
		struct tn_type *list = example == NULL || typing->args[5] == NULL ? NULL : tn_type_list(typing->types, example);
		if (list != NULL) {
			return (list = tn_call_value_type(typing->lang, typing->args[5], &list, 1, err)) == NULL ? NULL : tn_type_seq(typing->types, list);
		}
		item = example == NULL ? NULL : stacked_type(typing, example);
		if (item == NULL) {
			tn_error_hint(err, "a data set is a tensor, a tuple of tensors, or a struct with len(d) and get(d, i)");
		}
	} else {
		char found[128];
		tn_type_format(data, found);
		tn_error_set(err, TN_ERR_TYPE, "batches: expected a data set, found %s", found);
		tn_error_hint(err, "a data set is a tensor, a tuple of tensors, or a struct with len(d) and get(d, i)");
	}
	return item == NULL ? NULL : tn_type_seq(typing->types, item);
}
