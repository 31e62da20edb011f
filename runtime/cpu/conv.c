/* SPDX-License-Identifier: Apache-2.0 */
/* CONV2D, CONV2D_GRAD_X and CONV2D_GRAD_W. Activations are "channels last": results are laid out as dense NHWC (the layout
 * hook), and inputs that are not are copied so first, so the bits do not depend on what layout they came in. Measured against
 * oneDNN's blocked layout (2 cores, AVX-512, conv 32 to 64 of 14 x 14): forward 229 against 326 GFLOP/s on two threads and
 * 167 against 182 on one, backward equal; no reorders around the elementwise steps, pooling and the first linear layer make
 * up for that.
 *
 * oneDNN serves f32 and, where the processor has them, the short floats; the rest goes to conv_portable.c, short elements
 * widened. A convolution above 4 GFLOP is cut along the batch, and the interrupt is looked at between the pieces. */
#include <string.h>

#include "cpu/conv.h"
#include "cpu/dense.h"

static const double long_convolution = 4e9, piece_flops = 2e9;

/* An input as the convolution reads it. */
struct operand {
	bool copied;
	size_t at;             /* copied: in the workspace */
	struct cpu_dense copy; /* without its addresses */
	int64_t count;
};

struct conv {
	struct cpu_dnn_conv_params params;      /* of all images */
	struct cpu_dnn *dnn, *dnn_rest;         /* for `piece` images, and for what remains; NULL: portable */
	int64_t piece;
	enum cpu_class class;
	enum tn_dtype dtype;
	bool widen, empty;
	struct operand inputs[2];
	size_t result_at;  /* widened result or, portable, weights before they are turned */
	size_t sum_at;     /* GRAD_W in pieces: the result of one; portable: its widened form */
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
	if (!weight || x->dnn != NULL) {
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

/* oneDNN for the whole or for pieces; false only with an error. Without one x->dnn stays NULL. */
static bool try_dnn(struct cpu_step *step, struct conv *x, struct tn_error *err) {
	struct cpu_dnn_conv_params p = x->params;

	p.dtype = x->widen ? TN_DTYPE_F32 : x->dtype;
	p.n = x->piece;
	if (step->settings->portable || (x->widen && x->class != CPU_F32)) {
		return true;
	}
	x->dnn = cpu_dnn_conv_create(&p, err);
	if (x->dnn == NULL) {
		return !tn_error_is_set(err);
	}
	p.n = x->params.n % x->piece;
	if (p.n == 0) {
		return true;
	}
	x->dnn_rest = cpu_dnn_conv_create(&p, err);
	if (x->dnn_rest == NULL) {
		cpu_dnn_destroy(x->dnn);
		x->dnn = NULL;
	}
	return !tn_error_is_set(err);
}

/* Short floats go to oneDNN as they are where it takes them and the batch is not cut, else as f32. */
static bool choose_dnn(struct cpu_step *step, struct conv *x, struct tn_error *err) {
	double flops = flops_of(&x->params);

	x->piece = x->params.n;
	if (flops > long_convolution) {
		x->piece = (int64_t)((double)x->params.n * (piece_flops / flops));
		x->piece = x->piece < 1 ? 1 : x->piece;
	}
	if (cpu_is_half(x->dtype) && x->piece == x->params.n) {
		x->widen = false;
		if (!try_dnn(step, x, err) || x->dnn != NULL) {
			return x->dnn != NULL;
		}
	}
	x->widen = cpu_dense_widens(x->dtype);
	return try_dnn(step, x, err);
}

static bool reserve_elements(struct cpu_step *step, const struct conv *x, int64_t count, size_t *at) {
	size_t size;

	return tn_mul_size((size_t)count, x->widen ? cpu_class_size(x->class) : tn_dtype_size(x->dtype), &size) &&
		reserve(step, size, at);
}

static bool choose_workspace(struct cpu_step *step, struct conv *x) {
	bool weights_out = x->params.kind == CPU_DNN_GRAD_W, in_pieces = x->piece < x->params.n;
	size_t scratch = 0, rest;

	for (int i = 0; i < 2; i++) {
		struct operand *o = &x->inputs[i];

		operand_init(o, &step->step->inputs[i], x, i);
		o->copied = x->widen || !is_dense(&o->copy);
		if (o->copied && !reserve_elements(step, x, o->count, &o->at)) {
			return false;
		}
	}
	if ((x->widen || (weights_out && x->dnn == NULL)) && !reserve_elements(step, x, x->result_count, &x->result_at)) {
		return false;
	}
	if (weights_out && (x->dnn != NULL ? in_pieces : x->widen) && !reserve_elements(step, x, x->result_count, &x->sum_at)) {
		return false;
	}
	if (x->dnn != NULL) {
		scratch = cpu_dnn_workspace(x->dnn);
		rest = x->dnn_rest != NULL ? cpu_dnn_workspace(x->dnn_rest) : 0;
		scratch = rest > scratch ? rest : scratch;
	} else if (!cpu_conv_portable_workspace(&x->params, x->class, &scratch)) {
		return false;
	}
	return reserve(step, scratch, &x->scratch_at);
}

static void conv_finish(struct cpu_step *step) {
	struct conv *x = step->state;

	if (x != NULL) {
		cpu_dnn_destroy(x->dnn);
		cpu_dnn_destroy(x->dnn_rest);
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
	cpu_dense_copy(&copy, cpu_threads_for(call, (double)o->count));
	return copy.to;
}

/* The images of one piece. GRAD_W: the pieces' results are added up in the order of the images. */
static bool run_dnn(const struct cpu_call *call, const char *const inputs[2], char *out, struct tn_error *err) {
	const struct conv *x = call->step->state;
	const struct cpu_dnn_conv_params *p = &x->params;
	int64_t size = (int64_t)(x->widen ? cpu_class_size(x->class) : tn_dtype_size(x->dtype));
	int64_t image_x = p->c * p->h * p->w * size, image_y = p->o * p->out_h * p->out_w * size;
	int64_t step0 = p->kind == CPU_DNN_GRAD_X ? image_y : image_x, step1 = p->kind == CPU_DNN_GRAD_W ? image_y : 0;
	int64_t step_out = p->kind == CPU_DNN_FORWARD ? image_y : p->kind == CPU_DNN_GRAD_X ? image_x : 0;

	for (int64_t at = 0; at < p->n; at += x->piece) {
		bool add = p->kind == CPU_DNN_GRAD_W && at > 0;
		char *to = add ? workspace_at(call, x->sum_at) : out + at * step_out;

		if (cpu_interrupted(call, err) ||
			!cpu_dnn_run(p->n - at < x->piece ? x->dnn_rest : x->dnn,
				(const void *const[]){inputs[0] + at * step0, inputs[1] + at * step1, to}, workspace_at(call, x->scratch_at),
				err)) {
			return false;
		}
		for (int64_t i = 0; add && i < x->result_count; i++) {
			((float *)(void *)out)[i] += ((const float *)(const void *)to)[i];
		}
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
		memset(call->out, 0, (size_t)x->result_count * tn_dtype_size(x->dtype));
		return true;
	}
	for (int i = 0; i < 2; i++) {
		inputs[i] = read_operand(call, &x->inputs[i], i);
	}
	if (x->widen) {
		out = workspace_at(call, x->params.kind == CPU_DNN_GRAD_W && x->dnn == NULL ? x->sum_at : x->result_at);
	}
	if (!(x->dnn != NULL ? run_dnn : run_portable)(call, inputs, out, err)) {
		return false;
	}
	if (x->widen) {
		cpu_dense_narrow(out, call->out, x->dtype, x->result_count, cpu_threads_for(call, (double)x->result_count));
	}
	return true;
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
