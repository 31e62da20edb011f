/* SPDX-License-Identifier: Apache-2.0 */
/* CONV2D, CONV2D_GRAD_X and CONV2D_GRAD_W. Activations are "channels last": results are laid out as dense NHWC (the layout
 * hook), and inputs that are not are copied so first, so the bits do not depend on what layout they came in. Measured against
 * oneDNN's blocked layout (2 cores, AVX-512, conv 32 to 64 of 14 x 14): forward 229 against 326 GFLOP/s on two threads and
 * 167 against 182 on one, backward equal; no reorders around the elementwise steps, pooling and the first linear layer make
 * up for that.
 *
 * oneDNN serves f32 and, where the processor has them, the short floats; the rest goes to conv_portable.c, short elements
 * widened. A convolution above 1 GFLOP is cut into parts by its shape, and the interrupt is looked at between them: along the
 * batch, or, where one image is as long, into bands of its rows. Neighbouring bands read the rows of x between them twice, and of
 * x's gradient those rows are sums. */
#include <string.h>

#include "cpu/conv.h"
#include "cpu/dense.h"

static const double long_convolution = 1e9, piece_flops = 0.5e9;
/* The weights' gradient is turned and added up once a part: this many operations for each of its elements make that cheap. */
static const double flops_per_weight = 500, longest_piece = 2e9;

/* Images [image, image + images): rows [y0, y1) of y, and those rows of x that they see, with the padding around them. */
struct part {
	int64_t image, images, y0, y1, x0, x1, top, bottom;
};

/* oneDNN compiles one primitive for each form of parts: of bands the first, those within, and the last ones. */
enum { MOST_FORMS = 4 };
struct form {
	struct part part; /* the first of this form */
	struct cpu_dnn *dnn;
};

/* An input as the convolution reads it. */
struct operand {
	bool copied;
	size_t at;             /* copied: in the workspace */
	struct cpu_dense copy; /* without its addresses */
	int64_t count;
};

struct conv {
	struct cpu_dnn_conv_params params;      /* of all images */
	struct form forms[MOST_FORMS];
	int form_count;                         /* 0: portable */
	int64_t piece, band, bands;             /* images of a part; rows of y; bands of an image */
	enum cpu_class class;
	enum tn_dtype dtype;
	bool widen, empty;
	struct operand inputs[2];
	size_t result_at;  /* widened result or, portable, weights before they are turned */
	size_t sum_at;     /* the result of one part where they are added up; GRAD_W, portable: its widened form */
	size_t scratch_at;
	int64_t result_count;
};

static bool reserve(struct cpu_step *step, size_t size, size_t *at) {
	*at = step->workspace;
	return tn_add_size(size, 63, &size) && tn_add_size(step->workspace, size & ~(size_t)63, &step->workspace);
}

/* ---- prepare ---- */

static void params_init(struct cpu_dnn_conv_params *p, enum cpu_dnn_conv_kind kind, const struct cpu_step *step) {
	const struct tn_step *s = step->step;
	const struct tn_view *x = kind == CPU_DNN_GRAD_X ? &s->out : &s->inputs[0];
	const struct tn_view *w = kind == CPU_DNN_GRAD_W ? &s->out : &s->inputs[1];
	const struct tn_view *y = kind == CPU_DNN_FORWARD ? &s->out : &s->inputs[kind == CPU_DNN_GRAD_X ? 0 : 1];

	*p = (struct cpu_dnn_conv_params){
		.kind = kind,
		.dtype = s->out.dtype,
		.n = x->shape.dims[0],
		.c = x->shape.dims[1],
		.h = x->shape.dims[2],
		.w = x->shape.dims[3],
		.o = w->shape.dims[0],
		.out_h = y->shape.dims[2],
		.out_w = y->shape.dims[3],
		.kernel = {w->shape.dims[2], w->shape.dims[3]},
		.stride = {s->attrs[0], s->attrs[1]},
		.padding = {s->attrs[2], s->attrs[3]},
		.padding_end = {s->attrs[2], s->attrs[3]},
		.dilation = {s->attrs[4], s->attrs[5]},
		.groups = s->attrs[6],
		.threads = step->settings->threads,
	};
}

static double flops_of(const struct cpu_dnn_conv_params *p) {
	return 2.0 * (double)p->n * (double)p->out_h * (double)p->out_w * (double)p->o * (double)(p->c / p->groups) *
		(double)p->kernel[0] * (double)p->kernel[1];
}

