// SPDX-License-Identifier: MIT
#include "resolvers/freshness.h"

#include <stdlib.h>

#include "base/time.h"

void mer_fresh_init(struct mer_fresh *f, struct mer_arena *a)
{
    *f = (struct mer_fresh){.a = a};
}

static bool same_place(const struct mer_fresh_entry *a, const struct mer_fresh_entry *b)
{
    return a->tier == b->tier && a->role == b->role && a->unreachable == b->unreachable &&
           a->cached_at_us == b->cached_at_us && mer_slice_eq(a->source, b->source) &&
           mer_slice_eq(a->region, b->region) && mer_slice_eq(a->environment, b->environment) &&
           mer_slice_eq(a->facility, b->facility);
}

uint32_t mer_fresh_add(struct mer_fresh *f, const struct mer_fresh_entry *e)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (same_place(&f->items[i], e)) {
            if (e->as_of_us < f->items[i].as_of_us) {
                f->items[i].as_of_us = e->as_of_us;
            }
            f->items[i].online = f->items[i].online && e->online;
            return i;
        }
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 8;
        struct mer_fresh_entry *grown = MER_NEW_N(f->a, struct mer_fresh_entry, f->cap);
        if (f->n) {
            memcpy(grown, f->items, f->n * sizeof(*grown));
        }
        f->items = grown;
    }
    f->items[f->n] = *e;
    return f->n++;
}

void mer_fresh_add_unreachable(struct mer_fresh *f, struct mer_slice region)
{
    struct mer_fresh_entry e = {
        .region = mer_arena_copy(f->a, region),
        .tier = MER_TIER_REGIONAL,
        .as_of_us = MER_TIME_UNKNOWN,
        .cached_at_us = MER_TIME_UNKNOWN,
        .online = true,
        .unreachable = true,
    };
    mer_fresh_add(f, &e);
}

// ---- ages ----

static bool has_age(const struct mer_fresh_entry *e)
{
    return e->as_of_us != MER_TIME_UNKNOWN;
}

static int64_t age_us(int64_t since_us, int64_t now_us)
{
    return now_us > since_us ? now_us - since_us : 0;
}

static bool is_stale(const struct mer_fresh_entry *e, int64_t now_us)
{
    return !has_age(e) || age_us(e->as_of_us, now_us) > e->stale_after_us;
}

static void write_seconds(struct mer_buf *b, int64_t us)
{
    mer_buf_add_thousandths(b, us / 1000);
}

static void write_age(struct mer_buf *b, int64_t since_us, int64_t now_us)
{
    if (since_us == MER_TIME_UNKNOWN) {
        mer_buf_add(b, MER_S("null"));
    } else {
        write_seconds(b, age_us(since_us, now_us));
    }
}

static void write_time(struct mer_buf *b, int64_t us)
{
    if (us == MER_TIME_UNKNOWN) {
        mer_buf_add(b, MER_S("null"));
        return;
    }
    mer_buf_add_char(b, '"');
    mer_time_write_rfc3339(b, us);
    mer_buf_add_char(b, '"');
}

static void write_bool(struct mer_buf *b, bool v)
{
    mer_buf_add(b, v ? MER_S("true") : MER_S("false"));
}

static void write_text(struct mer_buf *b, struct mer_slice s)
{
    if (s.n) {
        mer_json_write_string(b, s);
    } else {
        mer_buf_add(b, MER_S("null"));
    }
}

