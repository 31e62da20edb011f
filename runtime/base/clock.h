/* SPDX-License-Identifier: Apache-2.0 */
/* Time, in the two kinds that are needed: for measuring and for people. Any thread. */
#ifndef TN_BASE_CLOCK_H
#define TN_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic nanoseconds, from an arbitrary start. */
int64_t tn_clock_ns(void);
/* Seconds since the epoch, with fraction: for people and for TensorBoard's wall_time. */
double tn_wall_time(void);

#endif