static bool is_weight(enum cpu_dnn_conv_kind kind, int input) {
	return input == 1 && kind != CPU_DNN_GRAD_W;
}

/* The order in which the operand is to lie: activations NHWC; weights OIHW for oneDNN, else [groups, KH, KW, C/groups,
 * O/groups]. */
static void operand_init(struct operand *o, const struct tn_view *v, const struct conv *x, int input) {
	static const int nhwc[] = {0, 2, 3, 1}, oihw[] = {0, 1, 2, 3}, khwc[] = {2, 3, 1};
	bool weight = is_weight(x->params.kind, input);

	o->copy = (struct cpu_dense){.dtype = v->dtype, .widen = x->widen, .ndim = 4};
	o->count = tn_shape_count(&v->shape);
	if (!weight || x->form_count > 0) {
		for (int i = 0; i < 4; i++) {
			o->copy.dims[i] = v->shape.dims[weight ? oihw[i] : nhwc[i]];
			o->copy.stride[i] = v->stride[weight ? oihw[i] : nhwc[i]];
		}
		return;
	}
	o->copy.ndim = 5;
	o->copy.dims[0] = x->params.groups;
	o->copy.dims[4] = v->shape.dims[0] / x->params.groups;
	o->copy.stride[0] = v->stride[0] * o->copy.dims[4];
	o->copy.stride[4] = v->stride[0];
	for (int i = 0; i < 3; i++) {
		o->copy.dims[i + 1] = v->shape.dims[khwc[i]];
		o->copy.stride[i + 1] = v->stride[khwc[i]];
	}
}

static bool is_dense(const struct cpu_dense *d) {
	int64_t step = 1;

	for (int i = d->ndim - 1; i >= 0; i--) {
		if (d->dims[i] != 1 && d->stride[i] != step) {
			return false;
		}
		step *= d->dims[i];
	}
	return true;
}

/* ---- parts ---- */

/* The length of equal parts of at most `most`. */
static int64_t equal_parts(int64_t count, double most) {
	int64_t longest = most < 1 ? 1 : (int64_t)most, parts = (count + longest - 1) / longest;

	return (count + parts - 1) / parts;
}

static void choose_parts(struct conv *x) {
	const struct cpu_dnn_conv_params *p = &x->params;
	double flops = flops_of(p), image = flops / (double)p->n, limit = piece_flops;

	x->piece = p->n;
	x->band = p->out_h;
	if (p->kind == CPU_DNN_GRAD_W && flops_per_weight * (double)x->result_count > limit) {
		limit = flops_per_weight * (double)x->result_count;
		limit = limit > longest_piece ? longest_piece : limit;
	}
	if (flops > long_convolution && image > long_convolution) {
		x->piece = 1;
		x->band = equal_parts(p->out_h, (double)p->out_h * (limit / image));
	} else if (flops > long_convolution) {
		x->piece = equal_parts(p->n, limit / image);
	}
	x->bands = (p->out_h + x->band - 1) / x->band;
}

static int64_t part_count(const struct conv *x) {
	return (x->params.n + x->piece - 1) / x->piece * x->bands;
}

static struct part part_at(const struct conv *x, int64_t number) {
	const struct cpu_dnn_conv_params *p = &x->params;
	struct part t = {
		.image = number / x->bands * x->piece, .y1 = p->out_h, .x1 = p->h, .top = p->padding[0], .bottom = p->padding[0]};
	int64_t first, end;

	t.images = p->n - t.image < x->piece ? p->n - t.image : x->piece;
	if (x->bands > 1) {
		t.y0 = number % x->bands * x->band;
		t.y1 = p->out_h - t.y0 < x->band ? p->out_h : t.y0 + x->band;
		first = t.y0 * p->stride[0] - p->padding[0];
		end = (t.y1 - 1) * p->stride[0] - p->padding[0] + (p->kernel[0] - 1) * p->dilation[0] + 1;
		t.x0 = first > 0 ? first : 0;
		t.x1 = end < p->h ? end : p->h;
		t.top = t.x0 - first;
		t.bottom = end - t.x1;
	}
	return t;
}

static bool same_form(const struct part *a, const struct part *b) {
	return a->images == b->images && a->y1 - a->y0 == b->y1 - b->y0 && a->x1 - a->x0 == b->x1 - b->x0 && a->top == b->top &&
		a->bottom == b->bottom;
}

static struct cpu_dnn *dnn_of(const struct conv *x, const struct part *part) {
	for (int i = 0; i < x->form_count; i++) {
		if (same_form(&x->forms[i].part, part)) {
			return x->forms[i].dnn;
		}
	}
	return NULL;
}

