/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest name by edit distance, where it is near enough to be worth saying. */
#include "base/str.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64, FAR = 1000 };

static int min3(int a, int b, int c) {
	int m = a < b ? a : b;
	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Three rows of the table are
 * enough: a swap looks two rows back. */
int tn_edit_distance(const char *a, const char *b) {
	size_t n = strlen(a), m = strlen(b);
	if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES) {
		return FAR;
	}
	int rows[3][NAME_MAX_BYTES + 1];
	for (size_t j = 0; j <= m; j++) {
		rows[0][j] = (int)j;
	}
	for (size_t i = 1; i <= n; i++) {
		int *row = rows[i % 3];
		const int *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < row[j]) {
				row[j] = two_above[j - 2] + 1;
			}
		}
	}
	return rows[n % 3][m];
}

void tn_suggest_init(struct tn_suggest *s, const char *name) {
	*s = (struct tn_suggest){.name = name, .distance = FAR};
}

/* A name that begins with '_' is for those alone who write one: the library's own are named so. One change in three letters, so that `x` suggests nothing and `learnig_rate` finds its name; of equals the first. A name of
 * three letters keeps its first one, and not fewer than it has: `net` is neither `get` nor `ne`. */
void tn_suggest_offer(struct tn_suggest *s, const char *candidate) {
	size_t length = strlen(s->name);
	bool other = length == 3 && (candidate[0] != s->name[0] || strlen(candidate) < length);
	int limit = other ? 0 : (int)(length + 1) / 3;
	int distance = tn_edit_distance(s->name, candidate);
	if (candidate[0] == '_' && s->name[0] != '_') {
		return;
	}
	if (distance <= limit && distance < s->distance && distance > 0) {
		s->best = candidate;
		s->distance = distance;
	}
}
