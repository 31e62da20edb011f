/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon`: looks up the subcommand and hands over. Nothing is made here before it is needed, so that an empty program starts
 * and ends within milliseconds. */
#include "main/main.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct tn_face tn_faces[] = {
	{"run", "runs a program or a notebook",
		"usage: tenon run FILE.tn [ARGUMENT…]\n"
		"       tenon run FILE.ipynb [ARGUMENT…]\n"
		"       tenon run -e CODE [ARGUMENT…]\n\n"
		"Runs a program; FILE - is the standard input. The arguments behind it are the program's: args() gives them. With -e\n"
		"the value of the last expression is shown, as in a notebook. Of a notebook all cells of code run in order, up to the\n"
		"first error; a cell that is tagged raises-exception may end in one. What they show is printed as text.\n"
		"Output goes to stdout, errors and warnings to stderr.\n\n"
		"A program whose first line is #!/usr/bin/env -S tenon run is a command of its own once chmod +x has made it executable.\n\n"
		"Ctrl-C stops the program in words; a second one, when the first is not answered, ends it at once.\n\n"
		"Exit status: 0, or 1 after an error in the program, 2 after one in the command line, 130 when interrupted.\n",
		tn_face_run, true},
	{"check", "finds the errors of a program without running it",
		"usage: tenon check FILE.tn…\n\n"
		"Checks names, types, arguments, fields and formats of whole files and runs nothing.\n\n"
		"Exit status: 0, or 1 when there are errors, 2 after one in the command line.\n",
		tn_face_check, false},
	{"repl", "a session to type cells into",
		"usage: tenon repl\n\n"
		"Each input is a cell of one session; one that is not finished goes on in the next line. The last expression\n"
		"without ; is shown. Ctrl-C stops a running cell, and the session goes on; Ctrl-D or exit leaves. Tab completes,\n"
		"?name shows help, %lsmagic lists commands.\n"
		"History is kept in tenon/history in $XDG_STATE_HOME, or in ~/.local/state.\n",
		tn_face_repl, true},
#ifdef TN_HAVE_KERNEL
	{"kernel", "the Jupyter kernel, which Jupyter starts",
		"usage: tenon kernel [-f CONNECTION-FILE] [-- WORKER-COMMAND…]\n\n"
		"The Jupyter kernel. Jupyter starts it by the kernelspec that tenon install writes. Without -f it chooses ports, writes a\n"
		"connection file of its own and says how to connect to it.\n\n"
		"Cells run in a worker: tenon worker, or the command behind --, or the one in TENON_WORKER, such as\n"
		"  tenon kernel -f FILE -- ssh gpu-box tenon worker\n\n"
		"Exit status: 0, or 1 after an error, 2 after one in the command line.\n",
		tn_face_kernel, false},
	{"worker", "runs the cells of a Jupyter kernel, which starts it",
		"usage: tenon worker\n\n"
		"Speaks the worker protocol on stdin and stdout with a front: tenon kernel starts it, on this machine or, by way of ssh\n"
		"or srun, on another. It is not for a terminal: tenon repl is.\n\n"
		"Exit status: 0 when the front ended it, else 1, with the reason on stderr.\n",
		tn_face_worker, true},
	{"install", "makes Tenon known to Jupyter",
		"usage: tenon install [--user | --sys-prefix | --prefix DIR] [--name NAME] [--display-name TEXT] [--env NAME=VALUE]… [--reset]\n\n"
		"Writes the kernelspec, by which JupyterLab and every other client find and start this very program. Installing again keeps\n"
		"the display name, the environment and arguments that were set before:\n\n"
		"  --user               into the user's folder of Jupyter data, ~/.local/share/jupyter (the default)\n"
		"  --sys-prefix         into the virtual environment that is active\n"
		"  --prefix DIR         into DIR/share/jupyter; /usr/local makes it known to all users\n"
		"  --name NAME          the name that programs use (tenon)\n"
		"  --display-name TEXT  the name that people see (Tenon)\n"
		"  --env NAME=VALUE     sets an environment variable for the kernel; may be given again\n"
		"  --reset              forgets what was set before\n\n"
		"Exit status: 0, or 1 after an error, 2 after one in the command line.\n",
		tn_face_install, false},
	{"uninstall", "takes away what install wrote",
		"usage: tenon uninstall [--user | --sys-prefix | --prefix DIR] [--name NAME]\n\n"
		"Removes the kernelspec from the place that the same options of tenon install name.\n\n"
		"Exit status: 0, or 1 after an error, 2 after one in the command line.\n",
		tn_face_uninstall, false},
#endif
	{"help", "shows help on a command, or on a function of the language",
		"usage: tenon help COMMAND     help on one of these commands\n"
		"       tenon help NAME        help on a function of the language, with an example\n"
		"       tenon help --all       every function of the language, one a line\n"
		"       tenon help --manual    the reference manual, in markdown\n",
		tn_face_help, false},
	{NULL, NULL, NULL, NULL, false},
};

const struct tn_face *tn_face_find(const char *name) {
	for (const struct tn_face *face = tn_faces; face->name != NULL; face++) {
		if (strcmp(face->name, name) == 0) {
			return face;
		}
	}
	return NULL;
}

bool tn_face_asked_for_help(int argc, char **argv) {
	if (argc < 2 || (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)) {
		return false;
	}
	fputs(tn_face_find(argv[0])->help, stdout);
	return true;
}

int tn_face_usage(const char *face, const char *format, ...) {
	va_list args;
	va_start(args, format);
	fputs("tenon: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\ntry: tenon %s%s--help\n", face == NULL ? "" : face, face == NULL ? "" : " ");
	return TN_EXIT_USAGE;
}

void tn_face_print_help(void) {
	fputs("Tenon: a small C-like language for tensors.\n\n"
		"usage: tenon COMMAND [ARGUMENT…]\n\n", stdout);
	for (const struct tn_face *face = tn_faces; face->name != NULL; face++) {
		printf("  %-10s %s\n", face->name, face->summary);
	}
	fputs("\n  --version  shows the version\n"
		"  --help     shows this; tenon help COMMAND shows more\n\n"
		"Environment: TENON_DATA (folder of data sets), TENON_MEMORY (budget, such as 4G), OMP_NUM_THREADS, NO_COLOR; docs/install.md has all.\n", stdout);
}

static int unknown_command(const char *name) {
	size_t length = strlen(name);
	if (name[0] == '-') {
		bool version = strcmp(name, "-v") == 0 || strcmp(name, "-version") == 0;
		return tn_face_usage(NULL, version ? "'%s' is no option; did you mean '--version'?" : "'%s' is no option", name);
	}
	if ((length > 3 && strcmp(name + length - 3, ".tn") == 0) || access(name, R_OK) == 0) {
		return tn_face_usage(NULL, "'%s' is no command; to run a file: tenon run %s", name, name);
	}
	struct tn_suggest suggest;
	tn_suggest_init(&suggest, name);
	for (const struct tn_face *face = tn_faces; face->name != NULL; face++) {
		tn_suggest_offer(&suggest, face->name);
	}
	tn_suggest_offer(&suggest, "--version");
	if (suggest.best != NULL) {
		return tn_face_usage(NULL, "'%s' is no command; did you mean '%s'?", name, suggest.best);
	}
	return tn_face_usage(NULL, "'%s' is no command", name);
}

static int dispatch(int argc, char **argv) {
	if (argc < 2) {
		return tn_face_usage(NULL, "a command is missing");
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("tenon " TN_VERSION);
		return TN_EXIT_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		tn_face_print_help();
		return TN_EXIT_OK;
	}
	const struct tn_face *face = tn_face_find(argv[1]);
	if (face == NULL) {
		return unknown_command(argv[1]);
	}
	if (tn_face_asked_for_help(argc - 1, argv + 1)) {
		return TN_EXIT_OK;
	}
	if (face->computes) {
		struct tn_error err = {0};
		if (!tn_settings_check(&err)) {
			tn_terminal_report(&err, "error");
			return TN_EXIT_USAGE;
		}
		tn_threads_init();
	}
	return face->run(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
	tn_threads_restore_environment();
	tn_mem_fail_from_env();
	tn_terminal_init();
	int status = dispatch(argc, argv);
	tn_log(TN_LOG_DEBUG, "%lld allocations", (long long)tn_mem_calls()); /* how far TENON_ALLOC_FAIL can count */
	return tn_terminal_finish() ? status : TN_EXIT_ERROR;
}
