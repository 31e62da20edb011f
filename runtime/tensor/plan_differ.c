/* SPDX-License-Identifier: Apache-2.0 */
/* Why a plan that was there did not serve: the first thing in which the recording differs from the key of the plan that the same line
 * ran before, in words for the user, and what can be done. Looked at on a miss alone, whose planning costs far more. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tensor/engine.h"

static const char *const hint_shape =
	"each combination of shapes has a plan of its own: keep them alike from pass to pass (drop_last: true, padding, parts of one size)";
static const char *const hint_work =
	"work of another length is another plan: sync() at the end of an inner loop's body parts its work into equal pieces";
static const char *const hint_literal = "numbers written in the source belong to the plan: put the number into a variable";
static const char *const hint_size = "sizes, axes and bounds belong to the plan: keep them alike from pass to pass, or compute on parts of one size";
static const char *const hint_kept = "which results are still held belongs to the plan: keep them in every pass, or in none";

/* One recorded node, read out of the stream (engine.h draws it). */
struct node {
	enum tn_op op;
	enum tn_dtype dtype;
	struct tn_shape shape;
	uint32_t input_count, attr_count, scalar_count;
	uint64_t head;
	const uint64_t *inputs, *attrs, *scalars;
	size_t words;
};

static void read_node(const uint64_t *w, struct node *out) {
	const uint64_t *begin = w;

	out->head = *w++;
	out->op = (enum tn_op)(out->head & 0xff);
	out->dtype = (enum tn_dtype)(out->head >> 8 & 0xf);
	out->shape.ndim = (int32_t)(out->head >> 12 & 0xf);
	out->input_count = out->head >> 16 & 0xff;
	out->attr_count = out->head >> 24 & 0xff;
	out->scalar_count = out->head >> 32 & 0xff;
	memcpy(out->shape.dims, w, (size_t)out->shape.ndim * sizeof(*w));
	out->inputs = w + out->shape.ndim;
	out->attrs = out->inputs + (out->input_count + 1) / 2;
	out->scalars = out->attrs + out->attr_count;
	out->words = (size_t)(out->scalars + out->scalar_count - begin);
}

static uint32_t input_of(const struct node *n, uint32_t k) {
	return (uint32_t)(n->inputs[k / 2] >> (k % 2 == 0 ? 0 : 32));
}

static uint32_t count_nodes(const uint64_t *w, size_t words) {
	uint32_t count = 0;
	struct node n;

	for (size_t at = 0; at < words; at += n.words) {
		read_node(w + at, &n);
		count++;
	}
	return count;
}

/* A leaf as the key has it. */
struct leaf {
	enum tn_dtype dtype;
	struct tn_shape shape;
	const uint64_t *strides;
	bool donatable;
	uint32_t shares; /* the older leaf on the same buffer, or TN_REF_NONE */
	size_t words;
};

static void read_leaf(const uint64_t *w, struct leaf *out) {
	out->dtype = (enum tn_dtype)(*w & 0xff);
	out->shape.ndim = (int32_t)(*w >> 8 & 0xff);
	out->donatable = (*w >> 16 & 1) != 0;
	out->shares = (uint32_t)(*w >> 32);
	memcpy(out->shape.dims, w + 1, (size_t)out->shape.ndim * sizeof(*w));
	out->strides = w + 1 + out->shape.ndim;
	out->words = 1 + 2 * (size_t)out->shape.ndim;
}

/* Both keys, taken apart: stream, which nodes are live, leaves. */
struct key {
	const uint64_t *stream, *live, *leaves;
	size_t stream_words, leaf_words;
	uint32_t nodes;
};

static void read_key(const uint64_t *stream, size_t words, const uint64_t *tail, size_t tail_words, struct key *out) {
	size_t live_words;

	*out = (struct key){.stream = stream, .stream_words = words, .nodes = count_nodes(stream, words), .live = tail};
	live_words = ((size_t)out->nodes + 63) / 64;
	out->leaves = tail + live_words;
	out->leaf_words = tail_words - live_words;
}

static bool find_leaf(const struct key *key, uint32_t index, struct leaf *out) {
	for (size_t at = 0; at < key->leaf_words; at += out->words) {
		read_leaf(key->leaves + at, out);
		if (index-- == 0) {
			return true;
		}
	}
	return false;
}

