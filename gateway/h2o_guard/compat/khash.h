/* SPDX-License-Identifier: MIT */
/* <h2o/http2_internal.h> wants a header that Debian does not ship with the library. Only the type of a
 * pointer depends on it; the guard never looks into the table, so an incomplete type and lookups that find
 * nothing do. */
#ifndef MER_COMPAT_KHASH_H
#define MER_COMPAT_KHASH_H

typedef unsigned khiter_t;
#define khash_t(name)                    struct mer_khash_##name
#define KHASH_MAP_INIT_INT64(name, type) struct mer_khash_##name;
#define kh_get(name, table, key)         ((khiter_t)((void)(table), (void)(key), 0))
#define kh_end(table)                    ((khiter_t)0)
#define kh_val(table, iter)              ((void)(iter), NULL)

#endif
