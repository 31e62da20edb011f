/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and the way from a line to its row. The rows that run nothing say in words what is not there
 * yet, so that a notebook from a later version fails clearly. */
#include "session/command.h"

#include <string.h>

#include "events/events.h"

static bool command_lsmagic(struct tn_session *session, const char *arguments, struct tn_error *err);
static bool command_reset(struct tn_session *session, const char *arguments, struct tn_error *err);
static bool command_run(struct tn_session *session, const char *arguments, struct tn_error *err);

const struct tn_command tn_commands[] = {
	{"cd", "[FOLDER]", "changes the folder that relative paths start from", tn_command_cd, false, false,
		"Without a folder, the home folder. Shows where it went.", "%cd ."},
	{"device", "", "lists devices", NULL, false, false, NULL, NULL},
	{"env", "[NAME[=VALUE]]", "shows or sets variables of the environment", tn_command_env, false, false,
		"Without arguments, all of them. What is set is seen by shell commands too.", "%env STAGE=test\n%env STAGE\n// expect: test"},
	{"history", "", "shows the cells that ran", NULL, false, false, NULL, NULL},
	{"load", "FILE", "brings saved variables back", NULL, true, false, NULL, NULL},
	{"lsmagic", "", "lists the commands", command_lsmagic, false, false, NULL, "%lsmagic"},
	{"memory", "", "shows where the tensor memory is", tn_command_memory, false, false,
		"The variables with the largest tensors, and what is held for use again.", "x = zeros(100, 100);\n%memory"},
	{"plan", "", "shows the plan of the last work done, and the plan cache", tn_command_plan, false, false,
		"The steps that recorded work was put into, what of it was fused, and how often a plan was found again.",
		"print(sum(relu(ones(3))));\n%plan"},
	{"profile", "CODE", "runs code and shows where the time went", NULL, true, false, NULL, NULL},
	{"pwd", "", "shows the folder that relative paths start from", tn_command_pwd, false, false, NULL, "%pwd"},
	{"rank", "N", "talks to one of many workers", NULL, true, false, NULL, NULL},
	{"reset", "", "forgets all variables, functions and structs", command_reset, true, false,
		"Runs before the statements of its cell are checked.", "%reset\nx = 3;\nx    // expect: 3"},
	{"resume", "", "brings a session back", NULL, true, false, NULL, NULL},
	{"run", "FILE", "runs a file in this session", command_run, true, false,
		"Its names are then the session's. import \"file.tn\"; takes the names of a file that is run once.", NULL},
	{"save", "FILE", "saves variables", NULL, false, false, NULL, NULL},
	{"sessions", "", "lists the sessions that are kept", NULL, false, false, NULL, NULL},
	{"tensorboard", "[--logdir FOLDER]", "shows TensorBoard on the folder of the runs, or on another", tn_command_tensorboard, false, false,
		"The TensorBoard of the kernel's PATH is started once for a session, and ends with it.", NULL},
	{"time", "CODE", "runs code and shows how long it took", tn_command_time, true, true,
		"The time ends when all that the code recorded is computed.", "%time auto x = sum(ones(1000));"},
	{"timeit", "[-n LOOPS] [-r ROUNDS] CODE", "runs code many times, shows best and mean time", tn_command_timeit, true, true,
		"Without numbers it chooses how often. What the code declares is gone afterwards.", "%timeit -n 2 -r 2 sum(ones(1000));"},
	{"who", "", "lists the variables", tn_command_who, false, false, NULL, "lr = 0.1;\n%who\n// expect: lr"},
	{"whos", "", "lists the variables with types, shapes and sizes", tn_command_whos, false, false, NULL, "x = zeros(2, 3);\n%whos"},
	{"writefile", "[-a] FILE", "writes the rest of the cell to a file", tn_command_writefile, false, true,
		"Stands in the first line of its cell, with %%. -a adds to the file.", NULL},
	{NULL, NULL, NULL, NULL, false, false, NULL, NULL},
};
static const struct tn_command shell = {"!", "COMMAND", "runs a shell command", tn_command_shell, false, false,
	"Its output is the cell's; it reads nothing. An interrupt ends it.", "!echo hello"};

