/* SPDX-License-Identifier: Apache-2.0 */
/* Deliberate faults, which prove that the tests see faults of their kind: tests/differential/mutation_test.py finds each of those in mutation.def.
 * They exist in a build with -Dmutations=true only, where TENON_MUTATION names the one that is on; elsewhere TN_MUTATED is false and costs nothing. */
#ifndef TN_BASE_MUTATION_H
#define TN_BASE_MUTATION_H

#include <stdbool.h>

#ifdef TN_MUTATIONS

#define TN_MUTATION(name, what) TN_MUTATION_##name,
enum tn_mutation { TN_MUTATION_NONE,
#include "base/mutation.def"
};
#undef TN_MUTATION

/* The one that TENON_MUTATION names; a name that is not there ends the process. Any thread. */
enum tn_mutation tn_mutation(void);

#define TN_MUTATED(name) (tn_mutation() == TN_MUTATION_##name)

#else

#define TN_MUTATED(name) false

#endif

#endif
