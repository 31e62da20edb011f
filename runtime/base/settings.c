/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings.def and its parsers. Values are parsed where they are read: most are read once, and so nothing has to be
 * made before main. */
#include "base/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum kind { KIND_TEXT, KIND_FLAG, KIND_COUNT, KIND_COUNT_OR_OFF, KIND_SIZE, KIND_SIZE_OR_OFF, KIND_MODE, KIND_ISA, KIND_LOG };
enum { WORDS_MAX = 4, LEAST_SIZE = 1 << 20 };

static const struct {
	const char *name;
	enum kind kind;
	const char *example;
} settings[TN_SETTING_COUNT] = {
#define TN_SETTING(id, name, kind, example, doc) [TN_SETTING_##id] = {name, KIND_##kind, example},
#include "base/settings.def"
#undef TN_SETTING
};

/* The words of the kinds that are a choice, in the order of enum cpu_isa and enum tn_log_level. */
static const char *const choices[][WORDS_MAX] = {
	[KIND_ISA] = {"base", "avx2", "avx512"},
	[KIND_LOG] = {"error", "warn", "info", "debug"},
};

/* ---- the parsers ---- */

/* Bytes that the unit stands for; 0 where it is not a unit. */
static double unit_of(const char *unit) {
	static const char letters[] = "KMGT";
	const char *letter = *unit == '\0' ? NULL : strchr(letters, toupper((unsigned char)*unit));

	if (*unit == '\0' || strcasecmp(unit, "B") == 0) {
		return 1;
	}
	if (letter == NULL || (unit[1] != '\0' && strcasecmp(unit + 1, "B") != 0 && strcasecmp(unit + 1, "iB") != 0)) {
		return 0;
	}
	return (double)(1ull << (10 * (letter - letters + 1)));
}

bool tn_parse_size(const char *text, uint64_t *bytes) {
	size_t digits = strspn(text, "0123456789.");
	double number, unit = unit_of(text + digits + strspn(text + digits, " "));

	if (digits == 0 || text[0] == '.' || unit == 0 || !tn_parse_f64(text, digits, &number) || number * unit >= 0x1p63) {
		return false;
	}
	*bytes = (uint64_t)(number * unit);
	return true;
}

static bool parse_count(const char *text, uint64_t *count) {
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0') {
		return false;
	}
	*count = strtoull(text, NULL, 10);
	return true;
}

/* Permission bits of a folder, in octal, that let its owner in. */
static bool parse_mode(const char *text, uint64_t *mode) {
	size_t digits = strspn(text, "01234567");

	if (digits == 0 || digits > 4 || text[digits] != '\0') {
		return false;
	}
	*mode = strtoull(text, NULL, 8);
	return *mode <= 0777 && (*mode & 0700) == 0700;
}

/* A value of one of the kinds that are a number. */
static bool parse_number(enum kind kind, const char *text, uint64_t *number) {
	bool may_be_off = kind == KIND_COUNT_OR_OFF || kind == KIND_SIZE_OR_OFF;

	if (may_be_off && strcmp(text, "off") == 0) {
		*number = TN_SETTING_OFF;
		return true;
	}
	switch (kind) {
	case KIND_SIZE:
	case KIND_SIZE_OR_OFF: return tn_parse_size(text, number);
	case KIND_MODE: return parse_mode(text, number);
	default: return parse_count(text, number);
	}
}

static int find_word(enum kind kind, const char *text) {
	for (int i = 0; i < WORDS_MAX && choices[kind][i] != NULL; i++) {
		if (strcmp(choices[kind][i], text) == 0) {
			return i;
		}
	}
	return -1;
}

/* ---- reading ---- */

const char *tn_setting_name(enum tn_setting setting) {
	return settings[setting].name;
}

