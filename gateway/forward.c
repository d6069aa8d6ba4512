// SPDX-License-Identifier: MIT
#include "gateway/forward.h"

// Of one client's answer, so that its own headers always find room.
#define TOLD_MAX (MER_ANSWER_HEADERS_MAX - 24)

// ---- to subgraphs ----

static bool names(const struct mer_config_texts *t, struct mer_slice name)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (mer_slice_eq(t->items[i], name)) {
            return true;
        }
    }
    return false;
}

// Whatever a client managed to send, a line break of his must not begin a header of ours.
static bool is_clean(struct mer_slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char u = (unsigned char)value.p[i];
        if ((u < ' ' && u != '\t') || u == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_told(const struct mer_config_headers *rules, struct mer_slice name)
{
    bool trace = mer_slice_is(name, "traceparent") || mer_slice_is(name, "tracestate");
    return (trace || names(&rules->propagate, name)) && !names(&rules->remove, name);
}

const struct mer_gql_header *mer_forward_ask(const struct mer_config *c, const struct mer_http_req *req,
                                             uint32_t *n)
{
    const struct mer_config_headers *rules = &c->headers;
    size_t theirs = mer_http_headers_n(req);
    struct mer_gql_header *out = MER_NEW_N(req->arena, struct mer_gql_header, theirs + rules->insert_n + 1);
    *n = 0;
    for (size_t i = 0; i < theirs; i++) {
        struct mer_http_header h = mer_http_header_at(req, i);
        if (is_told(rules, h.name) && is_clean(h.value)) {
            out[(*n)++] = (struct mer_gql_header){h.name, h.value};
        }
    }
    for (uint32_t i = 0; i < rules->insert_n; i++) {
        out[(*n)++] = (struct mer_gql_header){rules->insert[i].name, rules->insert[i].value};
    }
    return out;
}

// ---- to clients ----

void mer_forward_begin(struct mer_forward *f, const struct mer_config *c, struct mer_arena *a)
{
    *f = (struct mer_forward){.config = c, .arena = a, .max_age = INT64_MAX};
}

static void take_cache_control(struct mer_forward *f, struct mer_slice value)
{
    int64_t max_age = -1;
    while (value.n) {
        struct mer_slice directive = mer_slice_trim(mer_slice_cut(&value, ','));
        struct mer_slice number = directive;
        struct mer_slice name = mer_slice_cut(&number, '=');
        f->no_store =
            f->no_store || mer_slice_ieq(name, MER_S("no-store")) || mer_slice_ieq(name, MER_S("no-cache"));
        f->private = f->private || mer_slice_ieq(name, MER_S("private"));
        if (mer_slice_ieq(name, MER_S("max-age")) && !mer_slice_to_i64(number, &max_age)) {
            max_age = -1;
        }
    }
    f->max_age = max_age < f->max_age ? max_age : f->max_age;
}

static bool has(const struct mer_forward *f, struct mer_slice name)
{
    for (uint32_t i = 0; i < f->headers_n; i++) {
        if (mer_slice_eq(f->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void keep(struct mer_forward *f, const struct mer_gql_header *h)
{
    if (!f->headers) {
        f->headers = MER_NEW_N(f->arena, struct mer_http_header, TOLD_MAX);
    }
    if (f->headers_n < TOLD_MAX) {
        f->headers[f->headers_n++] =
            (struct mer_http_header){mer_arena_copy(f->arena, h->name), mer_arena_copy(f->arena, h->value)};
    }
}

void mer_forward_hear(struct mer_forward *f, const struct mer_gql_answer *answer)
{
    const struct mer_config_texts *told = &f->config->headers.answer;
    struct mer_slice rest = answer->headers;
    struct mer_gql_header h;
    bool cached = false;
    f->answers++;
    while (told->n && mer_gql_header_next(&rest, &h)) {
        if (mer_slice_is(h.name, "cache-control")) {
            take_cache_control(f, h.value);
            cached = true;
        } else if (names(told, h.name) && (mer_slice_is(h.name, "set-cookie") || !has(f, h.name))) {
            keep(f, &h);
        }
    }
    f->no_store = f->no_store || !cached;
}

struct mer_slice mer_forward_tell(const struct mer_forward *f, const struct mer_cache_policy *policy,
                                  bool personal, struct mer_answer *out)
{
    for (uint32_t i = 0; i < f->headers_n; i++) {
        mer_answer_add(out, f->headers[i].name, f->headers[i].value);
    }
    bool heard = f->answers && names(&f->config->headers.answer, MER_S("cache-control"));
    int64_t age = policy->said ? policy->max_age_s : INT64_MAX;
    bool is_private = policy->said && (policy->is_private || personal);
    if (!heard && !policy->said) {
        return MER_NIL;
    }
    if (heard) {
        int64_t theirs = f->no_store ? -1 : f->max_age;
        age = theirs < age ? theirs : age;
        is_private = is_private || f->private;
    }
    if (age < 0 || (policy->said && age == 0)) {
        return MER_S("no-store");
    }
    return mer_arena_printf(f->arena, "max-age=%lld, %s", (long long)age, is_private ? "private" : "public");
}
