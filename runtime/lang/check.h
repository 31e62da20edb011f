/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the checker. Every check_…(c, …) that gives a node gives NULL after it has reported what is wrong; callers only return
 * then.
 *
 * One rule carries `any`: a build function works on operand nodes, never on the trees of its operands. So the same function
 * serves the source (operands were checked from it) and a DYN node that is checked when it runs (operands are the parameters of a
 * thunk).
 *
 *   check.c         a unit: definitions, statements, roll-back        check_call.c     calls: callee, arguments
 *   check_scope.c   errors, nodes, locals, names                      check_overload.c which overload, how arguments meet
 * parameters check_type.c    written types, shapes, zero values                check_native.c   natives: special parameters,
 * result types check_convert.c conversions, common types                         check_instance.c templates: one body per
 * combination of types check_expr.c    expressions                                       check_value.c    calls of values:
 * structs, chains, lists check_arith.c   operators                                         check_lambda.c   lambdas and what they
 * capture check_index.c   [ ] and places                                    check_dyn.c      what is checked when it runs
 *   check_stmt.c, check_loop.c, check_assign.c  statements            check_block.c    grad and the other blocks
 *   check_drop.c    values that nothing takes
 */
#ifndef TN_LANG_CHECK_H
#define TN_LANG_CHECK_H

#include "lang/state.h"

/* A name that the function being checked sees. */
struct binding {
	const char *name;
	uint32_t local;
	struct tn_ir_shape *shape; /* declared shape, checked at assignments too */
	bool is_const;
	bool is_capture;     /* of a lambda: may be read only */
	bool is_copy;        /* a by-value parameter or loop variable: what is written to its parts is lost */
	bool broken;         /* its declaration was wrong: uses of it say nothing more */
	uint32_t loops;      /* loops around it: a write in a deeper one may be read in the next round */
	uint32_t braces;     /* braces around it: those of one scope lie together, for a scope's end takes its own away */
	struct tn_span span; /* its declaration; empty: of a broken one, or a name that no declaration writes */
	struct tn_span lost; /* of a copy: the last write to a part of it, until it is read */
};

/* One body under check. Frames are linked from callee to caller, so that an error can show the calls. */
struct frame {
	struct frame *outer;
	struct tn_span called_from;
	struct tn_instance *instance; /* NULL while a library constant or a default is looked at alone */
	struct tn_module *module;
	struct tn_unit *unit; /* whose arena takes the nodes */
	TN_VEC(struct tn_local) locals;
	TN_VEC(struct binding) bindings; /* innermost last */
	size_t hidden;                   /* bindings below are of another scope: defaults see none of the caller's */
	TN_VEC(struct tn_ir *) returns;
	struct tn_type *result; /* declared, or NULL: that of what is returned */
	struct tn_ir_shape *result_shape;
	bool is_cell, is_lambda, is_dyn, library_view;
	uint32_t braces;           /* open braces; 0 in a cell is top level */
	uint32_t cuts;             /* grad and remat blocks around: no way out of them */
	uint32_t loops, loop_cuts; /* loops around, and the value of `cuts` at the innermost */
	uint32_t breakables, break_cuts;
	uint32_t tries; /* bodies of try around: there a value may be computed only to see whether it can be */
};

/* A function to check after the present one: its result type was declared. */
struct deferred {
	struct tn_instance *instance;
	struct tn_span called_from;
	struct tn_error_place places[TN_ERROR_TRACE_MAX];
	uint32_t place_count;
};

/* An expression whose value a statement drops. Whether it does anything else is known when all that it calls has been checked. */
struct dropped {
	const struct tn_ir *value;
	const struct tn_ast *ast;
};

/* What is put back when the unit does not check. */
struct journal_entry {
	struct tn_map *map;
	const char *key;
	void *old;
	struct tn_struct_def *def;
	struct tn_struct_def before;
};

