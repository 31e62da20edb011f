/* SPDX-License-Identifier: Apache-2.0 */
/* Which overload a call means, and which argument each of its parameters gets (LANGUAGE.md section 3, "Overloads"): overloads
 * differ in their first parameter's type; the better rank wins, then what accepts the arguments' names and number, then the
 * session before the library before natives. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

const struct tn_ast_function *check_decl(struct tn_checker *c, struct tn_function *function) {
	if (function->decl == NULL && function->native != NULL) {
		struct tn_error err = {0};
		if (tn_native_decl(c->lang, function, &err) == NULL) {
			check_report(c, (struct tn_span){0}, &err);
		}
	}
	return function->decl;
}

static struct tn_type *native_param_type(struct tn_checker *c, struct tn_function *function, const struct tn_ast_type *type) {
	static const struct {
		const char *name;
		enum tn_type_kind kind;
	} special[] = {{"axes", TN_TYPE_AXES}, {"shape", TN_TYPE_SHAPE}, {"number", TN_TYPE_NUMBER}, {"operand", TN_TYPE_OPERAND},
		{"auto", TN_TYPE_AUTO}};
	if (strcmp(type->name.text == NULL ? "" : type->name.text, "auto...") == 0 ||
		(type->name.length == 7 && type->name.text != NULL && memcmp(type->name.text, "auto...", 7) == 0)) {
		return tn_type_tuple(c->lang->types, NULL, 0); /* any number of arguments */
	}
	for (size_t i = 0; type->name.text != NULL && i < TN_ARRAY_LEN(special); i++) {
		if (strlen(special[i].name) == type->name.length && memcmp(special[i].name, type->name.text, type->name.length) == 0) {
			struct tn_type *made = check_basic(c, special[i].kind);
			for (uint32_t k = 0; made != NULL && k < type->suffix_count; k++) {
				made = tn_type_list(c->lang->types, made);
			}
			return made;
		}
	}
	return check_type_plain(c, function->module, type);
}

bool check_declared(struct tn_checker *c, struct tn_function *function) {
	const struct tn_ast_function *decl = check_decl(c, function);
	bool native = function->native != NULL;
	if (decl == NULL || (function->declared != NULL && (native || function->declared_epoch == c->lang->epoch))) {
		return decl != NULL;
	}
	struct tn_type **types = function->declared;
	if (types == NULL) {
		types = tn_arena_array(&function->unit->arena, decl->count + 1, sizeof(types[0]));
		if (types == NULL) {
			return check_memory(c);
		}
	}
	for (uint32_t i = 0; i < decl->count; i++) {
		types[i] = native ? native_param_type(c, function, decl->params[i].type)
						  : check_type_plain(c, function->module, decl->params[i].type);
		if (types[i] == NULL) {
			return false;
		}
	}
	function->declared_result =
		native ? native_param_type(c, function, decl->result) : check_type_plain(c, function->module, decl->result);
	if (function->declared_result == NULL) {
		return false;
	}
	function->declared = types;
	function->declared_epoch = c->lang->epoch;
	return true;
}

/* ---- candidates ---- */

static bool add(struct tn_checker *c, struct candidates *out, struct tn_function *function) {
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->items[i] == function) {
			return true;
		}
	}
	if (out->count == out->capacity) {
		uint32_t capacity = out->capacity == 0 ? TN_ARRAY_LEN(out->few) : out->capacity * 2;
		struct tn_function **items = out->capacity == 0 ? out->few : CHECK_ARRAY(c, capacity, struct tn_function *);
		if (items == NULL) {
			return false;
		}
		for (uint32_t i = 0; i < out->count; i++) {
			items[i] = out->items[i];
		}
		out->items = items;
		out->capacity = capacity;
	}
	out->items[out->count++] = function;
	return true;
}

static bool add_set(struct tn_checker *c, const struct tn_overloads *set, const struct tn_type *only, struct candidates *out) {
	for (size_t i = 0; set != NULL && i < set->items.count; i++) {
		struct tn_function *f = set->items.items[i];
		if (!check_declared(c, f)) {
			return false;
		}
		if ((only == NULL || (f->decl->count > 0 && f->declared[0] == only)) && !add(c, out, f)) {
			return false;
		}
	}
	return true;
}