void mer_fresh_write_enum(struct mer_buf *b, struct mer_slice name)
{
    mer_buf_add_char(b, '"');
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        mer_buf_add_char(b, c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
    mer_buf_add_char(b, '"');
}

static bool has_warning(const struct mer_fresh_entry *e)
{
    return (e->unreachable && e->region.n) || (e->facility.n && !e->online);
}

// Names hold nothing that JSON would escape: they are the configuration's, or is_name() was asked.
static void write_warning(struct mer_buf *b, const struct mer_fresh_entry *e)
{
    if (e->unreachable) {
        mer_buf_printf(b, "\"region %.*s is UNREACHABLE.\"", MER_FMT(e->region));
        return;
    }
    mer_buf_printf(b, "\"%.*s is OFFLINE.", MER_FMT(e->facility));
    if (has_age(e)) {
        mer_buf_add(b, MER_S(" Data is cached from "));
        mer_time_write_rfc3339(b, e->as_of_us / 1000000 * 1000000);
        mer_buf_add_char(b, '.');
    }
    mer_buf_add_char(b, '"');
}

// ---- one row ----

static void write_place_field(struct mer_buf *b, const struct mer_fresh_entry *e, struct mer_slice name)
{
    if (mer_slice_is(name, "servedBy")) {
        mer_fresh_write_enum(b, mer_slice_of(mer_tier_name(e->tier)));
    } else if (mer_slice_is(name, "region") && e->region.n) {
        mer_fresh_write_enum(b, e->region);
    } else if (mer_slice_is(name, "environment") && e->environment.n) {
        mer_fresh_write_enum(b, e->environment);
    } else {
        mer_buf_add(b, MER_S("null"));
    }
}

static void write_row_field(struct mer_buf *b, const struct mer_fresh_entry *e, uint32_t index,
                            struct mer_slice name, int64_t now_us)
{
    bool cached = e->cached_at_us != MER_TIME_UNKNOWN;
    if (mer_slice_is(name, "isStale")) {
        write_bool(b, is_stale(e, now_us));
    } else if (mer_slice_is(name, "ageSeconds")) {
        write_age(b, e->as_of_us, now_us);
    } else if (mer_slice_is(name, "facilityOnline")) {
        write_bool(b, e->online);
    } else if (mer_slice_is(name, "warning")) {
        if (has_warning(e)) {
            write_warning(b, e);
        } else {
            mer_buf_add(b, MER_S("null"));
        }
    } else if (mer_slice_is(name, "lastSync")) {
        write_time(b, e->as_of_us);
    } else if (mer_slice_is(name, "fromCache")) {
        write_bool(b, cached);
    } else if (mer_slice_is(name, "cacheAgeSeconds")) {
        write_age(b, e->cached_at_us, now_us);
    } else if (mer_slice_is(name, "placement")) {
        mer_buf_add_u64(b, index);
    } else {
        write_place_field(b, e, name);
    }
}

void mer_fresh_write_row(struct mer_buf *b, const struct mer_fresh_entry *e, uint32_t index,
                         const struct mer_shape *selection, const struct mer_variables *vars, int64_t now_us)
{
    char sep = '{';
    const struct mer_shape_variant *v = selection->variants;
    for (uint32_t i = 0; i < v->fields_n; i++) {
        const struct mer_shape_field *f = &v->fields[i];
        if (!mer_kept(&f->kept_if, vars)) {
            continue;
        }
        mer_buf_add_char(b, sep);
        sep = ',';
        mer_buf_add_char(b, '"');
        mer_buf_add(b, f->key);
        mer_buf_add(b, MER_S("\":"));
        if (f->kind == MER_SHAPE_TYPENAME) {
            mer_json_write_string(b, selection->declared->name);
        } else {
            write_row_field(b, e, index, f->field->name, now_us);
        }
    }
    if (sep == '{') {
        mer_buf_add_char(b, '{');
    }
    mer_buf_add_char(b, '}');
}

// ---- extensions.freshness ----

static void write_source(struct mer_buf *b, const struct mer_fresh_entry *e, int64_t now_us)
{
    mer_buf_add(b, MER_S("{\"source\":"));
    write_text(b, e->source);
    mer_buf_add(b, MER_S(",\"tier\":\""));
    mer_buf_add_cstr(b, mer_tier_name(e->tier));
    mer_buf_add(b, MER_S("\",\"region\":"));
    write_text(b, e->region);
    mer_buf_add(b, MER_S(",\"environment\":"));
    write_text(b, e->environment);
    mer_buf_add(b, MER_S(",\"facility\":"));
    write_text(b, e->facility);
    mer_buf_add(b, MER_S(",\"role\":\""));
    mer_buf_add_cstr(b, mer_role_name(e->role));
    mer_buf_add(b, MER_S("\",\"asOf\":"));
    write_time(b, e->as_of_us);
    mer_buf_add(b, MER_S(",\"ageSeconds\":"));
    write_age(b, e->as_of_us, now_us);
    mer_buf_add(b, MER_S(",\"stale\":"));
    write_bool(b, is_stale(e, now_us));
    mer_buf_add(b, MER_S(",\"online\":"));
    write_bool(b, e->online);
    mer_buf_add(b, MER_S(",\"fromCache\":"));
    write_bool(b, e->cached_at_us != MER_TIME_UNKNOWN);
    mer_buf_add(b, MER_S(",\"cacheAgeSeconds\":"));
    write_age(b, e->cached_at_us, now_us);
    mer_buf_add_char(b, '}');
}

static bool warned_before(const struct mer_fresh *f, uint32_t i)
{
    const struct mer_fresh_entry *e = &f->items[i];
    for (uint32_t k = 0; k < i; k++) {
        const struct mer_fresh_entry *o = &f->items[k];
        bool same =
            e->unreachable ? mer_slice_eq(o->region, e->region) : mer_slice_eq(o->facility, e->facility);
        if (has_warning(o) && o->unreachable == e->unreachable && same) {
            return true;
        }
    }
    return false;
}

void mer_fresh_write_extension(struct mer_buf *b, const struct mer_fresh *f, int64_t now_us)
{
    int64_t oldest = INT64_MAX;
    bool stale = false;
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->items[i].unreachable) {
            oldest = f->items[i].as_of_us < oldest ? f->items[i].as_of_us : oldest; // unknown is the smallest
            stale = stale || is_stale(&f->items[i], now_us);
        }
    }
    oldest = oldest == INT64_MAX ? MER_TIME_UNKNOWN : oldest;
    mer_buf_add(b, MER_S("{\"asOf\":"));
    write_time(b, oldest);
    mer_buf_add(b, MER_S(",\"ageSeconds\":"));
    write_age(b, oldest, now_us);
    mer_buf_add(b, MER_S(",\"stale\":"));
    write_bool(b, stale);
    mer_buf_add(b, MER_S(",\"sources\":["));
    const char *sep = "";
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->items[i].unreachable) {
            mer_buf_add_cstr(b, sep);
            write_source(b, &f->items[i], now_us);
            sep = ",";
        }
    }
    mer_buf_add(b, MER_S("],\"warnings\":["));
    sep = "";
    for (uint32_t i = 0; i < f->n; i++) {
        if (has_warning(&f->items[i]) && !warned_before(f, i)) {
            mer_buf_add_cstr(b, sep);
            write_warning(b, &f->items[i]);
            sep = ",";
        }
    }
    mer_buf_add(b, MER_S("]}"));
}

