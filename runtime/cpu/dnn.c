/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN, its C API of 2.x and 3.x: in 2.x a memory descriptor is a struct that is filled in, and a primitive descriptor is
 * made from an operation descriptor; in 3.x the first is an opaque pointer and the second is made in one call. Everything
 * else is shared.
 *
 * Functions are found by name in the loaded library (`dnn` below), with the types that the header of the build gives them;
 * the library of another major version is not taken. Scratch memory is ours (user mode), so that a plan's memory is known
 * before it runs. */
#include <dlfcn.h>
#include <string.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "cpu/dnn.h"

#if defined(CPU_HAVE_DNNL)

#include <dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
#define VERSIONED(X) \
	X(memory_desc_create_with_strides) X(memory_desc_create_with_tag) X(memory_desc_destroy) X(matmul_primitive_desc_create) \
	X(convolution_forward_primitive_desc_create) X(convolution_backward_data_primitive_desc_create) \
	X(convolution_backward_weights_primitive_desc_create)
#else
#define VERSIONED(X) \
	X(memory_desc_init_by_strides) X(memory_desc_init_by_tag) X(primitive_desc_create) X(matmul_desc_init) \
	X(dilated_convolution_forward_desc_init) X(dilated_convolution_backward_data_desc_init) \
	X(dilated_convolution_backward_weights_desc_init)
#endif
#define FUNCTIONS(X) \
	X(sgemm) X(engine_create) X(stream_create) X(stream_wait) X(memory_desc_equal) X(memory_desc_get_size) X(memory_create) \
	X(memory_get_memory_desc) X(memory_set_data_handle) X(memory_destroy) X(primitive_attr_create) \
	X(primitive_attr_set_scratchpad_mode) \
	X(primitive_attr_destroy) X(primitive_desc_query) X(primitive_desc_query_md) X(primitive_desc_destroy) \
	X(reorder_primitive_desc_create) X(primitive_create) X(primitive_execute) X(primitive_destroy) VERSIONED(X)

static struct {
#define X(name) __typeof__(dnnl_##name) *name;
	FUNCTIONS(X)
#undef X
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_primitive_attr_t attr;
} dnn;

/* ---- loading ---- */

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static bool find_functions(void *library) {
	static const struct {
		const char *name;
		size_t offset;
	} wanted[] = {
#define X(name) {"dnnl_" #name, (size_t)((char *)&dnn.name - (char *)&dnn)},
		FUNCTIONS(X)
#undef X
	};

	for (size_t i = 0; i < TN_ARRAY_LEN(wanted); i++) {
		void *found = dlsym(library, wanted[i].name);

		if (found == NULL) {
			tn_log(TN_LOG_WARN, "oneDNN lacks %s: going on without it", wanted[i].name);
			return false;
		}
		memcpy((char *)&dnn + wanted[i].offset, &found, sizeof(found));
	}
	return true;
}

static bool load(void) {
	void *library = dlopen("libdnnl.so." TEXT(DNNL_VERSION_MAJOR), RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		tn_log(TN_LOG_WARN, "oneDNN cannot be loaded, going on without it: %s", dlerror());
		return false;
	}
	return find_functions(library) && dnn.engine_create(&dnn.engine, dnnl_cpu, 0) == dnnl_success &&
	       dnn.stream_create(&dnn.stream, dnn.engine, dnnl_stream_in_order) == dnnl_success &&
	       dnn.primitive_attr_create(&dnn.attr) == dnnl_success &&
	       dnn.primitive_attr_set_scratchpad_mode(dnn.attr, dnnl_scratchpad_mode_user) == dnnl_success;
}

bool cpu_dnn_ready(void) {
	static enum { UNKNOWN, THERE, MISSING } state;

	if (TN_UNLIKELY(state == UNKNOWN)) {
		state = load() ? THERE : MISSING;
	}
	return state == THERE;
}

/* oneDNN asks OpenMP how many threads there are, both when it makes a primitive and when it runs it. */
static void use_threads(int threads) {
#if defined(_OPENMP)
	if (!omp_in_parallel() && omp_get_max_threads() != threads) {
		omp_set_num_threads(threads);
	}
#else
	(void)threads;
#endif
}

bool cpu_dnn_sgemm(const struct cpu_dnn_gemm *g, int threads) {
	use_threads(threads);
	return dnn.sgemm(g->a_turned ? 'T' : 'N', g->b_turned ? 'T' : 'N', g->m, g->n, g->k, 1, g->a, g->lda, g->b, g->ldb, g->beta,
			   g->c, g->ldc) == dnnl_success;
}

