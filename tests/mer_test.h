// SPDX-License-Identifier: MIT
// cmocka wants four system headers before its own; every test includes this file instead.
#ifndef MER_TEST_H
#define MER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

// Compares a slice with a C string and shows both when they differ.
#define mer_assert_slice(got, want)                                                                          \
    do {                                                                                                     \
        struct mer_slice mer_got_ = (got);                                                                   \
        const char *mer_want_ = (want);                                                                      \
        if (!mer_slice_is(mer_got_, mer_want_))                                                              \
            fail_msg("got \"%.*s\", want \"%s\"", (int)mer_got_.n, mer_got_.p ? mer_got_.p : "", mer_want_); \
    } while (0)

#endif