static bool command_lsmagic(struct tn_session *session, const char *arguments, struct tn_error *err) {
	(void)arguments;
	bool ok = true;
	for (const struct tn_command *c = tn_commands; ok && c->name != NULL; c++) {
		if (c->run == NULL) {
			continue; /* not there yet: said to who tries it */
		}
		struct tn_str usage = {0};
		ok = tn_str_printf(&usage, "%%%s %s", c->name, c->arguments) || tn_error_memory(err);
		ok = ok && tn_session_printf(session, err, "%-38s%s%s\n", tn_str_c(&usage), c->doc,
			c->takes_cell ? " (%%: the whole cell)" : "");
		tn_str_finish(&usage);
	}
	if (ok) {
		tn_session_print(session, "!command                              runs a shell command\n"
			"?name, name?                          shows help on a name; name?? shows its source too\n");
	}
	return ok;
}

static bool command_reset(struct tn_session *session, const char *arguments, struct tn_error *err) {
	if (strcmp(arguments, "") != 0 && strcmp(arguments, "-f") != 0) {
		return tn_error_set(err, TN_ERR_VALUE, "%%reset takes no arguments");
	}
	tn_lang_reset(session->lang);
	return true;
}

static bool command_run(struct tn_session *session, const char *arguments, struct tn_error *err) {
	if (arguments[0] == '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "%%run takes the name of a file");
	}
	struct tn_str text = {0};
	bool ok = tn_session_read_file(arguments, &text, err);
	if (ok) {
		const struct tn_lang_cell cell = {.name = arguments, .text = tn_str_c(&text), .length = text.length};
		tn_runs_note_source(session->runs, &cell);
		ok = tn_session_run_text(session, &cell, err);
	}
	tn_str_finish(&text);
	return ok;
}

/* ---- from the line to the row ---- */

const struct tn_command *tn_command_find(const char *name, size_t length) {
	for (const struct tn_command *c = tn_commands; c->name != NULL; c++) {
		if (strlen(c->name) == length && memcmp(c->name, name, length) == 0) {
			return c;
		}
	}
	return NULL;
}

/* What IPython's commands are called here. */
static const char *habit(const char *name) {
	static const struct {
		const char *name, *hint;
	} rows[] = {
		{"matplotlib", "plot(xs, ys), hist(x) and image(x) draw into the notebook: there is nothing to switch on"},
		{"pylab", "plot(xs, ys), hist(x) and image(x) draw into the notebook: there is nothing to switch on"},
		{"load_ext", "there are no extensions to load; %tensorboard is a command of its own"},
		{"reload_ext", "there are no extensions to load; %tensorboard is a command of its own"},
		{"autoreload", "functions see later redefinitions, and an imported file is read again when it changed"},
		{"pip", "!pip … runs a shell command"}, {"conda", "!conda … runs a shell command"}, {"bash", "! before each line runs a shell command"},
		{"sh", "! before each line runs a shell command"}, {"system", "!… runs a shell command"}, {"sx", "!… runs a shell command"},
		{"ls", "!ls runs a shell command"}, {"cat", "!cat FILE shows a file"}, {"mkdir", "!mkdir … runs a shell command"},
		{"python", "!python … runs a shell command"}, {"python3", "!python3 … runs a shell command"},
		{"capture", "a cell whose last line ends in ; shows no value; clear_output() takes what was printed away"},
		{"clear", "clear_output() takes a cell's output away"}, {"cls", "clear_output() takes a cell's output away"},
		{"html", "display(x) shows a value; text with marks stands in a Markdown cell"},
		{"markdown", "text with marks stands in a Markdown cell"}, {"latex", "text with marks stands in a Markdown cell"},
		{"debug", "try { … } catch (e) { print(e.message, e.trace); } shows where something failed"},
		{"pdb", "try { … } catch (e) { print(e.message, e.trace); } shows where something failed"},
		{"tb", "try { … } catch (e) { print(e.message, e.trace); } shows where something failed"},
		{"prun", "%time and profile (\"step\") { … } show where the time goes"},
		{"lprun", "%time and profile (\"step\") { … } show where the time goes"},
		{"memit", "%memory shows where the tensor memory is"}, {"who_ls", "%who lists the variables"}, {"set_env", "%env NAME=VALUE"},
		{"store", "nothing is saved to a file yet"}, {"magic", "%lsmagic lists the commands"}, {"quickref", "%lsmagic lists the commands"},
		{"help", "?name shows what a name is"}, {"pinfo", "?name shows what a name is"}, {"psource", "name?? shows the source of a function"},
		{"cell", "the cells of a notebook need no mark"}, {"file", "%%writefile FILE writes the rest of the cell to a file"}};
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return rows[i].hint;
		}
	}
	return NULL;
}