/* False: oneDNN has no fast kernel for this part, or there are too many forms; or an error. */
static bool add_form(struct conv *x, const struct part *part, struct tn_error *err) {
	struct cpu_dnn_conv_params p = x->params;
	struct form *form = &x->forms[x->form_count];

	if (dnn_of(x, part) != NULL) {
		return true;
	}
	if (x->form_count == MOST_FORMS || part->x1 <= part->x0) {
		return false;
	}
	p.dtype = x->widen ? TN_DTYPE_F32 : x->dtype;
	p.n = part->images;
	p.h = part->x1 - part->x0;
	p.out_h = part->y1 - part->y0;
	p.padding[0] = part->top;
	p.padding_end[0] = part->bottom;
	*form = (struct form){.part = *part, .dnn = cpu_dnn_conv_create(&p, err)};
	x->form_count += form->dnn != NULL;
	return form->dnn != NULL;
}

static void drop_forms(struct conv *x) {
	while (x->form_count > 0) {
		cpu_dnn_destroy(x->forms[--x->form_count].dnn);
	}
}

/* oneDNN for all parts; false only with an error. Where it has none there are no forms. */
static bool try_dnn(struct cpu_step *step, struct conv *x, struct tn_error *err) {
	int64_t count = part_count(x), last = count - x->bands;
	bool ok = !step->settings->portable && !(x->widen && x->class != CPU_F32);

	for (int64_t i = 0; ok && i < count; i = i + 1 == x->bands && last > i ? last : i + 1) {
		struct part part = part_at(x, i);

		ok = add_form(x, &part, err);
	}
	if (!ok) {
		drop_forms(x);
	}
	return !tn_error_is_set(err);
}

/* Short floats go to oneDNN as they are where it takes them and nothing is cut, else as f32. */
static bool choose_dnn(struct cpu_step *step, struct conv *x, struct tn_error *err) {
	choose_parts(x);
	if (cpu_is_half(x->dtype) && part_count(x) == 1) {
		x->widen = false;
		if (!try_dnn(step, x, err) || x->form_count > 0) {
			return x->form_count > 0;
		}
	}
	x->widen = cpu_dense_widens(x->dtype);
	return try_dnn(step, x, err);
}

/* Elements of what one part leaves to be added up; 0: it writes its result where it belongs. */
static int64_t sum_count(const struct conv *x) {
	const struct cpu_dnn_conv_params *p = &x->params;
	int64_t rows = (x->band - 1) * p->stride[0] + (p->kernel[0] - 1) * p->dilation[0] + 1;

	if (p->kind == CPU_DNN_GRAD_W && (x->form_count > 0 ? part_count(x) > 1 : x->widen)) {
		return x->result_count;
	}
	return p->kind == CPU_DNN_GRAD_X && x->form_count > 0 && x->bands > 1 ? (rows < p->h ? rows : p->h) * p->w * p->c : 0;
}

static bool reserve_elements(struct cpu_step *step, const struct conv *x, int64_t count, size_t *at) {
	size_t size;

	return tn_mul_size((size_t)count, x->widen ? cpu_class_size(x->class) : tn_dtype_size(x->dtype), &size) &&
		reserve(step, size, at);
}

static bool choose_workspace(struct cpu_step *step, struct conv *x) {
	bool weights_out = x->params.kind == CPU_DNN_GRAD_W;
	size_t scratch = 0, size;

	for (int i = 0; i < 2; i++) {
		struct operand *o = &x->inputs[i];

		operand_init(o, &step->step->inputs[i], x, i);
		o->copied = x->widen || !is_dense(&o->copy);
		if (o->copied && !reserve_elements(step, x, o->count, &o->at)) {
			return false;
		}
	}
	if ((x->widen || (weights_out && x->form_count == 0)) && !reserve_elements(step, x, x->result_count, &x->result_at)) {
		return false;
	}
	if (sum_count(x) > 0 && !reserve_elements(step, x, sum_count(x), &x->sum_at)) {
		return false;
	}
	for (int i = 0; i < x->form_count; i++) {
		size = cpu_dnn_workspace(x->forms[i].dnn);
		scratch = size > scratch ? size : scratch;
	}
	if (x->form_count == 0 && !cpu_conv_portable_workspace(&x->params, x->class, &scratch)) {
		return false;
	}
	return reserve(step, scratch, &x->scratch_at);
}

