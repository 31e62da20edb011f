/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables of Tenon's own (settings.def): the one place that reads and parses them. tn_settings_check looks at all of
 * them when a program starts and names what it cannot take; after that each reader gets a value or "not set". A variable that is
 * set to the empty text counts as not set. Any thread, as long as nobody calls setenv. */
#ifndef TN_BASE_SETTINGS_H
#define TN_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum tn_setting {
#define TN_SETTING(id, ...) TN_SETTING_##id,
#include "base/settings.def"
#undef TN_SETTING
	TN_SETTING_COUNT
};

/* False, with a ValueError that names the variable, its value and what is expected, for the first one that is wrong. A variable
 * that begins with TENON_ and is unknown is reported by tn_log as a warning, with the nearest name. */
TN_MUST_USE bool tn_settings_check(struct tn_error *err);
/* The same for one NAME=VALUE that is about to be put into an environment. Other names than ours pass. */
TN_MUST_USE bool tn_settings_check_entry(const char *entry, struct tn_error *err);

/* "TENON_MEMORY". */
const char *tn_setting_name(enum tn_setting setting);
/* The text, borrowed from the environment; NULL: not set. */
const char *tn_setting_text(enum tn_setting setting);
/* A FLAG: true for 1; false for 0 and where it is not set. */
bool tn_setting_flag(enum tn_setting setting);
/* What tn_setting_number returns for the word "off", of the kinds that take it. */
#define TN_SETTING_OFF UINT64_MAX
/* A SIZE in bytes, a COUNT, or a MODE (permission bits); `otherwise` where it is not set, or wrong and nobody checked. */
uint64_t tn_setting_number(enum tn_setting setting, uint64_t otherwise);
/* The index of the word that an ISA or LOG has among its kind's words, in the order of their enums; -1 where it is not set or wrong. */
int tn_setting_choice(enum tn_setting setting);

/* A size as people write it: a decimal number, then K, M, G or T (powers of 1,024; KB and KiB mean the same), upper or lower case;
 * without a unit, bytes. False for anything else: a sign, another unit, more than 2^63 bytes. */
TN_MUST_USE bool tn_parse_size(const char *text, uint64_t *bytes);

#endif
