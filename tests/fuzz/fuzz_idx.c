/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of IDX files, plain and compressed. What must hold of any bytes: a tensor whose elements can be read, or an error that
 * names the file. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "fuzz/fuzz.h"
#include "io/io.h"

static struct tn_engine *make_engine(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = 1, .budget = (size_t)64 << 20}, &err);
	struct tn_engine *engine = tn_engine_create(&(struct tn_engine_params){.backend = backend}, &err);
	fuzz_must(engine != NULL, "no engine");
	return engine;
}

static void check_tensor(struct tn_tensor *t) {
	struct tn_error err = {0};
	size_t bytes = (size_t)tn_shape_count(tn_tensor_shape(t)) * tn_dtype_size(tn_tensor_dtype(t));
	char *elements = malloc(bytes + 1);
	fuzz_must(elements != NULL && tn_tensor_read(t, elements, bytes, &err), "a tensor that cannot be read");
	free(elements);
	tn_tensor_unref(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tn_engine *engine;
	struct tn_error err = {0};
	char path[64];
	if (engine == NULL) {
		engine = make_engine();
	}
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct tn_tensor *t = tn_idx_load(engine, &(struct tn_idx_params){.path = path}, &err);
	close(fd);
	if (t != NULL) {
		check_tensor(t);
	} else {
		fuzz_must(strstr(err.text, path) != NULL || err.kind == TN_ERR_MEMORY, "an error without the file's name");
	}
	return 0;
}