/* The words of a number in the stream: a double by its bits, or an integer. */
static void number_text(const struct node *n, uint32_t k, char out[32]) {
	double x;

	if ((n->head >> (40 + 2 * k) & 1) == 0) {
		snprintf(out, 32, "%" PRId64, (int64_t)n->scalars[k]);
		return;
	}
	memcpy(&x, &n->scalars[k], sizeof(x));
	snprintf(out, 32, "%g", x);
}

static void say_shapes(const char *format, enum tn_op op, const struct leaf *was, const struct leaf *is, struct tn_plan_difference *out) {
	char before[176], now[176];

	tn_describe(was->dtype, &was->shape, before);
	tn_describe(is->dtype, &is->shape, now);
	snprintf(out->text, sizeof(out->text), format, tn_op_name(op), now, before);
	out->hint = hint_shape;
}

static bool same_type(const struct leaf *a, const struct leaf *b) {
	return a->dtype == b->dtype && tn_shape_equal(&a->shape, &b->shape);
}

/* An input of the node that is a leaf of another dtype or shape. */
static bool leaf_differs(const struct key *was, const struct key *is, const struct node *a, const struct node *b, struct tn_plan_difference *out) {
	for (uint32_t k = 0; k < a->input_count && k < b->input_count; k++) {
		uint32_t from = input_of(a, k), to = input_of(b, k);
		struct leaf before, now;

		if (tn_ref_is_leaf(from) && tn_ref_is_leaf(to) && find_leaf(was, from & ~TN_REF_LEAF, &before) &&
			find_leaf(is, to & ~TN_REF_LEAF, &now) && !same_type(&before, &now)) {
			say_shapes("%s reads %s, it read %s", b->op, &before, &now, out);
			return true;
		}
	}
	return false;
}

static bool number_differs(const struct node *a, const struct node *b, struct tn_plan_difference *out) {
	char before[32], now[32];

	for (uint32_t k = 0; k < b->scalar_count; k++) {
		if ((b->head >> (41 + 2 * k) & 1) != 0 && a->scalars[k] != b->scalars[k]) {
			number_text(a, k, before);
			number_text(b, k, now);
			snprintf(out->text, sizeof(out->text), "the number in %s is %s, it was %s", tn_op_name(b->op), now, before);
			out->hint = hint_literal;
			return true;
		}
	}
	return false;
}

/* Two nodes of one number that are not the same. */
static void node_differs(const struct key *was, const struct key *is, const struct node *a, const struct node *b, struct tn_plan_difference *out) {
	const char *name = tn_op_name(b->op);

	if (a->op != b->op || a->input_count != b->input_count || a->attr_count != b->attr_count || a->scalar_count != b->scalar_count) {
		snprintf(out->text, sizeof(out->text), "%s is recorded where %s was", name, tn_op_name(a->op));
		out->hint = hint_work;
	} else if (leaf_differs(was, is, a, b, out)) {
		return;
	} else if (!tn_shape_equal(&a->shape, &b->shape) || a->dtype != b->dtype) {
		say_shapes("%s gives %s, it gave %s", b->op, &(struct leaf){.dtype = a->dtype, .shape = a->shape},
			&(struct leaf){.dtype = b->dtype, .shape = b->shape}, out);
		out->hint = memcmp(a->attrs, b->attrs, a->attr_count * sizeof(*a->attrs)) != 0 ? hint_size : hint_shape;
	} else if (a->head == b->head && number_differs(a, b, out)) {
		return;
	} else if (memcmp(a->attrs, b->attrs, a->attr_count * sizeof(*a->attrs)) != 0) {
		uint32_t k = 0;

		while (a->attrs[k] == b->attrs[k]) {
			k++;
		}
		snprintf(out->text, sizeof(out->text), "an argument of %s is %" PRId64 ", it was %" PRId64, name, (int64_t)b->attrs[k], (int64_t)a->attrs[k]);
		out->hint = hint_size;
	} else {
		snprintf(out->text, sizeof(out->text), "%s reads other values than before", name);
		out->hint = hint_work;
	}
}

