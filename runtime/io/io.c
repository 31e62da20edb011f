/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of io/. */
#include "io/io.h"

#include "io/batches.h"
#include "io/fashion.h"
#include "io/text.h"

static bool run_read_idx(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *t = tn_idx_load(call->engine, &(struct tn_idx_params){.path = call->args[0].string->text}, err);
	if (t == NULL) {
		return false;
	}
	*call->result = tn_tensor_value(t);
	return true;
}

static const struct tn_native rows[] = {
	{ "tensor idx(string path)", "The array of an IDX file (the MNIST format), plain or gzip-compressed: u8, i32, f32 or f64.\n\npath: of the file.\n\nErrors: IOError for a file that is missing, cut short or no IDX file.",
	  "idx(\"/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz\").shape    // expect: [10000]", run_read_idx, NULL, 0 },
	{ "string read_text(string path)", "The text of a file.\n\npath: of the file, from the folder of the notebook or program. UTF-8, at most 1 GiB.\n\nErrors: IOError for a file that is missing, "
	  "not readable, no file, or no UTF-8 text.",
	  "read_text(\"/proc/version\").split()[0]    // expect: \"Linux\"", tn_run_read_text, NULL, 0 },
	{ "void write_text(string path, string text)", "Writes a text into a file, UTF-8.\n\npath: of the file, which is replaced.\n\nErrors: IOError when the file cannot be written.",
	  "write_text(\"/tmp/tenon-example.txt\", f\"{0.5:.2f}\\n\");", tn_run_write_text, NULL, 0 },
	{ "(tensor, tensor) read_fashion_mnist(string part, int[] shape)", "Images and labels of one part of Fashion-MNIST: what fashion_mnist is made of.\n\npart: \"train\" or \"t10k\". shape: of one image.",
	  "auto (x, y) = read_fashion_mnist(\"t10k\", [784]); x.shape    // expect: [10000, 784]", tn_run_read_fashion_mnist, NULL, 0 },
	{ "auto batches(auto data, int size, bool shuffle = false, bool drop_last = false, int prefetch = 2, auto collate = none)",
	  "Mini-batches of a data set, as a sequence for `for`.\n\ndata: a tensor, a tuple of tensors of equal length, a Dataset, or any struct with len(d) and get(d, i). size: examples in a batch. "
	  "shuffle: another order in each pass. drop_last: leave a smaller last batch out. prefetch: shuffled batches made ahead by a thread. collate: makes a batch of the list of what get gives, where it is not to be stacked.",
	  "for (auto b : batches(arange(5), 2)) { print(b.shape[0]); }", tn_run_batches, tn_type_batches, 0 },
};

bool tn_io_register(struct tn_lang *lang, struct tn_error *err) { return tn_lang_register(lang, rows, TN_ARRAY_LEN(rows), err); }
