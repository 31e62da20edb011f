/* SPDX-License-Identifier: Apache-2.0 */
/* Errors about names that there are not: did you mean …, by edit distance, and what the habits of Python, PyTorch and C are
 * called here. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

struct habit {
	const char *name, *hint;
};

static const struct habit names[] = {
	{"True", "the word is true"},
	{"False", "the word is false"},
	{"None", "there is no null; a tensor slot without a tensor is `empty`"},
	{"NULL", "there is no null; a tensor slot without a tensor is `empty`"},
	{"nullptr", "there is no null; a tensor slot without a tensor is `empty`"},
	{"self", "a method is a function whose first parameter is the struct: f(Net &n, …)"},
	{"elif", "else if"},
	{"def", "a function begins with its return type: float f(float x) { … }"},
	{"float32", "the dtype is called f32"},
	{"float64", "the dtype is called f64"},
	{"int64", "the dtype is called i64"},
	{"int32", "the dtype is called i32"},
	{"uint8", "the dtype is called u8"},
	{"bfloat16", "the dtype is called bf16"},
	{"float16", "the dtype is called f16"},
	{"torch", "the functions of PyTorch stand alone: relu(x), zeros(2, 3)"},
	{"np", "the functions of NumPy stand alone: zeros(2, 3)"},
	{"numpy", "the functions of NumPy stand alone: zeros(2, 3)"},
	{"nn", "layers are made by functions: linear(784, 10)"},
	{"F", "the functions of PyTorch stand alone: relu(x)"},
	{"optim", "optimizers are made by functions: adamw(lr: 1e-3), sgd(lr: 0.1)"},
	{"math", "the functions stand alone: sqrt(x), exp(x), pi"},
	{"time", "clock() gives seconds; %time in a cell shows how long it took"},
	{"random", "rand(2, 3), randn(2, 3) and randint(0, 10, [3]) make tensors; seed(0) begins the random numbers anew"},
	{"plt", "plot(xs, ys), scatter(x, y), hist(x) and image(x) draw"},
	{"pd", "table(rows) shows a table"},
	{"os", "%cd, %pwd and !ls are commands of a cell"},
	{"sys", "args() gives the arguments of a program"},
	{"tqdm", "progress(xs) around what a loop walks over shows a bar"},
	{"pass", "an empty body is { }"},
	{"print", "print(x)"},
	{"exit", "a session ends with its kernel; return leaves a function"},
	{"quit", "a session ends with its kernel; return leaves a function"},
	{"ls", "!ls runs a shell command"},
	{"pwd", "%pwd"},
	{"cd", "%cd FOLDER"},
	{"who", "%who lists the variables, %whos with types and sizes"},
	{"e", "exp(1)"},
	{"null", "there is no null; a tensor slot without a tensor is `empty`"},
};
static const struct habit functions[] = {
	{"range", "0..n counts from 0 to n - 1: for (int i : 0..n)"},
	{"str", "string(x) writes a value as text"},
	{"repr", "string(x) writes a value as text"},
	{"type", "x.dtype, or ?x in a cell"},
	{"printf", "print(f\"{x:.3f}\")"},
	{"sizeof", "len(x), x.shape"},
	{"double", "float(x)"},
	{"long", "int(x)"},
	{"dict", "{ \"key\": value } makes a map"},
	{"tuple", "(a, b) makes a tuple"},
	{"isinstance", "types are known when the cell is checked; a function may have an overload for each"},
	{"sorted", "sort(xs)"},
	{"reversed", "reverse(xs)"},
	{"open", "!cat FILE shows a file"},
	{"float32", "f32(x)"},
	{"Tensor", "tensor(xs)"},
	{"array", "tensor(xs)"},
	{"concat", "cat([a, b], axis: 0)"},
	{"concatenate", "cat([a, b], axis: 0)"},
	{"size", "len(x), x.shape"},
	{"fabs", "abs(x)"},
	{"no_grad", "only what stands in a grad block is recorded"},
	{"help", "?name shows what a function does, as does Shift-Tab in a notebook"},
	{"dir", "?name shows what there is to know; Tab behind x. lists what it has"},
	{"exit", "a session ends with its kernel; return leaves a function"},
	{"quit", "a session ends with its kernel; return leaves a function"},
	{"set", "a map has unique keys: { \"key\": true }"},
	{"id", "values are copied: there is no identity to ask for"},
	{"hasattr", "fields are known when the cell is checked: x.field"},
	{"super", "there are no classes to inherit from: a struct holds another as a field"},
	{"tqdm", "progress(xs)"},
	{"sleep", "!sleep 1 runs a shell command"},
	{"manual_seed", "seed(0)"},
	{"from_numpy", "tensor(xs)"},
	{"as_tensor", "tensor(xs)"},
	{"FloatTensor", "f32(xs)"},
	{"LongTensor", "i64(xs)"},
	{"Sequential", "a tuple is a chain: (linear(784, 256), relu, linear(256, 10))"},
	{"Parameter", "every floating tensor in a field of a struct is a weight"},
	{"ModuleList", "a list of layers: Linear[] layers;"},
	{"DataLoader", "batches(data, 32, shuffle: true)"},
	{"TensorDataset", "Dataset{ .x = x, .y = y }"},
	{"random_split", "split(data, 0.9)"},
	{"CrossEntropyLoss", "cross_entropy(scores, classes)"},
	{"NLLLoss", "nll_loss(log_probs, classes)"},
	{"MSELoss", "mse_loss(a, b)"},
	{"L1Loss", "l1_loss(a, b)"},
	{"BCELoss", "binary_cross_entropy(p, target)"},
	{"BCEWithLogitsLoss", "bce_with_logits(scores, target)"},
	{"SummaryWriter", "run(\"name\") makes a run; r.log(\"loss\", x) writes a point"},
	{"imshow", "image(x)"},
	{"figure", "plot(xs, ys) makes a figure of its own"},
	{"show", "display(x)"},
};
static const struct habit methods[] = {
	{"item", "float(x) or int(x) takes the number out of a tensor of one element"},
	{"backward", "auto (loss, g) = grad (net) { … } gives the gradient"},
	{"to", "f32(x), i64(x) … convert; tensors are on the CPU, the only device that there is so far"},
	{"detach", "stop_gradient(x) cuts; outside a grad block nothing is recorded"},
	{"float", "f32(x) converts all elements, float(x) takes one"},
	{"double", "f64(x)"},
	{"long", "i64(x)"},
	{"int", "i32(x)"},
	{"half", "f16(x)"},
	{"bool", "bool8(x)"},
	{"bfloat16", "bf16(x)"},
	{"cuda", "tensors are on the CPU, the only device that there is so far"},
	{"cpu", "tensors are on the CPU, the only device that there is so far"},
	{"numpy", "print(x) shows a tensor; for (auto v : x) walks over axis 0"},
	{"zero_grad", "there is nothing to zero: a gradient ends with its block"},
	{"load_state_dict", "assignment copies a net; set_weights(&net, other) takes the weights of another"},
	{"requires_grad", "grad (w) { … } names what is differentiated"},
	{"grad", "auto (loss, g) = grad (net) { … } gives the gradient"},
	{"data", "outside a grad block nothing is recorded: x itself"},
	{"tolist", "print(x) shows a tensor; for (auto v : x) walks over axis 0"},
	{"add_scalar", "r.log(name, value)"},
	{"type", "f32(x), i64(x) … convert; x.dtype tells"},
	{"size", "x.shape, or len(x) for axis 0"},
	{"dim", "x.ndim"},
	{"numel", "count(x)"},
	{"clone", "assignment copies"},
	{"copy", "assignment copies"},
	{"requires_grad_", "grad (w) { … } names what is differentiated"},
	{"parameters", "grad (net) { … } takes the whole net; leaves(net) lists its weights"},
	{"named_parameters", "leaves(net) lists (path, weight)"},
	{"state_dict", "leaves(net) lists (path, weight)"},
	{"train", "train (true) { … }; grad turns it on by itself"},
	{"eval", "evaluation is the rule outside grad; train (false) { … }"},
	{"forward", "n(x) calls a struct that has a call function"},
	{"t", "x.T"},
	{"mm", "a @ b"},
	{"push", "xs.append(x)"},
	{"push_back", "xs.append(x)"},
	{"add", "xs.append(x); a + b"},
	{"length", "len(x)"},
	{"len", "len(x)"},
	{"items", "for (auto (k, v) : m)"},
	{"has", "contains(m, key)"},
	{"format", "f\"{x:.2f}\""},
};

static const char *find(const struct habit *table, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0) {
			return table[i].hint;
		}
	}
	return NULL;
}
#define FIND(table, name) find(table, TN_ARRAY_LEN(table), name)

static void offer_map(struct tn_suggest *near, const struct tn_map *map) {
	for (uint32_t i = 0; i < map->used; i++) {
		if (map->entries[i].key != NULL) {
			tn_suggest_offer(near, map->entries[i].key);
		}
	}
}

static void offer_functions(struct tn_checker *c, struct tn_suggest *near) {
	offer_map(near, &c->frame->module->functions);
	offer_map(near, &c->lang->library->functions);
	offer_map(near, &c->lang->natives);
	tn_library_offer(c->lang, near);
}

static void offer_variables(struct tn_checker *c, struct tn_suggest *near) {
	const struct frame *f = c->frame;
	for (size_t i = f->bindings.count; i > f->hidden; i--) {
		tn_suggest_offer(near, f->bindings.items[i - 1].name);
	}
	for (const struct tn_checker *k = c; k != NULL; k = k->outer) {
		offer_map(near, &k->pending);
	}
	offer_map(near, &f->module->symbols);
}

static void suggest(struct tn_error *err, const struct tn_suggest *near) {
	if (near->best != NULL) {
		HINT(err, "did you mean %s?", near->best);
	}
}

/* AdamW: adamw. BatchNorm2d: batch_norm. */
bool check_find_maker(struct tn_checker *c, const char *name, char out[64]) {
	size_t length = 0;
	for (const char *at = name; *at != '\0' && length + 2 < 64; at++) {
		bool capital = *at >= 'A' && *at <= 'Z';
		if (capital && at > name && at[-1] >= 'a' && at[-1] <= 'z') {
			out[length++] = '_';
		}
		out[length++] = capital ? (char)(*at - 'A' + 'a') : *at;
	}
	out[length] = '\0';
	if (tn_map_get(&c->lang->natives, out) != NULL ||
		(tn_library_index(c->lang, NULL) && tn_map_get(&c->lang->library_index, out) != NULL)) {
		return true;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, out);
	offer_map(&near, &c->lang->natives);
	tn_library_offer(c->lang, &near);
	if (near.best == NULL || strlen(near.best) >= 64 || (near.best[0] >= 'A' && near.best[0] <= 'Z')) {
		return false;
	}
	strcpy(out, near.best);
	return true;
}

