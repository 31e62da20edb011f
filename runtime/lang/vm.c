/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter's loop, frames and the stack. A call of the language inside the language pushes a frame and goes on in the same loop;
 * only natives that call back nest it. The stack is reserved once and grown by the system as it is touched, so registers
 * never move and references to them stay good. */
#include "lang/vm.h"

#include <math.h>
#include <string.h>

enum { MAX_C_DEPTH = 200, DEFAULT_DEPTH = 10000, STACK_BYTES = 64 << 20 };

static const volatile int never;

/* ---- life ---- */

struct tn_vm *tn_vm_create(struct tn_lang *lang, const struct tn_lang_params *params, struct tn_error *err) {
	struct tn_vm *vm = tn_calloc(1, sizeof(*vm));
	if (vm == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	vm->lang = lang;
	vm->engine = params->engine;
	vm->interrupt = params->interrupt != NULL ? params->interrupt : &never;
	vm->depth_limit = params->depth_limit > 0 ? (uint32_t)params->depth_limit : DEFAULT_DEPTH;
	vm->stack_bytes = params->stack_limit > 0 ? params->stack_limit : (size_t)STACK_BYTES;
	vm->stack_bytes = (vm->stack_bytes + 0xffff) & ~(size_t)0xffff;
	vm->frame_bytes = (((size_t)vm->depth_limit + 1) * sizeof(struct vm_frame) + 0xffff) & ~(size_t)0xffff;
	vm->stack = tn_mem_map(vm->stack_bytes, 65536);
	vm->frames = tn_mem_map(vm->frame_bytes, 65536);
	if (vm->stack == NULL || vm->frames == NULL) {
		tn_error_memory(err);
		tn_vm_destroy(vm);
		return NULL;
	}
	vm->stack_end = vm->stack + vm->stack_bytes / sizeof(vm->stack[0]);
	vm->left = TN_SITE_NONE;
	TN_POISON(vm->stack, vm->stack_bytes);
	return vm;
}

void tn_vm_destroy(struct tn_vm *vm) {
	if (vm == NULL) {
		return;
	}
	vm_undo_finish(vm);
	vm_free_dead(vm);
	TN_VEC_FINISH(&vm->handlers);
	TN_VEC_FINISH(&vm->protos);
	TN_VEC_FINISH(&vm->undo);
	TN_VEC_FINISH(&vm->held);
	TN_VEC_FINISH(&vm->warned);
	if (vm->stack != NULL) {
		TN_UNPOISON(vm->stack, vm->stack_bytes);
		tn_mem_unmap(vm->stack, vm->stack_bytes);
	}
	if (vm->frames != NULL) {
		tn_mem_unmap(vm->frames, vm->frame_bytes);
	}
	tn_free(vm);
}

/* ---- frames ---- */

struct tn_span vm_span(const struct vm_frame *frame) {
	size_t at = (size_t)(frame->pc - frame->proto->code);
	return frame->proto->spans[at > 0 ? at - 1 : 0];
}

/* Bytecode for what the definitions are now. */
static bool make_ready(struct tn_vm *vm, struct tn_instance *instance, struct tn_error *err) {
	if (instance->epoch != vm->lang->epoch && instance->needs_session && instance->function != NULL && !tn_check_refresh(vm->lang, instance, err)) {
		return false;
	}
	if (!instance->needs_session) {
		instance->epoch = vm->lang->epoch;
	}
	return instance->proto != NULL || tn_compile(vm->lang, instance, err);
}

/* In the hardened build only the running frame's registers and those below can be touched. Its caller's may reach further up: they are closed
 * while it runs, and open again behind it. `at`: where the change begins. */
static inline void open_registers(const struct tn_vm *vm, struct tn_value *at, const struct tn_value *above) {
	const struct vm_frame *f = vm->depth > 0 ? &vm->frames[vm->depth - 1] : NULL;
	struct tn_value *end = f == NULL ? at : f->registers + f->proto->register_count;
	if (at < end) {
		TN_UNPOISON(at, (size_t)(end - at) * sizeof(at[0]));
	}
	at = at > end ? at : end;
	if (at < above) {
		TN_POISON(at, (size_t)(above - at) * sizeof(at[0]));
	}
}

bool vm_push(struct tn_vm *vm, struct tn_instance *instance, struct tn_value *registers, struct tn_error *err) {
	if (TN_UNLIKELY((instance->epoch != vm->lang->epoch || instance->proto == NULL) && !make_ready(vm, instance, err))) {
		return false;
	}
	const struct tn_proto *proto = instance->proto;
	if (TN_UNLIKELY(vm->depth >= vm->depth_limit || (size_t)(vm->stack_end - registers) < proto->register_count)) {
		return tn_error_set(err, TN_ERR_RECURSION, "calls are nested more than %u deep", vm->depth);
	}
	struct vm_frame *f = &vm->frames[vm->depth++];
	*f = (struct vm_frame){.proto = proto, .pc = proto->code, .registers = registers};
	const struct tn_value *above = registers;
	if (vm->depth > 1) {
		f->loop_base = f[-1].loop_base + f[-1].loop_level;
		above = f[-1].registers + f[-1].proto->register_count;
	}
	open_registers(vm, registers, above);
	return true;
}

void vm_drop_frame(struct tn_vm *vm) {
	struct vm_frame *f = &vm->frames[--vm->depth];
	if (vm->depth == 0) {
		vm->left = vm_frame_site(f);
	}
	for (uint32_t i = 0; !f->proto->plain && i < f->proto->register_count; i++) {
		tn_value_store(&f->registers[i], tn_void());
	}
	open_registers(vm, f->registers + 1, f->registers + f->proto->register_count);
}

static bool run_nested(struct tn_vm *vm, struct tn_instance *instance, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err) {
	struct tn_value *registers = vm->stack;
	uint32_t base = vm->depth;
	if (base > 0) {
		const struct vm_frame *top = &vm->frames[base - 1];
		registers = top->registers + top->proto->register_count;
	}
	if ((size_t)(vm->stack_end - registers) <= count) {
		return tn_error_set(err, TN_ERR_RECURSION, "calls are nested more than %u deep", vm->depth);
	}
	if (!make_ready(vm, instance, err)) {
		return false;
	}
	TN_UNPOISON(registers, count * sizeof(registers[0]));
	for (uint32_t i = 0; i < count; i++) {
		registers[i] = tn_value_ref(args[i]);
	}
	if (!vm_push(vm, instance, registers, err)) {
		for (uint32_t i = 0; i < count; i++) {
			tn_value_store(&registers[i], tn_void());
		}
		return false;
	}
	vm->c_depth++;
	bool ok = vm_execute(vm, base, err);
	vm->c_depth--;
	if (ok) {
		*result = registers[0];
		registers[0] = tn_void();
	}
	return ok;
}

bool tn_vm_run(struct tn_lang *lang, struct tn_instance *instance, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err) {
	struct tn_vm *vm = lang->vm;
	if (vm->c_depth >= MAX_C_DEPTH) {
		return tn_error_set(err, TN_ERR_RECURSION, "functions that natives call are nested more than %d deep", MAX_C_DEPTH);
	}
	vm->callers = UINT32_MAX;
	bool ok = run_nested(vm, instance, args, count, result, err);
	vm->error_from_call = !ok && vm->depth > 0;
	if (vm->depth > 0) { /* what the native records from here on is its caller's again */
		tn_engine_set_site(vm->engine, vm_frame_site(&vm->frames[vm->depth - 1]));
	}
	if (vm->depth == 0) {
		vm_free_dead(vm);
	}
	return ok;
}

/* ---- errors of single instructions, out of the loop's way ---- */

static bool overflow(struct tn_error *err, int64_t a, const char *op, int64_t b) {
	tn_error_set(err, TN_ERR_OVERFLOW, "%lld %s %lld does not fit an int", (long long)a, op, (long long)b);
	tn_error_hint(err, "float(x) has a larger range");
	return false;
}
static bool by_zero(struct tn_error *err, const char *op) { return tn_error_set(err, TN_ERR_ZERO_DIVISION, "integer %s by zero", op); }

static bool shift(int64_t a, int64_t b, bool left, int64_t *out, struct tn_error *err) {
	if (b < 0 || b > 63) {
		return tn_error_set(err, TN_ERR_VALUE, "a shift must be by 0 to 63, it is by %lld", (long long)b);
	}
	*out = left ? (int64_t)((uint64_t)a << b) : a >> b;
	return true;
}

static bool no_index(struct tn_error *err, int64_t index, const struct tn_list *list) {
	return tn_error_set(err, TN_ERR_INDEX, "index %lld is out of range for a list of %zu", (long long)index, list->count);
}

static bool no_capture(struct tn_error *err) { return tn_error_set(err, TN_ERR_TYPE, "the value is not the lambda that was checked"); }

static bool set_global(struct tn_vm *vm, struct tn_symbol *symbol, struct tn_value *value, struct tn_error *err) {
	if (!tn_vm_note_write(vm->lang, symbol, err)) {
		return false;
	}
	struct tn_value v = *value;
	*value = tn_void();
	tn_value_store(&symbol->value, v);
	return true;
}

static bool write_ref(struct tn_vm *vm, const struct tn_ref *ref, struct tn_value *value, struct tn_error *err) {
	struct tn_value *slot, v = *value;
	if (!tn_ref_write(vm->lang, ref, &slot, err)) {
		return false;
	}
	*value = tn_void();
	tn_value_store(slot, v);
	return true;
}

static bool map_set(struct tn_value map, const struct tn_value *key, struct tn_value *item, struct tn_error *err) {
	struct tn_value v = *item;
	*item = tn_void();
	return tn_dict_set_take(map.map, key->string->text, key->string->length, v, err);
}

static bool next(struct tn_value pass, struct tn_value *out, bool *done, struct tn_error *err) {
	struct tn_value v = tn_void();
	tn_value_store(out, tn_void()); /* the element before it dies first, so that its memory can serve again */
	if (!tn_iter_next(vm_iterator(pass), &v, done, err)) {
		return false;
	}
	*out = v;
	return true;
}

static bool command(struct tn_vm *vm, const char *text, struct tn_error *err) {
	const struct tn_lang_output *out = &vm->lang->output;
	return out->command == NULL || out->command(out->data, text, err);
}

/* Tag and payload were stored by two instructions: loading both as one would wait until the stores are done (half of the time of a
 * scalar loop, measured on Zen 4). */
static inline void move_number(struct tn_value *to, const struct tn_value *from) {
	to->tag = from->tag;
	to->i = from->i;
}

/* ---- the loop ---- */

#ifdef TN_VM_SWITCH
#define DISPATCH_BEGIN again: for (;;) { i = *pc++; switch ((enum tn_opcode)TN_CODE_OP(i)) {
#define DISPATCH_END case TN_OPCODE_COUNT: break; } }
#define OP(name) case TN_OPCODE_##name:
#define NEXT break
#define RESUME goto again
#else
#define DISPATCH_BEGIN NEXT;
#define DISPATCH_END
#define OP(name) op_##name:
#define NEXT do { i = *pc++; goto *table[TN_CODE_OP(i)]; } while (0)
#define RESUME NEXT
#endif

#define A (R[TN_CODE_A(i)])
#define B (R[TN_CODE_B(i)])
#define C (R[TN_CODE_C(i)])
#define K (proto->constants[TN_CODE_C(i)])
#define ROW(type) ((type *)proto->rows[TN_CODE_C(i)])
#define TRY(e) do { if (TN_UNLIKELY(!(e))) goto fail; } while (0)
#define SITE() tn_engine_set_site(vm->engine, vm_site(proto, pc - 1))
/* A taken jump; back edges look at the flag. */
#define JUMP() do { pc += TN_CODE_CS(i); if (TN_CODE_CS(i) < 0 && TN_UNLIKELY(*interrupt)) goto interrupted; } while (0)
#define SET_INT(x) do { struct tn_value *to_ = &A; to_->i = (x); to_->tag = TN_INT; } while (0)
#define SET_FLOAT(x) do { struct tn_value *to_ = &A; to_->f = (x); to_->tag = TN_FLOAT; } while (0)
#define SET_BOOL(x) do { struct tn_value *to_ = &A; to_->i = (x); to_->tag = TN_BOOL; } while (0)
#define INT_OP(name, builtin, sign, y) OP(name) { int64_t r_; int64_t x_ = B.i, y_ = (y); \
	if (TN_UNLIKELY(builtin(x_, y_, &r_))) { overflow(err, x_, sign, y_); goto fail; } SET_INT(r_); NEXT; }