const char *tn_setting_text(enum tn_setting setting) {
	const char *text = getenv(settings[setting].name);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

bool tn_setting_flag(enum tn_setting setting) {
	const char *text = tn_setting_text(setting);

	return text != NULL && strcmp(text, "1") == 0;
}

uint64_t tn_setting_number(enum tn_setting setting, uint64_t otherwise) {
	const char *text = tn_setting_text(setting);
	uint64_t number;

	return text != NULL && parse_number(settings[setting].kind, text, &number) ? number : otherwise;
}

int tn_setting_choice(enum tn_setting setting) {
	const char *text = tn_setting_text(setting);

	return text == NULL ? -1 : find_word(settings[setting].kind, text);
}

/* ---- the check at the start ---- */

static bool refuse(enum tn_setting setting, const char *text, const char *expected, struct tn_error *err) {
	return tn_error_set(err, TN_ERR_VALUE, "%s: expected %s, such as %s, found '%.100s'", settings[setting].name, expected,
		settings[setting].example, text);
}

static bool check_size(enum tn_setting setting, const char *text, struct tn_error *err) {
	uint64_t bytes;

	if (!tn_parse_size(text, &bytes)) {
		return refuse(setting, text, "a size: a number and K, M, G or T", err);
	}
	if (bytes < LEAST_SIZE) {
		refuse(setting, text, "a size of at least 1M", err);
		if (text[strspn(text, "0123456789.")] == '\0') {
			tn_error_hint(err, "a number without a unit counts bytes: did you mean %sG?", text);
		}
		return false;
	}
	return true;
}

static bool check_choice(enum tn_setting setting, const char *text, struct tn_error *err) {
	const char *const *words = choices[settings[setting].kind];
	struct tn_str list = {0};
	bool ok = true;

	if (find_word(settings[setting].kind, text) >= 0) {
		return true;
	}
	for (int i = 0; i < WORDS_MAX && words[i] != NULL; i++) {
		ok = ok && tn_str_printf(&list, "%s%s", i == 0 ? "" : i + 1 == WORDS_MAX || words[i + 1] == NULL ? " or " : ", ", words[i]);
	}
	if (ok) {
		refuse(setting, text, tn_str_c(&list), err);
	} else {
		tn_error_memory(err);
	}
	tn_str_finish(&list);
	return false;
}

static bool check(enum tn_setting setting, const char *text, struct tn_error *err) {
	uint64_t number;

	if (text[0] == '\0') {
		return true;
	}
	switch (settings[setting].kind) {
	case KIND_FLAG: return strcmp(text, "0") == 0 || strcmp(text, "1") == 0 || refuse(setting, text, "0 or 1", err);
	case KIND_COUNT: return parse_number(KIND_COUNT, text, &number) || refuse(setting, text, "a whole number that is not negative", err);
	case KIND_SIZE: return check_size(setting, text, err);
	case KIND_COUNT_OR_OFF:
		return parse_number(KIND_COUNT_OR_OFF, text, &number) || refuse(setting, text, "a whole number that is not negative, or off", err);
	case KIND_SIZE_OR_OFF:
		return parse_number(KIND_SIZE_OR_OFF, text, &number) || refuse(setting, text, "a size: a number and K, M, G or T, or off", err);
	case KIND_MODE:
		return parse_number(KIND_MODE, text, &number) || refuse(setting, text, "a folder's mode in octal that lets its owner in", err);
	case KIND_ISA:
	case KIND_LOG: return check_choice(setting, text, err);
	case KIND_TEXT: break;
	}
	return true;
}

/* The setting that an entry "NAME=VALUE" sets; TN_SETTING_COUNT: none of ours. */
static enum tn_setting find_setting(const char *entry) {
	size_t length = strcspn(entry, "=");

	for (int i = 0; i < TN_SETTING_COUNT; i++) {
		if (strncmp(settings[i].name, entry, length) == 0 && settings[i].name[length] == '\0') {
			return (enum tn_setting)i;
		}
	}
	return TN_SETTING_COUNT;
}

/* A variable of a newer or an older Tenon is harmless, a misspelt one is not: it is named, and the program goes on. */
static void report_unknown(const char *entry) {
	char name[64];
	size_t length = strcspn(entry, "=");
	struct tn_suggest suggest;

	if (length >= sizeof(name)) {
		length = sizeof(name) - 1;
	}
	memcpy(name, entry, length);
	name[length] = '\0';
	tn_suggest_init(&suggest, name);
	for (int i = 0; i < TN_SETTING_COUNT; i++) {
		tn_suggest_offer(&suggest, settings[i].name);
	}
	if (suggest.best != NULL) {
		tn_log(TN_LOG_WARN, "unknown environment variable %s; did you mean %s?", name, suggest.best);
	} else {
		tn_log(TN_LOG_WARN, "unknown environment variable %s", name);
	}
}

bool tn_settings_check_entry(const char *entry, struct tn_error *err) {
	enum tn_setting setting = find_setting(entry);
	const char *equals = strchr(entry, '=');

	if (equals == NULL || strncmp(entry, "TENON_", 6) != 0) {
		return true;
	}
	if (setting == TN_SETTING_COUNT) {
		report_unknown(entry);
		return true;
	}
	return check(setting, equals + 1, err);
}

bool tn_settings_check(struct tn_error *err) {
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		if (!tn_settings_check_entry(*entry, err)) {
			return false;
		}
	}
	return true;
}