/* The cell has been told: once for each name is enough. */
static bool told(const struct tn_checker *c, const char *name) {
	char variable[TN_ERROR_TEXT_MAX], function[TN_ERROR_TEXT_MAX];
	snprintf(variable, sizeof(variable), "%s is not declared", name);
	snprintf(function, sizeof(function), "there is no function %s", name);
	for (size_t i = 0; i < c->diag->errors.count; i++) {
		const char *text = c->diag->errors.items[i].text;
		if (strcmp(text, variable) == 0 || strcmp(text, function) == 0) {
			return true;
		}
	}
	return false;
}

/* A variable that a statement further down declares. */
static bool declared_later(struct tn_checker *c, const char *name, struct tn_span span) {
	const struct tn_ast *later = tn_map_get(&c->later, name);
	if (later != NULL) {
		uint32_t line, column;
		tn_source_position(later->span.source, later->span.begin, &line, &column);
		check_error(c, span, TN_ERR_NAME, "%s is not declared yet: that is in line %u", name, line);
	}
	return later != NULL;
}

void check_unknown_name(struct tn_checker *c, const char *name, struct tn_span span) {
	struct tn_struct_def *def = check_find_struct(c, c->frame->module, name);
	if (def != NULL) {
		struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is a type, not a value", name);
		HINT(err, "%s{ … } makes one", name);
		return;
	}
	if (told(c, name) || declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is not declared", name);
	const char *habit = FIND(names, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_variables(c, &near);
	offer_functions(c, &near);
	suggest(err, &near);
}

void check_unknown_function(struct tn_checker *c, const char *name, struct tn_span span) {
	if (told(c, name) || declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "there is no function %s", name);
	const char *habit = FIND(functions, name);
	habit = habit != NULL ? habit : FIND(names, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	char maker[64];
	if (name[0] >= 'A' && name[0] <= 'Z' && check_find_maker(c, name, maker)) {
		HINT(err, "did you mean %s?", maker);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_functions(c, &near);
	offer_variables(c, &near);
	suggest(err, &near);
}

void check_unknown_method(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128] = "value";
	if (type != NULL) {
		tn_type_format(type, text);
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s has no field and no function %s", text, name);
	const char *habit = FIND(methods, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	for (uint32_t i = 0; type != NULL && type->kind == TN_TYPE_STRUCT && i < type->def->field_count; i++) {
		tn_suggest_offer(&near, type->def->fields[i].name);
	}
	offer_functions(c, &near);
	suggest(err, &near);
}

void check_unknown_field(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128];
	tn_type_format(type, text);
	struct tn_error *err =
		check_error(c, span, TN_ERR_NAME, "%s has no %s %s", text, type->kind == TN_TYPE_TENSOR ? "attribute" : "field", name);
	if (err == NULL) {
		return;
	}
	if (type->kind == TN_TYPE_MAP) {
		tn_error_hint(err, "m[\"%s\"] reads a map", name);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	if (type->kind == TN_TYPE_STRUCT) {
		for (uint32_t i = 0; i < type->def->field_count; i++) {
			tn_suggest_offer(&near, type->def->fields[i].name);
		}
	} else if (type->kind == TN_TYPE_TENSOR) {
		static const char *const attributes[] = {"shape", "ndim", "dtype", "device", "T"};
		for (size_t i = 0; i < TN_ARRAY_LEN(attributes); i++) {
			tn_suggest_offer(&near, attributes[i]);
		}
	}
	if (near.best != NULL) {
		suggest(err, &near);
	} else if (FIND(methods, name) != NULL) {
		tn_error_hint(err, "%s", FIND(methods, name));
	} else if (tn_map_get(&c->lang->natives, name) != NULL) {
		tn_error_hint(err, "a method is called with parentheses: x.%s()", name);
	}
}
