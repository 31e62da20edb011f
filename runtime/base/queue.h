/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of pointers between threads: producers wait when it is full, consumers when it is empty. */
#ifndef TN_BASE_QUEUE_H
#define TN_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct tn_queue; /* opaque */

TN_MUST_USE struct tn_queue *tn_queue_create(size_t capacity); /* NULL: out of memory */
/* No thread may wait on it any more. Items still inside are the caller's: pop them first. */
void tn_queue_destroy(struct tn_queue *q);
/* Waits for room. False: the queue was closed, the item is still the caller's. */
TN_MUST_USE bool tn_queue_push(struct tn_queue *q, void *item);
/* Waits at most timeout_ns (negative: for ever). NULL: time is up, or closed and empty. */
void *tn_queue_pop(struct tn_queue *q, int64_t timeout_ns);
/* Wakes everybody; later pushes fail, pops drain what is left. */
void tn_queue_close(struct tn_queue *q);
bool tn_queue_is_closed(struct tn_queue *q);

#endif
