/* SPDX-License-Identifier: Apache-2.0 */
/* The language's state: modules with their names, units with their trees, the table of instances, the VM. Private to lang/.
 *
 *   tn_lang ── modules: the library, the session, imported files ── symbols (variables), overload sets, structs
 *           ├─ units: one per cell or file: source, arena, tree; kept while something defined in it lives
 *           ├─ natives by name
 *           └─ VM: stack, frames, handlers, undo log */
#ifndef TN_LANG_STATE_H
#define TN_LANG_STATE_H

#include "lang/ir.h"
#include "lang/lang.h"

/* A global variable. A declaration with another type makes a new symbol, bound to the name when the declaration runs. */
struct tn_symbol {
	const char *name;
	struct tn_type *type;
	struct tn_value value;
	struct tn_module *module;
	bool is_const;
	bool in_undo_log;             /* its old value has been noted since the last flush */
	struct tn_ir_shape *declared; /* a declared shape, or NULL */
	const char *doc;
};

struct tn_overloads { const char *name; TN_VEC(struct tn_function *) items; };

struct tn_module {
	const char *name;            /* NULL: the session; "lib"; else the import's path */
	bool is_library;
	struct tn_map symbols;       /* name → struct tn_symbol, bound ones */
	struct tn_map functions;     /* name → struct tn_overloads */
	struct tn_map structs;       /* name → struct tn_struct_def */
	struct tn_map aliases;       /* import … as name → struct tn_module */
	struct tn_unit *unit;        /* imported files: what ran */
};

/* One source with all that was made of it. */
struct tn_unit {
	struct tn_source *source;
	struct tn_arena arena;
	struct tn_ast_unit tree;
	struct tn_module *module;
	struct tn_instance *cell;    /* the statements, checked */
	uint64_t serial;             /* no other unit of the language has had it */
	bool keep;                   /* defines functions, structs or lambdas that may live on: else it is freed after its cell */
	bool pinned;                 /* not only its functions' names lead to it (values, types, shapes of variables): freed with the language */
	TN_VEC(struct tn_value) constants; /* strings of CONST nodes */
	TN_VEC(struct tn_function *) functions; /* made in its arena; their instances' bytecode dies with the unit */
	TN_VEC(struct tn_instance *) instances; /* cells and thunks: instances without a function */
};

struct tn_vm; /* vm.h */

struct tn_lang {
	struct tn_engine *engine;
	struct tn_lang_output output;
	const volatile int *interrupt;
	const char *const *args; int arg_count;
	struct tn_lang **hook_slot;
	struct tn_types *types;
	uint64_t unit_count;         /* units ever made */
	struct tn_map names;         /* interned names */
	struct tn_module *session, *library;
	TN_VEC(struct tn_module *) modules;
	TN_VEC(struct tn_unit *) units;
	struct tn_map natives;       /* name → struct tn_overloads whose functions have `native` */
	struct tn_map handles;       /* name → struct tn_type of a handle: the types that natives bring */
	struct tn_map extras;        /* name → what a folder above keeps for its natives */
	struct tn_map library_index; /* name → embedded file, built at the first unknown name */
	bool library_indexed;
	uint64_t epoch;              /* counts changes of definitions and of globals' types: instances checked before are checked again */
	struct tn_map dyn_cache;     /* thunks of DYN nodes and dynamic calls */
	struct tn_vm *vm;
	bool in_grad_check;
	/* the checker's and state.c's own */
	struct tn_arena arena;               /* symbols, definitions of natives: for the language's life */
	struct tn_checker *checker;          /* the check in progress, innermost; NULL between checks */
	TN_VEC(struct tn_symbol *) symbols;  /* every symbol ever made; their values are dropped by tn_state_finish */
	TN_VEC(struct tn_symbol *) expected; /* those that the last checked cell declares: not all may have been reached */
	TN_VEC(struct tn_source *) signatures; /* of natives that have been used */
	struct tn_catalog *catalog;          /* the last one made: the next shares what did not change; NULL: none yet */
	struct tn_unit *thunks;              /* owns the instances of tn_check_dyn and tn_check_call */
	struct tn_struct_def *error_info;    /* what catch (e) binds: struct ErrorInfo { string name, message, trace; } */
};

/* ---- state.c ---- */
/* Types, modules (session, library), ErrorInfo: the first thing in tn_lang_create; and the last in tn_lang_destroy (values of globals, instances
 * and their bytecode, units). */
TN_MUST_USE bool tn_state_init(struct tn_lang *lang, struct tn_error *err);
void tn_state_finish(struct tn_lang *lang);
/* Forgets the session's names (units stay while values may name what they define). */
TN_MUST_USE bool tn_state_reset(struct tn_lang *lang, struct tn_error *err);
/* Reads the library file(s) that define `name`; true also when there are none. library.c */
TN_MUST_USE bool tn_library_load(struct tn_lang *lang, const char *name, struct tn_error *err);
/* Offers every name of the library's index, for "did you mean". */
void tn_library_offer(struct tn_lang *lang, struct tn_suggest *suggest);
/* The folder that TENON_LIB names, NULL: the library inside the program is read. Executing thread, which alone changes the environment. */
const char *tn_library_folder(void);
/* Each file of the library, by name: those of `folder` (`text` is then valid for the call), or those inside the program, whose texts are constant.
 * Any thread. */
