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

/* The address sanitizer takes [p, p + size) for memory that nobody may touch, until TN_UNPOISON. Whole multiples of 8 bytes. */
#if defined(__SANITIZE_ADDRESS__)
#define TN_HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TN_HAS_POISON 1
#endif
#endif
#if defined(TN_HARDENED) && defined(TN_HAS_POISON)
void __asan_poison_memory_region(void const volatile *p, __SIZE_TYPE__ size);
void __asan_unpoison_memory_region(void const volatile *p, __SIZE_TYPE__ size);
#define TN_POISON(p, size) __asan_poison_memory_region((p), (size))
#define TN_UNPOISON(p, size) __asan_unpoison_memory_region((p), (size))
#else
#define TN_POISON(p, size) ((void)(p), (void)(size))
#define TN_UNPOISON(p, size) ((void)(p), (void)(size))
#endif

#endif
