/* SPDX-License-Identifier: Apache-2.0 */
/* How values look: private to session/. A value becomes several forms of one thing (text, HTML, an image, a plot's JSON), and the
 * reader's program takes the richest that it knows. Text is always made; the others only when the session's output is rich.
 *
 *   show.c          dispatch, ids, progress        show_tensor.c   tensors
 *   show_forms.c    text with escaping, forms      show_value.c    structs, lists, maps as trees and tables
 *   show_table.c    tables as text and HTML        show_summary.c  nets
 *   show_image.c    images                         figure.c        Figure: what plot(…) and the like return; plot*.c draw it */
#ifndef TN_SESSION_SHOW_H
#define TN_SESSION_SHOW_H

#include "session/command.h"

/* ---- text that is put together: show_forms.c ---- */

/* Text that grows. Once memory is out it stays failed, so that only the end asks. All zero is empty. */
struct tn_sink {
	struct tn_str text;
	bool failed;
};
void tn_sink_put(struct tn_sink *s, const char *text);
void tn_sink_put_n(struct tn_sink *s, const char *bytes, size_t length);
void tn_sink_fill(struct tn_sink *s, char c, size_t count);
void tn_sink_printf(struct tn_sink *s, const char *format, ...) TN_PRINTF(2, 3);
/* Escaped for HTML and XML, for text and for quoted attributes; control characters that XML does not hold become U+FFFD. */
void tn_sink_html(struct tn_sink *s, const char *text, size_t length);
/* A JSON string with its quotes; a JSON number, null where it is not finite. */
void tn_sink_json(struct tn_sink *s, const char *text);
void tn_sink_number(struct tn_sink *s, double x);
/* An integer with commas: 1,234,567. */
void tn_sink_grouped(struct tn_sink *s, int64_t n);
void tn_sink_base64(struct tn_sink *s, const char *bytes, size_t length);
void tn_sink_finish(struct tn_sink *s);

/* ---- the forms of one thing: show_forms.c ---- */

enum tn_form { TN_FORM_TEXT, TN_FORM_HTML, TN_FORM_SVG, TN_FORM_PNG, TN_FORM_VEGA, TN_FORM_COUNT };
/* One sink a form; an empty one (but the text) is not shown. All zero is ready. */
struct tn_forms {
	struct tn_sink form[TN_FORM_COUNT];
	struct tn_sink metadata;
};
void tn_forms_finish(struct tn_forms *forms);

/* ---- tables: show_table.c ---- */

/* Cells are heap strings, row by row; NULL is an empty cell. `gap` rows are left out behind row `gap_at` (a row of … stands
 * there). */
struct tn_table_column {
	char *name;
	bool right;
};
struct tn_table {
	char *caption, *footer; /* NULL: none */
	TN_VEC(struct tn_table_column) columns;
	TN_VEC(char *) cells;
	size_t gap_at;
	int64_t gap;
	int64_t gap_columns; /* said in the caption */
	bool failed;         /* memory ran out while it was filled */
};
void tn_table_column(struct tn_table *table, const char *name, bool right);
void tn_table_cell(struct tn_table *table, const char *text);
/* Takes the sink's text and leaves it empty. */
void tn_table_cell_take(struct tn_table *table, struct tn_sink *text);
/* Columns of floats get their decimals below each other: cells as long as they are stored come in, at most six digits go out. */
void tn_table_align(struct tn_table *table);
size_t tn_table_rows(const struct tn_table *table);
void tn_table_text(const struct tn_table *table, struct tn_sink *out);
void tn_table_html(const struct tn_table *table, struct tn_sink *out);
void tn_table_finish(struct tn_table *table);

/* ---- values ---- */

/* Short text of a value for one cell or line: one line, cut at `most` columns. */
TN_MUST_USE bool tn_show_brief(struct tn_value value, size_t most, struct tn_sink *out, struct tn_error *err);
/* The text of a value; of long lists and maps the beginning and the end. */
TN_MUST_USE bool tn_show_text(struct tn_value value, struct tn_sink *out, struct tn_error *err);
/* show_tensor.c: html is NULL where it is not wanted. */
TN_MUST_USE bool tn_show_tensor(struct tn_engine *e, struct tn_tensor *t, struct tn_sink *html, struct tn_error *err);
/* show_value.c: containers. */
TN_MUST_USE bool tn_show_container(struct tn_engine *e, struct tn_value value, struct tn_sink *html, struct tn_error *err);
/* show_summary.c: a net is a struct with weights, or a list, tuple or map that has one inside. */
bool tn_show_is_net(struct tn_value value);
TN_MUST_USE bool tn_show_summarize(struct tn_value tree, struct tn_table *out, struct tn_error *err);
/* show_value.c: rows (structs, maps, tuples) or a map of columns as a table. */
TN_MUST_USE bool tn_show_tabulate(struct tn_engine *e, struct tn_value rows, struct tn_table *out, struct tn_error *err);

/* ---- ids: show.c ---- */

struct tn_show_places;
TN_MUST_USE struct tn_show_places *tn_show_places_create(void); /* NULL: out of memory */
void tn_show_places_destroy(struct tn_show_places *places);     /* accepts NULL */
/* A cell begins: display(x, id: …) makes a new place once more. */
void tn_show_places_next_cell(struct tn_show_places *places);

/* clear_output(): the places of this cell's output are no more. */
void tn_show_clear(const struct tn_session *session);

/* Sends the figures that wait for their turn: those whose time has come, or all (the end of a cell). */
void tn_show_flush(const struct tn_session *session, bool all);

/* ---- natives: figure.c ---- */

TN_MUST_USE bool tn_show_register(struct tn_lang *lang, struct tn_error *err);

#endif