#define DIVIDE(name, op, text, y) OP(name) { int64_t x_ = B.i, y_ = (y); \
	if (TN_UNLIKELY((uint64_t)y_ + 1 <= 1)) { \
		if (y_ == 0) { by_zero(err, text); goto fail; } \
		if (x_ == INT64_MIN && (#op)[0] == '/') { overflow(err, x_, "/", y_); goto fail; } \
		SET_INT((#op)[0] == '/' ? -x_ : 0); NEXT; } \
	/* 32-bit division is several times faster on older processors */ \
	SET_INT((((uint64_t)x_ | (uint64_t)y_) >> 32) == 0 ? (int64_t)((uint32_t)x_ op (uint32_t)y_) : x_ op y_); NEXT; }
#define JUMP_IF(name, condition) OP(name) { if (condition) JUMP(); NEXT; }
#define RESULT(call) do { struct tn_value out_ = tn_void(); TRY(call); tn_value_store(&A, out_); } while (0)

bool vm_execute(struct tn_vm *vm, uint32_t base, struct tn_error *err) {
#ifndef TN_VM_SWITCH
	static const void *const table[TN_OPCODE_COUNT] = {
#define TN_OPCODE(id) &&op_##id,
#include "lang/opcodes.def"
#undef TN_OPCODE
	};
#endif
	const volatile int *interrupt = vm->interrupt;
	const size_t handlers = vm->handlers.count;
	struct vm_frame *frame;
	const struct tn_proto *proto;
	const tn_code *pc;
	struct tn_value *R;
	tn_code i;
#define ENTER() do { frame = &vm->frames[vm->depth - 1]; proto = frame->proto; pc = frame->pc; R = frame->registers; } while (0)
	ENTER();
	if (TN_UNLIKELY(*interrupt)) {
		goto interrupted;
	}
	DISPATCH_BEGIN
	OP(MOVE) { move_number(&A, &B); NEXT; }
	OP(COPY) { struct tn_value v = tn_value_ref(B); tn_value_store(&A, v); NEXT; }
	OP(TAKE) { struct tn_value v = B; B.tag = TN_VOID; tn_value_store(&A, v); NEXT; }
	OP(DROP) { struct tn_value *p = &A, *end = p + TN_CODE_B(i); for (; p < end; p++) { tn_value_store(p, tn_void()); } NEXT; }
	OP(CONST) { struct tn_value v = tn_value_ref(K); tn_value_store(&A, v); NEXT; }
	OP(INT) { struct tn_value *to = &A; if (tn_value_is_counted(*to)) { tn_value_store(to, tn_void()); } SET_INT(TN_CODE_CS(i)); NEXT; }
	OP(READ_REF) { struct tn_value *slot; TRY(tn_ref_read(B.ref, &slot, err)); struct tn_value v = tn_value_ref(*slot); tn_value_store(&A, v); NEXT; }
	OP(WRITE_REF) { frame->pc = pc; TRY(write_ref(vm, A.ref, &B, err)); NEXT; }
	OP(GET_GLOBAL) { struct tn_value v = tn_value_ref(ROW(struct tn_symbol)->value); tn_value_store(&A, v); NEXT; }
	OP(GET_NUMBER) { move_number(&A, &ROW(struct tn_symbol)->value); NEXT; }
	OP(SET_GLOBAL) { TRY(set_global(vm, ROW(struct tn_symbol), &A, err)); NEXT; }
	OP(SET_NUMBER) { move_number(&ROW(struct tn_symbol)->value, &A); NEXT; }
	OP(IADD_GLOBAL) {
		struct tn_value *global = &ROW(struct tn_symbol)->value;
		if (TN_UNLIKELY(__builtin_saddl_overflow(global->i, A.i, &global->i))) {
			global->i = (int64_t)((uint64_t)global->i - (uint64_t)A.i); /* as it was */
			overflow(err, global->i, "+", A.i);
			goto fail;
		}
		NEXT;
	}
	OP(FADD_GLOBAL) { ROW(struct tn_symbol)->value.f += A.f; NEXT; }
	OP(BIND) { TRY(vm_bind(vm, ROW(struct tn_symbol), &A, err)); NEXT; }

	INT_OP(IADD, __builtin_saddl_overflow, "+", C.i)
	INT_OP(ISUB, __builtin_ssubl_overflow, "-", C.i)
	INT_OP(IMUL, __builtin_smull_overflow, "*", C.i)
	INT_OP(IADDK, __builtin_saddl_overflow, "+", TN_CODE_CS(i))
	INT_OP(IMULK, __builtin_smull_overflow, "*", TN_CODE_CS(i))
	DIVIDE(IDIV, /, "division", C.i)
	DIVIDE(IMOD, %, "remainder", C.i)
	DIVIDE(IDIVK, /, "division", TN_CODE_CS(i))
	DIVIDE(IMODK, %, "remainder", TN_CODE_CS(i))
	OP(IPOW) { int64_t r = 0; TRY(vm_int_pow(B.i, C.i, &r, err)); SET_INT(r); NEXT; }
	OP(INEG) { int64_t x = B.i; if (x == INT64_MIN) { overflow(err, 0, "-", x); goto fail; } SET_INT(-x); NEXT; }
	OP(INOT) { SET_INT(~B.i); NEXT; }
	OP(IAND) { SET_INT(B.i & C.i); NEXT; }
	OP(IOR) { SET_INT(B.i | C.i); NEXT; }
	OP(IXOR) { SET_INT(B.i ^ C.i); NEXT; }
	OP(ISHL) { int64_t r = 0; TRY(shift(B.i, C.i, true, &r, err)); SET_INT(r); NEXT; }
	OP(ISHR) { int64_t r = 0; TRY(shift(B.i, C.i, false, &r, err)); SET_INT(r); NEXT; }
	OP(FADD) { SET_FLOAT(B.f + C.f); NEXT; }
	OP(FSUB) { SET_FLOAT(B.f - C.f); NEXT; }
	OP(FMUL) { SET_FLOAT(B.f * C.f); NEXT; }
	OP(FDIV) { SET_FLOAT(B.f / C.f); NEXT; }
	OP(FMOD) { SET_FLOAT(fmod(B.f, C.f)); NEXT; }
	OP(FPOW) { SET_FLOAT(pow(B.f, C.f)); NEXT; }
	OP(FNEG) { SET_FLOAT(-B.f); NEXT; }
	OP(FADDK) { SET_FLOAT(B.f + K.f); NEXT; }
	OP(FSUBK) { SET_FLOAT(B.f - K.f); NEXT; }
	OP(FMULK) { SET_FLOAT(B.f * K.f); NEXT; }
	OP(FDIVK) { SET_FLOAT(B.f / K.f); NEXT; }
	OP(ILT) { SET_BOOL(B.i < C.i); NEXT; }
	OP(ILE) { SET_BOOL(B.i <= C.i); NEXT; }
	OP(IEQ) { SET_BOOL(B.i == C.i); NEXT; }
	OP(INE) { SET_BOOL(B.i != C.i); NEXT; }
	OP(FLT) { SET_BOOL(B.f < C.f); NEXT; }
	OP(FLE) { SET_BOOL(B.f <= C.f); NEXT; }
	OP(FEQ) { SET_BOOL(B.f == C.f); NEXT; }
	OP(FNE) { SET_BOOL(B.f != C.f); NEXT; }
	OP(NOT) { SET_BOOL(B.i == 0); NEXT; }

	OP(JUMP) { JUMP(); NEXT; }
	JUMP_IF(JUMP_TRUE, A.i != 0)
	JUMP_IF(JUMP_FALSE, A.i == 0)
	JUMP_IF(JILT, A.i < B.i)
	JUMP_IF(JILE, A.i <= B.i)
	JUMP_IF(JIEQ, A.i == B.i)
	JUMP_IF(JINE, A.i != B.i)
	JUMP_IF(JILTK, A.i < TN_CODE_BS(i))
	JUMP_IF(JILEK, A.i <= TN_CODE_BS(i))
	JUMP_IF(JIGTK, A.i > TN_CODE_BS(i))
	JUMP_IF(JIGEK, A.i >= TN_CODE_BS(i))
	JUMP_IF(JIEQK, A.i == TN_CODE_BS(i))
	JUMP_IF(JINEK, A.i != TN_CODE_BS(i))
	JUMP_IF(JFLT, A.f < B.f)
	JUMP_IF(JFLE, A.f <= B.f)
	JUMP_IF(JFEQ, A.f == B.f)
	JUMP_IF(JNFLT, !(A.f < B.f))
	JUMP_IF(JNFLE, !(A.f <= B.f))
	JUMP_IF(JFNE, A.f != B.f)
	OP(FOR_RANGE) {
		struct tn_value *counter = &A;
		if (counter[0].i < counter[1].i) {
			move_number(&B, counter);
			counter->i++;
			JUMP();
		}
		NEXT;
	}
	OP(EDGE) { frame->pc = pc; TRY(vm_edge(vm, err)); NEXT; }
	OP(LEVEL) { frame->loop_level = (uint32_t)TN_CODE_C(i); NEXT; }

	OP(INT_TO_FLOAT) { SET_FLOAT((double)B.i); NEXT; }
	OP(TO_BOOL) { bool r = false; frame->pc = pc; TRY(vm_to_bool(B, &r, err)); SET_BOOL(r); NEXT; }
	OP(CONVERT) { frame->pc = pc; SITE(); RESULT(vm_convert(vm, ROW(const struct tn_convert_row), B, &out_, err)); NEXT; }
	OP(BINARY) {
		const struct tn_operator_row *row = ROW(const struct tn_operator_row);
		frame->pc = pc;
		if (row->class == TN_CLASS_STRING && row->op == TN_AST_OP_ADD && TN_CODE_A(i) == TN_CODE_B(i)) { /* s += t, s = s + t, s + t + … */
			TRY(tn_string_append(&A, R[row->b].string, err));
			NEXT;
		}
		SITE();
		RESULT(vm_binary(vm, row, B, R[row->b], &out_, err));
		NEXT;
	}
	OP(UNARY) { frame->pc = pc; SITE(); RESULT(vm_unary(vm, ROW(const struct tn_operator_row), B, &out_, err)); NEXT; }

	OP(FIELD) { struct tn_value v = tn_value_ref(B.instance->fields[TN_CODE_C(i)]); tn_value_store(&A, v); NEXT; }
	OP(ITEM) { struct tn_value v = tn_value_ref(B.tuple->items[TN_CODE_C(i)]); tn_value_store(&A, v); NEXT; }
	OP(CAPTURE) {
		if (B.tag != TN_FN || TN_CODE_C(i) >= B.fn->capture_count) {
			no_capture(err);
			goto fail;
		}
		struct tn_value v = tn_value_ref(B.fn->captures[TN_CODE_C(i)]);
		tn_value_store(&A, v);
		NEXT;
	}
	OP(GET_LIST) {
		const struct tn_list *list = B.list;
		int64_t at = C.i;
		at = at < 0 ? at + (int64_t)list->count : at;
		if (TN_UNLIKELY((uint64_t)at >= list->count)) {
			no_index(err, C.i, list);
			goto fail;
		}
		struct tn_value v = tn_value_ref(list->items[at]);
		tn_value_store(&A, v);
		NEXT;
	}
	OP(INDEX) { frame->pc = pc; SITE(); RESULT(vm_index(vm, ROW(const struct tn_subscript), B, R, &out_, err)); NEXT; }
	OP(REF) { RESULT(vm_reference(vm, ROW(const struct tn_path), R, &out_, err)); NEXT; }
	OP(SET_PLACE) { frame->pc = pc; SITE(); TRY(vm_set_place(vm, ROW(const struct tn_path), R, &A, err)); NEXT; }
	OP(UPDATE) { frame->pc = pc; SITE(); TRY(vm_update(vm, ROW(const struct tn_update_row), R, A, err)); NEXT; }

	OP(RANGE) { RESULT(tn_range_create(vm->lang, B.i, C.i, &out_, err)); NEXT; }
	OP(TUPLE) {
		struct tn_value *items = &B, out;
		uint32_t n = (uint32_t)TN_CODE_C(i);
		bool ok = tn_tuple_create_take(items, n, &out, err);
		for (uint32_t k = 0; k < n; k++) {
			items[k] = tn_void();
		}
		TRY(ok);
		tn_value_store(&A, out);
		NEXT;
	}
	OP(LIST) { RESULT(tn_list_create(ROW(struct tn_type)->items[0], 0, &out_, err)); NEXT; }
	OP(APPEND) { struct tn_value v = B; B.tag = TN_VOID; TRY(tn_list_append_take(A.list, v, err)); NEXT; }
	OP(MAP) { RESULT(tn_dict_create(ROW(struct tn_type)->items[0], &out_, err)); NEXT; }
	OP(MAP_SET) { TRY(map_set(A, &B, &C, err)); NEXT; }
	OP(STRUCT) { RESULT(vm_make_struct(ROW(struct tn_struct_def), &B, &out_, err)); NEXT; }
	OP(TENSOR) { SITE(); RESULT(vm_make_tensor(vm, ROW(const struct tn_tensor_row), B, &out_, err)); NEXT; }
	OP(LAMBDA) { RESULT(vm_make_lambda(ROW(const struct tn_lambda_row), &B, &out_, err)); NEXT; }
	OP(FNSET) { RESULT(tn_fn_create(ROW(const char), NULL, 0, &out_, err)); NEXT; }
	OP(FORMAT) { frame->pc = pc; RESULT(vm_format(ROW(const struct tn_format_row), &B, &out_, err)); NEXT; }
	OP(EXPECT) { TRY(vm_expect(vm, ROW(const struct tn_ir_shape), A, &B, R, err)); NEXT; }
	OP(UNPACK) { TRY(vm_unpack(ROW(const struct tn_unpack_row), &A, R, err)); NEXT; }

	OP(DISTINCT) { TRY(vm_distinct(ROW(struct tn_distinct_row), &A, err)); NEXT; }
	OP(CALL) {
		frame->pc = pc;
		TRY(vm_push(vm, ROW(struct tn_instance), &A, err));
		ENTER();
		if (TN_UNLIKELY(*interrupt)) {
			goto interrupted;
		}
		NEXT;
	}
	OP(NATIVE) { frame->pc = pc; SITE(); TRY(vm_native(vm, ROW(const struct tn_native_row), &A, err)); NEXT; }
	OP(DYNAMIC) {
		frame->pc = pc;
		struct tn_instance *thunk = vm_dynamic(vm, ROW(struct tn_dyn_row), &A, err);
		TRY(thunk != NULL && vm_push(vm, thunk, &A, err));
		ENTER();
		NEXT;
	}
	OP(IMPORT) { frame->pc = pc; TRY(vm_push(vm, ROW(struct tn_unit)->cell, &A, err)); ENTER(); NEXT; }
	OP(RETURN) {
		if (TN_LIKELY(proto->plain)) {
			move_number(&R[0], &A);
			vm->depth--;
			open_registers(vm, R + 1, R + proto->register_count);
		} else {
			struct tn_value v = A;
			A.tag = TN_VOID;
			vm_drop_frame(vm);
			R[0] = v;
		}
		if (vm->depth == base) {
			return true;
		}
		ENTER();
		NEXT;
	}
	OP(RETURN_VOID) {
		vm_drop_frame(vm);
		R[0].tag = TN_VOID;
		if (vm->depth == base) {
			return true;
		}
		ENTER();
		NEXT;
	}

	OP(ITERATE) { frame->pc = pc; SITE(); RESULT(vm_iterate(vm, B, &out_, err)); NEXT; }
	OP(NEXT) { bool done = false; frame->pc = pc; SITE(); TRY(next(A, &B, &done, err)); if (done) { pc += TN_CODE_CS(i); } NEXT; }
	OP(NEXT_REF) { bool done = false; TRY(vm_next_ref(&A, &B, &done, err)); if (done) { pc += TN_CODE_CS(i); } NEXT; }

	OP(TRY) { frame->pc = pc; TRY(vm_try_begin(vm, pc + TN_CODE_CS(i), err)); NEXT; }
	OP(TRY_END) { frame->pc = pc; TRY(vm_try_end(vm, err)); NEXT; }
	OP(CATCH) {
		for (uint32_t k = (uint32_t)TN_CODE_B(i); k < proto->register_count; k++) {
			tn_value_store(&R[k], tn_void());
		}
		RESULT(vm_catch(vm, &out_, err));
		NEXT;
	}
	OP(GRAD) { frame->pc = pc; SITE(); TRY(vm_grad_begin(vm, ROW(const struct tn_block_row), &A, err)); NEXT; }
	OP(GRAD_END) { frame->pc = pc; SITE(); TRY(vm_grad_end(vm, &A, err)); NEXT; }
	OP(BLOCK) { frame->pc = pc; TRY(vm_block_begin(vm, ROW(const struct tn_block_row), &A, err)); NEXT; }
	OP(BLOCK_END) { frame->pc = pc; TRY(vm_block_end(vm, err)); NEXT; }
	OP(DISPLAY) { frame->pc = pc; TRY(vm_display(vm, A, err)); NEXT; }
	OP(COMMAND) { frame->pc = pc; TRY(command(vm, ROW(const char), err)); NEXT; }
	DISPATCH_END
interrupted:
	tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
fail:
	frame->pc = pc;
	if (!vm_unwind(vm, base, (uint32_t)handlers, err)) {
		return false;
	}
	ENTER();
	RESUME;
}
