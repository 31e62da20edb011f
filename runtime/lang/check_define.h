/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of a unit: structs, then functions. Private to check.c and check_define.c. */
#ifndef TN_LANG_CHECK_DEFINE_H
#define TN_LANG_CHECK_DEFINE_H

#include "lang/check.h"

/* Defines the unit's structs and functions in its module; what was there before is in the journal. False: something is wrong
 * (reported). */
bool check_define(struct tn_checker *c);
/* Puts everything back that check_define has replaced. */
void check_roll_back(struct tn_checker *c);

/* map[key] = now, noted for the roll-back. */
bool check_journal(struct tn_checker *c, struct tn_map *map, const char *key, void *now);
/* Adds an overload to the unit's module, replacing one with the same first parameter. */
bool check_add_overload(struct tn_checker *c, struct tn_function *f);
/* Sets endless[i] where the new struct defs[i] contains itself; false: out of memory (reported). check_endless.c */
bool check_find_endless(struct tn_checker *c, struct tn_struct_def *const *defs, uint32_t count, bool *endless);
/* Reads and checks the files that the unit imports; their names are there from then on. check_import.c */
bool check_imports(struct tn_checker *c);

#endif
