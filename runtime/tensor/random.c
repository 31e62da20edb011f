/* SPDX-License-Identifier: Apache-2.0 */
/* The random stream of an engine, and what is drawn on the host. Each recorded draw takes one counter; the numbers of that
 * draw are the blocks of Philox under (seed, counter), so they depend on nothing that happened elsewhere (philox.h). */
#include "tensor/graph.h"

struct tn_random_state tn_random_get(const struct tn_engine *engine) {
	return *tn_engine_random((struct tn_engine *)engine);
}

void tn_random_set(struct tn_engine *engine, struct tn_random_state state) {
	*tn_engine_random(engine) = state;
}

struct tn_random_state tn_random_next(struct tn_engine *engine) {
	struct tn_random_state *state = tn_engine_random(engine), taken = *state;

	state->counter++;
	return taken;
}

void tn_philox(struct tn_random_state state, uint64_t index, uint32_t out[4]) {
	tn_philox_block(state.seed, state.counter, index, out);
}

/* Fisher and Yates' shuffle from the end: the k-th exchange, k = 0, 1 …, swaps element n - 1 - k with the one at
 * floor(r * (n - k) / 2^64), where r is the k-th 64-bit number of the stream (two to a block). The shuffle is sequential, but
 * 60,000 elements take less than a millisecond; a device without a fast way of its own makes it here and copies. */
void tn_random_permutation(struct tn_random_state state, int64_t n, int64_t *order) {
	uint32_t words[4];

	for (int64_t i = 0; i < n; i++) {
		order[i] = i;
	}
	for (int64_t k = 0; k < n - 1; k++) {
		int64_t last = n - 1 - k, other, held;

		if (k % 2 == 0) {
			tn_philox_block(state.seed, state.counter, (uint64_t)k / 2, words);
		}
		other = tn_random_int(tn_philox_u64(words, (int)(k % 2)), 0, (uint64_t)last + 1);
		held = order[last];
		order[last] = order[other];
		order[other] = held;
	}
}
