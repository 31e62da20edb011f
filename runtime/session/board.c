/* SPDX-License-Identifier: Apache-2.0 */
/* %tensorboard: shows the TensorBoard that reads a folder of runs. One that runs already is found by the files that TensorBoard
 * itself leaves in .tensorboard-info; in a notebook one is started where there is none, and it ends with the session. A script or
 * a terminal gets the address or the command to type: what it started would end with it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "events/events.h"
#include "session/command.h"

extern char **environ;

enum { INFO_MAX = 1 << 16, LOOK_MS = 100, START_MS = 60000, FRAME_HEIGHT = 800 };

struct board {
	pid_t pid;
	int port;
	char folder[PATH_MAX], prefix[256];
};

/* ---- what runs already ---- */

/* The value behind "name": in a flat JSON object, or NULL. */
static const char *find_member(const char *json, const char *name) {
	char quoted[64];
	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	const char *p = strstr(json, quoted);
	if (p == NULL) {
		return NULL;
	}
	p += strlen(quoted);
	while (isspace((unsigned char)*p)) {
		p++;
	}
	if (*p++ != ':') {
		return NULL;
	}
	while (isspace((unsigned char)*p)) {
		p++;
	}
	return p;
}

/* One character of a JSON string at *p, which moves behind it; its bytes go to out. 0: it ends here or is none. */
static size_t next_character(const char **p, char out[4]) {
	static const char codes[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	unsigned code;
	out[0] = *(*p)++;
	if (out[0] != '\\') {
		return out[0] == '"' || out[0] == '\0' ? 0 : 1;
	}
	const char c = *(*p)++;
	if (c == 'u') {
		char digits[5] = "";
		strncpy(digits, *p, 4);
		if (sscanf(digits, "%4x", &code) != 1 || strlen(digits) < 4) {
			return 0;
		}
		*p += 4;
		return tn_utf8_encode(code, out);
	}
	const char *known = c == '\0' ? NULL : strchr(codes, c);
	out[0] = known != NULL ? bytes[known - codes] : c;
	return c == '\0' ? 0 : 1;
}

static bool read_text(const char *json, const char *name, char *out, size_t size) {
	const char *p = find_member(json, name);
	size_t length = 0, n;
	char bytes[4];
	if (p == NULL || *p++ != '"') {
		return false;
	}
	while ((n = next_character(&p, bytes)) > 0) {
		if (length + n >= size) {
			return false;
		}
		memcpy(out + length, bytes, n);
		length += n;
	}
	out[length] = '\0';
	return p[-1] == '"';
}

static long read_number(const char *json, const char *name) {
	const char *p = find_member(json, name);
	return p == NULL ? 0 : strtol(p, NULL, 10);
}

/* A file of another user says nothing: anybody may write into that folder. */
static bool read_info(int dir, const char *name, struct board *out) {
	char text[INFO_MAX + 1];
	struct stat info;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = -1;
	if (fd < 0) {
		return false;
	}
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid()) {
		n = read(fd, text, INFO_MAX);
	}
	close(fd);
	if (n <= 0) {
		return false;
	}
	text[n] = '\0';
	*out = (struct board){.pid = (pid_t)read_number(text, "pid"), .port = (int)read_number(text, "port")};
	if (!read_text(text, "logdir", out->folder, sizeof(out->folder)) || out->pid <= 0 || out->port <= 0 ||
		out->port > UINT16_MAX) {
		return false;
	}
	if (!read_text(text, "path_prefix", out->prefix, sizeof(out->prefix)) ||
		strspn(out->prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") != strlen(out->prefix)) {
		out->prefix[0] = '\0';
	}
	return kill(out->pid, 0) == 0;
}

static bool same_folder(const char *a, const char *b) {
	char real_a[PATH_MAX], real_b[PATH_MAX];
	return strcmp(a, b) == 0 || (realpath(a, real_a) != NULL && realpath(b, real_b) != NULL && strcmp(real_a, real_b) == 0);
}

/* One that reads the folder, or (pid not 0) that has this pid. */
static bool find_board(const char *folder, pid_t pid, struct board *out) {
	static const char *const variables[] = {"TMPDIR", "TEMP", "TMP"};
	char path[PATH_MAX] = "/tmp/.tensorboard-info";
	for (size_t i = TN_ARRAY_LEN(variables); i-- > 0;) {
		const char *base = getenv(variables[i]);
		if (base != NULL && base[0] != '\0') {
			snprintf(path, sizeof(path), "%s/.tensorboard-info", base);
		}
	}
	DIR *dir = opendir(path);
	bool found = false;
	for (struct dirent *entry; dir != NULL && !found && (entry = readdir(dir)) != NULL;) {
		found = strncmp(entry->d_name, "pid-", 4) == 0 && read_info(dirfd(dir), entry->d_name, out) &&
			(pid != 0 ? out->pid == pid : same_folder(out->folder, folder));
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}

/* ---- starting one ---- */

static bool spawn_board(const char *program, const char *folder, pid_t *pid, struct tn_error *err) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	char *const argv[] = {(char *)program, "--logdir", (char *)folder, "--port", "0", NULL};
	if (posix_spawn_file_actions_init(&actions) != 0) {
		return tn_error_memory(err);
	}
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return tn_error_memory(err);
	}
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	int rc = 0;
	for (int fd = STDIN_FILENO; rc == 0 && fd <= STDERR_FILENO; fd++) {
		rc = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
	}
	rc = rc != 0 ? rc : posix_spawnattr_setsigmask(&attributes, &none);
	rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(&attributes, &defaults);
	rc = rc != 0 ? rc
				 : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	rc = rc != 0 ? rc : posix_spawnp(pid, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == 0) {
		return true;
	}
	*pid = 0;
	errno = rc;
	return tn_error_errno(err, "cannot start '%s'", program);
}

