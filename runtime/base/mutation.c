/* SPDX-License-Identifier: Apache-2.0 */
/* Which deliberate fault is on: see mutation.h. Empty in every other build. */
#include "base/mutation.h"

#ifdef TN_MUTATIONS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

static enum tn_mutation find(const char *wanted) {
#define TN_MUTATION(name, what) #name,
	static const char *const names[] = {"",
#include "base/mutation.def"
	};
#undef TN_MUTATION

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(wanted, names[i]) == 0) {
			return (enum tn_mutation)i;
		}
	}
	fprintf(stderr, "TENON_MUTATION: '%s' is not in mutation.def\n", wanted);
	abort();
}

enum tn_mutation tn_mutation(void) {
	static int chosen; /* mutation + 1; every thread would store the same */
	int now = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

	if (now == 0) {
		const char *wanted = tn_setting_text(TN_SETTING_MUTATION);

		now = (int)find(wanted == NULL ? "" : wanted) + 1;
		__atomic_store_n(&chosen, now, __ATOMIC_RELAXED);
	}
	return (enum tn_mutation)(now - 1);
}

#endif
