/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the language itself, with how each is written and what it does: keywords, block words, types, constants. */
#include "lang/catalog_part.h"

static const struct { const char *name, *written, *doc; } words[] = {
	{"any", "any x = m[\"key\"];", "A value whose type is known only when the code runs."},
	{"auto", "auto x = …;", "The initialiser's type. As a parameter's type it makes the function a template."},
	{"autocast", "autocast (bf16) { … }", "Matrix products and convolutions inside run in bf16, reductions and losses in f32."},
	{"bf16", "bf16", "The dtype of 16-bit floats with the exponent of f32; as a type, a tensor of that dtype."},
	{"bool", "bool", "true or false."},
	{"bool8", "bool8", "The dtype of truth values, one byte each; as a type, a tensor of that dtype."},
	{"break", "break;", "Leaves the innermost loop or switch."},
	{"case", "case 1, 2:", "A branch of switch."},
	{"catch", "try { … } catch (e) { … }", "Runs when the try block fails: e.name, e.message, e.trace."},
	{"const", "const int n = 3;", "A variable that is assigned once."},
	{"continue", "continue;", "Goes on with the next pass of the innermost loop."},
	{"default", "default:", "The branch of switch that is taken when no case is."},
	{"device", "device (\"cpu\") { … }", "What is made inside is on that device."},
	{"do", "do { … } while (…);", "A loop whose condition is looked at after each pass."},
	{"dtype", "dtype", "A dtype as a value: f32, i64 …"},
	{"else", "if (…) { … } else { … }", "Runs when the condition is false."},
	{"empty", "tensor mask = empty;", "The absence of a tensor; is_empty(x) tests it."},
	{"f16", "f16", "The dtype of 16-bit floats; as a type, a tensor of that dtype."},
	{"f32", "f32[N, 784] x",
		"The dtype of 32-bit floats; as a type, a tensor of that dtype, with a checked shape if one is given."},
	{"f64", "f64", "The dtype of 64-bit floats; as a type, a tensor of that dtype."},
	{"false", "false", "The bool that is not true."},
	{"float", "float",
		"A 64-bit floating point number; float(x) converts, and waits for a tensor of one element."},
	{"fn", "fn f", "Anything callable: a function, a lambda, a struct with call, a tuple or list of such."},
	{"for", "for (auto (x, y) : batches(data, 64)) { … }",
		"A loop over a list, the first axis of a tensor, a sequence, a map, a string or a range 0..n; or as in C: "
		"for (int i = 0; i < n; i++)."},
	{"frozen", "frozen tensor mean;", "A field that is state, not a weight: gradients and optimizers leave it alone."},
	{"grad", "auto (loss, g) = grad (net) { … };",
		"Runs the block and gives (value, gradient, …): the gradient of its value, a 0-d tensor, with respect to the weights of the "
		"variables named."},
	{"i32", "i32", "The dtype of 32-bit integers; as a type, a tensor of that dtype."},
	{"i64", "i64", "The dtype of 64-bit integers; as a type, a tensor of that dtype."},
	{"if", "if (…) { … } else { … }", "Runs a branch by a condition: a bool, a number, or a tensor of one element."},
	{"import", "import \"file.tn\" as m;", "Takes the names of a file, behind the alias if one is given."},
	{"inf", "inf", "Positive infinity."},
	{"int", "int", "A 64-bit integer; int(x) truncates a float, reads a string, and waits for a tensor of one element."},
	{"map", "map[int] m = { \"a\": 1 };", "Values by string keys, in the order of insertion."},
	{"nan", "nan", "Not a number."},
	{"pi", "pi", "3.14159…"},
	{"profile", "profile (\"step\") { … }", "Times what runs inside."},
	{"remat", "remat { … }", "The same value; what lies between is computed again for the gradient, not kept."},
	{"return", "return x;", "Leaves the function with a value."},
	{"seed", "seed (7) { … }", "Random numbers inside come from that seed."},
	{"seq", "seq s", "What batches, zip, enumerate and 0..n give: to go over by for."},
	{"string", "string", "UTF-8 text."},
	{"struct", "struct Net { Linear l1, l2; };", "A value type with fields."},
	{"switch", "switch (n) { case 1: … default: … }", "Runs the branch whose case is the value."},
	{"tensor", "tensor[B, 784] x", "Any tensor, with a checked shape if one is given."},
	{"train", "train (true) { … }", "Turns dropout and batch statistics on or off inside."},
	{"tree", "tree t", "A tensor, or a struct, list, tuple or map with tensors at its leaves."},
	{"true", "true", "The bool that is not false."},
	{"try", "try { … } catch (e) { … }", "Catches the errors of what the block does."},
	{"u8", "u8", "The dtype of bytes; as a type, a tensor of that dtype."},
	{"void", "void", "No value."},
	{"while", "while (…) { … }", "A loop with a condition."},
};

bool catalog_add_words(struct catalog_table *table) {
	for (size_t i = 0; i < TN_ARRAY_LEN(words); i++) {
		const struct catalog_entry entry = {
			.kind = CATALOG_WORD, .name = words[i].name, .signature = words[i].written, .doc = words[i].doc};
		if (!catalog_add_entry(table, &entry)) {
			return false;
		}
	}
	return true;
}