/* ---- memory descriptors ---- */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t desc_ref; /* what their functions take */
#define REF(desc) ((desc)->md)
#else
typedef const dnnl_memory_desc_t *desc_ref;
#define REF(desc) (&(desc)->md)
#endif

struct desc {
	dnnl_memory_desc_t md;
};

static bool desc_strides(struct desc *d, dnnl_data_type_t type, const dnnl_dims_t dims, const dnnl_dims_t strides) {
#if DNNL_VERSION_MAJOR >= 3
	return dnn.memory_desc_create_with_strides(&d->md, 2, dims, type, strides) == dnnl_success;
#else
	return dnn.memory_desc_init_by_strides(&d->md, 2, dims, type, strides) == dnnl_success;
#endif
}

static bool desc_tag(struct desc *d, int ndims, dnnl_data_type_t type, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
	return dnn.memory_desc_create_with_tag(&d->md, ndims, dims, type, tag) == dnnl_success;
#else
	return dnn.memory_desc_init_by_tag(&d->md, ndims, dims, type, tag) == dnnl_success;
#endif
}

static void desc_finish(struct desc *d) {
#if DNNL_VERSION_MAJOR >= 3
	dnn.memory_desc_destroy(d->md);
#else
	(void)d;
#endif
}

static dnnl_data_type_t type_of(enum tn_dtype dtype) {
	switch (dtype) {
	case TN_DTYPE_F32:
		return dnnl_f32;
	case TN_DTYPE_BF16:
		return dnnl_bf16;
	case TN_DTYPE_F16:
		return dnnl_f16;
	default:
		return dnnl_data_type_undef;
	}
}

/* ---- primitives ---- */

struct cpu_dnn {
	dnnl_primitive_t primitive, reorder; /* reorder: weights into the primitive's layout, or out of it; NULL: they are in it */
	dnnl_memory_t args[CPU_DNN_MAX_ARGS];
	dnnl_memory_t weights, scratch; /* weights: in the primitive's layout; NULL: args[weights_at] */
	int ids[CPU_DNN_MAX_ARGS];      /* DNNL_ARG_… */
	int weights_at;
	bool weights_out; /* the weights are the result */
	size_t weights_size, scratch_size; /* multiples of 64 */
	int threads;
	char name[64];
};

static size_t aligned(size_t size) {
	return (size + 63) & ~(size_t)63;
}

