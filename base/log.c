// SPDX-License-Identifier: MIT
#include "base/log.h"

#include "base/time.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// A line stays below PIPE_BUF, so that writers of several threads and processes do not mix in a pipe.
#define LINE_MAX_BYTES 2048

static _Atomic int least_level = MER_LOG_INFO;
static _Atomic uint64_t dropped_n;

void mer_log_set_level(enum mer_log_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

uint64_t mer_log_dropped_n(void)
{
    return atomic_load_explicit(&dropped_n, memory_order_relaxed);
}

// A reader of stderr that is stuck must not hold up a loop: ask first, drop when there is no room.
static void write_line(const char *p, size_t n)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT) || write(STDERR_FILENO, p, n) != (ssize_t)n)
        atomic_fetch_add_explicit(&dropped_n, 1, memory_order_relaxed);
}

// Control bytes in a message (they come from outside) would forge lines or drive a terminal.
static size_t add_escaped(char *out, size_t room, const char *msg)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (; *msg && n + 4 < room; msg++) {
        unsigned char c = (unsigned char)*msg;
        if (c >= 0x20 && c != 0x7F) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    return n;
}

void mer_log(enum mer_log_level level, const char *component, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    char msg[LINE_MAX_BYTES - 128], line[LINE_MAX_BYTES], stamp_bytes[40];
    va_list args;
    va_start(args, fmt);
    int msg_n = vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    if (msg_n < 0)
        return;
    struct mer_buf stamp = {.p = stamp_bytes, .cap = sizeof(stamp_bytes)};
    mer_time_write_rfc3339(&stamp, mer_time_wall_us());
    int head = snprintf(line, sizeof(line), "%.*s %s %.32s ", (int)stamp.n, stamp.p, names[level], component);
    size_t n = (size_t)head;
    n += add_escaped(line + n, sizeof(line) - n - 1, msg);
    line[n++] = '\n';
    write_line(line, n);
}

void mer_assert_failed(const char *cond, const char *file, int line)
{
    mer_log(MER_LOG_ERROR, "assert", "failed: %s at=%s:%d", cond, file, line);
    abort();
}