static void conv_finish(struct cpu_step *step) {
	struct conv *x = step->state;

	if (x != NULL) {
		drop_forms(x);
		tn_free(x);
	}
	step->state = NULL;
}

static bool conv_prepare(struct cpu_step *step, enum cpu_dnn_conv_kind kind, struct tn_error *err) {
	struct conv *x = tn_calloc(1, sizeof(*x));

	if (x == NULL) {
		return tn_error_memory(err);
	}
	step->state = x;
	step->workspace = 0;
	params_init(&x->params, kind, step);
	x->dtype = step->step->out.dtype;
	x->class = cpu_dense_class(x->dtype);
	x->result_count = tn_shape_count(&step->step->out.shape);
	x->empty = x->result_count == 0 || tn_shape_count(&step->step->inputs[0].shape) == 0 ||
		tn_shape_count(&step->step->inputs[1].shape) == 0;
	if (!x->empty && (!choose_dnn(step, x, err) || !choose_workspace(step, x))) {
		conv_finish(step);
		return tn_error_memory(err); /* keeps the first error */
	}
	return true;
}

static bool prepare_forward(struct cpu_step *step, struct tn_error *err) {
	return conv_prepare(step, CPU_DNN_FORWARD, err);
}

static bool prepare_grad_x(struct cpu_step *step, struct tn_error *err) {
	return conv_prepare(step, CPU_DNN_GRAD_X, err);
}

static bool prepare_grad_w(struct cpu_step *step, struct tn_error *err) {
	return conv_prepare(step, CPU_DNN_GRAD_W, err);
}

/* ---- run ---- */

static char *workspace_at(const struct cpu_call *call, size_t at) {
	return (char *)call->workspace + at;
}

static const char *read_operand(const struct cpu_call *call, const struct operand *o, int number) {
	struct cpu_dense copy = o->copy;

	if (!o->copied) {
		return call->inputs[number];
	}
	copy.from = call->inputs[number];
	copy.to = workspace_at(call, o->at);
	copy.interrupt = call->interrupt;
	cpu_dense_copy(&copy, cpu_threads_for(call, (double)o->count));
	return copy.to;
}

/* to[0..n) += from[0..n) */
struct addition {
	float *to;
	const float *from;
	int64_t n;
	int threads;
};

static void add_share(void *data, int thread) {
	const struct addition *a = data;
	int64_t begin, end;

	cpu_split(a->n, 64, thread, a->threads, &begin, &end);
	cpu_vectors()->ops[TN_OP_ADD][CPU_F32][0](a->to + begin, a->to + begin, a->from + begin, NULL, end - begin);
}

static void add_part(const struct cpu_call *call, char *to, const char *from, int64_t n) {
	struct addition a = {(float *)(void *)to, (const float *)(const void *)from, n, cpu_threads_for(call, (double)n)};

	cpu_parallel(a.threads, add_share, &a);
}

/* Part after part. Results that several have a share in (GRAD_W; rows of GRAD_X) are added up in their order. */
static bool run_dnn(const struct cpu_call *call, const char *const inputs[2], char *out, struct tn_error *err) {
	const struct conv *x = call->step->state;
	const struct cpu_dnn_conv_params *p = &x->params;
	int64_t size = (int64_t)(x->widen ? cpu_class_size(x->class) : tn_dtype_size(x->dtype)), count = part_count(x);
	int64_t row_x = p->w * p->c * size, row_y = p->out_w * p->o * size;
	const struct cpu_dnn *last = NULL;

	if (p->kind == CPU_DNN_GRAD_X && x->bands > 1) {
		cpu_clear(out, (size_t)(x->result_count * size), call->interrupt);
	}
	for (int64_t i = 0; i < count; i++) {
		struct part t = part_at(x, i);
		struct cpu_dnn *dnn = dnn_of(x, &t);
		int64_t at_x = (t.image * p->h + t.x0) * row_x, at_y = (t.image * p->out_h + t.y0) * row_y;
		char *to = p->kind == CPU_DNN_FORWARD ? out + at_y : p->kind == CPU_DNN_GRAD_X ? out + at_x : out;
		bool add = p->kind == CPU_DNN_GRAD_X ? x->bands > 1 : p->kind == CPU_DNN_GRAD_W && i > 0;
		const void *const args[] = {
			inputs[0] + (p->kind == CPU_DNN_GRAD_X ? at_y : at_x), inputs[1] + (p->kind == CPU_DNN_GRAD_W ? at_y : 0),
			add ? workspace_at(call, x->sum_at) : to,
		};

		if (cpu_interrupted(call, err) || !cpu_dnn_run(dnn, args, workspace_at(call, x->scratch_at), last, err)) {
			return false;
		}
		if (add) {
			add_part(call, to, args[2], p->kind == CPU_DNN_GRAD_W ? x->result_count : (t.x1 - t.x0) * p->w * p->c);
		}
		last = dnn;
	}
	return true;
}