struct tn_checker {
	struct tn_lang *lang;
	struct tn_diagnostics *diag;
	struct tn_checker *outer;
	struct tn_unit *unit;  /* the cell; NULL when a call is checked while a cell runs */
	struct tn_map pending; /* name → symbol that this cell declares, from its declaration on */
	struct tn_map named;   /* global names that functions have named so far: name → first function's name */
	struct tn_map later;   /* names that the cell's statements declare: name → their tree */
	struct tn_span importing; /* the import whose file is being checked by an inner checker */
	struct tn_map imports; /* begin of the statement → unit that runs there */
	TN_VEC(struct deferred) queue;
	TN_VEC(struct dropped) dropped;
	const struct tn_ast *last_value; /* of a file's end, without ';': not shown, and not dropped by mistake */
	TN_VEC(struct journal_entry) journal;
	const struct deferred *from; /* the deferred call that is being checked */
	struct frame *frame;
	struct tn_span callee; /* the name in the call that is being looked up, for the message */
	uint64_t pass;
	const char *stack; /* where the outermost check began: bodies inside bodies may take 2 MiB from there */
	uint32_t depth; /* bodies being checked inside each other */
	uint32_t making, made; /* struct values that are being made inside each other; all of the outermost one */
	bool out_of_memory;
};

/* An argument before it meets a parameter. */
struct operand {
	const char *name; /* of a named argument, or NULL */
	struct tn_ir *ir; /* a place where is_place */
	struct tn_span span;
	bool by_ref;   /* written with & */
	bool receiver; /* x of x.f(…), v of v(…): by reference where the parameter is one */
	bool is_place;
	/* a path through `any`: it is a place only when it runs. `root` is referred to, `rest` are the indices behind it */
	const struct tn_ast *path, *cut;
	struct tn_ir *root, **rest;
	uint32_t rest_count;
};
struct operands {
	struct operand *items;
	uint32_t count;
};

/* ---- check_scope.c ---- */
void *check_alloc(struct tn_checker *c, size_t count, size_t size); /* in the frame's arena; NULL: reported */
#define CHECK_ARRAY(c, n, type) ((type *)check_alloc((c), (n), sizeof(type)))
struct tn_ir *check_node(struct tn_checker *c, enum tn_ir_kind kind, struct tn_type *type, struct tn_span span);
struct tn_type *check_basic(const struct tn_checker *c, enum tn_type_kind kind);
const char *check_intern(struct tn_checker *c, const char *text, size_t length);
const char *check_name(struct tn_checker *c, struct tn_name name);
/* Reports; the error for a hint or detail, or NULL. */
struct tn_error *check_error(struct tn_checker *c, struct tn_span span, enum tn_error_kind kind, const char *format, ...)
	TN_PRINTF(4, 5);
void check_warn(struct tn_checker *c, struct tn_span span, const char *hint, const char *format, ...) TN_PRINTF(4, 5);
/* Reports an error that a native's rule or a nested check has made. */
void check_report(struct tn_checker *c, struct tn_span span, const struct tn_error *err);
/* Memory is out: reported once; NULL. */
void *check_memory(struct tn_checker *c);
bool check_same_name(const char *a, const char *b);
#define HINT(error, ...)                                                                                                         \
	do {                                                                                                                         \
		struct tn_error *e_ = (error);                                                                                           \
		if (e_ != NULL)                                                                                                          \
			tn_error_hint(e_, __VA_ARGS__);                                                                                      \
	} while (0)

uint32_t check_local(struct tn_checker *c, const char *name, struct tn_type *type, bool is_ref); /* UINT32_MAX: reported */
/* Makes a name visible. A second one in the same scope is an error (with `span` empty: is not looked at), and is visible all the same. */
struct binding *check_bind(struct tn_checker *c, const char *name, uint32_t local, struct tn_span span);
void check_report_twice(struct tn_checker *c, const char *name, struct tn_span first, struct tn_span second);
struct binding *check_find_binding(struct tn_checker *c, const char *name);
struct tn_ir *check_read_local(struct tn_checker *c, uint32_t local, struct tn_span span);
struct tn_ir *check_set_local(struct tn_checker *c, uint32_t local, struct tn_ir *value);
struct tn_ir *check_const(struct tn_checker *c, struct tn_value value, enum tn_type_kind kind, struct tn_span span);
struct tn_ir *check_string(struct tn_checker *c, const char *text, size_t length, struct tn_span span);
struct tn_ir *check_global(struct tn_checker *c, struct tn_symbol *symbol, struct tn_span span);
/* The variable that a module's code sees, or NULL; pending ones of the cell first. */
struct tn_symbol *check_find_symbol(struct tn_checker *c, struct tn_module *module, const char *name);
/* A part of a by-value parameter or loop variable was written: lost, unless it is read later. */
void check_note_lost(struct tn_checker *c, const struct tn_ir *place, struct tn_span span);
/* Warns of writes to bindings from `mark` on that nothing has read. */
void check_warn_lost(struct tn_checker *c, size_t mark);
void check_frame_finish(struct frame *frame);
bool check_list_push(struct tn_checker *c, struct tn_ir_list *list, uint32_t *capacity, struct tn_ir *item);

