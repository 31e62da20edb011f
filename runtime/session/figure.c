/* SPDX-License-Identifier: Apache-2.0 */
/* The handle Figure, and the natives that make one. */
#include "session/figure.h"

#include "session/plot.h"

/* ---- the handle ---- */

static void figure_finish(void *data) {
	struct tn_figure *figure = data;
	tn_chart_destroy(figure->chart);
	tn_picture_finish(&figure->picture);
	tn_table_finish(&figure->table);
	tn_free(figure);
}

static bool figure_format(void *data, struct tn_str *out) {
	struct tn_forms forms = {0};
	bool ok = tn_figure_forms(data, false, &forms, NULL);
	const struct tn_sink *text = &forms.form[TN_FORM_TEXT];
	ok = ok && !text->failed && tn_str_append_n(out, tn_str_c(&text->text), text->text.length);
	tn_forms_finish(&forms);
	return ok;
}

static const struct tn_handle_impl figure_impl = {.type_name = "Figure", .finish = figure_finish, .format = figure_format};

struct tn_figure *tn_figure_of(struct tn_value value) {
	return value.tag == TN_HANDLE && value.handle->impl == &figure_impl ? value.handle->data : NULL;
}

bool tn_figure_return(struct tn_native_call *call, struct tn_figure *figure, struct tn_error *err) {
	struct tn_figure *kept = tn_alloc(sizeof(*kept));
	if (kept == NULL) {
		tn_chart_destroy(figure->chart);
		tn_picture_finish(&figure->picture);
		tn_table_finish(&figure->table);
		return tn_error_memory(err);
	}
	*kept = *figure;
	if (!tn_handle_create(&figure_impl, kept, call->result, err)) {
		figure_finish(kept);
		return false;
	}
	return true;
}

bool tn_figure_forms(const struct tn_figure *figure, bool rich, struct tn_forms *out, struct tn_error *err) {
	switch (figure->kind) {
	case TN_FIGURE_PICTURE:
		return tn_picture_forms(&figure->picture, rich, out, err);
	case TN_FIGURE_TABLE:
		tn_table_text(&figure->table, &out->form[TN_FORM_TEXT]);
		if (rich) {
			tn_table_html(&figure->table, &out->form[TN_FORM_HTML]);
		}
		return true;
	default:
		tn_chart_text(figure->chart, &out->form[TN_FORM_TEXT]);
		if (rich) {
			tn_chart_svg(figure->chart, &out->form[TN_FORM_SVG]);
			tn_chart_vega(figure->chart, &out->form[TN_FORM_VEGA]);
		}
		return true;
	}
}

/* ---- tables ---- */

static bool run_table(struct tn_native_call *call, struct tn_error *err) {
	struct tn_figure figure = {.kind = TN_FIGURE_TABLE};
	if (!tn_show_tabulate(call->engine, call->args[0], &figure.table, err)) {
		tn_table_finish(&figure.table);
		return false;
	}
	return tn_figure_return(call, &figure, err);
}

static bool run_summary(struct tn_native_call *call, struct tn_error *err) {
	struct tn_figure figure = {.kind = TN_FIGURE_TABLE};
	if (!tn_show_summarize(call->args[0], &figure.table, err)) {
		tn_table_finish(&figure.table);
		return false;
	}
	return tn_figure_return(call, &figure, err);
}

/* ---- files ---- */

static bool run_write_svg(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_figure *figure = tn_figure_of(call->args[1]);
	struct tn_sink svg = {0};
	if (figure == NULL || figure->kind != TN_FIGURE_CHART) {
		tn_error_set(err, TN_ERR_TYPE, "write_svg: expected a chart: what plot, scatter, hist or heatmap gives");
		tn_error_hint(err, "write_png(path, pixels) writes an image");
		return false;
	}
	tn_chart_svg(figure->chart, &svg);
	bool ok = svg.failed ? tn_error_memory(err) : tn_show_write_file(call->args[0].string->text, &svg.text, err);
	tn_sink_finish(&svg);
	return ok;
}

/* ---- the cell's output ---- */

static bool run_clear_output(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_session *session = tn_lang_get_output(call->lang)->data;
	(void)err;
	tn_show_clear(session);
	if (session->output.clear != NULL) {
		session->output.clear(session->output.data, call->args[0].i != 0);
	}
	return true;
}

/* ---- the natives ---- */

#define CHART_WORDS "string title = \"\", string x_label = \"\", string y_label = \"\""
#define CHART_DOC " title, x_label, y_label: text of the chart."