void tn_board_stop(struct tn_session *session) {
	if (session->board > 0) {
		kill(-session->board, SIGTERM);
		(void)waitpid(session->board, NULL, WNOHANG);
		session->board = 0;
	}
}

static bool wait_for_board(struct tn_session *session, struct board *out, struct tn_error *err) {
	for (int waited = 0; waited < START_MS; waited += LOOK_MS) {
		int status;
		if (find_board(NULL, session->board, out)) {
			return true;
		}
		if (tn_lang_interrupted(session->lang, err)) {
			break;
		}
		if (waitpid(session->board, &status, WNOHANG) != 0) {
			session->board = 0;
			tn_error_set(err, TN_ERR_IO, "TensorBoard ended as it started");
			tn_error_hint(err, "typed in a terminal, 'tensorboard --logdir .' says why");
			return false;
		}
		nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
	}
	tn_board_stop(session);
	return tn_error_set(err, TN_ERR_IO, "TensorBoard did not start within %d s", START_MS / 1000);
}

/* ---- showing it ---- */

static bool append_html(struct tn_str *out, const char *text) {
	bool ok = true;
	for (const char *p = text; ok && *p != '\0'; p++) {
		ok = *p == '<' ? tn_str_append(out, "&lt;") : *p == '&' ? tn_str_append(out, "&amp;") : tn_str_append_char(out, *p);
	}
	return ok;
}

/* The frame's address is right where browser and kernel are on one machine. Elsewhere the notebook server passes it on, where it
 * has that extension: the script asks the page for the server's address. A page at 127.0.0.1 gets the frame from there too: under another
 * name it would be a third party's, whose storage browsers block, and TensorBoard shows no data then. */
static bool make_html(struct tn_str *out, const struct board *board, const char *url, const char *folder) {
	return tn_str_printf(out, "<p><a href=\"%s\" target=\"_blank\" rel=\"noopener\">TensorBoard</a> of <code>", url) &&
		append_html(out, folder) &&
		tn_str_printf(out,
			"</code></p>\n<iframe id=\"tenon-board-%d\" src=\"%s\" width=\"100%%\" height=\"%d\" frameborder=\"0\"></iframe>\n"
			"<script>(function () {\n"
			"\tvar host = window.location.hostname, frame = document.getElementById(\"tenon-board-%d\");\n"
			"\tvar page = document.getElementById(\"jupyter-config-data\");\n"
			"\tif (host && host !== \"localhost\" && host !== \"127.0.0.1\" && page) {\n"
			"\t\tframe.src = JSON.parse(page.textContent).baseUrl + \"proxy/%d/\";\n"
			"\t} else if (host === \"127.0.0.1\") {\n"
			"\t\tframe.src = frame.src.replace(\"//localhost:\", \"//127.0.0.1:\");\n"
			"\t}\n"
			"})();</script>",
			board->port, url, FRAME_HEIGHT, board->port, board->port);
}

