/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share. With -Dfuzz=true a target is a libFuzzer program (./script/fuzz runs them); otherwise driver.c is its main. */
#ifndef TN_TESTS_FUZZ_H
#define TN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_must(bool condition, const char *what) {
	if (!condition) {
		fprintf(stderr, "fuzz: %s\n", what);
		abort();
	}
}

#endif