// ---- another gateway's table ----

// More placements and facilities than a site has.
#define TABLE_MAX 4096u

static struct mer_slice text_member(struct mer_arena *a, const struct mer_json *j,
                                    const struct mer_json_node *o, struct mer_slice key)
{
    const struct mer_json_node *n = mer_json_get(j, o, key);
    return n && n->type == MER_JSON_STRING ? mer_arena_copy(a, mer_json_string(a, j, n)) : MER_NIL;
}

// Names of another gateway's table go into texts and enums here, so they must be names.
static bool is_name(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
        if (!ok) {
            return false;
        }
    }
    return s.n <= 64;
}

static struct mer_slice name_member(struct mer_arena *a, const struct mer_json *j,
                                    const struct mer_json_node *o, struct mer_slice key)
{
    struct mer_slice s = text_member(a, j, o, key);
    return is_name(s) ? s : MER_NIL;
}

// Seconds, as write_seconds() writes them. False: none, or no sensible ones.
static bool seconds_member(const struct mer_json *j, const struct mer_json_node *o, struct mer_slice key,
                           int64_t *out_us)
{
    const struct mer_json_node *n = mer_json_get(j, o, key);
    char text[32] = "";
    if (!n || n->type != MER_JSON_NUMBER || n->len >= sizeof(text)) {
        return false;
    }
    memcpy(text, mer_json_raw(j, n).p, n->len);
    double seconds = strtod(text, NULL);
    *out_us = seconds > 0 && seconds < 1e12 ? (int64_t)(seconds * 1e6) : 0;
    return true;
}

