/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a cell's structs contain themselves: through fields, tuples and other structs, but not through lists and maps, which may be
 * empty. They are the strongly connected parts of the graph "has a field of" (Tarjan, SIAM J. Comput. 1972), found in time
 * proportional to the fields: a walk along every path would double with each level of a nest. What was defined before the cell cannot
 * contain what the cell defines, so only the cell's own structs are nodes. */
#include <string.h>

#include "lang/check_define.h"

struct node {
	uint32_t edge, end;  /* the next of its edges, the last + 1 */
	uint32_t index, low; /* Tarjan's; index 0: not seen yet */
	bool open;           /* its part is not known yet */
};

struct graph {
	struct node *nodes;
	TN_VEC(uint32_t) edges;
	TN_VEC(uint32_t) path, open; /* nodes on the way down; nodes whose part is not known */
	uint32_t seen;
	bool *endless;
};

static bool add_edges(struct graph *g, const struct tn_type *type) {
	if (type == NULL) {
		return true;
	}
	if (type->kind == TN_TYPE_STRUCT && type->def->draft > 0) {
		return TN_VEC_PUSH(&g->edges, type->def->draft - 1);
	}
	for (uint32_t i = 0; type->kind == TN_TYPE_TUPLE && i < type->item_count; i++) {
		if (!add_edges(g, type->items[i])) {
			return false;
		}
	}
	return true;
}

static bool read_graph(struct graph *g, struct tn_struct_def *const *defs, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		g->nodes[i].edge = (uint32_t)g->edges.count;
		for (uint32_t k = 0; k < defs[i]->field_count; k++) {
			if (!add_edges(g, defs[i]->fields[k].type)) {
				return false;
			}
		}
		g->nodes[i].end = (uint32_t)g->edges.count;
	}
	return true;
}

static bool enter(struct graph *g, uint32_t at) {
	g->nodes[at].index = g->nodes[at].low = ++g->seen;
	g->nodes[at].open = true;
	return TN_VEC_PUSH(&g->path, at) && TN_VEC_PUSH(&g->open, at);
}

/* All edges of the path's last node have been followed. Where nothing below reaches further up, what is open from it on is one part. */
static void leave(struct graph *g) {
	uint32_t at = TN_VEC_POP(&g->path), last;
	struct node *node = &g->nodes[at];
	if (g->path.count > 0) {
		struct node *above = &g->nodes[g->path.items[g->path.count - 1]];
		above->low = node->low < above->low ? node->low : above->low;
	}
	if (node->low != node->index) {
		return;
	}
	bool alone = g->open.items[g->open.count - 1] == at;
	do {
		last = TN_VEC_POP(&g->open);
		g->nodes[last].open = false;
		g->endless[last] = g->endless[last] || !alone;
	} while (last != at);
}

static bool search(struct graph *g, uint32_t from) {
	if (!enter(g, from)) {
		return false;
	}
	while (g->path.count > 0) {
		uint32_t at = g->path.items[g->path.count - 1];
		struct node *node = &g->nodes[at];
		if (node->edge == node->end) {
			leave(g);
			continue;
		}
		uint32_t to = g->edges.items[node->edge++];
		if (to == at) {
			g->endless[at] = true;
		} else if (g->nodes[to].index == 0) {
			if (!enter(g, to)) {
				return false;
			}
		} else if (g->nodes[to].open && g->nodes[to].index < node->low) {
			node->low = g->nodes[to].index;
		}
	}
	return true;
}

bool check_find_endless(struct tn_checker *c, struct tn_struct_def *const *defs, uint32_t count, bool *endless) {
	struct graph g = {.nodes = CHECK_ARRAY(c, count, struct node), .endless = endless};
	bool ok = g.nodes != NULL;
	for (uint32_t i = 0; i < count; i++) {
		defs[i]->draft = i + 1;
	}
	if (ok) {
		memset(g.nodes, 0, count * sizeof(*g.nodes));
		ok = read_graph(&g, defs, count);
	}
	for (uint32_t i = 0; ok && i < count; i++) {
		ok = g.nodes[i].index > 0 || search(&g, i);
	}
	for (uint32_t i = 0; i < count; i++) {
		defs[i]->draft = 0;
	}
	TN_VEC_FINISH(&g.edges);
	TN_VEC_FINISH(&g.path);
	TN_VEC_FINISH(&g.open);
	return ok || check_memory(c) != NULL;
}
