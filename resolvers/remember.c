// SPDX-License-Identifier: MIT
// Answers kept whole. Where everything an operation asks is finished figures of closed hours, its written
// answer is kept beside the figures: the bytes without the ages, where each age stands, and what the ages are
// counted from. The next caller of the same scope with the same text and variables gets those bytes with ages
// computed anew; no field is planned into a key, read or written again. The key holds all that the figures'
// own keys depend on.
//
// Memory of one loop, under the plan's numbering of ages: nothing of it leaves the process.
#include "base/hash.h"
#include "base/time.h"
#include "cache/memory.h"
#include "resolvers/exec_priv.h"

// The stored form: head, ages, holes, bytes.
struct kept_head {
    uint32_t ages_n, holes_n;
};

struct kept_age {
    int64_t as_of_us, cached_at_us;
    uint64_t source; // the site's
};

struct kept_hole {
    uint64_t at;    // in the bytes
    uint32_t field; // of plan->ages
    uint32_t age;
};

// ---- the key ----

static void add_text(struct mer_buf *b, struct mer_slice s)
{
    uint64_t n = s.n;
    mer_buf_add(b, mer_slice_make((const char *)&n, sizeof(n)));
    mer_buf_add(b, s);
}

static void add_number(struct mer_buf *b, uint64_t v)
{
    mer_buf_add(b, mer_slice_make((const char *)&v, sizeof(v)));
}

static bool all_kept_figures(const struct mer_exec *x)
{
    const struct mer_plan *p = x->ask.plan;
    for (uint32_t i = 0; i < p->fetches_n; i++) {
        const struct exec_fetch *f = &x->fetches[i];
        if (f->plan->kind != MER_FETCH_ROOT || !x->ask.site->sources[f->plan->source].catalogue ||
            f->max_age_us >= 0) {
            return false;
        }
    }
    const struct mer_shape_variant *root = p->shape->variants;
    for (uint32_t i = 0; i < root->fields_n; i++) {
        if (root->fields[i].kind != MER_SHAPE_DATA && root->fields[i].kind != MER_SHAPE_TYPENAME) {
            return false;
        }
    }
    return p->fetches_n > 0;
}

static struct mer_slice make_key(struct mer_exec *x)
{
    const struct mer_exec_ask *ask = &x->ask;
    struct mer_buf b;
    mer_buf_init(&b, x->a, ask->text.n + ask->name.n + ask->variables.n + 512);
    add_number(&b, (uint64_t)(uintptr_t)ask->plan->graph); // as long as the site lives
    add_number(&b, (uint64_t)(x->now_us / 3600000000));
    add_text(&b, ask->text);
    add_text(&b, ask->name);
    add_text(&b, ask->variables);
    add_text(&b, ask->caller.tenant);
    add_text(&b, ask->caller.role);
    add_text(&b, ask->caller.facilities);
    for (uint32_t i = 0; i < ask->plan->fetches_n; i++) {
        struct mer_slice version = exec_kpi_version(x, ask->plan->fetches[i]->source);
        if (version.n == 0) {
            return MER_NIL;
        }
        add_text(&b, version);
    }
    return mer_buf_slice(&b);
}

// ---- recalling ----

bool exec_recall(struct mer_exec *x)
{
    struct mer_memory_cache *m = x->ask.site->answers;
    if (!m || x->ask.text.n == 0 || !all_kept_figures(x)) {
        return false;
    }
    x->kept_key = make_key(x);
    if (x->kept_key.n == 0) {
        return false;
    }
    x->recalled = mer_memory_cache_get(m, x->kept_key, mer_hash(x->kept_key), mer_time_mono_us());
    return x->recalled != NULL;
}

// What a stored answer consists of; its buffer is ours and aligned as malloc aligns, but the value follows a
// key.
struct kept_parts {
    struct kept_head head;
    const char *ages, *holes;
    struct mer_slice bytes;
};

static struct kept_parts open_kept(struct mer_slice value)
{
    struct kept_parts k;
    memcpy(&k.head, value.p, sizeof(k.head));
    k.ages = value.p + sizeof(k.head);
    k.holes = k.ages + k.head.ages_n * sizeof(struct kept_age);
    const char *bytes = k.holes + k.head.holes_n * sizeof(struct kept_hole);
    k.bytes = mer_slice_make(bytes, (size_t)(value.p + value.n - bytes));
    return k;
}

