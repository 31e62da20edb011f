/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that is a process: started in a session of its own, so that signals which launchers send to the kernel's group do not
 * reach it (an `ssh` above all); spoken to over its stdin and stdout; what it writes to stderr is kept, for the words that follow
 * a death. Its end is seen twice, by its descriptor and by the end of its output, so that a grandchild which holds a pipe cannot
 * hide it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/worker.h"

enum { WORDS_MAX = 64 * 1024, READ_SIZE = 256 * 1024, READ_AT_ONCE = 1024 * 1024, PIPE_SIZE = 1024 * 1024 };
#define LEAVE_NS ((int64_t)1000 * 1000 * 1000) /* from the end of its output to its own, at most */
enum end { TO_WORKER, FROM_WORKER, WORDS, END_COUNT };

struct process {
	struct tn_worker base;
	struct tn_worker_process_params params;
	int fds[END_COUNT]; /* ours; -1: closed */
	int pidfd;          /* -1: this system has none, or no process */
	struct tn_wire_reader *reader;
	struct tn_wire_sender *sender;
	struct tn_str words; /* the end of stderr */
	int64_t seq;         /* of the last message taken */
	bool output_ended, told;
	char broken[480]; /* not "": why the stream cannot be read any more */
	char *buffer;     /* READ_SIZE bytes while a worker runs */
};

static struct process *of(struct tn_worker *worker) {
	return TN_CONTAINER_OF(worker, struct process, base);
}

static void close_fd(int *fd) {
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

static void release(struct process *p) {
	for (int i = 0; i < END_COUNT; i++) {
		close_fd(&p->fds[i]);
	}
	close_fd(&p->pidfd);
	tn_wire_reader_destroy(p->reader);
	tn_wire_sender_destroy(p->sender);
	p->reader = NULL;
	p->sender = NULL;
	tn_free(p->buffer);
	p->buffer = NULL;
	tn_str_finish(&p->words);
	p->base.state = TN_WORKER_NONE;
	p->base.pid = 0;
	p->base.due_ns = 0;
}

/* ---- starting ---- */

/* Ours is [0] of each pair, the worker's [1]. */
static bool make_pipes(int pairs[END_COUNT][2], struct tn_error *err) {
	for (int i = 0; i < END_COUNT; i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) != 0) {
			return tn_error_errno(err, "cannot make a pipe to the worker");
		}
		pairs[i][0] = ends[i == TO_WORKER];
		pairs[i][1] = ends[i != TO_WORKER];
		fcntl(pairs[i][0], F_SETFL, O_NONBLOCK);
	}
	fcntl(pairs[FROM_WORKER][0], F_SETPIPE_SZ, PIPE_SIZE); /* fewer turns in a flood; a smaller one does as well */
	return true;
}

