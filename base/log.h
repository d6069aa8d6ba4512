// SPDX-License-Identifier: MIT
// Log: one line an event on stderr, `time level component message key=value …`. Values from outside are
// escaped and cut by the caller's %.*s lengths at 256 bytes (mer_log_cut). Never blocks for long: one
// write(2) a line, and a line that cannot be written at once is dropped and counted. Any thread.
#ifndef MER_BASE_LOG_H
#define MER_BASE_LOG_H

#include "base/slice.h"

enum mer_log_level { MER_LOG_DEBUG = 0, MER_LOG_INFO = 1, MER_LOG_WARN = 2, MER_LOG_ERROR = 3 };

void mer_log_set_level(enum mer_log_level level);
void mer_log(enum mer_log_level level, const char *component, const char *fmt, ...) MER_PRINTF(3, 4);
uint64_t mer_log_dropped_n(void);
// Text from outside in a message: mer_log(…, "peer=%.*s", MER_LOG_FMT(name)).
static inline int mer_log_cut(struct mer_slice s)
{
    return s.n > 256 ? 256 : (int)s.n;
}
#define MER_LOG_FMT(s) mer_log_cut(s), (s).p ? (s).p : ""

// Asserts stay on in release: programmer errors only, never input from outside.
#define MER_ASSERT(cond) ((cond) ? (void)0 : mer_assert_failed(#cond, __FILE__, __LINE__))
void mer_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn, cold));

#endif
