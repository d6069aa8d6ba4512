// SPDX-License-Identifier: MIT
// What a token grants beyond who the caller is: scopes, policies, and claims that a configuration asks for.
#include "base/json.h"
#include "gateway/token.h"

#define GRANTS_MAX 1000u

static void add_name(struct mer_buf *b, struct mer_slice name)
{
    if (name.n && !memchr(name.p, '\n', name.n)) { // a line is a name
        mer_buf_add(b, name);
        mer_buf_add_char(b, '\n');
    }
}

// A list of texts, or one text with blanks between the names (RFC 8693 4.2).
static void add_names(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                      struct mer_buf *b)
{
    if (n && n->type == MER_JSON_STRING) {
        struct mer_slice rest = mer_json_string(a, j, n);
        while (rest.n) {
            add_name(b, mer_slice_cut(&rest, ' '));
        }
    }
    const struct mer_json_node *e = n && n->type == MER_JSON_ARRAY ? mer_json_first(j, n) : NULL;
    for (uint32_t i = 0; e && i < n->count && i < GRANTS_MAX; i++, e = mer_json_next(j, e)) {
        if (e->type == MER_JSON_STRING) {
            add_name(b, mer_json_string(a, j, e));
        }
    }
}

static bool is_value(const struct mer_json *j, const struct mer_json_node *n, struct mer_slice wanted)
{
    return n->type == MER_JSON_STRING ? mer_json_string_is(j, n, wanted)
                                      : mer_slice_eq(mer_json_raw(j, n), wanted);
}

// Without a value the claim must be there and be neither null nor false; of a list one entry will do.
static bool meets(const struct mer_json *j, const struct mer_token_condition *c)
{
    const struct mer_json_node *n = mer_json_get(j, mer_json_root(j), c->claim);
    if (!n || c->equals.p == NULL) {
        return n && !mer_slice_is(mer_json_raw(j, n), "null") && !mer_slice_is(mer_json_raw(j, n), "false");
    }
    const struct mer_json_node *e = n->type == MER_JSON_ARRAY ? mer_json_first(j, n) : NULL;
    for (uint32_t i = 0; e && i < n->count; i++, e = mer_json_next(j, e)) {
        if (is_value(j, e, c->equals)) {
            return true;
        }
    }
    return is_value(j, n, c->equals);
}

void mer_token_read_grants(struct mer_arena *a, const struct mer_json *j, const struct mer_token_wants *wants,
                           struct mer_claims *out)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 64);
    add_names(a, j, wants->scopes.n ? mer_json_get(j, mer_json_root(j), wants->scopes) : NULL, &b);
    out->scopes_bytes = b.n;
    add_names(a, j, wants->policies.n ? mer_json_get(j, mer_json_root(j), wants->policies) : NULL, &b);
    out->grants = mer_buf_slice(&b);
    out->meets = 0;
    for (uint32_t i = 0; i < wants->conditions_n && i < MER_TOKEN_CONDITIONS_MAX; i++) {
        if (wants->conditions[i].claim.n && meets(j, &wants->conditions[i])) {
            out->meets |= UINT64_C(1) << i;
        }
    }
}
