/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes. Any thread. */
#ifndef TN_BASE_PROCESS_H
#define TN_BASE_PROCESS_H

#include <sys/types.h>

/* Ends, at once, what is left of a session, but not its leader: each command of a cell has a group of its own, but all are of their
 * worker's session. The leader must live, or be dead and not reaped: then nobody else can have its number. Nothing where there is no
 * /proc. */
void tn_process_kill_session(pid_t leader);

#endif