/* [groups, KH, KW, C/groups, O/groups] to OIHW. */
static void turn_weights(const struct cpu_call *call, const char *from, char *to) {
	static const enum tn_dtype dtypes[] = {
		[CPU_F64] = TN_DTYPE_F64, [CPU_F32] = TN_DTYPE_F32, [CPU_I64] = TN_DTYPE_I64, [CPU_I32] = TN_DTYPE_I32,
	};
	const struct conv *x = call->step->state;
	const struct cpu_dnn_conv_params *p = &x->params;
	int64_t cg = p->c / p->groups, og = p->o / p->groups, plane = cg * og;
	struct cpu_dense d = {
		.from = from,
		.to = to,
		.dtype = dtypes[x->class],
		.ndim = 5,
		.dims = {p->groups, og, cg, p->kernel[0], p->kernel[1]},
		.interrupt = call->interrupt,
		.stride = {p->kernel[0] * p->kernel[1] * plane, 1, og, p->kernel[1] * plane, plane},
	};

	cpu_dense_copy(&d, cpu_threads_for(call, (double)x->result_count));
}

static bool run_portable(const struct cpu_call *call, const char *const inputs[2], char *out, struct tn_error *err) {
	const struct conv *x = call->step->state;
	bool weights_out = x->params.kind == CPU_DNN_GRAD_W;
	struct cpu_conv_portable c = {
		.params = &x->params,
		.class = x->class,
		.a = inputs[0],
		.b = inputs[1],
		.out = weights_out ? workspace_at(call, x->result_at) : out,
		.workspace = workspace_at(call, x->scratch_at),
		.interrupt = call->interrupt,
	};

	cpu_conv_portable(&c);
	if (cpu_interrupted(call, err)) {
		return false;
	}
	if (weights_out) {
		turn_weights(call, c.out, out);
	}
	return true;
}

static bool conv_run(const struct cpu_call *call, struct tn_error *err) {
	const struct conv *x = call->step->state;
	const char *inputs[2];
	char *out = call->out;

	if (x->empty) {
		cpu_clear(call->out, (size_t)x->result_count * tn_dtype_size(x->dtype), call->interrupt);
		return !cpu_interrupted(call, err);
	}
	for (int i = 0; i < 2; i++) {
		inputs[i] = read_operand(call, &x->inputs[i], i);
	}
	if (x->widen) {
		out = workspace_at(call, x->params.kind == CPU_DNN_GRAD_W && x->form_count == 0 ? x->sum_at : x->result_at);
	}
	if (!(x->form_count > 0 ? run_dnn : run_portable)(call, inputs, out, err)) {
		return false;
	}
	if (x->widen) {
		cpu_dense_narrow(
			out, call->out, x->dtype, x->result_count, cpu_threads_for(call, (double)x->result_count), call->interrupt);
	}
	return !cpu_interrupted(call, err);
}

static bool conv_accepts(enum tn_dtype in, enum tn_dtype out) {
	return in == out && in != TN_DTYPE_BOOL8;
}

static void conv_layout(const struct cpu_settings *settings, const struct tn_view *inputs, uint32_t count, const int64_t *attrs,
	struct tn_view *out) {
	const int64_t *dims = out->shape.dims;

	(void)settings;
	(void)inputs;
	(void)count;
	(void)attrs;
	out->stride[1] = 1;
	out->stride[3] = dims[1];
	out->stride[2] = dims[1] * dims[3];
	out->stride[0] = dims[1] * dims[3] * dims[2];
}

const struct cpu_kernel cpu_conv2d = {
	.prepare = prepare_forward, .finish = conv_finish, .run = conv_run, .accepts = conv_accepts, .layout = conv_layout,
};
const struct cpu_kernel cpu_conv2d_grad_x = {
	.prepare = prepare_grad_x, .finish = conv_finish, .run = conv_run, .accepts = conv_accepts, .layout = conv_layout,
};
const struct cpu_kernel cpu_conv2d_grad_w = {
	.prepare = prepare_grad_w, .finish = conv_finish, .run = conv_run, .accepts = conv_accepts,
};
