/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics for developers and for the worker's emergency channel: one line each, to stderr (or the descriptor set),
 * filtered by TENON_LOG=error|warn|info|debug (default warn). Users' output does not go through here. Any thread. */
#ifndef TN_BASE_LOG_H
#define TN_BASE_LOG_H

#include "base/compiler.h"

enum tn_log_level { TN_LOG_ERROR, TN_LOG_WARN, TN_LOG_INFO, TN_LOG_DEBUG };

void tn_log_set_fd(int fd);
void tn_log_set_level(enum tn_log_level level);
enum tn_log_level tn_log_level(void);
void tn_log(enum tn_log_level level, const char *format, ...) TN_PRINTF(2, 3);

#endif
