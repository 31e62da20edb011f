/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon kernel`: becomes `tenon-kernel`, a program of its own, because it alone links the sockets' library and must not link the
 * runtime's (milliseconds of start, and memory for as long as it lives). */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/main.h"

/* From the folder of this program: the build directory has it beside, an installation in libexec. */
static const char *const places[] = {"tenon-kernel", "../libexec/tenon/tenon-kernel", "../lib/tenon/tenon-kernel"};

/* With the slash at its end; "" when the system does not say. */
static void own_folder(char *out, size_t size) {
	ssize_t length = readlink("/proc/self/exe", out, size - 1);
	out[length < 0 ? 0 : length] = '\0';
	char *slash = strrchr(out, '/');
	out[slash == NULL ? 0 : slash + 1 - out] = '\0';
}

/* Jupyter may interrupt at once. What is blocked stays so across exec, and the kernel reads it when it is ready. */
static void hold_interrupts(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int tn_face_kernel(int argc, char **argv) {
	char folder[PATH_MAX], path[PATH_MAX];
	(void)argc;
	hold_interrupts();
	own_folder(folder, sizeof(folder));
	for (size_t i = 0; i < TN_ARRAY_LEN(places); i++) {
		int length = snprintf(path, sizeof(path), "%s%s", folder, places[i]);
		if (length > 0 && (size_t)length < sizeof(path) && access(path, X_OK) == 0) {
			execv(path, argv);
			fprintf(stderr, "tenon: cannot start '%s': %s\n", path, strerror(errno));
			return TN_EXIT_ERROR;
		}
	}
	fprintf(stderr, "tenon: tenon-kernel is not there: neither beside this program nor in libexec; build or install it again\n");
	return TN_EXIT_ERROR;
}
