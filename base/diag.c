// SPDX-License-Identifier: MIT
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 0))) static void fill(struct mer_diag *d, enum mer_err err, const char *fmt,
                                                       va_list args)
{
    *d = (struct mer_diag){.err = err};
    vsnprintf(d->msg, sizeof(d->msg), fmt, args);
}

enum mer_err mer_diag_set(struct mer_diag *d, enum mer_err err, const char *fmt, ...)
{
    if (d) {
        va_list args;
        va_start(args, fmt);
        fill(d, err, fmt, args);
        va_end(args);
    }
    return err;
}

enum mer_err mer_diag_at(struct mer_diag *d, enum mer_err err, uint32_t line, uint32_t column,
                         const char *fmt, ...)
{
    if (d) {
        va_list args;
        va_start(args, fmt);
        fill(d, err, fmt, args);
        va_end(args);
        d->line = line;
        d->column = column;
    }
    return err;
}
