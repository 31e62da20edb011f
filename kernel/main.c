/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon-kernel`: the program that a kernelspec names (through `tenon kernel`). Signals are blocked before anything else and read
 * by a descriptor: Jupyter sends SIGINT at any moment, also while the kernel starts, and at idle it must do nothing. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/kernel.h"

enum { EXIT_BAD_USAGE = 2, PARENT_MS = 1000, FILES_NEEDED = 64, FILES_WANTED = 16 * 1024 };
enum watch { WATCH_SIGNALS, WATCH_PARENT, WATCH_COUNT };

struct options {
	const char *connection; /* NULL: one of our own */
	char **worker;          /* behind --; NULL: TENON_WORKER, or `tenon worker` */
};

static const char help[] =
	"usage: tenon kernel [-f CONNECTION-FILE] [-- WORKER-COMMAND…]\n\n"
	"The Jupyter kernel. Jupyter starts it by the kernelspec that `tenon install` writes. Without -f it chooses ports, writes\n"
	"a connection file of its own and says how to connect to it.\n\n"
	"Cells run in a worker: `tenon worker`, or the command behind --, or the one in TENON_WORKER, such as\n"
	"  tenon kernel -f FILE -- ssh gpu-box tenon worker\n";

/* Launchers add arguments of their own: `jupyter run` its files, `jupyter console` its options. -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options) {
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("tenon-kernel " TN_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--") == 0 && i + 1 < argc) {
			options->worker = argv + i + 1;
			return -1;
		}
		if (strcmp(argv[i], "-f") != 0) {
			tn_log(TN_LOG_WARN, "the argument '%s' is passed over: the kernel knows -f, --help, --version and --", argv[i]);
			continue;
		}
		if (++i == argc) {
			fputs("tenon kernel: -f needs a file\ntry: tenon kernel --help\n", stderr);
			return EXIT_BAD_USAGE;
		}
		options->connection = argv[i];
	}
	return -1;
}

/* ---- the worker's command ---- */

struct command {
	char **words; /* ends with NULL */
	char *own[3]; /* `tenon worker` */
	char path[PATH_MAX];
	char *text; /* TENON_WORKER, cut into words in place */
	TN_VEC(char *) cut;
};

/* Cuts at blanks; quotes and backslashes work as in a shell, nothing else does. False: an open quote, or no memory. */
static bool cut_words(struct command *command, struct tn_error *err) {
	char *in = command->text, *out = command->text;
	while (*(in += strspn(in, " \t\n")) != '\0') {
		char quote = '\0';
		if (!TN_VEC_PUSH(&command->cut, out)) {
			return tn_error_memory(err);
		}
		for (; *in != '\0' && (quote != '\0' || strchr(" \t\n", *in) == NULL); in++) {
			if (quote == '\0' && (*in == '"' || *in == '\'')) {
				quote = *in;
			} else if (*in == quote && quote != '\0') {
				quote = '\0';
			} else {
				in += *in == '\\' && quote != '\'' && in[1] != '\0';
				*out++ = *in;
			}
		}
		if (quote != '\0') {
			return tn_error_set(err, TN_ERR_VALUE, "TENON_WORKER has an open quote");
		}
		in += *in != '\0';
		*out++ = '\0';
	}
	return TN_VEC_PUSH(&command->cut, NULL) || tn_error_memory(err);
}

/* `tenon` beside this program, where the build leaves it; in ../bin where it was installed; else by PATH. */
static void find_tenon(struct command *command) {
	static const char *const places[] = {"/tenon", "/../bin/tenon", "/../../bin/tenon"};
	char folder[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	folder[length < 0 ? 0 : length] = '\0';
	char *slash = strrchr(folder, '/');
	if (slash != NULL) {
		*slash = '\0';
	}
	for (size_t i = 0; slash != NULL && i < TN_ARRAY_LEN(places); i++) {
		int n = snprintf(command->path, sizeof(command->path), "%s%s", folder, places[i]);
		if (n > 0 && (size_t)n < sizeof(command->path) && access(command->path, X_OK) == 0) {
			return;
		}
	}
	strcpy(command->path, "tenon");
}

static bool find_command(struct command *command, const struct options *options, struct tn_error *err) {
	const char *setting = tn_setting_text(TN_SETTING_WORKER);
	if (options->worker != NULL) {
		command->words = options->worker;
		return true;
	}
	if (setting != NULL && setting[strspn(setting, " \t\n")] != '\0') {
		command->text = tn_strdup(setting);
		if (command->text == NULL || !cut_words(command, err)) {
			return tn_error_memory(err);
		}
		command->words = command->cut.items;
		return true;
	}
	find_tenon(command);
	command->own[0] = command->path;
	command->own[1] = (char *)"worker";
	command->words = command->own;
	return true;
}

static void command_finish(struct command *command) {
	tn_free(command->text);
	TN_VEC_FINISH(&command->cut);
}

/* ---- what is watched beside the sockets ---- */

/* The sockets and a worker take 40 descriptors, each client five: where there are too few, ZeroMQ ends the process, or a worker waits for a
 * greeting that cannot be read. */
static bool make_room_for_files(struct tn_error *err) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED) {
		return true;
	}
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	if (limit.rlim_cur < FILES_NEEDED) {
		return tn_error_set(err, TN_ERR_IO, "a process may open no more than %llu files here (ulimit -n), and the kernel needs %d",
			(unsigned long long)limit.rlim_cur, FILES_NEEDED);
	}
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* it was allowed fewer, which may do */
	return true;
}

static int open_signals(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_signals(struct tn_kernel *kernel, int fd) {
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGINT) {
			tn_kernel_interrupt(kernel, NULL);
		} else {
			tn_kernel_stop(kernel);
		}
	}
}

/* The launcher, by its number in JPY_PARENT_PID: a descriptor that says when it is gone, and the parent that we had, in case that
 * the number means nothing here (a container). 1 is nobody. */
struct parent {
	int fd;
	pid_t first;
};

static struct parent watch_parent(void) {
	const char *text = getenv("JPY_PARENT_PID");
	long pid = text != NULL ? strtol(text, NULL, 10) : 0;
	struct parent parent = {.fd = -1, .first = pid > 1 ? getppid() : 0};
	if (pid > 1 && pid == (long)parent.first) {
		parent.fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	}
	return parent;
}

static bool parent_is_gone(const struct parent *parent) {
	return parent->first > 1 && parent->fd < 0 && getppid() != parent->first;
}

static void run(struct tn_kernel *kernel, int signals, const struct parent *parent) {
	struct pollfd watched[WATCH_COUNT] = {
		[WATCH_SIGNALS] = {.fd = signals, .events = POLLIN}, [WATCH_PARENT] = {.fd = parent->fd, .events = POLLIN}};
	size_t count = parent->fd >= 0 ? 2 : 1;
	int timeout = parent->first > 1 && parent->fd < 0 ? PARENT_MS : -1;
	while (kernel->stop != TN_STOPPED || tn_iopub_is_waiting(&kernel->iopub)) {
		tn_kernel_round(kernel, watched, count, timeout);
		if (watched[WATCH_SIGNALS].revents != 0) {
			read_signals(kernel, signals);
		}
		if (watched[WATCH_PARENT].revents != 0 || parent_is_gone(parent)) {
			count = 1;
			tn_kernel_stop(kernel);
		}
		if (kernel->stop == TN_STOPPED && tn_clock_ns() > kernel->stop_deadline_ns) {
			break; /* a subscriber that takes nothing does not keep us */
		}
	}
}

/* ---- start and end ---- */

/* The notebook's path; without one the kernel's own name, which its connection file carries. */
static void session_name(const struct options *options, char *out, size_t size) {
	const char *name = getenv("JPY_SESSION_NAME");
	if (name != NULL && name[0] != '\0') {
		snprintf(out, size, "%s", name);
	} else if (options->connection != NULL) {
		const char *slash = strrchr(options->connection, '/');
		const char *file = slash != NULL ? slash + 1 : options->connection;
		snprintf(out, size, "%.*s", (int)strcspn(file, "."), file);
	} else {
		snprintf(out, size, "tenon-%ld", (long)getpid());
	}
}

struct service {
	const struct tn_connection *connection;
	struct tn_transport *transport;
	char **command;
	const char *session;
	int signals;
};

static bool serve(const struct service *service, struct tn_error *err) {
	char directory[PATH_MAX];
	struct tn_kernel kernel;
	const struct tn_worker_process_params worker = {.command = service->command,
		.session = service->session,
		.directory = getcwd(directory, sizeof(directory)) != NULL ? directory : ""};
	char *path = tn_history_default_path();
	struct tn_kernel_params params = {.transport = service->transport,
		.worker = tn_worker_process(&worker),
		.scheme = service->connection->scheme,
		.key = service->connection->key,
		.history = tn_history_create(path)};
	struct parent parent = watch_parent();
	bool ok = params.worker != NULL && params.history != NULL;
	tn_free(path);
	if (!ok) {
		tn_error_memory(err);
		tn_history_destroy(params.history);
	} else if (tn_kernel_init(&kernel, &params, err)) {
		memcpy(kernel.ports, service->connection->ports, sizeof(kernel.ports));
		run(&kernel, service->signals, &parent);
		tn_kernel_finish(&kernel);
	} else {
		ok = false;
	}
	tn_worker_destroy(params.worker);
	if (parent.fd >= 0) {
		close(parent.fd);
	}
	return ok;
}

static bool connect_and_serve(const struct options *options, char **command, int signals, struct tn_error *err) {
	struct tn_connection connection;
	char session[PATH_MAX];
	bool own = options->connection == NULL;
	if (!(own ? tn_connection_init_own(&connection, err) : tn_connection_read(&connection, options->connection, err))) {
		return false;
	}
	struct tn_transport *transport = tn_transport_zmq(&connection, err);
	bool ok = transport != NULL && (!own || tn_connection_write(&connection, err));
	if (ok && own) {
		fprintf(stderr, "To connect to this kernel: jupyter console --existing %s\n", connection.path);
	}
	session_name(options, session, sizeof(session));
	const struct service service = {&connection, transport, command, session, signals};
	ok = ok && serve(&service, err);
	tn_transport_destroy(transport);
	tn_connection_finish(&connection);
	return ok;
}

int main(int argc, char **argv) {
	int signals = open_signals();
	struct options options = {0};
	struct command command = {0};
	struct tn_error err = {0};
	tn_mem_fail_from_env();
	prctl(PR_SET_DUMPABLE, 0); /* the key is in our memory: no core of it on the disk, and no debugger of another program of the user */
	int status = read_options(argc, argv, &options);
	if (status >= 0) {
		return status;
	}
	bool ok = sodium_init() >= 0 || tn_error_set(&err, TN_ERR_IO, "libsodium cannot start");
	ok = ok && (signals >= 0 || tn_error_errno(&err, "cannot watch for signals"));
	ok = ok && make_room_for_files(&err) && find_command(&command, &options, &err) && connect_and_serve(&options, command.words, signals, &err);
	command_finish(&command);
	if (signals >= 0) {
		close(signals);
	}
	if (!ok) {
		fprintf(stderr, "tenon kernel: %s\n", err.text);
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
