// SPDX-License-Identifier: MIT
// Diag: what went wrong, for people. Functions that can fail return bool or enum mer_err and fill a diag when
// they are given one (NULL is allowed everywhere). Lines and columns count from 1; 0 means unknown.
#ifndef MER_BASE_DIAG_H
#define MER_BASE_DIAG_H

#include "base/slice.h"

enum mer_err {
    MER_OK = 0,
    MER_ERR_INVALID = -1, // the input is wrong
    MER_ERR_LIMIT = -2,   // a configured limit was reached
    MER_ERR_IO = -3,      // the other side or the system failed
    MER_ERR_TIMEOUT = -4, // the deadline passed
    MER_ERR_BUSY = -5,    // a bounded queue is full
    MER_ERR_NOT_FOUND = -6,
    MER_ERR_CLOSED = -7, // the operation's target went away
};

struct mer_diag {
    enum mer_err err;
    uint32_t line, column;
    size_t offset;
    char msg[240];
};

// Fills the diag (NULL: nothing) and returns err, so that a caller can `return mer_diag_set(...)`.
enum mer_err mer_diag_set(struct mer_diag *d, enum mer_err err, const char *fmt, ...) MER_PRINTF(3, 4);
// The same with a place.
enum mer_err mer_diag_at(struct mer_diag *d, enum mer_err err, uint32_t line, uint32_t column,
                         const char *fmt, ...) MER_PRINTF(5, 6);

#endif