static bool unknown(const char *name, size_t length, struct tn_error *err) {
	struct tn_suggest suggest;
	char copy[64];
	size_t n = length < sizeof(copy) - 1 ? length : sizeof(copy) - 1;
	memcpy(copy, name, n);
	copy[n] = '\0';
	tn_suggest_init(&suggest, copy);
	for (const struct tn_command *c = tn_commands; c->name != NULL; c++) {
		tn_suggest_offer(&suggest, c->name);
	}
	tn_error_set(err, TN_ERR_NAME, "%%%s is no command", copy);
	const char *meant = habit(copy);
	if (meant != NULL) {
		tn_error_hint(err, "%s", meant);
	} else if (suggest.best != NULL) {
		tn_error_hint(err, "did you mean %%%s?", suggest.best);
	} else {
		tn_error_hint(err, "%%lsmagic lists the commands");
	}
	return false;
}

static bool run_percent(struct tn_session *session, const char *text, bool whole_cell, struct tn_error *err) {
	size_t length = strcspn(text, " \t\n");
	const struct tn_command *command = tn_command_find(text, length);
	if (command == NULL && length > 1 && text[length - 1] == '?' && text[length + strspn(text + length, " \t")] == '\0') {
		return tn_command_help(session, text - 1, err); /* %time? */
	}
	if (command == NULL) {
		return unknown(text, length, err);
	}
	if (command->run == NULL) {
		return tn_error_set(err, TN_ERR_ERROR, "%%%s is not there yet: it comes with a later version of Tenon", command->name);
	}
	if (whole_cell && !command->takes_cell) {
		tn_error_set(err, TN_ERR_ERROR, "%%%s does not take a whole cell", command->name);
		tn_error_hint(err, "write it with one %%");
		return false;
	}
	if (command->run == tn_command_writefile && !whole_cell) {
		return tn_error_set(err, TN_ERR_ERROR, "%%writefile takes a whole cell: write %%%%writefile in its first line");
	}
	if (command->first && session->in_statements) {
		tn_error_set(err, TN_ERR_ERROR, "%%%s may change names, so it stands before the statements of its cell", command->name);
		tn_error_hint(err, "put it at the cell's beginning or into a cell of its own");
		return false;
	}
	text += length;
	text += strspn(text, " \t");
	return command->run(session, text, err);
}

bool tn_command_run(struct tn_session *session, const char *text, struct tn_error *err) {
	bool whole_cell = strncmp(text, "%%", 2) == 0;
	size_t length = strlen(text);
	while (!whole_cell && length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
		length--;
	}
	char *line = tn_strndup(text, length);
	if (line == NULL) {
		return tn_error_memory(err);
	}
	bool ok;
	if (line[0] == '!') {
		ok = tn_command_shell(session, line + 1 + strspn(line + 1, " \t"), err);
	} else if (line[0] == '%') {
		ok = run_percent(session, line + (whole_cell ? 2 : 1), whole_cell, err);
	} else {
		ok = tn_command_help(session, line, err);
	}
	tn_free(line);
	return ok;
}

/* ---- help ---- */