/* A list that grows while a block is checked. */
struct body {
	struct tn_ir_list list;
	uint32_t capacity;
};
static inline bool check_push(struct tn_checker *c, struct body *body, struct tn_ir *item) {
	return item != NULL && check_list_push(c, &body->list, &body->capacity, item);
}

/* ---- check_type.c ---- */
/* The type that is written; *shape (when shape is not NULL) its dtype and shape, or NULL. `bind`: bare names bind (parameters).
 * Template words give their kinds (TREE, FN, SEQ without items, AUTO). */
struct tn_type *check_type(
	struct tn_checker *c, const struct tn_ast_type *type, const char *what, bool bind, struct tn_ir_shape **shape);
struct tn_type *check_type_plain(struct tn_checker *c, struct tn_module *module, const struct tn_ast_type *type);
bool check_type_is_template(const struct tn_type *type);
struct tn_ir *check_zero(struct tn_checker *c, struct tn_type *type, struct tn_span span);
struct tn_ir *check_struct_value(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_ast *literal, struct tn_span span);
/* The value of a field with a declared dtype or shape, checked for it. */
struct tn_ir *check_field_shape(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_struct_field *field, struct tn_ir *value);
struct tn_ir *check_struct_literal(struct tn_checker *c, const struct tn_ast *ast);
struct tn_ir *check_expect(struct tn_checker *c, struct tn_ir *ir, struct tn_ir_shape *shape);
/* The variable's type as values and slots see it: what is read from a tree, fn or any slot is any. */
struct tn_type *check_read_type(struct tn_checker *c, struct tn_type *slot);
struct tn_struct_def *check_find_struct(struct tn_checker *c, struct tn_module *module, const char *name);
struct tn_module *check_find_alias(struct tn_checker *c, struct tn_name name);

/* ---- check_convert.c ---- */
/* `ir` as a value of `type`; `what` names the slot for the message ("argument x of f"). */
struct tn_ir *check_coerce(struct tn_checker *c, struct tn_ir *ir, struct tn_type *type, const char *what);
/* As above without a report: whether it would do. */
bool check_can_hold(struct tn_checker *c, struct tn_type *slot, const struct tn_ir *ir);
struct tn_ir *check_condition(struct tn_checker *c, struct tn_ir *ir, const char *what);
/* The type that both can become, or NULL. */
struct tn_type *check_common(struct tn_checker *c, struct tn_type *a, struct tn_type *b);
struct tn_ir *check_as_list(struct tn_checker *c, struct tn_ir *bracket, struct tn_type *item);
/* A bracket literal as the list, of lists where it is nested, that its numbers make by themselves. */
struct tn_ir *check_as_plain_list(struct tn_checker *c, struct tn_ir *bracket);
struct tn_ir *check_convert(struct tn_checker *c, enum tn_convert kind, struct tn_type *type, struct tn_ir *a);
bool check_is_callable(struct tn_checker *c, const struct tn_type *type);

/* ---- expressions ---- */
struct tn_ir *check_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted);
struct tn_ir *check_value(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted); /* not void */
/* Warns where `ir` is a quotient of ints that becomes a float or a tensor. */
void check_warn_quotient(struct tn_checker *c, const struct tn_ir *ir, const struct tn_type *type);
struct tn_ir *check_unary(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_span span);
struct tn_ir *check_binary(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span);
struct tn_ir *check_field(struct tn_checker *c, struct tn_ir *object, const char *name, struct tn_span span);
bool check_has_field(const struct tn_type *type, const char *name);
struct tn_ir *check_index(
	struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *object, struct tn_ir **operands, uint32_t count);
/* The operands of [ ] in the order of their tree; *count of them. */
struct tn_ir **check_index_operands(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *object, uint32_t *count);
struct tn_ir *check_fstring(struct tn_checker *c, const struct tn_ast *ast);
bool check_format_spec(struct tn_checker *c, struct tn_name spec, const struct tn_type *type, struct tn_span span);
struct tn_ir *check_lambda(struct tn_checker *c, const struct tn_ast *ast);
struct tn_ir *check_block(struct tn_checker *c, const struct tn_ast *ast);
bool check_is_place(const struct tn_ir *ir);
/* The variable at the root of a place. */
const struct tn_ir *check_place_root(const struct tn_ir *place);

