/* SPDX-License-Identifier: Apache-2.0 */
/* tn-embed OUTPUT.c NAME FILE…: writes the files, text or not, as the C table tn_NAME_files that embedded.h declares. It runs on
 * the machine that builds, so that building Tenon needs no interpreter. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

/* One C string literal per line of text. Octal escapes have a fixed width, so a digit that follows cannot join them;
 * '?' is escaped because of trigraphs. */
static void write_literal(FILE *out, FILE *in) {
	int c, previous = '\n';
	while ((c = getc(in)) != EOF) {
		if (previous == '\n') {
			fputs("\n\t\"", out);
		}
		if (c == '\n') {
			fputs("\\n\"", out);
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
		} else if (c < ' ' || c > '~' || c == '?') {
			fprintf(out, "\\%03o", (unsigned)c);
		} else {
			putc(c, out);
		}
		previous = c;
	}
	fputs(previous == '\n' ? "\n\t\"\"" : "\"", out);
}

static bool write_text(FILE *out, const char *path, int number) {
	FILE *in = fopen(path, "rb");
	if (in == NULL) {
		perror(path);
		return false;
	}
	fprintf(out, "\nstatic const char text_%d[] =", number);
	write_literal(out, in);
	fputs(";\n", out);
	bool ok = !ferror(in);
	fclose(in);
	return ok;
}

static bool write_table(FILE *out, const char *name, char **paths, int count) {
	fputs("/* SPDX-License-Identifier: Apache-2.0 */\n#include \"lib/embedded.h\"\n", out);
	for (int i = 0; i < count; i++) {
		if (!write_text(out, paths[i], i)) {
			return false;
		}
	}
	fprintf(out, "\nconst struct tn_embedded_file tn_%s_files[] = {\n", name);
	for (int i = 0; i < count; i++) {
		fprintf(out, "\t{\"%s\", text_%d, sizeof(text_%d) - 1},\n", base_name(paths[i]), i, i);
	}
	fprintf(out, "\t{NULL, NULL, 0},\n};\nconst size_t tn_%s_file_count = %d;\n", name, count);
	return true;
}

int main(int argc, char **argv) {
	if (argc < 3) {
		fputs("usage: tn-embed OUTPUT.c NAME FILE...\n", stderr);
		return 2;
	}
	FILE *out = fopen(argv[1], "wb");
	if (out == NULL) {
		perror(argv[1]);
		return 1;
	}
	bool ok = write_table(out, argv[2], argv + 3, argc - 3);
	if (ferror(out)) {
		ok = false;
	}
	if (fclose(out) != 0 || !ok) {
		fprintf(stderr, "tn-embed: %s could not be written\n", argv[1]);
		remove(argv[1]);
		return 1;
	}
	return 0;
}
