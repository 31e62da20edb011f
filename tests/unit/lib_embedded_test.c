/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded standard library: every file is there, whole and sorted. */
#include "runner/test.h"

#include <string.h>

#include "lib/embedded.h"

TN_TEST(the_table_ends_where_its_count_says) {
	TN_CHECK_NULL(tn_lib_files[tn_lib_file_count].name);
}

TN_TEST(every_text_has_its_length_and_is_utf8) {
	for (size_t i = 0; i < tn_lib_file_count; i++) {
		const struct tn_embedded_file *file = &tn_lib_files[i];
		TN_CHECK_STR_CONTAINS(file->name, ".tn");
		TN_CHECK_SIZE_EQ(strlen(file->text), file->length);
		TN_CHECK(file->length > 0 && file->text[file->length - 1] == '\n');
		TN_CHECK(tn_utf8_valid(file->text, file->length, NULL));
	}
}

TN_TEST(names_are_sorted) {
	for (size_t i = 1; i < tn_lib_file_count; i++) {
		TN_CHECK(strcmp(tn_lib_files[i - 1].name, tn_lib_files[i].name) < 0);
	}
}