/* ---- calls ---- */
struct tn_ir *check_call(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted);
/* By name, overloads chosen; `args` in order. `method`: x.name(…), for the messages. */
struct tn_ir *check_call_name(
	struct tn_checker *c, struct tn_module *module, const char *name, struct operands args, bool method, struct tn_span span);
struct tn_ir *check_call_method(
	struct tn_checker *c, struct tn_module *module, const char *name, struct operands args, struct tn_span span);
struct tn_ir *check_call_value(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span);
struct tn_ir *check_call_function(
	struct tn_checker *c, struct tn_function *function, struct operands args, const char *name, struct tn_span span);
struct tn_ir *check_call_native(struct tn_checker *c, struct tn_function *function, struct operands args, struct tn_span span);
struct tn_ir *check_call_lambda(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span);
/* Wraps a place for a reference parameter of that function; reports what may not be written. */
/* A bracket literal of floats whose value is converted to another dtype at once: f64 until then, so that no digit is lost. */
void check_keep_digits(struct tn_ir *ir);
struct tn_ir *check_reference(struct tn_checker *c, const struct operand *arg, const char *function, const char *param);
/* A call of which an argument is a reference to a temporary (made by check_reference): the temporaries are set first, around the
 * call. */
struct tn_ir *check_hoist(struct tn_checker *c, struct tn_ir *call, struct tn_ir_list *args);
/* A lambda that captures or names weights may stand neither in a chain nor in a field: nothing would train them. */
bool check_may_keep(struct tn_checker *c, const struct tn_ir *value, const char *where);
struct operand check_operand(struct tn_ir *ir, const char *name);
bool check_any_operand(const struct operands *args);

/* ---- check_overload.c ---- */
/* In the checker's frame; where there are more than `few`, `items` is in the unit's arena. Not to be copied. */
struct candidates {
	struct tn_function **items;
	uint32_t count, capacity;
	struct tn_function *few[32];
};
bool check_candidates(
	struct tn_checker *c, struct tn_module *module, const char *name, const struct tn_type *first, struct candidates *out);
struct tn_function *check_choose(
	struct tn_checker *c, const struct candidates *set, const struct operands *args, const char *name, struct tn_span span);
bool check_declared(struct tn_checker *c, struct tn_function *function); /* resolves function->declared */
const struct tn_ast_function *check_decl(struct tn_checker *c, struct tn_function *function);
/* Which arguments each parameter gets (arg -1: none); reports when it shall. `slots` has one entry per parameter. */
struct slot {
	int32_t arg;
	uint32_t count;
}; /* count > 1: several positional arguments for one variadic parameter */
bool check_bind_args(struct tn_checker *c, struct tn_function *function, const struct operands *args, struct slot *slots,
	bool report, struct tn_span span);
/* "linear(int in_features, int out_features, bool bias = true)" */
void check_signature(const struct tn_ast_function *decl, char out[256]);
int check_find_param(const struct tn_ast_function *decl, const char *name);

/* ---- check_instance.c ---- */
/* The body of `function` for these parameter types (captures first), checked or at least with a known result. */
struct tn_instance *check_instance(
	struct tn_checker *c, struct tn_function *function, struct tn_type *const *types, uint32_t count, struct tn_span from);
bool check_instance_body(struct tn_checker *c, struct tn_instance *instance, struct tn_span from);
bool check_drain(struct tn_checker *c);
struct tn_instance *check_find_active(struct tn_checker *c, const struct tn_function *function);
bool check_completes(const struct tn_ir_list *body); /* control may reach the end */
struct tn_function *check_new_function(struct tn_checker *c, struct tn_unit *unit, struct tn_function value);

