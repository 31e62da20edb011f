/* SPDX-License-Identifier: Apache-2.0 */
/* Proves of a finished pass that its values may share blocks as they do: all codes of one tile run on marks instead of numbers, in
 * the order of run_codes, and each read must find the mark of the value that it means. It knows nothing of how blocks were given,
 * so that a fault in the lifetimes is found when the plan is made, not by a wrong number. Linear in the codes. */
#include "cpu/fused.h"

enum { NONE = UINT32_MAX };

/* What lies at bytes [begin, end) of a block: strip `strip` of a value. */
struct mark {
	uint32_t value, strip;
	size_t begin, end;
};

/* Marks of one block do not overlap and begin at a strip of one of three sizes of elements. */
enum { STRIPS = CPU_BLOCK / CPU_STRIP, MOST_MARKS = 3 * STRIPS };
struct block {
	struct mark marks[MOST_MARKS];
	uint32_t count;
};

struct model {
	const struct fused_pass *pass;
	struct block *blocks;
	uint32_t *finished; /* of each value: the number of its last writer, from 1; 0: no code writes it */
	uint32_t strips;
};

static uint32_t block_of(const struct fused_pass *pass, uint32_t value) {
	return value < pass->input_count ? pass->input_slots[value] : pass->values[value].slot;
}

static size_t element_size(const struct fused_pass *pass, uint32_t value) {
	return value < pass->input_count ? pass->inputs[value].size : cpu_class_size(pass->values[value].class);
}

/* Where a value lies in a strip; a uniform one has but one element, for all strips. */
static struct mark place_of(const struct fused_pass *pass, uint32_t value, uint32_t strip) {
	bool uniform = pass->values[value].uniform;
	size_t size = element_size(pass, value), length = (size_t)pass->strip * size;
	size_t begin = uniform ? 0 : strip * length;

	return (struct mark){value, uniform ? 0 : strip, begin, begin + (uniform ? size : length)};
}

static bool overlap(const struct mark *a, const struct mark *b) {
	return a->begin < b->end && b->begin < a->end;
}

static const char *write_mark(const struct model *m, uint32_t value, uint32_t strip) {
	struct mark place = place_of(m->pass, value, strip);
	uint32_t slot = block_of(m->pass, value), kept = 0;
	struct block *block;

	if (slot >= m->pass->slot_count || place.end > m->pass->slot_size) {
		return "a result has no block, or leaves it";
	}
	block = &m->blocks[slot];
	for (uint32_t i = 0; i < block->count; i++) {
		if (!overlap(&block->marks[i], &place)) {
			block->marks[kept++] = block->marks[i];
		}
	}
	if (kept == MOST_MARKS) {
		return "a block holds more than fits";
	}
	block->marks[kept] = place;
	block->count = kept + 1;
	return NULL;
}

static bool is_scalar(const struct fused_pass *pass, uint32_t value) {
	for (uint32_t i = 0; i < pass->scalar_count; i++) {
		if (pass->scalars[i].value == value) {
			return true;
		}
	}
	return false;
}

static const char *read_mark(const struct model *m, uint32_t value, uint32_t strip) {
	struct mark place = place_of(m->pass, value, strip);
	uint32_t slot = block_of(m->pass, value);

	if (slot == NONE) { /* in its own memory */
		return value < m->pass->input_count || is_scalar(m->pass, value) ? NULL : "a value is read that nobody computes";
	}
	for (uint32_t i = 0; i < m->blocks[slot].count; i++) {
		const struct mark *mark = &m->blocks[slot].marks[i];

		if (mark->value == value && mark->strip == place.strip) {
			return NULL;
		}
	}
	return "a value is read after another took its block";
}

/* A loop may write over an operand only element by element: see vector.h. */
static bool may_overlap(const struct fused_pass *pass, const struct fused_code *code, uint32_t operand, uint32_t strip) {
	struct mark out = place_of(pass, code->out, strip), in = place_of(pass, operand, strip);

	return block_of(pass, operand) == NONE || block_of(pass, operand) != block_of(pass, code->out) || !overlap(&out, &in) ||
	       (out.begin == in.begin && element_size(pass, code->out) == element_size(pass, operand));
}