typedef bool (*tn_library_visitor)(void *data, const char *name, const char *text, size_t length, struct tn_error *err);
TN_MUST_USE bool tn_library_each_file(const char *folder, tn_library_visitor visit, void *data, struct tn_error *err);
/* Every name that the library defines, read or not: completion and the manual load each by tn_library_load. */
TN_MUST_USE bool tn_library_index(struct tn_lang *lang, struct tn_error *err);
const char *tn_intern(struct tn_lang *lang, const char *text, size_t length); /* NULL: out of memory */
TN_MUST_USE struct tn_unit *tn_unit_create(struct tn_lang *lang, const char *name, const char *text, size_t length, struct tn_module *module, struct tn_error *err);
void tn_unit_destroy(struct tn_lang *lang, struct tn_unit *unit);
/* Frees the units of cells whose functions have all been replaced. Between cells only: what is checked or compiled for them elsewhere is
 * of an older epoch, and is made again before it runs. */
void tn_units_sweep(struct tn_lang *lang);
TN_MUST_USE struct tn_module *tn_module_create(struct tn_lang *lang, const char *name, struct tn_error *err);
/* All overloads of a name that `module` sees: its own, the library's (reading the library file that has it), natives. */
struct tn_overload_view { struct tn_overloads *own, *library, *native; };
TN_MUST_USE bool tn_lookup_functions(struct tn_lang *lang, struct tn_module *module, const char *name, struct tn_overload_view *out, struct tn_error *err);
struct tn_symbol *tn_lookup_symbol(struct tn_lang *lang, struct tn_module *module, const char *name); /* session's or the library's */
struct tn_struct_def *tn_lookup_struct(struct tn_lang *lang, struct tn_module *module, const char *name);

/* The function's name in a signature: the word right before a '(' (that of a result tuple has none). False: there is none. state.c */
bool tn_signature_name(const char *signature, const char **name, size_t *length);

/* ---- lang_names.c ---- */
/* The example in a documentation text: what stands behind its line `Example:`; NULL where there is none. *length: of the text before it. */
const char *tn_doc_example(const char *doc, size_t *length);

/* ---- the checker: check.c ---- */

/* Checks a parsed unit against the live session; defines its functions and structs (they stay if the cell fails while running, not
 * when it does not check). On success unit->cell is its instance. */
TN_MUST_USE bool tn_check_unit(struct tn_lang *lang, struct tn_unit *unit, bool display_last, struct tn_diagnostics *diag);
/* A DYN node with the types its operands have now: a thunk whose parameters are the operands (REF operands by reference). Cached. */
TN_MUST_USE struct tn_instance *tn_check_dyn(struct tn_lang *lang, const struct tn_ir *dyn, struct tn_type *const *types, uint32_t count, struct tn_error *err);
/* A thunk for a call from C: of a callable value (name NULL: parameter 0 is the callee), or of a name. */
TN_MUST_USE struct tn_instance *tn_check_call(struct tn_lang *lang, const char *name, struct tn_type *const *types, uint32_t count, struct tn_error *err);
/* Checks an instance again when definitions have changed since (epoch); the VM asks before a call to one whose epoch is old. */
TN_MUST_USE bool tn_check_refresh(struct tn_lang *lang, struct tn_instance *instance, struct tn_error *err);

/* The parsed signature of a native (an overload in lang->natives), made at the first use. NULL: out of memory, or a bug in the row (err says). */
TN_MUST_USE const struct tn_ast_function *tn_native_decl(struct tn_lang *lang, struct tn_function *function, struct tn_error *err);
/* Defines functions, structs and constants of a library file's tree. */
TN_MUST_USE bool tn_check_library(struct tn_lang *lang, struct tn_unit *unit, struct tn_diagnostics *diag);
/* S-expressions of a checked instance's body with types, for tests. check_dump.c */
TN_MUST_USE bool tn_ir_dump(const struct tn_instance *instance, struct tn_str *out);

/* ---- tree.c: a path that grows and shrinks with a walk ---- */
TN_MUST_USE bool tn_tree_push_name(struct tn_str *path, struct tn_value parent, size_t i, size_t *before, struct tn_error *err); /* child i of `parent` */
void tn_tree_pop_name(struct tn_str *path, size_t before);

/* ---- compiler and VM: compile.c, vm.c ---- */

TN_MUST_USE bool tn_compile(struct tn_lang *lang, struct tn_instance *instance, struct tn_error *err); /* fills instance->proto */
void tn_proto_destroy(struct tn_proto *proto); /* accepts NULL */
TN_MUST_USE struct tn_vm *tn_vm_create(struct tn_lang *lang, const struct tn_lang_params *params, struct tn_error *err);
void tn_vm_destroy(struct tn_vm *vm);
/* Runs an instance with args (borrowed; one per parameter), nested calls from natives included. */
TN_MUST_USE bool tn_vm_run(struct tn_lang *lang, struct tn_instance *instance, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err);
/* The end of a cell: flush, undo log dropped; after a failure globals get back what recorded work had when last done. */
TN_MUST_USE bool tn_vm_end_cell(struct tn_lang *lang, bool ok, struct tn_error *err);
/* Before a global is written: notes its value once per flush. */
TN_MUST_USE bool tn_vm_note_write(struct tn_lang *lang, struct tn_symbol *symbol, struct tn_error *err);
/* The same before a write through a reference to a global. */
TN_MUST_USE bool tn_vm_note_ref(struct tn_lang *lang, const struct tn_ref *ref, struct tn_error *err);

/* ---- warnings while code runs: vm_warn.c ---- */

/* Each text once in a cell. hint may be NULL. */
void tn_vm_warn(struct tn_lang *lang, const char *hint, const char *format, ...) TN_PRINTF(3, 4);
/* A `call` writes to its first parameter. */
void tn_vm_note_call_write(struct tn_lang *lang, const struct tn_ref *ref);

#endif
