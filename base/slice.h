// SPDX-License-Identifier: MIT
// Slices: text by pointer and length. Everything inside Meridian that is text is a slice; nothing depends on
// a final NUL. A slice owns nothing: whoever made it says how long the bytes live. Any thread.
#ifndef MER_BASE_SLICE_H
#define MER_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MER_MUST_CHECK   __attribute__((warn_unused_result))
#define MER_PRINTF(f, a) __attribute__((format(printf, f, a)))

struct mer_slice {
    const char *p;
    size_t n;
};

#define MER_NIL ((struct mer_slice){NULL, 0})
// A slice over a string literal.
#define MER_S(lit) ((struct mer_slice){"" lit, sizeof(lit) - 1})
// For printf("%.*s").
#define MER_FMT(s) (int)(s).n, (s).p

static inline struct mer_slice mer_slice_of(const char *cstr)
{
    return (struct mer_slice){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct mer_slice mer_slice_make(const char *p, size_t n)
{
    return (struct mer_slice){p, n};
}

static inline bool mer_slice_eq(struct mer_slice a, struct mer_slice b)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool mer_slice_is(struct mer_slice a, const char *cstr)
{
    return mer_slice_eq(a, mer_slice_of(cstr));
}

// memcmp order, a shorter prefix first.
static inline int mer_slice_cmp(struct mer_slice a, struct mer_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool mer_slice_starts(struct mer_slice s, struct mer_slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool mer_slice_ends(struct mer_slice s, struct mer_slice suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

// ASCII case is ignored.
bool mer_slice_ieq(struct mer_slice a, struct mer_slice b);
// Splits at the first sep: returns what stands before it and leaves the rest in *rest; without sep all of it.
struct mer_slice mer_slice_cut(struct mer_slice *rest, char sep);
struct mer_slice mer_slice_trim(struct mer_slice s);
// Strict decimal integers, no sign but '-', whole slice; false when out of range or anything else stands
// there.
bool mer_slice_to_i64(struct mer_slice s, int64_t *out) MER_MUST_CHECK;
bool mer_slice_to_u64(struct mer_slice s, uint64_t *out) MER_MUST_CHECK;

#endif