static const char *run_code(const struct model *m, const struct fused_code *code, uint32_t strip) {
	const char *fault = NULL;

	for (int k = 0; k < CPU_MIX_OPERANDS && fault == NULL; k++) {
		fault = read_mark(m, code->in[k], strip);
		if (fault == NULL && !may_overlap(m->pass, code, code->in[k], strip)) {
			fault = "a result lies across an operand";
		}
	}
	return fault != NULL ? fault : write_mark(m, code->out, strip);
}

/* What holds of code number `at` by itself. */
static const char *check_code(const struct model *m, uint32_t at) {
	const struct fused_pass *pass = m->pass;
	const struct fused_code *code = &pass->codes[at - 1];

	for (int k = -1; k < CPU_MIX_OPERANDS; k++) {
		uint32_t value = k < 0 ? code->out : code->in[k];
		bool uniform = pass->values[value].uniform;

		if (code->uniform && !uniform) {
			return "a code that runs once in a tile reads or writes a value of each element";
		}
		if (value != code->out && m->finished[value] > at) {
			return "a value is read before it is rounded";
		}
		if (code->mix != NULL && k >= 0 && uniform != (k >= CPU_MIX_VECTORS)) {
			return "a mix has a number for a vector, or the reverse";
		}
		if (code->advance[k + 1] != (uniform ? 0 : pass->strip * (int64_t)element_size(pass, value))) {
			return "an operand does not go from strip to strip";
		}
	}
	return code->uniform == pass->values[code->out].uniform ? NULL : "one element is written in each strip";
}

static const char *run_tile(const struct model *m) {
	const struct fused_pass *pass = m->pass;
	const char *fault = NULL;

	for (uint32_t i = 0; i < pass->input_count; i++) {
		for (uint32_t strip = 0; strip < m->strips && pass->input_slots[i] != NONE && fault == NULL; strip++) {
			fault = write_mark(m, i, strip);
		}
	}
	for (uint32_t i = 0; i < pass->code_count; i++) {
		m->finished[pass->codes[i].out] = i + 1;
	}
	for (uint32_t i = 0; i < pass->code_count && fault == NULL; i++) {
		fault = check_code(m, i + 1);
	}
	for (uint32_t strip = 0; strip < m->strips; strip++) {
		for (uint32_t i = 0; i < pass->code_count && fault == NULL; i++) {
			if (strip == 0 || !pass->codes[i].uniform) {
				fault = run_code(m, &pass->codes[i], strip);
			}
		}
	}
	for (uint32_t strip = 0; strip < m->strips; strip++) {
		for (uint32_t i = 0; i < pass->store_count && fault == NULL; i++) {
			fault = read_mark(m, pass->stores[i].value, strip);
		}
		for (uint32_t i = 0; i < pass->fold_count && fault == NULL; i++) {
			fault = read_mark(m, pass->folds[i].value, strip);
		}
		/* gathered inputs are kept for the next tile, which may show the same */
		for (uint32_t i = 0; i < pass->input_count && fault == NULL; i++) {
			fault = read_mark(m, i, strip);
		}
	}
	return fault;
}

const char *fused_fault(const struct fused_pass *pass) {
	struct model m = {.pass = pass, .strips = (uint32_t)(CPU_BLOCK / pass->strip)};
	const char *fault = NULL;

	if (pass->strip != CPU_BLOCK && pass->strip != CPU_STRIP) {
		return "a strip has an unknown length";
	}
	m.blocks = tn_calloc((size_t)pass->slot_count + 1, sizeof(*m.blocks));
	m.finished = tn_calloc((size_t)pass->value_count + 1, sizeof(*m.finished));
	if (m.blocks != NULL && m.finished != NULL) {
		fault = run_tile(&m);
	}
	tn_free(m.blocks);
	tn_free(m.finished);
	return fault;
}