/* The same first parameter in the session hides the library's. */
static bool hidden(const struct candidates *set, const struct tn_function *function) {
	for (uint32_t i = 0; i < set->count; i++) {
		const struct tn_function *f = set->items[i];
		bool both = f->decl->count > 0 && function->decl->count > 0;
		if (!f->is_library && function->is_library && both && f->declared[0] == function->declared[0]) {
			return true;
		}
	}
	return false;
}

bool check_candidates(
	struct tn_checker *c, struct tn_module *module, const char *name, const struct tn_type *first, struct candidates *out) {
	struct tn_overload_view view = {0};
	struct tn_error err = {0};
	struct candidates all = {0};
	if (!tn_lookup_functions(c->lang, module, name, &view, &err)) {
		check_report(c, (struct tn_span){0}, &err);
		return false;
	}
	/* a struct brings the overloads of the module that defined it: that is how the library calls a user's `call` */
	struct tn_module *home =
		first != NULL && first->kind == TN_TYPE_STRUCT && first->def->unit != NULL ? first->def->unit->module : NULL;
	bool ok = add_set(c, view.own, NULL, &all);
	if (ok && home != NULL && home != module) {
		ok = add_set(c, tn_map_get(&home->functions, name), first, &all);
	}
	ok = ok && add_set(c, view.library, NULL, &all) && add_set(c, view.native, NULL, &all);
	for (uint32_t i = 0; ok && i < all.count; i++) {
		ok = hidden(&all, all.items[i]) || add(c, out, all.items[i]);
		if (!all.items[i]->is_library && c->frame != NULL && c->frame->instance != NULL) {
			c->frame->instance->needs_session = true;
		}
	}
	return ok;
}

/* ---- arguments to parameters ---- */

int check_find_param(const struct tn_ast_function *decl, const char *name) {
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < decl->count; i++) {
			struct tn_name p = decl->params[i].name;
			if (p.length == strlen(name) && memcmp(p.text, name, p.length) == 0) {
				return (int)i;
			}
		}
		if (strcmp(name, "dim") != 0) {
			break;
		}
		name = "axis";
	}
	return -1;
}

void check_signature(const struct tn_ast_function *decl, char out[256]) {
	size_t n = (size_t)snprintf(out, 256, "%.*s(", (int)decl->name.length, decl->name.text);
	for (uint32_t i = 0; i < decl->count && n < 255; i++) {
		const struct tn_ast_param *p = &decl->params[i];
		const char *text = p->span.source == NULL ? NULL : p->span.source->text;
		if (text == NULL) {
			n += (size_t)snprintf(out + n, 256 - n, "%s%.*s", i == 0 ? "" : ", ", (int)p->name.length, p->name.text);
		} else {
			n += (size_t)snprintf(
				out + n, 256 - n, "%s%.*s", i == 0 ? "" : ", ", (int)(p->span.end - p->span.begin), text + p->span.begin);
		}
	}
	if (n < 255) {
		snprintf(out + n, 256 - n, ")");
	}
}

static bool is_variadic(const struct tn_type *type) {
	return type->kind == TN_TYPE_TUPLE && type->item_count == 0;
}

static bool fail_bind(struct tn_checker *c, struct tn_function *f, bool report, struct tn_span span, const char *format, ...)
	TN_PRINTF(5, 6);
static bool fail_bind(struct tn_checker *c, struct tn_function *f, bool report, struct tn_span span, const char *format, ...) {
	if (!report) {
		return false;
	}
	char text[TN_ERROR_TEXT_MAX], signature[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "%s: %s", f->name, text);
	if (err != NULL) {
		check_signature(f->decl, signature);
		tn_error_detail(err, "%.200s", signature);
	}
	return false;
}