void exec_write_recalled(struct mer_exec *x, struct mer_buf *out)
{
    struct kept_parts k = open_kept(x->recalled->value);
    uint32_t *entries = MER_NEW_N(x->a, uint32_t, k.head.ages_n + 1);
    for (uint32_t i = 0; i < k.head.ages_n; i++) {
        struct kept_age age;
        memcpy(&age, k.ages + i * sizeof(age), sizeof(age));
        entries[i] = exec_kpi_entry(x, (uint32_t)age.source, age.as_of_us, age.cached_at_us);
    }
    mer_buf_reserve(out, k.bytes.n + k.head.holes_n * 256);
    size_t at = 0;
    for (uint32_t i = 0; i < k.head.holes_n; i++) {
        struct kept_hole hole;
        memcpy(&hole, k.holes + i * sizeof(hole), sizeof(hole));
        mer_buf_add(out, mer_slice_make(k.bytes.p + at, hole.at - at));
        at = hole.at;
        exec_write_age(x, out, x->ask.plan->ages[hole.field], entries[hole.age]);
    }
    mer_buf_add(out, mer_slice_make(k.bytes.p + at, k.bytes.n - at));
}

// ---- keeping ----

// The source of an entry that says only how old stored figures are; -1 for any other.
static int32_t figures_source(const struct mer_exec *x, const struct mer_fresh_entry *e)
{
    const struct mer_site *s = x->ask.site;
    if (e->unreachable || e->tier != MER_TIER_GLOBAL || e->region.n || e->facility.n) {
        return -1;
    }
    for (uint32_t i = 0; i < s->sources_n; i++) {
        if (s->sources[i].catalogue && mer_slice_eq(s->sources[i].name, e->source)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool keep_ages(const struct mer_exec *x, struct mer_buf *b, int64_t now_us, int64_t *oldest_us)
{
    *oldest_us = now_us;
    for (uint32_t i = 0; i < x->fresh.n; i++) {
        const struct mer_fresh_entry *e = &x->fresh.items[i];
        int32_t source = figures_source(x, e);
        if (source < 0) {
            return false;
        }
        struct kept_age age = {e->as_of_us, e->cached_at_us == MER_TIME_UNKNOWN ? now_us : e->cached_at_us,
                               (uint64_t)source};
        *oldest_us = age.cached_at_us < *oldest_us ? age.cached_at_us : *oldest_us;
        mer_buf_add(b, mer_slice_make((const char *)&age, sizeof(age)));
    }
    return true;
}

void exec_remember(struct mer_exec *x, struct mer_slice written, size_t offset)
{
    struct kept_head head = {x->fresh.n, x->holes_n};
    int64_t now_us = mer_time_wall_us(), oldest_us = 0;
    struct mer_buf b, bytes;
    mer_buf_init(&b, x->a, 1024);
    mer_buf_init(&bytes, x->a, written.n);
    mer_buf_add(&b, mer_slice_make((const char *)&head, sizeof(head)));
    if (!keep_ages(x, &b, now_us, &oldest_us)) {
        return;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < x->holes_n; i++) {
        const struct mer_exec_hole *h = &x->holes[i];
        mer_buf_add(&bytes, mer_slice_make(written.p + at, h->from - offset - at));
        at = h->to - offset;
        struct kept_hole hole = {bytes.n, h->age, h->entry};
        mer_buf_add(&b, mer_slice_make((const char *)&hole, sizeof(hole)));
    }
    mer_buf_add(&bytes, mer_slice_make(written.p + at, written.n - at));
    mer_buf_add(&b, mer_buf_slice(&bytes));
    int64_t ttl_ms = EXEC_KPI_TTL_MS - (now_us - oldest_us) / 1000;
    struct mer_cache_entry *e = mer_cache_entry_new(x->kept_key, mer_buf_slice(&b), oldest_us, ttl_ms);
    if (e) {
        mer_memory_cache_put(x->ask.site->answers, e, mer_hash(x->kept_key));
        mer_cache_entry_unref(e);
    }
}
