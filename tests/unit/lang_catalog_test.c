/* SPDX-License-Identifier: Apache-2.0 */
/* Completion, inspection and the variable list from a catalog, and whether a cell is whole. Each row of the tables is a text with
 * | where the cursor stands. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "lang/lang.h"
#include "runner/test.h"

struct fixture {
	struct tn_lang *lang;
	struct tn_engine *engine;
	struct tn_catalog *catalog;
};

static void start(struct fixture *f) {
	struct tn_error err = {0};
	*f = (struct fixture){0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)256 << 20}, &err);
	TN_CHECK_NOT_NULL(backend);
	f->engine = tn_engine_create(&(struct tn_engine_params){.backend = backend, .hooks = tn_lang_hooks(&f->lang)}, &err);
	TN_CHECK_NOT_NULL(f->engine);
	f->lang = tn_lang_create(&(struct tn_lang_params){.engine = f->engine}, &err);
	TN_CHECK_NOT_NULL(f->lang);
}

static void refresh(struct fixture *f) {
	struct tn_error err = {0};
	tn_catalog_unref(f->catalog);
	f->catalog = tn_catalog_create(f->lang, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(f->catalog);
}

static void stop(struct fixture *f) {
	struct tn_lang *lang = f->lang;
	tn_catalog_unref(f->catalog);
	f->lang = NULL;
	tn_lang_destroy(lang);
	tn_engine_destroy(f->engine);
}

static void run(struct fixture *f, const char *name, const char *text) {
	struct tn_diagnostics diag = {0};
	struct tn_error none = {0};
	bool ok = tn_lang_run(f->lang, &(struct tn_lang_cell){.name = name, .text = text, .length = strlen(text)}, &diag);
	TN_CHECK_NO_ERROR(ok ? &none : &diag.errors.items[0]);
	tn_diagnostics_finish(&diag);
}

static const char session_cell[] =
	"struct Net { Linear l1, l2; /// the head\n };\n"
	"/// Class scores.\n/// x: [N, 784].\nf32[N, 10] call(Net &n, f32[N, 784] x) { return n.l2(relu(n.l1(x))); }\n"
	"/// Doubles a number.\n///\n/// Example:\n/// twice(2)   // expect: 4\nint twice(int value, int times = 2) { return value * "
	"times; }\n"
	"auto net = Net{ .l1 = linear(784, 32), .l2 = linear(32, 10) };\n"
	"auto nets = [net, net];\n"
	"auto scores = zeros(64, 10);\n"
	"string title = \"run \\\"7\\\"\";\n"
	"int step_count = 3; float learning = 0.5; auto m = { \"lr\": 0.1 }; auto pair = (net, 3);\n"
	"auto opt = adamw(lr: 1e-3);\n";

static void start_session(struct fixture *f) {
	start(f);
	run(f, "cell 1", session_cell);
	refresh(f);
}

/* Splits "text with | in it". */
static size_t split(const char *marked, char text[1024]) {
	const char *bar = strchr(marked, '|');
	TN_CHECK(bar != NULL && strlen(marked) < 1024);
	size_t cursor = (size_t)(bar - marked);
	memcpy(text, marked, cursor);
	strcpy(text + cursor, bar + 1);
	return cursor;
}

static bool has_item(const struct tn_completion *c, const char *name, size_t length) {
	for (size_t i = 0; i < c->items.count; i++) {
		if (strlen(c->items.items[i].text) == length && memcmp(c->items.items[i].text, name, length) == 0) {
			return true;
		}
	}
	return false;
}

static void join_items(const struct tn_completion *c, struct tn_str *out) {
	for (size_t i = 0; i < c->items.count; i++) {
		TN_CHECK(tn_str_append(out, i == 0 ? "" : " ") && tn_str_append(out, c->items.items[i].text));
	}
}