static bool bind_named(
	struct tn_checker *c, struct tn_function *f, const struct operand *arg, uint32_t index, struct slot *slots, bool report) {
	int p = check_find_param(f->decl, arg->name);
	if (p < 0) {
		struct tn_suggest near;
		tn_suggest_init(&near, arg->name);
		for (uint32_t i = 0; report && i < f->decl->count; i++) {
			const char *name = check_name(c, f->decl->params[i].name);
			if (name != NULL) {
				tn_suggest_offer(&near, name);
			}
		}
		size_t before = c->diag->errors.count;
		const char *habit = report && f->is_library ? check_habit_argument(f->name, arg->name) : NULL;
		near.best = habit != NULL ? NULL : near.best;
		fail_bind(c, f, report, arg->span,
			near.best != NULL ? "there is no parameter %s; did you mean %s?" : "there is no parameter %s", arg->name, near.best);
		if (habit != NULL && c->diag->errors.count > before) {
			HINT(&c->diag->errors.items[before], "%s", habit);
		}
		return false;
	}
	if (slots[p].arg >= 0) {
		return fail_bind(c, f, report, arg->span, "argument %s is given twice", arg->name);
	}
	slots[p] = (struct slot){(int32_t)index, 1};
	return true;
}

static bool bind_positional(struct tn_checker *c, struct tn_function *f, const struct operands *args, uint32_t *i, uint32_t *p,
	struct slot *slots, bool report) {
	if (*p >= f->decl->count) {
		return fail_bind(
			c, f, report, args->items[*i].span, "expected at most %u argument%s", f->decl->count, f->decl->count == 1 ? "" : "s");
	}
	uint32_t first = *i;
	const struct tn_type *type = f->declared[*p];
	(*i)++;
	if (type->kind == TN_TYPE_SHAPE || is_variadic(type)) {
		bool all = is_variadic(type);
		enum tn_type_kind kind = args->items[first].ir->type->kind;
		bool ints = kind == TN_TYPE_INT || kind == TN_TYPE_ANY;
		while (*i < args->count && args->items[*i].name == NULL &&
			(all || (ints && args->items[*i].ir->type->kind == TN_TYPE_INT) ||
				(ints && args->items[*i].ir->type->kind == TN_TYPE_ANY))) {
			(*i)++;
		}
	}
	slots[(*p)++] = (struct slot){(int32_t)first, *i - first};
	return true;
}

/* adam(net, lr: 1e-3), as PyTorch has it: whether a net is given to a maker whose first parameter is the setting lr. */
static bool gives_net_to_optimizer(struct tn_checker *c, const struct tn_function *f, const struct operands *args) {
	if (!f->is_library || f->native != NULL || f->decl->count == 0 || args->count == 0 || args->items[0].name != NULL ||
		f->declared[0]->kind != TN_TYPE_ANY) {
		return false;
	}
	const char *first = check_name(c, f->decl->params[0].name);
	const struct tn_type *type = args->items[0].ir->type;
	bool container = type->kind == TN_TYPE_STRUCT || type->kind == TN_TYPE_TUPLE || type->kind == TN_TYPE_LIST;
	return first != NULL && strcmp(first, "lr") == 0 && container && tn_type_is_tree(type);
}