/* ---- statements ---- */
bool check_statements(struct tn_checker *c, struct tn_ast_list list, struct body *out);
bool check_statement(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
/* A branch or loop body in a scope of its own: a SCOPE node. */
struct tn_ir *check_scoped(struct tn_checker *c, const struct tn_ast *ast);
void check_open(struct tn_checker *c, size_t *mark);
void check_close(struct tn_checker *c, size_t mark);
bool check_for_each(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_for(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_import_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_loop(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_switch(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_decl_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_assign(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
bool check_incdec(struct tn_checker *c, const struct tn_ast *ast, struct body *out);
/* Declares what a pattern names and gives it `value`; `declared` NULL: auto. */
bool check_declare(struct tn_checker *c, const struct tn_ast_pattern *pattern, const struct tn_ast_type *declared, bool is_const,
	struct tn_ir *value, struct body *out);
/* place = value, or place op= value; `prefix` (in a thunk) stands for that part of the place, `given` for its index operands
 * behind it. */
struct prefix {
	const struct tn_ast *ast;
	struct tn_ir *ir, **given;
	uint32_t count;
};
/* The operand of a call that is written as a path: a place, or one behind `any` (then op->cut is set). op->ir is its value. */
bool check_path_operand(struct tn_checker *c, const struct tn_ast *ast, struct prefix prefix, struct operand *op);
bool check_set_path(struct tn_checker *c, const struct tn_ast *place, struct prefix prefix, int op, struct tn_ir *value,
	struct tn_span span, struct body *out);
bool check_top_level(const struct tn_checker *c);

/* ---- check_drop.c ---- */
bool check_note_dropped(struct tn_checker *c, const struct tn_ir *value, const struct tn_ast *ast);
/* When the whole cell has been checked: warns of each that has no use. */
void check_warn_dropped(struct tn_checker *c);

/* ---- check_dyn.c ---- */
enum dyn_what { DYN_UNARY = 1, DYN_BINARY, DYN_FIELD, DYN_INDEX, DYN_CALL_NAME, DYN_CALL_VALUE, DYN_SET };
/* What a DYN node needs beside its tree: operands that are constants stay constants. */
struct dyn_extra {
	struct tn_module *module;
	struct tn_ir **fixed; /* per operand slot: a constant, or NULL: the next parameter */
	uint32_t slot_count;
	struct operand *shape; /* calls: names and flags per argument */
	uint32_t shape_count;
	const char *name;            /* CALL_NAME, FIELD */
	const struct tn_ast *prefix; /* SET: the part of the place that operand 0 refers to */
	int op;
	bool method, library_view;
};
struct tn_ir *check_dyn(struct tn_checker *c, enum dyn_what what, const struct tn_ast *ast, struct dyn_extra extra,
	struct tn_ir **operands, uint32_t count, struct tn_span span);
struct tn_ir *check_dyn_call(struct tn_checker *c, enum dyn_what what, struct tn_module *module, const char *name, bool method,
	struct operands args, struct tn_span span);

/* ---- check_hint.c ---- */
/* torch.zeros, np.random.rand, nn.Linear: whether the tree is such a path, and was reported with what is written here. */
bool check_report_prefix(struct tn_checker *c, const struct tn_ast *ast);
void check_unknown_name(struct tn_checker *c, const char *name, struct tn_span span);
/* The function of the library that stands for a type's or a PyTorch class's name. */
bool check_find_maker(struct tn_checker *c, const char *name, char out[64]);
void check_unknown_function(struct tn_checker *c, const char *name, struct tn_span span);
void check_unknown_method(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span);
void check_unknown_field(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span);

/* ---- check_habit.c: what to write for a name out of Python, PyTorch or C; NULL: nothing known of it ---- */
const char *check_habit_name(const char *name);
const char *check_habit_function(const char *name);
const char *check_habit_own_function(const char *name); /* the rows of functions alone */
bool check_habit_is_prefix(const char *name);           /* torch, np, … */
const char *check_habit_method(const struct tn_type *type, const char *name); /* x.name of a value of that type, NULL: unknown */
const char *check_habit_argument(const char *function, const char *name);

/* ---- check_native.c ---- */
const struct tn_native *check_attribute(const char *name, enum tn_type_kind *result); /* x.shape … of tensors; NULL: none */
struct tn_ir *check_native_attribute(struct tn_checker *c, struct tn_ir *object, const char *name, struct tn_span span);
/* Rank of an argument for a parameter: 0 exact … ; -1 does not fit. */
int check_rank(struct tn_checker *c, const struct tn_type *param, const struct tn_ir *arg, bool leafwise);

/* ---- check.c ---- */
struct tn_checker *check_begin(struct tn_lang *lang, struct tn_unit *unit, struct tn_diagnostics *diag, struct tn_checker *c);
void check_end(struct tn_checker *c);
/* A cell's variable: the symbol that a declaration or assignment of that type uses from here on. */
struct tn_symbol *check_declare_symbol(
	struct tn_checker *c, const char *name, struct tn_type *type, bool is_const, struct tn_span span);
/* The value that a library constant's tree has. */
struct tn_function *check_defined_here(struct tn_checker *c, const char *name);

#endif