/* "= a b": these and no others, in that order; "^ a b": these first; else each `+a` is there and each `-a` is not. */
static int check_completion(const struct fixture *f, const char *marked, const char *wanted) {
	char text[1024];
	struct tn_error err = {0};
	struct tn_completion c = {0};
	struct tn_str found = {0};
	size_t cursor = split(marked, text);
	TN_CHECK(tn_catalog_complete(f->catalog, text, strlen(text), cursor, &c, &err));
	join_items(&c, &found);
	bool ok = c.begin <= c.end && c.end == cursor;
	for (size_t i = 0; i < c.items.count; i++) {
		ok = ok && strncasecmp(c.items.items[i].text, text + c.begin, c.end - c.begin) == 0;
	}
	if (wanted[0] == '=') {
		ok = ok && strcmp(tn_str_c(&found), wanted + 1 + (wanted[1] == ' ')) == 0;
	}
	if (wanted[0] == '^') {
		ok = ok && strncmp(tn_str_c(&found), wanted + 2, strlen(wanted + 2)) == 0;
	}
	for (const char *p = wanted; wanted[0] != '=' && wanted[0] != '^' && *p != '\0'; p += strspn(p, " ")) {
		size_t length = strcspn(p, " ");
		ok = ok && has_item(&c, p + 1, length - 1) == (*p == '+');
		p += length;
	}
	if (!ok) {
		fprintf(stderr, "%s\n  gives  %.300s\n  wanted %s\n", marked, tn_str_c(&found), wanted);
	}
	tn_completion_finish(&c);
	tn_str_finish(&found);
	return !ok;
}

struct row {
	const char *text, *wanted;
};

static void check_rows(const struct fixture *f, const struct row *rows, size_t count) {
	int failed = 0;
	for (size_t i = 0; i < count; i++) {
		failed += check_completion(f, rows[i].text, rows[i].wanted);
	}
	TN_CHECK_INT_EQ(failed, 0);
}