bool check_bind_args(struct tn_checker *c, struct tn_function *f, const struct operands *args, struct slot *slots, bool report,
	struct tn_span span) {
	if (report && gives_net_to_optimizer(c, f, args)) {
		struct tn_error *err = check_error(c, args->items[0].span, TN_ERR_TYPE, "%s: expected settings such as lr, found a net", f->name);
		HINT(err, "opt = %s(lr: 1e-3) takes no net; each step names it: opt.step(&net, g)", f->name);
		return false;
	}
	for (uint32_t i = 0; i < f->decl->count; i++) {
		slots[i] = (struct slot){-1, 0};
	}
	uint32_t p = 0;
	bool named = false;
	for (uint32_t i = 0; i < args->count;) {
		if (args->items[i].name != NULL) {
			named = true;
			if (!bind_named(c, f, &args->items[i], i, slots, report)) {
				return false;
			}
			i++;
			continue;
		}
		if (named) {
			return fail_bind(c, f, report, args->items[i].span, "an argument without a name stands behind a named one");
		}
		if (!bind_positional(c, f, args, &i, &p, slots, report)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < f->decl->count; i++) {
		bool may_miss = f->decl->params[i].def != NULL ||
			(f->native != NULL && (is_variadic(f->declared[i]) || f->declared[i]->kind == TN_TYPE_SHAPE));
		if (slots[i].arg < 0 && !may_miss) {
			return fail_bind(c, f, report, span, "argument %.*s is missing", (int)f->decl->params[i].name.length,
				f->decl->params[i].name.text);
		}
	}
	return true;
}

/* ---- the choice ---- */

static int rank_list(struct tn_checker *c, const struct tn_type *param, const struct tn_ir *arg) {
	if (param->items[0]->kind == TN_TYPE_AUTO) {
		return arg->type->kind == TN_TYPE_LIST || (arg->kind == TN_IR_TENSOR && arg->tensor.shape.ndim > 0) ? 3 : -1;
	}
	union {
		const struct tn_type *in;
		struct tn_type *out;
	} slot = {.in = param};
	return check_can_hold(c, slot.out, arg) ? 3 : -1;
}

int check_rank(struct tn_checker *c, const struct tn_type *param, const struct tn_ir *arg, bool leafwise) {
	const struct tn_type *type = arg->type;
	bool number = tn_type_is_number(type), literal_list = arg->kind == TN_IR_TENSOR;
	if (param == type) {
		return 0;
	}
	switch (param->kind) {
	case TN_TYPE_NUMBER:
		return number ? 0 : -1;
	case TN_TYPE_OPERAND:
		return type->kind == TN_TYPE_TENSOR         ? 0
			: number || type->kind == TN_TYPE_EMPTY ? 2
			: leafwise && tn_type_is_tree(type)     ? 6
													: -1;
	case TN_TYPE_AXES:
	case TN_TYPE_SHAPE:
		return type->kind == TN_TYPE_INT || literal_list || (type->kind == TN_TYPE_LIST && type->items[0]->kind == TN_TYPE_INT)
			? 0
			: -1;
	case TN_TYPE_INT:
		return type->kind == TN_TYPE_BOOL ? 1 : -1;
	case TN_TYPE_FLOAT:
		return number ? 1 : -1;
	case TN_TYPE_TENSOR:
		return number || type->kind == TN_TYPE_EMPTY ? 2 : leafwise && tn_type_is_tree(type) ? 6 : -1;
	case TN_TYPE_LIST:
		return rank_list(c, param, arg);
	case TN_TYPE_MAP:
		return type->kind == TN_TYPE_MAP && param->items[0]->kind == TN_TYPE_ANY ? 0 : -1;
	case TN_TYPE_FN:
		return check_is_callable(c, type) ? 4 : -1;
	case TN_TYPE_SEQ:
		return type->kind == TN_TYPE_SEQ ? 5 : -1;
	case TN_TYPE_TREE:
		return tn_type_is_tree(type) ? 6 : -1;
	case TN_TYPE_AUTO:
	case TN_TYPE_ANY:
		return 7;
	case TN_TYPE_TUPLE:
		if (is_variadic(param)) {
			return 7;
		}
		break;
	default:
		break;
	}
	union {
		const struct tn_type *in;
		struct tn_type *out;
	} slot = {.in = param};
	return check_can_hold(c, slot.out, arg) ? 3 : -1;
}

static int rank_function(struct tn_checker *c, struct tn_function *f, const struct operands *args) {
	const struct operand *first = NULL;
	if (f->decl->count == 0) {
		return args->count == 0 ? 0 : -1;
	}
	for (uint32_t i = 0; i < args->count; i++) {
		const char *name = args->items[i].name;
		if ((name == NULL && i == 0) || (name != NULL && check_find_param(f->decl, name) == 0)) {
			first = &args->items[i];
			break;
		}
	}
	if (first == NULL) {
		return 8; /* its default; or it is missing, which binding reports */
	}
	if (first->ir->type->kind == TN_TYPE_ANY) {
		return 8;
	}
	return check_rank(c, f->declared[0], first->ir, f->native != NULL && f->native->leafwise > 0);
}

static void no_overload(
	struct tn_checker *c, const struct candidates *set, const struct operands *args, const char *name, struct tn_span span) {
	char found[128] = "no argument", text[256] = "";
	size_t n = 0;
	if (args->count > 0) {
		tn_type_format(args->items[0].ir->type, found);
	}
	for (uint32_t i = 0; i < set->count && n < 200; i++) {
		char type[128] = "nothing";
		if (set->items[i]->decl->count > 0) {
			tn_type_format(set->items[i]->declared[0], type);
		}
		if (strstr(text, type) == NULL) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n == 0 ? "" : ", ", type);
		}
	}
	check_error(c, span, TN_ERR_TYPE, "%s: expected one of %s first, found %s", name, text, found);
}