static bool describe(const struct tn_command *command, bool markdown, struct tn_str *out) {
	const char *gap = command->arguments[0] == '\0' || command == &shell ? "" : " ", *sign = command == &shell ? "" : "%";
	bool ok = tn_str_printf(out, markdown ? "```\n%s%s%s%s\n```\n\n" : "%s%s%s%s\n\n", sign, command->name, gap, command->arguments);
	ok = ok && tn_str_printf(out, "%s%s.\n", command->doc, command->run == NULL ? ": not there yet" : "");
	ok = ok && (command->about == NULL || tn_str_printf(out, "%s\n", command->about));
	ok = ok && (!command->takes_cell || tn_str_printf(out, "%%%%%s takes the whole cell.\n", command->name));
	return ok && (command->example == NULL || (tn_str_append(out, markdown ? "\n**Example**\n\n```\n" : "\nExample:\n") &&
		tn_doc_append_example(out, command->example) && tn_str_append(out, markdown ? "\n```\n" : "\n")));
}

bool tn_command_describe(const struct tn_command *command, struct tn_str *plain, struct tn_str *markdown) {
	return describe(command, false, plain) && (markdown == NULL || describe(command, true, markdown));
}

bool tn_session_manual(struct tn_session *session, struct tn_str *out, struct tn_error *err) {
	struct tn_catalog *catalog = tn_catalog_create(session->lang, err);
	bool ok = catalog != NULL && tn_catalog_manual(catalog, out, err);
	tn_catalog_unref(catalog);
	bool room = ok && tn_str_append(out, "\n## Commands\n\nA line whose first column is `%`, `!` or `?` is a command for the kernel.\n");
	for (const struct tn_command *c = tn_commands; room && c->name != NULL; c++) {
		room = tn_str_printf(out, "\n### %%%s\n\n", c->name) && describe(c, true, out);
	}
	room = room && tn_str_append(out, "\n### !\n\n") && describe(&shell, true, out);
	return ok && (room || tn_error_memory(err));
}

bool tn_session_each_command(tn_lang_doc_visitor visit, void *data) {
	for (const struct tn_command *c = tn_commands; c->name != NULL; c++) {
		if (!visit(data, c->name, c->arguments, c->doc, c->example)) {
			return false;
		}
	}
	return visit(data, shell.name, shell.arguments, shell.doc, shell.example);
}

/* %time, %%time; also the bare name of a command where the language has no such name. */
bool tn_session_help(struct tn_session *session, const char *name, bool with_source, struct tn_str *out, struct tn_error *err) {
	const char *bare = name + strspn(name, "%");
	const struct tn_command *command = tn_command_find(bare, strlen(bare));
	bool ok = (command == NULL || bare == name) && tn_lang_help(session->lang, name, with_source, out, err);
	if (ok) {
		bool is_shell = strcmp(name, "!") == 0; /* an operator too */
		return !is_shell || (tn_str_append(out, "\n") && tn_command_describe(&shell, out, NULL)) || tn_error_memory(err);
	}
	if (command != NULL && (!tn_error_is_set(err) || err->kind == TN_ERR_NAME)) {
		tn_error_clear(err);
		return tn_command_describe(command, out, NULL) || tn_error_memory(err);
	}
	if (bare != name) {
		tn_error_hint(err, "%%lsmagic lists the commands");
	}
	return false;
}

bool tn_command_help(struct tn_session *session, const char *line, struct tn_error *err) {
	const char *name = line + strspn(line, "?");
	name += strspn(name, " \t");
	size_t length = strcspn(name, " \t");
	while (length > 1 && name[length - 1] == '?') {
		length--;
	}
	bool with_source = strstr(line, "??") != NULL;
	if (length == 0) {
		tn_session_print(session, "?name shows what a name is: a function, a struct, a variable, a word or an operator of the language, a %command; "
			"name?? shows its source too.\n%lsmagic lists the commands.\n");
		return true;
	}
	struct tn_str text = {0};
	char *copy = tn_strndup(name, length);
	bool ok = copy != NULL ? tn_session_help(session, copy, with_source, &text, err) : tn_error_memory(err);
	if (ok && text.length > 0 && text.data[text.length - 1] != '\n') {
		ok = tn_str_append_char(&text, '\n') || tn_error_memory(err);
	}
	if (ok) {
		tn_session_page(session, tn_str_c(&text));
	}
	tn_free(copy);
	tn_str_finish(&text);
	return ok;
}
