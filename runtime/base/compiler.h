/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that gcc and clang share, under names that say what they are for. */
#ifndef TN_BASE_COMPILER_H
#define TN_BASE_COMPILER_H

#define TN_MUST_USE __attribute__((warn_unused_result))
#define TN_PRINTF(format_index, args_index) __attribute__((format(printf, format_index, args_index)))
#define TN_NORETURN __attribute__((noreturn))
#define TN_UNUSED __attribute__((unused))
#define TN_LIKELY(x) __builtin_expect(!!(x), 1)
#define TN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
