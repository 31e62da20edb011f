/* SPDX-License-Identifier: Apache-2.0 */
/* Signed messages run once: whoever can read the wire could send one again as it is. Signatures of the last messages are remembered,
 * at least TN_REPLAYS_MAX of them and less than twice as many, in two tables: when the newer one is full, the older one goes. */
#ifndef TN_KERNEL_REPLAY_H
#define TN_KERNEL_REPLAY_H

#include "base/base.h"

#ifdef TN_TINY_LIMITS
enum { TN_REPLAYS_MAX = 64 };
#else
enum { TN_REPLAYS_MAX = 32 * 1024 };
#endif

/* Open addressing; capacity is a power of two, at most half of it is used; 0 is an empty place. */
struct tn_replay_table {
	uint64_t *marks;
	size_t capacity, count;
};
struct tn_replays {
	struct tn_replay_table newer, older;
};

void tn_replays_finish(struct tn_replays *replays);
/* Remembers the mark of a signature (not 0); false: it was remembered already. Without memory it forgets instead of refusing. */
bool tn_replays_add(struct tn_replays *replays, uint64_t mark);

#endif
