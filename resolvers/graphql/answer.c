// SPDX-License-Identifier: MIT
// What a caller reads of an answer, and keeps.
#include "resolvers/graphql/client.h"

#include <stdlib.h>

bool mer_gql_header_next(struct mer_slice *rest, struct mer_gql_header *out)
{
    if (rest->n == 0) {
        return false;
    }
    struct mer_slice line = mer_slice_cut(rest, '\n');
    out->value = line;
    out->name = mer_slice_cut(&out->value, ':');
    out->value = mer_slice_make(out->value.p + 1, out->value.n - 1);
    return true;
}

struct mer_slice mer_gql_header_find(const struct mer_gql_answer *answer, const char *name)
{
    struct mer_slice rest = answer->headers;
    struct mer_gql_header h;
    while (mer_gql_header_next(&rest, &h)) {
        if (mer_slice_is(h.name, name)) {
            return h.value;
        }
    }
    return MER_NIL;
}

void *mer_gql_keep(const struct mer_gql_answer *answer)
{
    char **kept = answer->keep;
    void *handle = kept ? *kept : NULL;
    if (kept) {
        *kept = NULL;
    }
    return handle;
}

void mer_gql_release(void *handle)
{
    free(handle);
}