static bool add_memory(dnnl_memory_t *memory, desc_ref desc) {
	return dnn.memory_create(memory, desc, dnn.engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool add_scratch(struct cpu_dnn *d, dnnl_primitive_desc_t pd) {
	desc_ref scratch = dnn.primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);

	d->scratch_size = aligned(dnn.memory_desc_get_size(scratch));
	return add_memory(&d->scratch, scratch);
}

/* Takes `pd`. False: it cannot be compiled, or only as the plain loops that oneDNN keeps for completeness ("ref:any"), which are
 * hundreds of times slower than ours. */
static bool compile(struct cpu_dnn *d, dnnl_primitive_desc_t pd) {
	const char *name = NULL;
	bool ok = dnn.primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name != NULL &&
	          strncmp(name, "ref", 3) != 0;

	if (ok) {
		strncpy(d->name, name, sizeof(d->name) - 1);
		ok = add_scratch(d, pd) && dnn.primitive_create(&d->primitive, pd) == dnnl_success;
	}
	dnn.primitive_desc_destroy(pd);
	return ok;
}

/* The weights' own memory and the reorder between `inner` and `outer`, unless they are one. */
static bool add_weights(struct cpu_dnn *d, desc_ref inner, desc_ref outer) {
	dnnl_primitive_desc_t pd;
	bool ok;

	if (dnn.memory_desc_equal(inner, outer) != 0) {
		return true;
	}
	d->weights_size = aligned(dnn.memory_desc_get_size(inner));
	if (!add_memory(&d->weights, inner) ||
		dnn.reorder_primitive_desc_create(
			&pd, d->weights_out ? inner : outer, dnn.engine, d->weights_out ? outer : inner, dnn.engine, NULL) != dnnl_success) {
		return false;
	}
	ok = dnn.primitive_create(&d->reorder, pd) == dnnl_success;
	dnn.primitive_desc_destroy(pd);
	return ok;
}

void cpu_dnn_destroy(struct cpu_dnn *d) {
	if (d == NULL) {
		return;
	}
	for (int i = 0; i < CPU_DNN_MAX_ARGS; i++) {
		if (d->args[i] != NULL) {
			dnn.memory_destroy(d->args[i]);
		}
	}
	if (d->weights != NULL) {
		dnn.memory_destroy(d->weights);
	}
	if (d->scratch != NULL) {
		dnn.memory_destroy(d->scratch);
	}
	if (d->reorder != NULL) {
		dnn.primitive_destroy(d->reorder);
	}
	if (d->primitive != NULL) {
		dnn.primitive_destroy(d->primitive);
	}
	tn_free(d);
}

/* ---- matmul ---- */

static bool matmul_pd(dnnl_primitive_desc_t *pd, const struct desc d[3]) {
#if DNNL_VERSION_MAJOR >= 3
	return dnn.matmul_primitive_desc_create(pd, dnn.engine, d[0].md, d[1].md, NULL, d[2].md, dnn.attr) == dnnl_success;
#else
	dnnl_matmul_desc_t op;

	return dnn.matmul_desc_init(&op, &d[0].md, &d[1].md, NULL, &d[2].md) == dnnl_success &&
	       dnn.primitive_desc_create(pd, &op, dnn.attr, dnn.engine, NULL) == dnnl_success;
#endif
}

struct cpu_dnn *cpu_dnn_matmul_create(const struct cpu_dnn_matmul_params *p, struct tn_error *err) {
	const dnnl_dims_t dims[3] = {{p->m, p->k}, {p->k, p->n}, {p->m, p->n}};
	const dnnl_dims_t strides[3] = {{p->a_row, p->a_col}, {p->b_row, p->b_col}, {p->n, 1}};
	struct desc descs[3];
	struct cpu_dnn *d;
	dnnl_primitive_desc_t pd;
	bool ok = true;
	int made = 0;

	if (!cpu_dnn_ready() || type_of(p->dtype) == dnnl_data_type_undef) {
		return NULL;
	}
	d = tn_calloc(1, sizeof(*d));
	if (d == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	*d = (struct cpu_dnn){.ids = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}, .weights_at = -1, .threads = p->threads};
	use_threads(p->threads);
	while (ok && made < 3) {
		ok = desc_strides(&descs[made], type_of(p->dtype), dims[made], strides[made]);
		made += ok;
	}
	ok = ok && matmul_pd(&pd, descs) && compile(d, pd);
	for (int i = 0; i < made; i++) {
		ok = ok && add_memory(&d->args[i], REF(&descs[i]));
	}
	while (made > 0) {
		desc_finish(&descs[--made]);
	}
	if (!ok) {
		cpu_dnn_destroy(d);
		return NULL;
	}
	return d;
}

/* ---- convolution ---- */

struct conv_descs {
	struct desc x, w, w_outer, y; /* w: in whatever layout oneDNN likes best */
	int made;
};

static void conv_descs_finish(struct conv_descs *d) {
	struct desc *all[] = {&d->x, &d->w, &d->w_outer, &d->y};

	while (d->made > 0) {
		desc_finish(all[--d->made]);
	}
}

static bool conv_descs_init(struct conv_descs *d, const struct cpu_dnn_conv_params *p) {
	const dnnl_dims_t x = {p->n, p->c, p->h, p->w}, y = {p->n, p->o, p->out_h, p->out_w};
	const dnnl_dims_t w = {p->o, p->c, p->kernel[0], p->kernel[1]};
	const dnnl_dims_t w_groups = {p->groups, p->o / p->groups, p->c / p->groups, p->kernel[0], p->kernel[1]};
	dnnl_data_type_t type = type_of(p->dtype);
	bool grouped = p->groups > 1;

	d->made = 0;
	d->made += desc_tag(&d->x, 4, type, x, dnnl_nhwc);
	d->made += d->made == 1 && desc_tag(&d->w, grouped ? 5 : 4, type, grouped ? w_groups : w, dnnl_format_tag_any);
	d->made +=
		d->made == 2 && desc_tag(&d->w_outer, grouped ? 5 : 4, type, grouped ? w_groups : w, grouped ? dnnl_goihw : dnnl_oihw);
	d->made += d->made == 3 && desc_tag(&d->y, 4, type, y, dnnl_nhwc);
	return d->made == 4;
}

struct conv_numbers {
	dnnl_dims_t stride, dilation, padding, padding_end;
};

/* `hint`: the forward descriptor, of the two backward ones. Padding after the last row may be larger than needed: oneDNN rounds
 * down. */
static bool conv_pd(dnnl_primitive_desc_t *pd, enum cpu_dnn_conv_kind kind, const struct conv_descs *d,
	const struct conv_numbers *c, dnnl_primitive_desc_t hint) {
	const dnnl_alg_kind_t alg = dnnl_convolution_direct;

#if DNNL_VERSION_MAJOR >= 3
	switch (kind) {
	case CPU_DNN_FORWARD:
		return dnn.convolution_forward_primitive_desc_create(pd, dnn.engine, dnnl_forward_training, alg, d->x.md, d->w.md, NULL,
				   d->y.md, c->stride, c->dilation, c->padding, c->padding_end, dnn.attr) == dnnl_success;
	case CPU_DNN_GRAD_X:
		return dnn.convolution_backward_data_primitive_desc_create(pd, dnn.engine, alg, d->x.md, d->w.md, d->y.md, c->stride,
				   c->dilation, c->padding, c->padding_end, hint, dnn.attr) == dnnl_success;
	default:
		return dnn.convolution_backward_weights_primitive_desc_create(pd, dnn.engine, alg, d->x.md, d->w.md, NULL, d->y.md,
				   c->stride, c->dilation, c->padding, c->padding_end, hint, dnn.attr) == dnnl_success;
	}
#else
	dnnl_convolution_desc_t op;
	dnnl_status_t status;

	switch (kind) {
	case CPU_DNN_FORWARD:
		status = dnn.dilated_convolution_forward_desc_init(&op, dnnl_forward_training, alg, &d->x.md, &d->w.md, NULL, &d->y.md,
			c->stride, c->dilation, c->padding, c->padding_end);
		break;
	case CPU_DNN_GRAD_X:
		status = dnn.dilated_convolution_backward_data_desc_init(&op, alg, &d->x.md, &d->w.md, &d->y.md, c->stride, c->dilation,
		                                                         c->padding, c->padding_end);
		break;
	default:
		status = dnn.dilated_convolution_backward_weights_desc_init(
			&op, alg, &d->x.md, &d->w.md, NULL, &d->y.md, c->stride, c->dilation, c->padding, c->padding_end);
		break;
	}
	return status == dnnl_success && dnn.primitive_desc_create(pd, &op, dnn.attr, dnn.engine, hint) == dnnl_success;
#endif
}

/* Compiles the primitive and makes the memories of its arguments. */
static bool conv_init(struct cpu_dnn *d, const struct cpu_dnn_conv_params *p, const struct conv_descs *descs) {
	const struct conv_numbers numbers = {
		.stride = {p->stride[0], p->stride[1]},
		.dilation = {p->dilation[0] - 1, p->dilation[1] - 1}, /* theirs count what is left out */
		.padding = {p->padding[0], p->padding[1]},
		.padding_end = {p->padding_end[0], p->padding_end[1]},
	};
	dnnl_primitive_desc_t forward, pd;
	bool ok;

	if (!conv_pd(&forward, CPU_DNN_FORWARD, descs, &numbers, NULL)) {
		return false;
	}
	pd = forward;
	ok = p->kind == CPU_DNN_FORWARD || conv_pd(&pd, p->kind, descs, &numbers, forward);
	ok = ok &&
		add_weights(d,
			dnn.primitive_desc_query_md(pd, p->kind == CPU_DNN_GRAD_W ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0),
			REF(&descs->w_outer));
	if (pd != forward) {
		dnn.primitive_desc_destroy(forward);
	}
	if (!ok) {
		if (pd == forward) {
			dnn.primitive_desc_destroy(forward);
		}
		return false;
	}
	return compile(d, pd);
}

struct cpu_dnn *cpu_dnn_conv_create(const struct cpu_dnn_conv_params *p, struct tn_error *err) {
	static const int ids[][CPU_DNN_MAX_ARGS] = {
		[CPU_DNN_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
		[CPU_DNN_GRAD_X] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
		[CPU_DNN_GRAD_W] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS},
	};
	struct conv_descs descs;
	struct cpu_dnn *d;
	bool ok;

	if (!cpu_dnn_ready() || type_of(p->dtype) == dnnl_data_type_undef) {
		return NULL;
	}
	d = tn_calloc(1, sizeof(*d));
	if (d == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	memcpy(d->ids, ids[p->kind], sizeof(d->ids));
	d->weights_out = p->kind == CPU_DNN_GRAD_W;
	d->weights_at = d->weights_out ? 2 : 1;
	d->threads = p->threads;
	use_threads(p->threads);
	ok = conv_descs_init(&descs, p) && conv_init(d, p, &descs);
	if (ok) {
		desc_ref x = REF(&descs.x), y = REF(&descs.y), w = REF(&descs.w_outer);
		const desc_ref order[][CPU_DNN_MAX_ARGS] = {{x, w, y}, {y, w, x}, {x, y, w}}; /* by kind */

		for (int i = 0; i < CPU_DNN_MAX_ARGS; i++) {
			ok = ok && add_memory(&d->args[i], order[p->kind][i]);
		}
	}
	conv_descs_finish(&descs);
	if (!ok) {
		cpu_dnn_destroy(d);
		return NULL;
	}
	return d;
}

/* ---- running ---- */

size_t cpu_dnn_workspace(const struct cpu_dnn *d) {
	return d->weights_size + d->scratch_size;
}

const char *cpu_dnn_name(const struct cpu_dnn *d) {
	return d->name;
}

static bool execute_reorder(struct cpu_dnn *d) {
	dnnl_memory_t outer = d->args[d->weights_at];
	const dnnl_exec_arg_t args[] = {
		{DNNL_ARG_FROM, d->weights_out ? d->weights : outer},
		{DNNL_ARG_TO, d->weights_out ? outer : d->weights},
	};

	return dnn.primitive_execute(d->reorder, dnn.stream, 2, args) == dnnl_success;
}

static bool execute(struct cpu_dnn *d) {
	dnnl_exec_arg_t args[CPU_DNN_MAX_ARGS + 1];

	for (int i = 0; i < CPU_DNN_MAX_ARGS; i++) {
		args[i].arg = d->ids[i];
		args[i].memory = i == d->weights_at && d->weights != NULL ? d->weights : d->args[i];
	}
	args[CPU_DNN_MAX_ARGS] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, d->scratch};
	return dnn.primitive_execute(d->primitive, dnn.stream, CPU_DNN_MAX_ARGS + 1, args) == dnnl_success;
}

/* Whether the weights that `last` has laid out are those that `d` would. */
static bool has_weights_of(const struct cpu_dnn *d, const struct cpu_dnn *last) {
	desc_ref mine, other;

	if (last == NULL || d->weights_out || d->weights == NULL || last->weights == NULL) {
		return false;
	}
	return d == last || (dnn.memory_get_memory_desc(d->weights, &mine) == dnnl_success &&
	                     dnn.memory_get_memory_desc(last->weights, &other) == dnnl_success &&
	                     dnn.memory_desc_equal(mine, other) != 0);
}

bool cpu_dnn_run(struct cpu_dnn *d, const void *const args[CPU_DNN_MAX_ARGS], void *workspace, const struct cpu_dnn *last,
	struct tn_error *err) {
	bool ok = true;

	use_threads(d->threads);
	for (int i = 0; i < CPU_DNN_MAX_ARGS; i++) {
		void *handle;

		memcpy(&handle, &args[i], sizeof(handle)); /* theirs are not const, also where they are only read */
		ok = ok && dnn.memory_set_data_handle(d->args[i], handle) == dnnl_success;
	}
	if (d->weights != NULL) {
		ok = ok && dnn.memory_set_data_handle(d->weights, workspace) == dnnl_success;
	}
	ok = ok && dnn.memory_set_data_handle(d->scratch, (char *)workspace + d->weights_size) == dnnl_success;
	ok = ok && (d->reorder == NULL || d->weights_out || has_weights_of(d, last) || execute_reorder(d)) && execute(d) &&
	     (d->reorder == NULL || !d->weights_out || execute_reorder(d)) && dnn.stream_wait(dnn.stream) == dnnl_success;
	return ok || tn_error_set(err, TN_ERR_DEVICE, "oneDNN failed in %s", d->name);
}

#else /* without oneDNN */

bool cpu_dnn_ready(void) {
	return false;
}

bool cpu_dnn_sgemm(const struct cpu_dnn_gemm *g, int threads) {
	(void)g;
	(void)threads;
	return false;
}

struct cpu_dnn *cpu_dnn_matmul_create(const struct cpu_dnn_matmul_params *params, struct tn_error *err) {
	(void)params;
	(void)err;
	return NULL;
}

struct cpu_dnn *cpu_dnn_conv_create(const struct cpu_dnn_conv_params *params, struct tn_error *err) {
	(void)params;
	(void)err;
	return NULL;
}

void cpu_dnn_destroy(struct cpu_dnn *d) {
	(void)d;
}

size_t cpu_dnn_workspace(const struct cpu_dnn *d) {
	(void)d;
	return 0;
}

bool cpu_dnn_run(struct cpu_dnn *d, const void *const args[CPU_DNN_MAX_ARGS], void *workspace, const struct cpu_dnn *last,
	struct tn_error *err) {
	(void)d;
	(void)last;
	(void)args;
	(void)workspace;
	return tn_error_set(err, TN_ERR_DEVICE, "this build has no oneDNN");
}

const char *cpu_dnn_name(const struct cpu_dnn *d) {
	(void)d;
	return "";
}

#endif