static int origin(const struct tn_function *f) {
	return f->native != NULL ? 2 : f->is_library ? 1 : 0;
}

/* The arguments behind the first can be what their parameters ask for. */
static bool all_fit(struct tn_checker *c, struct tn_function *f, const struct operands *args, const struct slot *slots) {
	for (uint32_t p = 1; p < f->decl->count; p++) {
		const struct tn_ir *arg = slots[p].arg < 0 ? NULL : args->items[slots[p].arg].ir;
		if (arg != NULL && arg->type->kind != TN_TYPE_ANY &&
			check_rank(c, f->declared[p], arg, f->native != NULL && f->native->leafwise > 0) < 0) {
			return false;
		}
	}
	return true;
}

struct ranked { int rank; bool binds; };

/* *any_binds: one accepts the arguments' names and number. False: no memory. */
static bool rank_all(struct tn_checker *c, const struct candidates *set, const struct operands *args, struct tn_span span, struct ranked *out, bool *any_binds) {
	uint32_t most = 1;
	for (uint32_t i = 0; i < set->count; i++) {
		most = set->items[i]->decl->count > most ? set->items[i]->decl->count : most;
	}
	struct slot *slots = tn_calloc(most, sizeof(*slots));
	if (slots == NULL) {
		check_memory(c);
		return false;
	}
	*any_binds = false;
	for (uint32_t i = 0; i < set->count; i++) {
		out[i].rank = rank_function(c, set->items[i], args);
		out[i].binds = out[i].rank >= 0 && check_bind_args(c, set->items[i], args, slots, false, span) && all_fit(c, set->items[i], args, slots);
		*any_binds = *any_binds || out[i].binds;
	}
	tn_free(slots);
	return true;
}

struct tn_function *check_choose(
	struct tn_checker *c, const struct candidates *set, const struct operands *args, const char *name, struct tn_span span) {
	struct tn_function *chosen = NULL;
	bool any_binds, twice = false;
	int best = 100;
	if (set->count == 1) {
		return set->items[0];
	}
	struct ranked *ranked = tn_calloc(set->count, sizeof(*ranked));
	if (ranked == NULL) {
		return check_memory(c);
	}
	if (!rank_all(c, set, args, span, ranked, &any_binds)) {
		tn_free(ranked);
		return NULL;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (ranked[i].rank >= 0 && (ranked[i].binds || !any_binds) && ranked[i].rank < best) {
			best = ranked[i].rank;
		}
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (ranked[i].rank != best || !(ranked[i].binds || !any_binds)) {
			continue;
		}
		if (chosen == NULL || origin(set->items[i]) < origin(chosen)) {
			chosen = set->items[i];
			twice = false;
		} else if (origin(set->items[i]) == origin(chosen)) {
			twice = true;
		}
	}
	tn_free(ranked);
	if (chosen == NULL) {
		no_overload(c, set, args, name, span);
		return NULL;
	}
	if (twice && any_binds) {
		check_error(c, span, TN_ERR_TYPE, "%s: two overloads take these arguments equally well", name);
		return NULL;
	}
	return chosen;
}
