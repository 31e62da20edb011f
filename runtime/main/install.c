/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon install` and `tenon uninstall`: the kernelspec, a folder with kernel.json and logos by which Jupyter finds a kernel. The
 * files are inside the program; kernel.json gets the program's own path, so that what was installed starts this very program. A folder
 * of that name which belongs to another kernel is left alone. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/embedded.h"
#include "main/main.h"
#include "wire/wire.h"

enum { MAX_ENVIRONMENT = 64 };

/* What the command line asks for; all text is borrowed from it. */
struct request {
	const char *face;     /* "install" or "uninstall" */
	const char *name;
	const char *display_name; /* NULL: that of the kernelspec that is there, else Tenon */
	bool reset;           /* what an earlier install or the user has set is not kept */
	const char *place;    /* the option that chose where: "--user", … */
	const char *prefix;   /* of --prefix */
	const char *environment[MAX_ENVIRONMENT]; /* NAME=VALUE */
	int environment_count;
};

/* ---- where ---- */

/* The value of an environment variable; NULL where it is missing or empty. */
static const char *setting(const char *name) {
	const char *value = getenv(name);
	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Jupyter's own rule for the folder of a user's data. */
static bool user_data_folder(struct tn_str *out, struct tn_error *err) {
	const char *folder = setting("JUPYTER_DATA_DIR"), *data = setting("XDG_DATA_HOME"), *home = setting("HOME");
	if (folder != NULL) {
		return tn_str_append(out, folder) || tn_error_memory(err);
	}
	if (data != NULL) {
		return tn_str_printf(out, "%s/jupyter", data) || tn_error_memory(err);
	}
	if (home == NULL) {
		return tn_error_set(err, TN_ERR_IO, "there is no home folder: HOME is not set; name a place by --prefix DIR");
	}
	return tn_str_printf(out, "%s/.local/share/jupyter", home) || tn_error_memory(err);
}

static bool environment_folder(struct tn_str *out, struct tn_error *err) {
	const char *folder = setting("VIRTUAL_ENV") != NULL ? setting("VIRTUAL_ENV") : setting("CONDA_PREFIX");
	if (folder == NULL) {
		tn_error_set(err, TN_ERR_IO, "no virtual environment is active: neither VIRTUAL_ENV nor CONDA_PREFIX is set");
		tn_error_hint(err, "activate one ('. .venv/bin/activate'), or name its folder by --prefix");
		return false;
	}
	return tn_str_printf(out, "%s/share/jupyter", folder) || tn_error_memory(err);
}

/* The kernelspec's folder. */
static bool find_folder(const struct request *request, struct tn_str *out, struct tn_error *err) {
	bool ok;
	if (request->prefix != NULL) {
		ok = tn_str_printf(out, "%s/share/jupyter", request->prefix) || tn_error_memory(err);
	} else if (strcmp(request->place, "--sys-prefix") == 0) {
		ok = environment_folder(out, err);
	} else {
		ok = user_data_folder(out, err);
	}
	return ok && (tn_str_printf(out, "/kernels/%s", request->name) || tn_error_memory(err));
}

/* The path of this program, by which Jupyter will start it. */
static bool own_path(char *out, size_t size, struct tn_error *err) {
	ssize_t length = readlink("/proc/self/exe", out, size - 1);
	if (length < 0) {
		return tn_error_errno(err, "the program's own path is not known");
	}
	out[length] = '\0';
	if (access(out, X_OK) != 0) {
		return tn_error_errno(err, "the program is not where it was started from, '%s'", out);
	}
	if (!tn_utf8_valid(out, (size_t)length, NULL)) {
		return tn_error_set(err, TN_ERR_IO, "the program's path is not UTF-8, which kernel.json must be; move it elsewhere");
	}
	return true;
}

/* ---- what is there already ---- */

/* False, with err, when the folder holds a kernelspec of another language. *spec: the one of ours that it holds, which the caller
 * frees; NULL: none. */
static bool check_owner(const char *folder, json_t **spec, struct tn_error *err) {
	struct tn_str path = {0}, text = {0};
	struct tn_error ignored = {0};
	*spec = NULL;
	if (!tn_str_printf(&path, "%s/kernel.json", folder)) {
		return tn_error_memory(err);
	}
	bool ok = true;
	if (access(tn_str_c(&path), F_OK) == 0) {
		json_t *json = NULL;
		if (tn_session_read_file(tn_str_c(&path), &text, &ignored)) {
			json = tn_json_parse(tn_str_c(&text), text.length, &ignored);
		}
		const char *language = tn_json_get_text(json, "language", "an unknown language");
		if (ignored.kind == TN_ERR_MEMORY) {
			ok = tn_error_memory(err);
		} else if (strcmp(language, "tenon") == 0) {
			*spec = json_incref(json);
		} else {
			ok = tn_error_set(err, TN_ERR_IO, "'%s' is the kernelspec of another kernel (%s)", folder, language);
			tn_error_hint(err, "choose another name: --name tenon");
		}
		json_decref(json);
	}
	tn_str_finish(&path);
	tn_str_finish(&text);
	return ok;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return false;
		}
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

/* A file appears whole or not at all: Jupyter may look at any moment. */
static bool write_file(const char *folder, const char *name, const char *bytes, size_t length, struct tn_error *err) {
	struct tn_str path = {0}, temporary = {0};
	bool ok = false;
	int fd = -1;
	if (!tn_str_printf(&path, "%s/%s", folder, name) || !tn_str_printf(&temporary, "%s/.%s.new", folder, name)) {
		tn_error_memory(err);
		goto done;
	}
	fd = open(tn_str_c(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	ok = fd >= 0 && write_all(fd, bytes, length);
	int saved = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		saved = errno;
	}
	if (ok && rename(tn_str_c(&temporary), tn_str_c(&path)) != 0) {
		ok = false;
		saved = errno;
	}
	if (!ok) {
		if (fd >= 0) {
			unlink(tn_str_c(&temporary));
		}
		errno = saved;
		tn_error_errno(err, "'%s' cannot be written", tn_str_c(&path));
		if (saved == EACCES || saved == EROFS || saved == EPERM) {
			tn_error_hint(err, "choose a place that is yours: --user, or --prefix DIR");
		}
	}
done:
	tn_str_finish(&path);
	tn_str_finish(&temporary);
	return ok;
}

static int append_text(const char *bytes, size_t length, void *out) {
	return tn_str_append_n(out, bytes, length) ? 0 : -1;
}

static bool set_environment(json_t *json, const struct request *request) {
	json_t *environment = json_object_get(json, "env");
	for (int i = 0; i < request->environment_count; i++) {
		const char *text = request->environment[i], *value = strchr(text, '=') + 1;
		char *name = tn_strndup(text, (size_t)(value - 1 - text));
		bool ok = name != NULL && tn_json_set_take(environment, name, tn_json_text(value, strlen(value)));
		tn_free(name);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* Arguments behind those of the template, such as a worker's command, go on where the earlier command line is of the same form. */
static bool keep_arguments(json_t *json, const json_t *old) {
	json_t *argv = json_object_get(json, "argv"), *before = json_object_get(old, "argv");
	size_t own = json_array_size(argv);
	for (size_t i = 1; i < own; i++) {
		if (!json_equal(json_array_get(argv, i), json_array_get(before, i))) {
			return true;
		}
	}
	for (size_t i = own; i < json_array_size(before); i++) {
		if (json_array_append(argv, json_array_get(before, i)) != 0) {
			return false;
		}
	}
	return true;
}

/* What an earlier install or the user has set stays: the name that is shown, the environment, arguments, and whatever the template
 * does not have. */
static bool keep_settings(json_t *json, json_t *old) {
	const json_t *name = json_object_get(old, "display_name"), *environment = json_object_get(old, "env"),
		*metadata = json_object_get(old, "metadata");
	if (json_is_string(name) && json_object_set(json, "display_name", json_object_get(old, "display_name")) != 0) {
		return false;
	}
	if (json_is_object(environment) && json_object_update(json_object_get(json, "env"), json_object_get(old, "env")) != 0) {
		return false;
	}
	if (json_is_object(metadata) && json_object_update_missing(json_object_get(json, "metadata"), json_object_get(old, "metadata")) != 0) {
		return false;
	}
	return keep_arguments(json, old) && json_object_update_missing(json, old) == 0;
}

/* kernel.json: the template with the program's path, what was set before (`old`, or NULL), and what the command line sets. */
static bool fill_template(const struct request *request, json_t *old, struct tn_str *out, struct tn_error *err) {
	const struct tn_embedded_file *file = &tn_kernelspec_files[0];
	char program[PATH_MAX];
	if (!own_path(program, sizeof(program), err)) {
		return false;
	}
	json_t *json = tn_json_parse(file->text, file->length, err);
	if (json == NULL) {
		return false;
	}
	const char *name = request->display_name;
	bool ok = json_array_set_new(json_object_get(json, "argv"), 0, tn_json_text(program, strlen(program))) == 0 &&
		(old == NULL || keep_settings(json, old)) &&
		(name == NULL || tn_json_set_take(json, "display_name", tn_json_text(name, strlen(name)))) &&
		set_environment(json, request) && json_dump_callback(json, append_text, out, JSON_INDENT(2)) == 0 && tn_str_append(out, "\n");
	json_decref(json);
	return ok || tn_error_memory(err);
}

/* kernel.json comes first in the table and is written last: only then is there a kernel. */
static bool write_files(const struct request *request, json_t *old, const char *folder, struct tn_error *err) {
	for (size_t i = tn_kernelspec_file_count; i-- > 0;) {
		const struct tn_embedded_file *file = &tn_kernelspec_files[i];
		struct tn_str text = {0};
		bool filled = i == 0;
		bool ok = (!filled || fill_template(request, old, &text, err)) &&
			write_file(folder, file->name, filled ? tn_str_c(&text) : file->text, filled ? text.length : file->length, err);
		tn_str_finish(&text);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool install(const struct request *request, struct tn_error *err) {
	struct tn_str folder = {0};
	json_t *old = NULL;
	bool ok = find_folder(request, &folder, err) && check_owner(tn_str_c(&folder), &old, err) &&
		tn_folder_make(tn_str_c(&folder), 0777, err) && write_files(request, request->reset ? NULL : old, tn_str_c(&folder), err);
	if (ok) {
		const char *before = old != NULL && !request->reset ? tn_json_get_text(old, "display_name", "Tenon") : "Tenon";
		printf("%s the kernel '%s' in %s\n", old != NULL ? "renewed" : "installed",
			request->display_name != NULL ? request->display_name : before, tn_str_c(&folder));
	}
	json_decref(old);
	tn_str_finish(&folder);
	return ok;
}

/* ---- taking away ---- */

/* Our files, then the folder, which stays when something else is in it. */
static bool remove_files(const char *folder, struct tn_error *err) {
	for (size_t i = 0; i < tn_kernelspec_file_count; i++) {
		struct tn_str path = {0};
		if (!tn_str_printf(&path, "%s/%s", folder, tn_kernelspec_files[i].name)) {
			return tn_error_memory(err);
		}
		bool ok = unlink(tn_str_c(&path)) == 0 || errno == ENOENT || tn_error_errno(err, "'%s' cannot be removed", tn_str_c(&path));
		tn_str_finish(&path);
		if (!ok) {
			return false;
		}
	}
	return rmdir(folder) == 0 || errno == ENOTEMPTY || errno == EEXIST || tn_error_errno(err, "'%s' cannot be removed", folder);
}

static bool uninstall(const struct request *request, struct tn_error *err) {
	struct tn_str folder = {0};
	json_t *spec = NULL;
	bool ok = find_folder(request, &folder, err) && check_owner(tn_str_c(&folder), &spec, err);
	if (ok && spec == NULL) {
		ok = tn_error_set(err, TN_ERR_IO, "there is no kernelspec in '%s'", tn_str_c(&folder));
	}
	ok = ok && remove_files(tn_str_c(&folder), err);
	if (ok) {
		printf("removed %s\n", tn_str_c(&folder));
	}
	json_decref(spec);
	tn_str_finish(&folder);
	return ok;
}

/* ---- the command line ---- */

/* What Jupyter takes as a kernel's name, which also is a folder's name. */
static bool is_kernel_name(const char *name) {
	if (name[0] == '\0' || name[0] == '.' || strlen(name) > NAME_MAX) {
		return false;
	}
	for (const char *p = name; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL) {
			return false;
		}
	}
	return true;
}

static int check_request(const struct request *request) {
	if (!is_kernel_name(request->name)) {
		return tn_face_usage(request->face, "'%s' is no name for a kernel: it may hold letters of ASCII, digits and . _ -",
			request->name);
	}
	if (request->display_name != NULL && !tn_utf8_valid(request->display_name, strlen(request->display_name), NULL)) {
		return tn_face_usage(request->face, "--display-name takes a text in UTF-8");
	}
	for (int i = 0; i < request->environment_count; i++) {
		struct tn_error err = {0};
		if (!tn_settings_check_entry(request->environment[i], &err)) {
			tn_terminal_report(&err, "error");
			return TN_EXIT_USAGE;
		}
	}
	return TN_EXIT_OK;
}

/* Takes the option at argv[*at]; with a value, *at moves on. */
static int take_option(struct request *request, int argc, char **argv, int *at) {
	const char *option = argv[*at];
	bool installs = strcmp(request->face, "install") == 0, install_only = strcmp(option, "--display-name") == 0 || strcmp(option, "--env") == 0;
	if (installs && strcmp(option, "--reset") == 0) {
		request->reset = true;
		return TN_EXIT_OK;
	}
	if (strcmp(option, "--user") == 0 || strcmp(option, "--sys-prefix") == 0 || strcmp(option, "--prefix") == 0) {
		if (request->place != NULL && strcmp(request->place, option) != 0) {
			return tn_face_usage(request->face, "%s and %s name two places", request->place, option);
		}
		request->place = option;
		if (strcmp(option, "--prefix") != 0) {
			return TN_EXIT_OK;
		}
	} else if (strcmp(option, "--name") != 0 && !(install_only && installs)) {
		return tn_face_usage(request->face, "'%s' is no option of %s", option, request->face);
	}
	if (*at + 1 == argc || argv[*at + 1][0] == '\0') {
		return tn_face_usage(request->face, "%s takes a value", option);
	}
	const char *value = argv[++*at];
	if (strcmp(option, "--prefix") == 0) {
		request->prefix = value;
	} else if (strcmp(option, "--name") == 0) {
		request->name = value;
	} else if (strcmp(option, "--display-name") == 0) {
		request->display_name = value;
	} else if (value[0] == '=' || strchr(value, '=') == NULL || !tn_utf8_valid(value, strlen(value), NULL) ||
		request->environment_count == MAX_ENVIRONMENT) {
		return tn_face_usage(request->face, "--env takes NAME=VALUE in UTF-8, at most %d times", MAX_ENVIRONMENT);
	} else {
		request->environment[request->environment_count++] = value;
	}
	return TN_EXIT_OK;
}

static int run_request(int argc, char **argv, bool (*act)(const struct request *request, struct tn_error *err)) {
	struct request request = {.face = argv[0], .name = "tenon"};
	int status = TN_EXIT_OK;
	for (int at = 1; at < argc && status == TN_EXIT_OK; at++) {
		status = take_option(&request, argc, argv, &at);
	}
	if (status == TN_EXIT_OK) {
		status = check_request(&request);
	}
	if (status != TN_EXIT_OK) {
		return status;
	}
	if (request.place == NULL) {
		request.place = "--user";
	}
	struct tn_error err = {0};
	if (!act(&request, &err)) {
		tn_terminal_report(&err, "error");
		return TN_EXIT_ERROR;
	}
	return TN_EXIT_OK;
}

int tn_face_install(int argc, char **argv) {
	return run_request(argc, argv, install);
}

int tn_face_uninstall(int argc, char **argv) {
	return run_request(argc, argv, uninstall);
}