static const struct tn_native rows[] = {
	{ "Figure plot(auto x, auto y = none, " CHART_WORDS ", bool log_x = false, bool log_y = false)",
	  "Lines through points: plot(y), plot(x, y), or several by name, plot({ \"train\": ys, \"test\": zs }).\n\n"
	  "x, y: a list of numbers, or a tensor [N]; y may also be [N, K] (K lines), or a map of name to y or to (x, y). NaN leaves a gap." CHART_DOC
	  " log_x, log_y: logarithmic axes; what is not above 0 is left out.",
	  "auto figure = plot([3.0, 1.5, 0.8, 0.5], title: \"loss\");", tn_show_plot, NULL, 0 },
	{ "Figure scatter(auto x, auto y = none, auto group = none, " CHART_WORDS ", bool log_x = false, bool log_y = false)",
	  "Points: scatter(x, y), scatter(xy) with a tensor [N, 2], or several by name, scatter({ \"a\": (x, y), \"b\": (u, v) }).\n\n"
	  "x, y: a list of numbers, or a tensor [N]. group: a list or tensor [N] that says which colour each point has." CHART_DOC
	  " log_x, log_y: logarithmic axes.",
	  "auto figure = scatter([1, 2, 3], [1, 4, 9], group: [0, 0, 1]);", tn_show_scatter, NULL, 0 },
	{ "Figure hist(auto values, int bins = 30, " CHART_WORDS ", bool log_y = false)",
	  "How often values fall into each of some bins of equal width.\n\n"
	  "values: a tensor of any shape, a list of numbers, or a map of name to either (bins are common). bins: 1 to 1,000." CHART_DOC
	  " log_y: a logarithmic axis of counts. What is not finite is left out and counted.",
	  "auto figure = hist(randn(1000), bins: 20);", tn_show_hist, NULL, 0 },
	{ "Figure heatmap(auto values, " CHART_WORDS ", string[] rows = [], string[] columns = [])",
	  "A matrix as colours; a small one with its numbers. Of a large one, means of blocks are drawn.\n\n"
	  "values: a tensor [R, C]. rows, columns: names of the rows and columns, R and C of them." CHART_DOC,
	  "auto figure = heatmap([[5, 1], [0, 4]], rows: [\"cat\", \"dog\"], columns: [\"cat\", \"dog\"]);", tn_show_heatmap, NULL, 0 },
	{ "Figure image(tensor pixels, int columns = none, auto labels = none, int scale = none, bool normalize = false)",
	  "A picture of an image, or of several side by side.\n\n"
	  "pixels: [H, W], [C, H, W] or [H, W, C], or several with N in front; C is 1, 3 or 4. u8 from 0 to 255, or floating from 0 to 1. columns: images in a row. "
	  "labels: a list or tensor [N] of texts below the images. scale: screen pixels for each pixel; chosen where it is left out. normalize: the least value is black, the "
	  "largest white. At most 100 images are shown.",
	  "image(zeros(5, 28, 28))    // expect: 5 images 28x28", tn_show_image, NULL, 0 },
	{ "Figure table(auto rows)",
	  "A table of rows (a list of structs, maps or tuples), or of columns (a map of lists and tensors [N]).",
	  "table({ \"epoch\": [1, 2], \"loss\": [0.5, 0.25] })\n// expect: epoch  loss\n// expect:     1  0.50\n// expect:     2  0.25", run_table, NULL, 0 },
	{ "Figure summary(tree net)", "The tensors of a net: path, layer, shape, dtype, count, whether frozen; totals.",
	  "summary(linear(2, 3))\n// expect: Linear\n// expect: path  layer   shape   dtype  count\n// expect: w     Linear  [3, 2]  f32        6\n"
	  "// expect: b     Linear  [3]     f32        3\n// expect: 9 weights in 2 tensors, 36 bytes", run_summary, NULL, 0 },
	{ "void clear_output(bool wait = false)",
	  "Takes what the cell has shown so far away; nothing happens on a terminal.\n\nwait: only when something else is shown, so that the page does not flicker.",
	  "print(1); clear_output(wait: true); print(2);\n// expect: 1\n// expect: 2", run_clear_output, NULL, 0 },
	{ "void write_png(string path, tensor pixels)", "Writes an image (or several, side by side) as a PNG file.\n\npixels: as for image. path: of the file, which is replaced. Errors: IOError when the file cannot be written.",
	  "write_png(\"/tmp/tenon-example.png\", zeros(28, 28));", tn_show_write_png, NULL, 0 },
	{ "void write_svg(string path, Figure chart)", "Writes a chart (of plot, scatter, hist or heatmap) as an SVG file.\n\npath: of the file, which is replaced. Errors: IOError when the file cannot be written.",
	  "write_svg(\"/tmp/tenon-example.svg\", plot([3.0, 1.5, 0.8]));", run_write_svg, NULL, 0 },
};

bool tn_show_register(struct tn_lang *lang, struct tn_error *err) {
	return tn_lang_register_handle(lang, "Figure", err) && tn_lang_register(lang, rows, TN_ARRAY_LEN(rows), err);
}