/* The first node that reads that leaf. */
static bool reader_of(const struct key *key, uint32_t leaf, uint32_t *node, struct node *out) {
	*node = 0;
	for (size_t at = 0; at < key->stream_words; at += out->words, ++*node) {
		read_node(key->stream + at, out);
		for (uint32_t k = 0; k < out->input_count; k++) {
			if (input_of(out, k) == (TN_REF_LEAF | leaf)) {
				return true;
			}
		}
	}
	*node = 0;
	return false;
}

static void say_leaf(const struct key *is, uint32_t index, const struct leaf *a, const struct leaf *b, struct tn_plan_difference *out) {
	struct node n;
	char text[176];
	bool found = reader_of(is, index, &out->node, &n);
	const char *name = found ? tn_op_name(n.op) : "an operation";

	tn_describe(b->dtype, &b->shape, text);
	if (found && !same_type(a, b)) {
		say_shapes("%s reads %s, it read %s", n.op, a, b, out);
	} else if (memcmp(a->strides, b->strides, (size_t)b->shape.ndim * sizeof(*b->strides)) != 0) {
		snprintf(out->text, sizeof(out->text), "the %s that %s reads lies otherwise in memory (a view or a transpose)", text, name);
	} else if (a->donatable != b->donatable) {
		snprintf(out->text, sizeof(out->text), "the %s that %s reads is %s", text, name,
			b->donatable ? "needed by nobody else now: its memory can be written over" : "still held elsewhere, it was not before");
		out->hint = hint_kept;
	} else {
		snprintf(out->text, sizeof(out->text), "the %s that %s reads shares its memory with other values than before", text, name);
	}
}

/* Equal streams: what differs is which results are held, or what a leaf is. */
static void tail_differs(const struct key *was, const struct key *is, struct tn_plan_difference *out) {
	struct leaf a, b;

	for (uint32_t i = 0; i < is->nodes; i++) {
		bool now = (is->live[i / 64] >> i % 64 & 1) != 0;

		if (now != ((was->live[i / 64] >> i % 64 & 1) != 0)) {
			struct node n;
			size_t at = 0;

			for (uint32_t k = 0; k <= i; k++, at += n.words) {
				read_node(is->stream + at, &n);
			}
			snprintf(out->text, sizeof(out->text), "the result of %s is %s", tn_op_name(n.op), now ? "held now, it was not before" : "held no more");
			out->node = i;
			out->hint = hint_kept;
			return;
		}
	}
	for (uint32_t k = 0; find_leaf(was, k, &a) && find_leaf(is, k, &b); k++) {
		if (a.words != b.words || a.donatable != b.donatable || a.shares != b.shares || !same_type(&a, &b) ||
			memcmp(a.strides, b.strides, (size_t)b.shape.ndim * sizeof(*b.strides)) != 0) {
			say_leaf(is, k, &a, &b, out);
			return;
		}
	}
	snprintf(out->text, sizeof(out->text), "the values that are read are others");
}

void tn_plan_differ(const struct tn_engine *e, const struct tn_cached_plan *before, struct tn_plan_difference *out) {
	size_t words = before->stream_words, at = 0;
	struct key was, is;
	struct node a, b;

	*out = (struct tn_plan_difference){0};
	read_key(before->key, words, before->key + words, before->key_words - words, &was);
	read_key(e->words.items, e->words.count, e->key.items, e->key.count, &is);
	for (; at < words && at < e->words.count; at += b.words, out->node++) {
		read_node(was.stream + at, &a);
		read_node(is.stream + at, &b);
		if (a.words != b.words || memcmp(was.stream + at, is.stream + at, a.words * sizeof(uint64_t)) != 0) {
			break;
		}
	}
	if (was.nodes != is.nodes) {
		snprintf(out->text, sizeof(out->text), "%" PRIu32 " operations are recorded, there were %" PRIu32, is.nodes, was.nodes);
		out->node = out->node < is.nodes ? out->node : is.nodes - 1;
		out->hint = hint_work;
	} else if (at < words && at < e->words.count) {
		node_differs(&was, &is, &a, &b, out);
	} else {
		tail_differs(&was, &is, out);
	}
}
