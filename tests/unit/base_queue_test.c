/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded queue between threads, and the two clocks. */
#include "runner/test.h"

#include <pthread.h>
#include <unistd.h>

enum { ITEMS = 20000 };

static int items[ITEMS];

static void *produce(void *arg) {
	for (int i = 0; i < ITEMS; i++) {
		TN_CHECK(tn_queue_push(arg, &items[i]));
	}
	return NULL;
}

TN_TEST(a_queue_hands_over_in_order) {
	struct tn_queue *q = tn_queue_create(3);
	pthread_t thread;
	TN_CHECK_NOT_NULL(q);
	TN_CHECK_INT_EQ(pthread_create(&thread, NULL, produce, q), 0);
	for (int i = 0; i < ITEMS; i++) {
		TN_CHECK(tn_queue_pop(q, -1) == &items[i]);
	}
	pthread_join(thread, NULL);
	tn_queue_destroy(q);
}

TN_TEST(popping_an_empty_queue_gives_up_in_time) {
	struct tn_queue *q = tn_queue_create(1);
	int64_t start = tn_clock_ns();
	TN_CHECK_NULL(tn_queue_pop(q, 0));
	TN_CHECK_NULL(tn_queue_pop(q, 20000000));
	int64_t waited = tn_clock_ns() - start;
	TN_CHECK(waited >= 20000000 && waited < 5000000000);
	tn_queue_destroy(q);
}

TN_TEST(a_closed_queue_drains_and_refuses) {
	struct tn_queue *q = tn_queue_create(4);
	TN_CHECK(tn_queue_push(q, &items[0]));
	TN_CHECK(!tn_queue_is_closed(q));
	tn_queue_close(q);
	TN_CHECK(tn_queue_is_closed(q));
	TN_CHECK(!tn_queue_push(q, &items[1]));
	TN_CHECK(tn_queue_pop(q, -1) == &items[0]);
	TN_CHECK_NULL(tn_queue_pop(q, -1));
	tn_queue_destroy(q);
}

struct waiting {
	struct tn_queue *q;
	bool pushed;
	void *popped;
};

static void *push_waiting(void *arg) {
	struct waiting *w = arg;
	w->pushed = tn_queue_push(w->q, &items[1]);
	return NULL;
}

static void *pop_waiting(void *arg) {
	struct waiting *w = arg;
	w->popped = tn_queue_pop(w->q, -1);
	return NULL;
}

TN_TEST(closing_wakes_who_waits_for_room) {
	struct waiting w = {.q = tn_queue_create(1), .pushed = true};
	pthread_t thread;
	TN_CHECK(tn_queue_push(w.q, &items[0]));
	TN_CHECK_INT_EQ(pthread_create(&thread, NULL, push_waiting, &w), 0);
	usleep(10000);
	tn_queue_close(w.q);
	pthread_join(thread, NULL);
	TN_CHECK(!w.pushed);
	TN_CHECK(tn_queue_pop(w.q, 0) == &items[0]);
	tn_queue_destroy(w.q);
}

TN_TEST(closing_wakes_who_waits_for_an_item) {
	struct waiting w = {.q = tn_queue_create(1), .popped = &items[0]};
	pthread_t thread;
	TN_CHECK_INT_EQ(pthread_create(&thread, NULL, pop_waiting, &w), 0);
	usleep(10000);
	tn_queue_close(w.q);
	pthread_join(thread, NULL);
	TN_CHECK_NULL(w.popped);
	tn_queue_destroy(w.q);
}

TN_TEST(a_queue_that_cannot_be_made_is_null) {
	TN_CHECK_NULL(tn_queue_create(SIZE_MAX));
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_queue *q = tn_queue_create(2);
		TN_CHECK((q == NULL) == tn_test_alloc_failed());
		tn_queue_destroy(q);
	}
}

TN_TEST(clocks_run) {
	int64_t a = tn_clock_ns();
	usleep(1000);
	TN_CHECK(tn_clock_ns() - a >= 1000000);
	TN_CHECK(tn_wall_time() > 1.6e9);
}