static int64_t time_member(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *o,
                           struct mer_slice key)
{
    int64_t us = MER_TIME_UNKNOWN;
    struct mer_slice s = text_member(a, j, o, key);
    return s.n && mer_time_parse_rfc3339(s, &us) ? us : MER_TIME_UNKNOWN;
}

static struct mer_fresh_entry read_entry(struct mer_fresh *f, const struct mer_json *j,
                                         const struct mer_json_node *o, int64_t now_us)
{
    struct mer_fresh_entry e = {
        .source = name_member(f->a, j, o, MER_S("source")),
        .region = name_member(f->a, j, o, MER_S("region")),
        .environment = name_member(f->a, j, o, MER_S("environment")),
        .facility = name_member(f->a, j, o, MER_S("facility")),
        .as_of_us = time_member(f->a, j, o, MER_S("asOf")),
        .cached_at_us = MER_TIME_UNKNOWN,
    };
    if (!mer_tier_parse(text_member(f->a, j, o, MER_S("tier")), &e.tier)) {
        e.tier = MER_TIER_REGIONAL;
    }
    if (!mer_role_parse(text_member(f->a, j, o, MER_S("role")), &e.role)) {
        e.role = MER_ROLE_PRIMARY;
    }
    const struct mer_json_node *online = mer_json_get(j, o, MER_S("online"));
    e.online = !online || online->type == MER_JSON_TRUE;
    const struct mer_json_node *cached = mer_json_get(j, o, MER_S("fromCache"));
    if (cached && cached->type == MER_JSON_TRUE) {
        int64_t age_us = 0;
        e.cached_at_us = seconds_member(j, o, MER_S("cacheAgeSeconds"), &age_us) ? now_us - age_us : now_us;
    }
    // Its clock may be ahead of ours: then its age says more than its time.
    int64_t told_us = 0;
    if (has_age(&e) && seconds_member(j, o, MER_S("ageSeconds"), &told_us) && now_us - told_us < e.as_of_us) {
        e.as_of_us = now_us - told_us;
    }
    return e;
}

// The callee's own reads showed that a region is not heard of; its warning's text is the contract's.
static void read_unreachable(struct mer_fresh *f, const struct mer_json *j,
                             const struct mer_json_node *warnings)
{
    const struct mer_slice head = MER_S("region "), tail = MER_S(" is UNREACHABLE.");
    uint32_t n = warnings && warnings->type == MER_JSON_ARRAY ? warnings->count : 0;
    n = n < TABLE_MAX ? n : TABLE_MAX;
    const struct mer_json_node *w = n ? mer_json_first(j, warnings) : NULL;
    for (uint32_t i = 0; i < n; i++, w = mer_json_next(j, w)) {
        struct mer_slice s = w->type == MER_JSON_STRING ? mer_json_string(f->a, j, w) : MER_NIL;
        if (s.n > head.n + tail.n && mer_slice_starts(s, head) &&
            mer_slice_eq(mer_slice_make(s.p + s.n - tail.n, tail.n), tail)) {
            struct mer_slice region = mer_slice_make(s.p + head.n, s.n - head.n - tail.n);
            if (is_name(region)) {
                mer_fresh_add_unreachable(f, region);
            }
        }
    }
}

void mer_fresh_read_extension(struct mer_fresh *f, const struct mer_json *j,
                              const struct mer_json_node *freshness, int64_t now_us, int64_t stale_after_us,
                              uint32_t **map, uint32_t *map_n)
{
    const struct mer_json_node *sources = freshness ? mer_json_get(j, freshness, MER_S("sources")) : NULL;
    uint32_t n = sources && sources->type == MER_JSON_ARRAY ? sources->count : 0;
    n = n < TABLE_MAX ? n : TABLE_MAX;
    *map = MER_NEW_N(f->a, uint32_t, n + 1);
    *map_n = n;
    const struct mer_json_node *o = n ? mer_json_first(j, sources) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct mer_fresh_entry e = read_entry(f, j, o, now_us);
        e.stale_after_us = stale_after_us;
        (*map)[i] = mer_fresh_add(f, &e);
        o = mer_json_next(j, o);
    }
    read_unreachable(f, j, freshness ? mer_json_get(j, freshness, MER_S("warnings")) : NULL);
}