/* The front blocks signals that it reads by a descriptor, and ignores two: the worker begins as programs do. */
static int set_attributes(posix_spawnattr_t *attributes) {
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &defaults);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static bool spawn(struct process *p, int pairs[END_COUNT][2], struct tn_error *err) {
	extern char **environ;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	int failed = set_attributes(&attributes);
	for (int i = 0; failed == 0 && i < END_COUNT; i++) {
		failed = posix_spawn_file_actions_adddup2(&actions, pairs[i][1], i);
	}
	if (failed == 0) {
		failed = posix_spawnp(&pid, p->params.command[0], &actions, &attributes, p->params.command, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (failed != 0) {
		errno = failed;
		return tn_error_errno(
			err, "cannot start the worker '%s' (the command behind -- in the kernelspec, or in TENON_WORKER)", p->params.command[0]);
	}
	p->base.pid = pid;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return true;
}

static bool put(struct process *p, const json_t *json, struct tn_error *err);
static void destroy_process(struct process *p);

/* Session and directory are paths, which may be any bytes. */
static bool send_hello(struct process *p, struct tn_error *err) {
	json_t *hello = json_pack("{s:s, s:s, s:[i, i], s:s, s:o, s:i, s:o}", "type", "hello", "protocol", "tenon", "version",
		TN_WIRE_MAJOR, TN_WIRE_MINOR, "tenon", TN_VERSION, "session", tn_json_text(p->params.session, strlen(p->params.session)),
		"generation", p->base.generation, "directory", tn_json_text(p->params.directory, strlen(p->params.directory)));
	bool ok = hello != NULL ? put(p, hello, err) : tn_error_memory(err);
	json_decref(hello);
	return ok;
}

static void close_pairs(int pairs[END_COUNT][2], int side) {
	for (int i = 0; i < END_COUNT; i++) {
		close_fd(&pairs[i][side]);
	}
}

static bool start(struct tn_worker *worker, struct tn_error *err) {
	struct process *p = of(worker);
	int pairs[END_COUNT][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	p->reader = tn_wire_reader_create(true);
	p->sender = tn_wire_sender_create(true);
	p->buffer = tn_alloc(READ_SIZE);
	bool ok = (p->reader != NULL && p->sender != NULL && p->buffer != NULL) || tn_error_memory(err);
	ok = ok && make_pipes(pairs, err) && spawn(p, pairs, err);
	close_pairs(pairs, 1);
	if (!ok) {
		close_pairs(pairs, 0);
		release(p);
		return false;
	}
	for (int i = 0; i < END_COUNT; i++) {
		p->fds[i] = pairs[i][0];
	}
	p->output_ended = p->told = false;
	p->broken[0] = '\0';
	p->seq = 0;
	p->base.generation++;
	p->base.state = TN_WORKER_STARTING;
	if (!send_hello(p, err)) { /* it would wait for ever */
		destroy_process(p);
		return false;
	}
	return true;
}

/* ---- sending ---- */

/* Writes what the pipe takes; the rest follows when it is writable. */
static void write_out(struct process *p) {
	while (p->fds[TO_WORKER] >= 0) {
		size_t length;
		const void *bytes = tn_wire_sender_peek(p->sender, &length);
		if (length == 0) {
			return;
		}
		ssize_t wrote = write(p->fds[TO_WORKER], bytes, length);
		if (wrote < 0 && errno == EINTR) {
			continue;
		}
		if (wrote < 0) {
			if (errno != EAGAIN) {
				close_fd(&p->fds[TO_WORKER]); /* its death follows */
			}
			return;
		}
		tn_wire_sender_wrote(p->sender, (size_t)wrote);
	}
}

static bool put(struct process *p, const json_t *json, struct tn_error *err) {
	if (!tn_wire_sender_put(p->sender, &(struct tn_wire_send){.lane = TN_WIRE_EXPRESS, .json = json}, err)) {
		return false;
	}
	write_out(p);
	return true;
}

static bool send_request(struct tn_worker *worker, const json_t *request, struct tn_error *err) {
	struct process *p = of(worker);
	return p->sender != NULL ? put(p, request, err) : tn_error_set(err, TN_ERR_IO, "no worker runs");
}

static void credit(struct tn_worker *worker, uint64_t bytes) {
	struct process *p = of(worker);
	struct tn_error err = {0};
	if (worker->state != TN_WORKER_UP) {
		return;
	}
	json_t *ack = json_pack("{s:s, s:I, s:I}", "type", "ack", "seq", (json_int_t)p->seq, "bytes", (json_int_t)bytes);
	if (ack == NULL || !put(p, ack, &err)) {
		tn_log(TN_LOG_ERROR, "credit is lost: out of memory");
	}
	json_decref(ack);
}

/* ---- receiving ---- */

static bool greet(struct process *p, const json_t *hello) {
	const json_t *major = json_array_get(json_object_get(hello, "version"), 0);
	const char *protocol = tn_json_get_text(hello, "protocol", ""), *refused = tn_json_get_text(hello, "refused", NULL);
	if (strcmp(protocol, "tenon") != 0) {
		snprintf(p->broken, sizeof(p->broken), "is no worker of Tenon: it greets in the protocol '%.100s'", protocol);
		return false;
	}
	if (json_integer_value(major) != TN_WIRE_MAJOR) {
		snprintf(p->broken, sizeof(p->broken),
			"speaks version %lld of the worker protocol (tenon %.40s), and this kernel (tenon %s) version %d: install the same "
			"Tenon on both sides",
			(long long)json_integer_value(major), tn_json_get_text(hello, "tenon", "?"), TN_VERSION, TN_WIRE_MAJOR);
		return false;
	}
	if (refused != NULL) {
		snprintf(p->broken, sizeof(p->broken), "refuses this kernel: %.400s", refused);
		return false;
	}
	p->base.state = TN_WORKER_UP;
	p->base.listener.up(p->base.listener.data, hello);
	return true;
}

static bool take(struct process *p, const struct tn_wire_message *message) {
	const char *type = tn_wire_type(message);
	p->seq = tn_json_get_int(message->json, "seq", p->seq);
	if (strcmp(type, "ack") == 0) {
		tn_wire_sender_grant(p->sender, (uint64_t)tn_json_get_int(message->json, "bytes", 0));
		return true;
	}
	if (p->base.state == TN_WORKER_UP) {
		p->base.listener.message(p->base.listener.data, message);
		return true;
	}
	if (strcmp(type, "hello") != 0) {
		snprintf(p->broken, sizeof(p->broken), "began with '%.32s' and not with hello", type);
		return false;
	}
	return greet(p, message->json);
}

/* Hands on the messages that are whole. The listener may kill, but not start: the reader stays. */
static bool take_all(struct process *p, struct tn_error *err) {
	bool got = true;
	while (got) {
		struct tn_wire_message message = {0};
		if (!tn_wire_reader_next(p->reader, &message, &got, err)) {
			return false;
		}
		bool ok = !got || take(p, &message);
		tn_wire_message_finish(&message);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* Without its output the worker is of no use; it has a moment to end by itself, so that its own status is seen. */
static void stop_reading(struct process *p) {
	close_fd(&p->fds[FROM_WORKER]);
	p->output_ended = true;
	p->base.due_ns = tn_clock_ns() + (p->pidfd >= 0 ? LEAVE_NS : 0);
}

static void read_output(struct process *p) {
	struct tn_error err = {0};
	for (size_t total = 0; total < READ_AT_ONCE && p->fds[FROM_WORKER] >= 0;) {
		ssize_t got = read(p->fds[FROM_WORKER], p->buffer, READ_SIZE);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			if (got == 0 || errno != EAGAIN) {
				stop_reading(p);
			}
			return;
		}
		total += (size_t)got;
		if (!tn_wire_reader_feed(p->reader, p->buffer, (size_t)got, &err) || !take_all(p, &err)) {
			if (p->broken[0] == '\0') {
				snprintf(p->broken, sizeof(p->broken), "cannot be understood: %.440s", err.text);
			}
			stop_reading(p);
			p->base.impl->kill(&p->base);
			return;
		}
		if (got < READ_SIZE) {
			return; /* most likely all that there is: the next wait says */
		}
	}
}

/* Keeps the end of what is said. */
static void read_words(struct process *p) {
	char buffer[4096];
	ssize_t got;
	while (p->fds[WORDS] >= 0 && (got = read(p->fds[WORDS], buffer, sizeof(buffer))) != -1) {
		if (got == 0) {
			close_fd(&p->fds[WORDS]);
			return;
		}
		if (!tn_str_append_n(&p->words, buffer, (size_t)got)) {
			return;
		}
		if (p->words.length > 2 * WORDS_MAX) {
			memmove(p->words.data, p->words.data + p->words.length - WORDS_MAX, WORDS_MAX);
			p->words.length = WORDS_MAX;
			p->words.data[WORDS_MAX] = '\0';
		}
	}
}

/* ---- the end ---- */

static void describe(const struct process *p, int status, char *out, size_t size) {
	if (p->broken[0] != '\0') {
		snprintf(out, size, "%s", p->broken);
	} else if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));
		snprintf(out, size, "was killed by SIG%s (signal %d)", name != NULL ? name : "?", WTERMSIG(status));
	} else if (WEXITSTATUS(status) == 127 && p->base.state == TN_WORKER_STARTING) {
		snprintf(out, size, "was not found: '%.100s'", p->params.command[0]);
	} else {
		snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
	}
}

static void tell_death(struct process *p, int status) {
	struct tn_worker_death death = {.was_up = p->base.state == TN_WORKER_UP};
	struct tn_str words = p->words;
	p->words = (struct tn_str){0};
	describe(p, status, death.reason, sizeof(death.reason));
	const char *said = tn_str_c(&words);
	death.last_words = words.length > WORDS_MAX ? said + (words.length - WORDS_MAX) : said;
	struct tn_str banner = {0}; /* on stdout, where a login shell speaks */
	if (death.last_words[0] == '\0' && !death.was_up && tn_str_append(&banner, tn_wire_reader_banner(p->reader))) {
		death.last_words = tn_str_c(&banner);
	}
	release(p);
	p->base.listener.death(p->base.listener.data, &death);
	tn_str_finish(&words);
	tn_str_finish(&banner);
}

/* Reaps the process if it is gone; what is left in its pipes is read first. */
static void look_for_end(struct process *p) {
	int status = 0;
	siginfo_t gone = {0};
	pid_t pid = (pid_t)p->base.pid;
	if (pid <= 0 || waitid(P_PID, (id_t)pid, &gone, WEXITED | WNOHANG | WNOWAIT) != 0 || gone.si_pid != pid) {
		return;
	}
	kill(-pid, SIGKILL); /* where there is no /proc */
	tn_process_kill_session(pid); /* not reaped yet */
	for (int i = 0; i < 64 && !p->output_ended; i++) {
		read_output(p);
	}
	read_words(p);
	waitpid(pid, &status, 0);
	tell_death(p, status);
}

static void kill_worker(struct tn_worker *worker) {
	if (worker->pid > 0) {
		kill((pid_t)-worker->pid, SIGKILL);
		kill((pid_t)worker->pid, SIGKILL);
	}
}

static const char *words_so_far(struct tn_worker *worker) {
	struct process *p = of(worker);
	return p->words.length > 0 ? tn_str_c(&p->words) : p->reader != NULL ? tn_wire_reader_banner(p->reader) : "";
}

/* ---- the loop's side ---- */

static size_t poll_fds(struct tn_worker *worker, struct pollfd *fds) {
	struct process *p = of(worker);
	size_t count = 0, length = 0;
	if (worker->pid == 0) {
		return 0;
	}
	if (p->fds[FROM_WORKER] >= 0) {
		fds[count++] = (struct pollfd){.fd = p->fds[FROM_WORKER], .events = POLLIN};
	}
	if (p->fds[WORDS] >= 0) {
		fds[count++] = (struct pollfd){.fd = p->fds[WORDS], .events = POLLIN};
	}
	if (p->pidfd >= 0) {
		fds[count++] = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
	}
	if (p->fds[TO_WORKER] >= 0) {
		tn_wire_sender_peek(p->sender, &length);
	}
	if (length > 0) {
		fds[count++] = (struct pollfd){.fd = p->fds[TO_WORKER], .events = POLLOUT};
	}
	return count;
}

static void service(struct tn_worker *worker, const struct pollfd *fds, size_t count) {
	struct process *p = of(worker);
	long pid = worker->pid;
	bool ends = false;
	for (size_t i = 0; i < count && worker->pid == pid && pid != 0; i++) {
		if (fds[i].revents == 0) {
			continue;
		}
		if (fds[i].fd == p->fds[FROM_WORKER]) {
			read_output(p);
		} else if (fds[i].fd == p->fds[WORDS]) {
			read_words(p);
		} else if (fds[i].fd == p->fds[TO_WORKER]) {
			write_out(p);
		} else if (fds[i].fd == p->pidfd) {
			ends = true;
		}
	}
	bool overdue = worker->due_ns != 0 && tn_clock_ns() >= worker->due_ns;
	if (overdue) {
		worker->due_ns += LEAVE_NS;
		worker->impl->kill(worker);
	}
	if (ends || overdue) {
		look_for_end(p);
	}
}

static void destroy_process(struct process *p) {
	if (p->base.pid > 0) {
		siginfo_t gone;
		kill_worker(&p->base);
		waitid(P_PID, (id_t)p->base.pid, &gone, WEXITED | WNOWAIT);
		tn_process_kill_session((pid_t)p->base.pid);
		waitpid((pid_t)p->base.pid, NULL, 0);
	}
	release(p);
}

static void destroy(struct tn_worker *worker) {
	destroy_process(of(worker));
	tn_free(of(worker));
}

static const struct tn_worker_impl impl = {.start = start,
	.send = send_request,
	.credit = credit,
	.poll = poll_fds,
	.service = service,
	.kill = kill_worker,
	.destroy = destroy,
	.words = words_so_far};

struct tn_worker *tn_worker_process(const struct tn_worker_process_params *params) {
	struct process *p = tn_calloc(1, sizeof(*p));
	if (p == NULL) {
		return NULL;
	}
	p->base.impl = &impl;
	p->params = *params;
	p->pidfd = -1;
	for (int i = 0; i < END_COUNT; i++) {
		p->fds[i] = -1;
	}
	return &p->base;
}
