/* SPDX-License-Identifier: Apache-2.0 */
/* IDX files, whole and broken: what is wrong is said, with the file's name, and nothing crashes. */
#include <stdlib.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "io/io.h"
#include "runner/test.h"

static const unsigned char whole[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

/* Loads `size` bytes as a file; `text` is what the error must contain, NULL: it must load as u8[2, 3]. */
static void load(const unsigned char *bytes, size_t size, uint32_t crc, const char *text) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = 1, .budget = (size_t)64 << 20}, &err);
	struct tn_engine *engine = tn_engine_create(&(struct tn_engine_params){.backend = backend}, &err);
	char path[] = "/tmp/tenon-idx-XXXXXX";
	int fd = mkstemp(path);
	TN_CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	struct tn_tensor *t = tn_idx_load(engine, &(struct tn_idx_params){.path = path, .crc32 = crc}, &err);
	unlink(path);
	if (text == NULL) {
		unsigned char found[6];
		TN_CHECK_NO_ERROR(&err);
		TN_CHECK(tn_shape_equal(tn_tensor_shape(t), &TN_SHAPE(2, 3)) && tn_tensor_dtype(t) == TN_DTYPE_U8);
		TN_CHECK(tn_tensor_read(t, found, sizeof(found), &err));
		TN_CHECK_INT_EQ(found[5], 6);
	} else {
		TN_CHECK_NULL(t);
		TN_CHECK_STR_CONTAINS(err.text, text);
		TN_CHECK_STR_CONTAINS(err.text, path);
	}
	tn_tensor_unref(t);
	tn_engine_destroy(engine);
}

TN_TEST(a_whole_file_is_read) { load(whole, sizeof(whole), 0, NULL); }

TN_TEST(a_file_cut_anywhere_is_refused) {
	for (size_t size = 0; size < sizeof(whole); size++) {
		load(whole, size, 0, "is cut short");
	}
}

TN_TEST(another_format_is_refused) { load((const unsigned char *)"PNG and more", 12, 0, "is no IDX file"); }

TN_TEST(bytes_behind_the_last_element_are_refused) {
	unsigned char longer[sizeof(whole) + 1] = {0};
	for (size_t i = 0; i < sizeof(whole); i++) {
		longer[i] = whole[i];
	}
	load(longer, sizeof(longer), 0, "there is more behind its last element");
}

TN_TEST(a_promise_larger_than_the_file_takes_no_memory) {
	static const unsigned char huge[] = {0, 0, 8, 2, 0x7f, 0xff, 0xff, 0xff, 0, 0, 1, 0};
	load(huge, sizeof(huge), 0, "is cut short");
}

TN_TEST(a_wrong_checksum_is_damage) { load(whole, sizeof(whole), 1, "is damaged"); }
