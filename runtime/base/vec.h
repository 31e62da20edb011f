/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of one element type. Declare with TN_VEC(type) in a struct; all zero is empty.
 *     TN_VEC(struct token) tokens;  if (!TN_VEC_PUSH(&v, tok)) …out of memory…;  v.items[i];  TN_VEC_FINISH(&v); */
#ifndef TN_BASE_VEC_H
#define TN_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/mem.h"

#define TN_VEC(type) struct { type *items; size_t count, capacity; }

/* Grows *items so that `needed` elements fit; false leaves everything as it was. */
TN_MUST_USE bool tn_vec_grow(void **items, size_t *capacity, size_t needed, size_t item_size);

#define TN_VEC_RESERVE(v, needed) \
	((needed) <= (v)->capacity || tn_vec_grow((void **)&(v)->items, &(v)->capacity, (needed), sizeof(*(v)->items)))
/* true when pushed */
#define TN_VEC_PUSH(v, item) (TN_VEC_RESERVE((v), (v)->count + 1) && ((v)->items[(v)->count++] = (item), true))
#define TN_VEC_POP(v) ((v)->items[--(v)->count])
#define TN_VEC_FINISH(v) (tn_free((v)->items), (v)->items = NULL, (v)->count = (v)->capacity = 0)

#endif