TN_TEST(names_in_scope_are_those_of_session_library_and_language) {
	static const struct row rows[] = {
		{"scor|", "= scores"},
		{"twi|", "= twice"},
		{"|", "+scores +net +relu +linear +Linear +for +auto +f32 +grad +pi +twice +Net -call"},
		{"re|", "+relu +remat +return +repeat +reshape -scores"},
		{"rel|(x)", "= relu"},
		{"auto y = sc|", "+scores"},
		{"Lin|", "+Linear +linear"},
		{"lin|", "+linear +Linear +linspace"},
		{"bf|", "= bf16"},
		{"gr|", "+grad"},
		{"xyzzy|", "="},
		{"scores|.T", "= scores"},
		{"?twi|", "= twice"},
		{"net.l|?", "+l1 +l2"},
		{"!ls sc|", "="},
		{"%time sc|", "="},
	};
	static struct fixture f;
	start_session(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	stop(&f);
}

TN_TEST(members_are_fields_properties_and_functions_that_take_the_value) {
	static const struct row rows[] = {
		{"net.|", "+l1 +l2 -w -shape -twice"},
		{"net.|", "^ l1 l2 "},
		{"net.l1.w.|", "^ shape dtype ndim T device "},
		{"net.l1.|", "+w +b -l1"},
		{"net.l1.w.|", "+T +shape +ndim +dtype +device +reshape +sum +relu -l1"},
		{"net.l1.w.sh|", "= shape"},
		{"nets[0].|", "+l1 -append"},
		{"nets.|", "+append -l1 -T"},
		{"nets[0].l2.w.T.res|", "= reshape"},
		{"scores.su|", "+sum"},
		{"scores[0, 1:3].nd|", "= ndim"},
		{"relu(scores).sh|", "= shape"},
		{"linear(3, 4).|", "+w +b -l1"},
		{"pair[0].|", "+l1 +l2"},
		{"pair[1].|", "+twice -l1"},
		{"title.|", "+split +upper -T"},
		{"\"abc\".up|", "+upper"},
		{"step_count.tw|", "= twice"},
		{"opt.|", "+lr +step +weight_decay"},
		{"opt.st|(&net, g)", "+step"},
		{"f\"{net.l1.|", "+w +b"},
		{"f\"{net.l1.|}\"", "+w +b"},
		{"print(f\"a {scores.sum():.2f} {sco|", "= scores"},
		{"f\"{{net.|", "="},
		{"f\"{learning:.|", "="},
		{"Net{ .|", "= l1 l2"},
		{"Net{ .l1 = linear(2, 3), .l|", "= l1 l2"},
		{"1.|", "="},
		{"x = 12|", "="},
	};
	static struct fixture f;
	start_session(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	stop(&f);
}

TN_TEST(arguments_of_the_call_come_first) {
	static const struct row rows[] = {
		{"adamw(l|", "+lr: +linear"},
		{"adamw(lr: 1e-3, w|", "+weight_decay: -lr:"},
		{"adamw(lr: 1e-3, |", "+weight_decay: +scores -lr:"},
		{"adamw(lr: |", "-weight_decay: +scores"},
		{"twice(|", "+value: +times: +scores"},
		{"twice(|", "^ value: times: "},
		{"linear(|", "^ in_features: out_features: bias: "},
		{"twice(s|", "^ scores step_count "},
		{"twice(1, |", "-value: +times:"},
		{"twice(1, ti|)", "= times: title"},
		{"step_count.twice(t|", "+times: -value:"},
		{"scores.sum(a|", "+axis:"},
		{"relu(sum(scores, k|", "+keepdim:"},
		{"twice(f(1), [2, 3], v|", "-value:"},
		{"net(|", "+x: +scores -n:"},
		{"net.l1(|", "+x: -layer:"},
		{"net.l1.w.reshape(|", "+shape: -x:"},
		{"grad (ne|", "= net nets ne Net"},
		{"if (s|", "+scores -value:"},
	};
	static struct fixture f;
	start_session(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	stop(&f);
}

TN_TEST(what_the_cell_declares_above_the_cursor_is_in_scope) {
	static const struct row rows[] = {
		{"int helper(int alpha, f32[N, 4] batch_in) {\n    int beta = 1;\n    return al|", "= alpha all all_finite"},
		{"int helper(int alpha, f32[N, 4] batch_in) {\n    return batch_|", "+batch_in"},
		{"int helper(f32[rows, 4] batch_in) {\n    return row|", "= rows"},
		{"int helper(int alpha) { return alpha; }\nal|", "-alpha"},
		{"int helper (int alpha) { return alpha; }\nhelper(alp|", "= alpha:"},
		{"int helper(int alpha) { return alpha; }\nhel|", "= helper"},
		{"hel|\nint helper(int alpha) { return alpha; }", "= helper"},
		{"struct Box { tensor inside; };\nauto box = Box{ .inside = ones(2) };\nbox.in|", "= inside"},
		{"struct Box { tensor inside; };\nBox{ .|", "= inside"},
		{"void f(Net &model) { model.l|", "+l1 +l2"},
		{"for (auto (xb, yb) : batches(d, 3)) { x|", "+xb"},
		{"for (auto (xb, yb) : batches(d, 3)) { }\nx|", "-xb"},
		{"for (auto n : nets) { n.|", "+l1 -append"},
		{"for (int index = 0; index < 3; index++) { ind|", "+index"},
		{"{ int hidden = 1; }\nhid|", "="},
		{"auto act = (zvalue) => zval|", "= zvalue"},
		{"auto act = (zvalue) => zvalue;\nzval|", "="},
		{"map_leaves((path, w) => pat|, net)", "+path"},
		{"map_leaves((path, w) => w, pat|", "-path"},
		{"try { } catch (problem) { problem.|", "+name +message +trace"},
		{"auto z = scores @ w;\nz.sh|", "+shape"},
		{"auto layer = linear(3, 4);\nlayer.|", "+w +b -l1 -append"},
		{"auto (loss, gradient) = grad (net) { f(net) };\ngradient.|", "+l1 +l2"},
		{"auto (loss, gradient) = grad (net) { f(net) };\nloss.sh|", "+shape"},
		{"count_up = 3;\ncount_|", "+count_up"},
		{"int first = 1, second_one = 2; second|", "+second_one"},
		{"tensor broken = (((;\nbrok|", "+broken"},
		{"auto a = a.b; a.|", "+shape"},
		{"auto chosen = step_count > 2 ? net : net; chosen.|", "+l1"},
		{"auto flag = step_count > 2 && true; flag.l|", "-l1 -append"},
	};
	static struct fixture f;
	start_session(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	stop(&f);
}

TN_TEST(strings_and_comments_complete_to_nothing) {
	static const struct row rows[] = {
		{"\"sco|", "="},
		{"\"a\\\"sco|", "="},
		{"// sco|", "="},
		{"x; /* sco|", "="},
		{"x; /* sco */ sco|", "= scores"},
		{"// a\nsco|", "= scores"},
		{"/// sco|", "="},
		{"f\"sco|", "="},
		{"\"\" sco|", "= scores"},
	};
	static struct fixture f;
	start_session(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	stop(&f);
}

/* ---- inspection ---- */

static bool inspect(const struct fixture *f, const char *marked, int detail, struct tn_str *plain, struct tn_str *markdown) {
	char text[1024];
	struct tn_error err = {0};
	bool found = false;
	size_t cursor = split(marked, text);
	tn_str_clear(plain);
	tn_str_clear(markdown);
	TN_CHECK(tn_catalog_inspect(f->catalog, text, strlen(text), cursor, detail, plain, markdown, &found, &err));
	TN_CHECK(found == (plain->length > 0) && found == (markdown->length > 0));
	return found;
}

TN_TEST(inspection_tells_of_names_fields_and_calls) {
	static const struct {
		const char *text;
		int detail;
		const char *part;
	} rows[] = {
		{"twi|ce", 0, "int twice(int value, int times = 2)"},
		{"|twice", 0, "Doubles a number."},
		{"twice|(2)", 0, "Example:\ntwice(2)"},
		{"twice(|", 0, "int twice("},
		{"twice(2, times|: 3)", 0, "int twice("},
		{"twice(3, |)", 0, "int twice("},
		{"twice", 1, NULL},
		{"relu|", 0, "relu("},
		{"linear|", 0, "fully connected"},
		{"Linear|", 0, "struct Linear {"},
		{"Net|", 0, "Linear l2;    /// the head"},
		{"scores|", 0, "f32[64, 10]"},
		{"step_count|", 0, "3"},
		{"net|", 0, "4 tensors"},
		{"net.l1|", 0, "Linear l1"},
		{"net.l1.w|", 0, "[out, in]"},
		{"net.l1.w.shape|", 0, "int[] shape"},
		{"scores.sum|()", 0, "sum("},
		{"scores.sum(|", 0, "sum("},
		{"net(|", 0, "call(Net &n"},
		{"for|", 0, "loop"},
		{"error(\"a|", 0, "error("},
		{"f32|", 0, "32-bit"},
		{"?relu|", 0, "relu("},
		{"linear(784|", 0, "Linear linear(int in_features"},
		{"adamw(lr: 0.1|", 0, "AdamW adamw("},
		{"relu??|", 0, "relu("},
		{"auto layer = linear(3, 4);\nlayer|", 0, "Linear layer"},
	};
	static struct fixture f;
	static struct tn_str plain, markdown;
	start_session(&f);
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		if (rows[i].part == NULL) {
			continue;
		}
		fprintf(stderr, "# %s\n", rows[i].text);
		TN_CHECK(inspect(&f, rows[i].text, rows[i].detail, &plain, &markdown));
		TN_CHECK_STR_CONTAINS(tn_str_c(&plain), rows[i].part);
	}
	TN_CHECK(inspect(&f, "twice|", 0, &plain, &markdown));
	TN_CHECK_STR_EQ(tn_str_c(&markdown),
		"```c\nint twice(int value, int times = 2)\n```\n\nDoubles a number.\n\n**Example**\n\n```c\n"
		"twice(2)   // 4\n```\n");
	TN_CHECK(inspect(&f, "twice|", 1, &plain, &markdown));
	TN_CHECK_STR_CONTAINS(tn_str_c(&plain), "{ return value * times; }");
	TN_CHECK(!inspect(&f, "xyzzy|", 0, &plain, &markdown));
	TN_CHECK(!inspect(&f, "// relu|", 0, &plain, &markdown));
	TN_CHECK(!inspect(&f, "|", 0, &plain, &markdown));
	tn_str_finish(&plain);
	tn_str_finish(&markdown);
	stop(&f);
}

/* ---- variables ---- */

static bool list_variable(void *data, const struct tn_catalog_variable *v) {
	TN_CHECK(tn_str_printf(
		data, "%s|%s|%s|%s|%llu|%s\n", v->name, v->type, v->shape, v->dtype, (unsigned long long)v->bytes, v->text));
	return true;
}

TN_TEST(variables_are_listed_with_what_they_hold_and_nothing_is_computed) {
	static struct fixture f;
	struct tn_str list = {0};
	start(&f);
	run(&f, "cell 1",
		"int n = 3; auto t = zeros(64, 784); string s = \"a\\nb\"; auto xs = [\"a\", \"b\"]; auto l = linear(2, 3); any o = t; "
		"float[] fs = [1, 2];");
	refresh(&f);
	(void)tn_catalog_each_variable(f.catalog, list_variable, &list);
	TN_CHECK_STR_EQ(tn_str_c(&list),
		"n|int|||8|3\n"
		"t|tensor|[64, 784]|f32|200704|f32[64, 784], 196.0 KiB\n"
		"s|string|||3|\"a\\nb\"\n"
		"xs|string[]|||2|2 items\n"
		"l|Linear|||36|2 tensors, 36 B\n"
		"o|tensor|[64, 784]|f32|200704|f32[64, 784], 196.0 KiB\n"
		"fs|float[]|||16|2 items\n");
	tn_str_finish(&list);
	stop(&f);
}

TN_TEST(a_catalog_follows_the_session_and_an_old_one_stays_as_it_was) {
	static struct fixture f;
	start_session(&f);
	struct tn_catalog *old = tn_catalog_ref(f.catalog);
	run(&f, "cell 2", "int thrice(int value) { return value * 3; }\nauto scores = 1;");
	refresh(&f);
	TN_CHECK_INT_EQ(check_completion(&f, "thr|", "= thrice"), 0);
	struct fixture before = {.catalog = old};
	TN_CHECK_INT_EQ(check_completion(&before, "thr|", "="), 0);
	TN_CHECK_INT_EQ(check_completion(&before, "scores.sh|", "= shape"), 0);
	TN_CHECK_INT_EQ(check_completion(&f, "scores.sh|", "="), 0);
	run(&f, "cell 3", "struct Net { Linear only; };");
	refresh(&f);
	TN_CHECK_INT_EQ(check_completion(&f, "Net{ .|", "= only"), 0);
	TN_CHECK_INT_EQ(check_completion(&f, "net.|", "+l1 +l2 -only"), 0);
	tn_lang_reset(f.lang);
	refresh(&f);
	TN_CHECK_INT_EQ(check_completion(&f, "thr|", "="), 0);
	TN_CHECK_INT_EQ(check_completion(&f, "net|", "-net"), 0);
	tn_catalog_unref(old);
	stop(&f);
}

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	TN_CHECK_NOT_NULL(file);
	TN_CHECK(fputs(text, file) >= 0);
	TN_CHECK_INT_EQ(fclose(file), 0);
}

TN_TEST(names_of_imported_files_stand_behind_their_alias) {
	static const struct row rows[] = {
		{"m.|", "+scale +Pair +factor -relu -net"},
		{"m.sc|", "= scale"},
		{"m.scale(|", "+value:"},
		{"m.Pair{ .|", "= first second"},
		{"m.make().|", "+first +second"},
		{"auto p = m.make(); p.first.sh|", "= shape"},
		{"made.|", "+first +second"},
		{"import \"other.tn\" as other_name;\nother_|", "= other_name"},
		{"m|", "+m +mean"},
		{"scal|", "="},
		{"plain_h|", "= plain_helper"},
	};
	static struct fixture f;
	static struct tn_str plain, markdown;
	char folder[] = "/tmp/tenon-catalog-XXXXXX";
	TN_CHECK_NOT_NULL(mkdtemp(folder));
	TN_CHECK_INT_EQ(chdir(folder), 0);
	write_file("part.tn", "/// Two.\nstruct Pair { tensor first, second; };\n/// Scales.\nfloat scale(float value) { return value * factor; }\n"
		"Pair make() { return Pair{ .first = ones(2), .second = ones(3) }; }\nconst float factor = 2.0;\n");
	write_file("plain.tn", "int plain_helper(int a) { return a; }\n");
	start(&f);
	run(&f, "cell 1", "import \"part.tn\" as m;\nimport \"plain.tn\";\nauto made = m.make();");
	refresh(&f);
	check_rows(&f, rows, TN_ARRAY_LEN(rows));
	TN_CHECK(inspect(&f, "m.scale|", 0, &plain, &markdown));
	TN_CHECK_STR_EQ(tn_str_c(&plain), "float scale(float value)\n\nScales.\n");
	tn_str_finish(&plain);
	tn_str_finish(&markdown);
	stop(&f);
	TN_CHECK(unlink("part.tn") == 0 && unlink("plain.tn") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
}

/* ---- threads ---- */

struct shared {
	pthread_mutex_t lock;
	struct tn_catalog *catalog;
	bool stop;
	int answers;
};

static struct tn_catalog *take(struct shared *s, bool *stopped) {
	pthread_mutex_lock(&s->lock);
	struct tn_catalog *catalog = tn_catalog_ref(s->catalog);
	*stopped = s->stop && s->answers > 20;
	pthread_mutex_unlock(&s->lock);
	return catalog;
}

static void *ask(void *data) {
	struct shared *s = data;
	static const char text[] = "auto layer = linear(3, 4);\nnet.l1.w.re";
	bool stopped = false;
	while (!stopped) {
		struct tn_catalog *catalog = take(s, &stopped);
		struct tn_completion c = {0};
		struct tn_str plain = {0}, markdown = {0};
		struct tn_error err = {0};
		bool found = false;
		bool ok = tn_catalog_complete(catalog, text, strlen(text), strlen(text), &c, &err) && c.items.count > 0 &&
			tn_catalog_inspect(catalog, "net", 3, 1, 1, &plain, &markdown, &found, &err) && found;
		tn_completion_finish(&c);
		tn_str_finish(&plain);
		tn_str_finish(&markdown);
		tn_catalog_unref(catalog);
		pthread_mutex_lock(&s->lock);
		s->answers += ok ? 1 : -1000000;
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

TN_TEST(two_threads_ask_while_cells_run_and_catalogs_change) {
	static struct fixture f;
	static struct shared s = {.lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[2];
	start_session(&f);
	s.catalog = tn_catalog_ref(f.catalog);
	for (int i = 0; i < 2; i++) {
		TN_CHECK_INT_EQ(pthread_create(&threads[i], NULL, ask, &s), 0);
	}
	for (int i = 0; i < 30; i++) {
		char text[200];
		snprintf(text, sizeof(text), "int round_%d(int x) { return x + %d; }\nauto v%d = round_%d(1); auto w = relu(scores);", i,
			i, i, i);
		run(&f, "cell 2", text);
		refresh(&f);
		pthread_mutex_lock(&s.lock);
		tn_catalog_unref(s.catalog);
		s.catalog = tn_catalog_ref(f.catalog);
		s.stop = i == 29;
		pthread_mutex_unlock(&s.lock);
	}
	for (int i = 0; i < 2; i++) {
		TN_CHECK_INT_EQ(pthread_join(threads[i], NULL), 0);
	}
	TN_CHECK(s.answers > 0);
	tn_catalog_unref(s.catalog);
	stop(&f);
}

/* ---- memory ---- */

TN_TEST(nothing_is_lost_when_memory_is_out) {
	static struct fixture f;
	start_session(&f);
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_catalog *catalog = tn_catalog_create(f.lang, &err);
		TN_CHECK(catalog != NULL || err.kind == TN_ERR_MEMORY);
		tn_catalog_unref(catalog);
	}
	/* A failure may also fall on a message about the broken text, which nobody reads: then there is an answer all the same. */
	static const char text[] = "int helper(Net &model, f32[N, 4] x) { auto y = model.l1; print(f\"{twice(y.w.s";
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_completion c = {0};
		bool ok = tn_catalog_complete(f.catalog, text, strlen(text), strlen(text), &c, &err);
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		tn_completion_finish(&c);
	}
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_str plain = {0}, markdown = {0};
		bool found = false, ok = tn_catalog_inspect(f.catalog, text, strlen(text), 50, 1, &plain, &markdown, &found, &err);
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		tn_str_finish(&plain);
		tn_str_finish(&markdown);
	}
	stop(&f);
}

TN_TEST(the_library_is_read_again_when_memory_was_out_the_first_time) {
	static struct fixture f;
	start(&f);
	for (int n = 0; n < 400; n += 40) {
		struct tn_error err = {0};
		struct tn_completion c = {0};
		refresh(&f);
		tn_mem_fail_at(n, false);
		bool ok = tn_catalog_complete(f.catalog, "rel", 3, 3, &c, &err);
		tn_mem_fail_at(-1, false);
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		tn_completion_finish(&c);
	}
	TN_CHECK_INT_EQ(check_completion(&f, "rel|", "= relu"), 0);
	stop(&f);
}

TN_TEST(another_library_is_read_from_the_folder_that_the_environment_names) {
	static struct fixture f;
	char folder[] = "/tmp/tenon-library-XXXXXX";
	TN_CHECK_NOT_NULL(mkdtemp(folder));
	TN_CHECK_INT_EQ(chdir(folder), 0);
	write_file("own.tn", "/// Its own.\nint own_function(int a) { return a; }\nint part_of_it(int a) { return a; }\n");
	TN_CHECK_INT_EQ(setenv("TENON_LIB", folder, 1), 0);
	start(&f);
	refresh(&f);
	TN_CHECK_INT_EQ(check_completion(&f, "own_|", "= own_function"), 0);
	TN_CHECK_INT_EQ(check_completion(&f, "part_|", "="), 0);
	TN_CHECK_INT_EQ(check_completion(&f, "linea|", "="), 0);
	stop(&f);
	TN_CHECK(unlink("own.tn") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
}

/* ---- whole cells ---- */

TN_TEST(a_cell_is_whole_when_only_its_end_is_missing_nothing) {
	static const struct {
		const char *text;
		enum tn_completeness wanted;
		int indent;
	} rows[] = {
		{"", TN_CELL_COMPLETE, 0},
		{"   \n", TN_CELL_COMPLETE, 0},
		{"1 + 1", TN_CELL_COMPLETE, 0},
		{"x = 3", TN_CELL_COMPLETE, 0},
		{"int x = 3;", TN_CELL_COMPLETE, 0},
		{"print(1", TN_CELL_INCOMPLETE, 0},
		{"int f(int x) {", TN_CELL_INCOMPLETE, 4},
		{"int f(int x) {\n    if (x > 0) {", TN_CELL_INCOMPLETE, 8},
		{"int f(int x) {\n    return x;\n}", TN_CELL_COMPLETE, 0},
		{"if (true)", TN_CELL_INCOMPLETE, 0},
		{"for (int i = 0;", TN_CELL_INCOMPLETE, 0},
		{"/* open", TN_CELL_INCOMPLETE, 0},
		{"/// about", TN_CELL_INCOMPLETE, 0},
		{"auto x =", TN_CELL_INCOMPLETE, 0},
		{"1 +", TN_CELL_INCOMPLETE, 0},
		{")", TN_CELL_INVALID, 0},
		{"int 3;", TN_CELL_INVALID, 0},
		{"\"open", TN_CELL_INVALID, 0},
		{"%time 1", TN_CELL_COMPLETE, 0},
		{"%%time\n1", TN_CELL_INCOMPLETE, 0},
		{"%%time\n1\n", TN_CELL_COMPLETE, 0},
		{"?relu", TN_CELL_COMPLETE, 0},
		{"struct Net {\n  Linear a;\n}", TN_CELL_COMPLETE, 0},
		{"{{{{{{{{{{{{{{{{{{{{", TN_CELL_INCOMPLETE, 64},
	};
	int failed = 0;
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		struct tn_error err = {0};
		enum tn_completeness found;
		int indent = -1;
		TN_CHECK(tn_lang_is_complete(rows[i].text, strlen(rows[i].text), &found, &indent, &err));
		if (found != rows[i].wanted || indent != rows[i].indent) {
			fprintf(stderr, "%s: found %d with indent %d, wanted %d with %d\n", rows[i].text, found, indent, rows[i].wanted,
				rows[i].indent);
			failed++;
		}
	}
	TN_CHECK_INT_EQ(failed, 0);
}
