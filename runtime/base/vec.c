/* SPDX-License-Identifier: Apache-2.0 */
/* Growth of arrays: by half, so that n pushes copy fewer than 3n items and freed room can be used again. */
#include "base/vec.h"

#include <stdint.h>

bool tn_vec_grow(void **items, size_t *capacity, size_t needed, size_t item_size) {
	if (needed <= *capacity) {
		return true;
	}
	size_t wanted = *capacity + *capacity / 2;
	if (wanted < *capacity || wanted < needed) {
		wanted = needed;
	}
	if (wanted < 8 && needed <= 8) {
		wanted = 8;
	}
	void *grown = tn_realloc_array(*items, wanted, item_size);
	if (grown == NULL && wanted > needed) {
		wanted = needed; /* memory is short: what is needed may still fit */
		grown = tn_realloc_array(*items, wanted, item_size);
	}
	if (grown == NULL) {
		return false;
	}
	*items = grown;
	*capacity = wanted;
	return true;
}