static bool show_board(struct tn_session *session, const struct board *board, const char *folder, struct tn_error *err) {
	char url[320];
	struct tn_str text = {0}, html = {0};
	snprintf(url, sizeof(url), "http://localhost:%d%s/", board->port, board->prefix);
	bool ok = tn_str_printf(&text, "TensorBoard of %s: %s", folder, url);
	ok = ok && (!session->output.rich || make_html(&html, board, url, folder));
	if (ok) {
		const struct tn_session_form forms[] = {
			{"text/plain", tn_str_c(&text), text.length}, {"text/html", tn_str_c(&html), html.length}};
		session->output.show(
			session->output.data, &(struct tn_session_show){.forms = forms, .form_count = session->output.rich ? 2 : 1});
	}
	tn_str_finish(&text);
	tn_str_finish(&html);
	return ok || tn_error_memory(err);
}

/* ---- the command ---- */

/* The folder that the arguments name, as an absolute path. */
static bool read_folder(struct tn_session *session, const char *arguments, char out[PATH_MAX], struct tn_error *err) {
	static const char option[] = "--logdir";
	const char *folder = tn_runs_folder(session->runs);
	char here[PATH_MAX];
	if (arguments[0] != '\0') {
		const size_t n = strlen(option);
		if (strncmp(arguments, option, n) != 0 || (arguments[n] != ' ' && arguments[n] != '=') || arguments[n + 1] == '\0') {
			return tn_error_set(err, TN_ERR_VALUE, "%%tensorboard: expected --logdir FOLDER, found '%s'", arguments);
		}
		folder = arguments + n + 1 + strspn(arguments + n + 1, " \t");
	}
	if (realpath(folder, out) != NULL) {
		return true;
	}
	/* Not there yet: TensorBoard waits for it. */
	if (getcwd(here, sizeof(here)) == NULL) {
		return tn_error_errno(err, "cannot tell the present folder");
	}
	const int n = folder[0] == '/' ? snprintf(out, PATH_MAX, "%s", folder) : snprintf(out, PATH_MAX, "%s/%s", here, folder);
	return (n > 0 && n < PATH_MAX) || tn_error_set(err, TN_ERR_VALUE, "%%tensorboard: the folder's path is too long");
}

static bool is_on_path(const char *program) {
	char path[PATH_MAX];
	const char *rest = getenv("PATH");
	if (strchr(program, '/') != NULL) {
		return access(program, X_OK) == 0;
	}
	while (rest != NULL) {
		const size_t n = strcspn(rest, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)n, rest, program);
		if (n > 0 && access(path, X_OK) == 0) {
			return true;
		}
		rest = rest[n] == '\0' ? NULL : rest + n + 1;
	}
	return false;
}

bool tn_command_tensorboard(struct tn_session *session, const char *arguments, struct tn_error *err) {
	const char *named = getenv("TENSORBOARD_BINARY"), *program = named != NULL && named[0] != '\0' ? named : "tensorboard";
	struct board *board = tn_alloc(sizeof(*board));
	char folder[PATH_MAX];
	bool ok = board != NULL ? read_folder(session, arguments, folder, err) : tn_error_memory(err);
	if (!ok) {
		tn_free(board);
		return false;
	}
	if (find_board(folder, 0, board)) {
		ok = show_board(session, board, folder, err);
	} else if (!session->output.rich || !is_on_path(program)) {
		ok = tn_session_printf(session, err, "to see the curves, type in a terminal: tensorboard --logdir '%s'\n", folder);
		if (ok && session->output.rich) {
			tn_session_print(session, "(no tensorboard is on the kernel's PATH: pip install tensorboard)\n");
		}
	} else {
		tn_board_stop(session);
		ok = spawn_board(program, folder, &session->board, err) && wait_for_board(session, board, err) &&
			show_board(session, board, folder, err);
	}
	tn_free(board);
	return ok;
}
