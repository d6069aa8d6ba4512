// SPDX-License-Identifier: MIT
// KPI fields: first what is stored on the global tier, which also tells up to when; then, for the hours
// after, raw parts in each region; then the arithmetic (resolvers/kpi/). A fetch of KPIs is a few jobs: one
// for a root field, one for each entity and field.
#include "base/buf.h"
#include "base/log.h"
#include "base/time.h"
#include "cache/cache.h"
#include "resolvers/exec_priv.h"
#include "resolvers/kpi/finish.h"
#include "resolvers/kpi/query.h"

struct kpi_job {
    struct mer_exec *x;
    struct exec_fetch *fetch;
    uint32_t id; // entity: index of its id
    uint32_t field;
    struct mer_kpi_ask *ask;
    uint32_t pending;
    bool raw_asked;
    struct mer_kpi_mark *marks;
    uint32_t marks_n;
    struct mer_json json; // the finished value
    struct mer_exec_error *error;
    int32_t entry;        // freshness of the whole
    struct mer_slice key; // in the cache; n == 0: not looked up
    struct mer_cache_ask cache;
    bool leads; // others wait for what this job makes
};

struct kpi_run {
    struct kpi_job *jobs;
    uint32_t jobs_n, pending;
};

#define GLOBAL_ONLY   (1u << MER_TIER_GLOBAL)
#define REGIONAL_ONLY (1u << MER_TIER_REGIONAL)

// ---- the end of a job and of the run ----

static uint32_t job_entry(void *owner, const struct mer_json *json, const struct mer_json_node *node)
{
    (void)json;
    (void)node;
    const struct kpi_job *j = owner;
    return j->entry < 0 ? 0 : (uint32_t)j->entry;
}

static void store_job(struct mer_exec *x, struct kpi_job *j)
{
    struct exec_fetch *f = j->fetch;
    struct mer_val *slot = &f->roots[j->id]->slots[f->plan->op.fields[j->field]->slot];
    if (j->error) {
        *slot = (struct mer_val){.kind = MER_VAL_NULL, .error = j->error};
        return;
    }
    struct mer_val_reader r = {.a = x->a,
                               .types = exec_types(x),
                               .source = f->plan->op.schema,
                               .json = &j->json,
                               .entry = job_entry,
                               .owner = j};
    mer_val_read(&r, mer_json_root(&j->json), f->plan->op.fields[j->field], slot);
}

static void job_done(struct mer_exec *x, struct kpi_job *j)
{
    if (j->leads) { // nothing that may be shared came of it
        j->leads = false;
        mer_cache_abandon(&j->cache);
    }
    if (j->key.n == 0) {
        x->kept_key = MER_NIL; // this part of the answer may not be kept, so neither may the whole
    }
    store_job(x, j);
    if (--j->fetch->kpi->pending == 0) {
        exec_fetch_done(x, j->fetch);
        exec_schedule(x);
    }
}

// ---- freshness of the whole ----

// How old the whole is: stored hours are as old as the earliest watermark they wait for.
uint32_t exec_kpi_entry(struct mer_exec *x, uint32_t source, int64_t as_of_us, int64_t cached_at_us)
{
    const struct mer_site_source *s = &x->ask.site->sources[source];
    struct mer_fresh_entry e = {
        .source = s->name,
        .tier = MER_TIER_GLOBAL,
        .as_of_us = as_of_us,
        .stale_after_us = s->stale_after_us,
        .cached_at_us = cached_at_us,
        .online = true,
    };
    return mer_fresh_add(&x->fresh, &e);
}

static void note_age(struct mer_exec *x, struct kpi_job *j, int64_t as_of_us, int64_t cached_at_us)
{
    j->entry = (int32_t)exec_kpi_entry(x, j->fetch->plan->source, as_of_us, cached_at_us);
}

// ---- the cache: finished figures of closed hours, under everything that they depend on ----

#define WAIT_FOR_LEADER_MS 2000

// The database of stored hours here: its version is part of every key, so that a rebuilt hour is never
// shadowed.
static const struct mer_place *stored_here(const struct mer_exec *x, uint32_t source)
{
    for (uint32_t i = 0; i < x->ask.site->places_n; i++) {
        const struct mer_place *p = &x->ask.site->places[i];
        if (p->source == source && p->sql && p->tier == MER_TIER_GLOBAL) {
            return p;
        }
    }
    return NULL;
}

struct mer_slice exec_kpi_version(const struct mer_exec *x, uint32_t source)
{
    const struct mer_place *place = stored_here(x, source);
    return place ? mer_board_version(x->ask.site->board, place->index) : MER_NIL;
}

static struct mer_slice cache_key(struct mer_exec *x, const struct kpi_job *j)
{
    struct mer_slice version = exec_kpi_version(x, j->fetch->plan->source);
    if (!x->ask.site->cache || version.n == 0 || j->fetch->max_age_us >= 0) {
        return MER_NIL;
    }
    const struct mer_caller *c = &x->ask.caller;
    struct mer_buf b;
    mer_buf_init(&b, x->a, 512);
    mer_buf_printf(&b, "kpi1\n%.*s\n%.*s\n%.*s\n%.*s\n%lld\n%.*s\n", MER_FMT(c->tenant), MER_FMT(c->role),
                   MER_FMT(c->facilities), MER_FMT(version), (long long)(x->now_us / 3600000000),
                   MER_FMT(j->fetch->ids_n ? j->fetch->ids[j->id] : MER_NIL));
    mer_buf_add(&b, exec_field_text(x, j->fetch, j->field));
    return mer_buf_slice(&b);
}

// The stored form: as-of (8 bytes), then the field's JSON.
static void share(struct mer_exec *x, struct kpi_job *j, int64_t as_of_us, struct mer_slice json,
                  bool incomplete)
{
    if (!j->leads || j->error || j->raw_asked || incomplete) {
        return;
    }
    char *p = mer_arena_bytes(x->a, json.n + sizeof(as_of_us));
    memcpy(p, &as_of_us, sizeof(as_of_us));
    memcpy(p + sizeof(as_of_us), json.p, json.n);
    j->leads = false;
    mer_cache_fill(&j->cache, mer_slice_make(p, json.n + sizeof(as_of_us)), mer_time_wall_us(),
                   EXEC_KPI_TTL_MS);
}

static void drop_entry(void *entry)
{
    mer_cache_entry_unref(entry);
}

static void note_cache(struct mer_exec *x, enum mer_exec_cache c)
{
    x->cache = c > x->cache ? c : x->cache; // the worst part's: a miss outweighs a hit
}

static bool take_hit(struct mer_exec *x, struct kpi_job *j, struct mer_cache_entry *e)
{
    int64_t as_of = 0;
    exec_keep(x, e, drop_entry);
    if (e->value.n < sizeof(as_of)) {
        return false;
    }
    memcpy(&as_of, e->value.p, sizeof(as_of));
    struct mer_slice json = mer_slice_make(e->value.p + sizeof(as_of), e->value.n - sizeof(as_of));
    if (mer_json_parse(x->a, json, NULL, &j->json, NULL)) {
        return false;
    }
    note_cache(x, MER_EXEC_CACHE_HIT);
    if (x->cached_at_us == MER_TIME_UNKNOWN || e->stored_at_us < x->cached_at_us) {
        x->cached_at_us = e->stored_at_us;
    }
    note_age(x, j, as_of, e->stored_at_us);
    return true;
}

// ---- finishing ----

static struct mer_slice part_text(const struct exec_part *p)
{
    return mer_json_raw(&p->json, p->value);
}

static void add_region(struct mer_slice *list, uint32_t *n, struct mer_slice region)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (mer_slice_eq(list[i], region)) {
            return;
        }
    }
    list[(*n)++] = region;
}

static int64_t oldest_mark(const struct kpi_job *j)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < j->ask->facilities_n; i++) {
        for (uint32_t k = 0; k < j->marks_n; k++) {
            if (mer_slice_eq(j->marks[k].facility, j->ask->facilities[i].code)) {
                int64_t upto = j->marks[k].upto_us;
                oldest = upto < oldest ? upto : oldest;
            }
        }
    }
    return oldest == INT64_MAX || oldest <= 0 ? MER_TIME_UNKNOWN : oldest;
}

// What the job's parts brought, and which regions did not.
static void gather(struct mer_exec *x, const struct kpi_job *j, struct mer_kpi_answers *out)
{
    const struct exec_fetch *f = j->fetch;
    struct mer_kpi_cells *sets = MER_NEW_N(x->a, struct mer_kpi_cells, f->parts_n);
    struct mer_slice *missing = MER_NEW_N(x->a, struct mer_slice, f->parts_n);
    *out = (struct mer_kpi_answers){.sets = sets, .missing_regions = missing};
    for (uint32_t i = 0; i < f->parts_n; i++) {
        const struct exec_part *p = f->parts[i];
        if (p->job == j && p->error) {
            add_region(missing, &out->missing_regions_n, p->region);
        } else if (p->job == j) {
            sets[out->sets_n++] = (struct mer_kpi_cells){part_text(p), p->compare};
        }
    }
}

// Another gateway's cells that are none make its region a missing one, not the whole a failure.
static bool drop_wrong_parts(struct mer_exec *x, const struct kpi_job *j)
{
    bool dropped = false;
    for (uint32_t i = 0; i < j->fetch->parts_n; i++) {
        struct exec_part *p = j->fetch->parts[i];
        if (p->job != j || p->error || p->place->sql) {
            continue;
        }
        struct mer_kpi_cells set = {part_text(p), p->compare};
        struct mer_kpi_answers alone = {.sets = &set, .sets_n = 1};
        struct mer_buf out;
        mer_buf_init(&out, x->a, 1024);
        if (mer_kpi_finish(x->a, j->ask, &alone, &out, NULL, NULL)) {
            p->error = exec_part_error(p, "FETCH_ERROR", "the other gateway's figures are not understood");
            dropped = true;
        }
    }
    return dropped;
}

static void tell_missing(struct mer_exec *x, const struct kpi_job *j)
{
    struct mer_path_seg root = {.key = j->fetch->plan->root_key};
    for (uint32_t i = 0; i < j->fetch->parts_n; i++) {
        const struct exec_part *p = j->fetch->parts[i];
        if (p->job == j && p->error) {
            exec_tell(x, p->error, root.key.n ? &root : NULL, root.key.n ? 1 : 0);
        }
    }
}

static void finish(struct mer_exec *x, struct kpi_job *j)
{
    struct mer_kpi_answers answers;
    struct mer_buf out;
    struct mer_diag diag = {0};
    int64_t as_of = 0;
    mer_buf_init(&out, x->a, 4096);
    gather(x, j, &answers);
    enum mer_err err = mer_kpi_finish(x->a, j->ask, &answers, &out, &as_of, &diag);
    if (err && drop_wrong_parts(x, j)) {
        out.n = 0;
        gather(x, j, &answers);
        err = mer_kpi_finish(x->a, j->ask, &answers, &out, &as_of, &diag);
    }
    tell_missing(x, j);
    if (err || mer_json_parse(x->a, mer_buf_slice(&out), NULL, &j->json, &diag)) {
        mer_log(MER_LOG_ERROR, "kpi", "cannot finish: %s", diag.msg);
        j->error = exec_error(x, "FETCH_ERROR", "a part of the key figures is not understood");
    }
    if (j->error || j->raw_asked || answers.missing_regions_n) {
        x->kept_key = MER_NIL; // not what the next caller should get
    }
    as_of = j->raw_asked && as_of > 0 ? as_of : oldest_mark(j);
    note_age(x, j, as_of, MER_TIME_UNKNOWN);
    share(x, j, as_of, mer_buf_slice(&out), answers.missing_regions_n > 0);
    job_done(x, j);
}

// ---- asking ----

void exec_compile_kpi(struct exec_part *p)
{
    if (p->place->tier == MER_TIER_GLOBAL) {
        mer_kpi_stored_sql(p->x->a, p->cells, &p->sql);
    } else {
        mer_kpi_raw_part_sql(p->x->a, p->cells, &p->sql);
    }
}

struct mer_slice exec_kpi_hop_text(struct exec_part *p)
{
    struct mer_buf body;
    mer_buf_init(&body, p->x->a, 1024);
    mer_buf_add(&body, MER_S("{\"query\":"));
    mer_json_write_string(&body, mer_kpi_cells_graphql(p->x->a, p->cells));
    mer_buf_add_char(&body, '}');
    return mer_buf_slice(&body);
}

void exec_ask_kpi(struct exec_part *p)
{
    if (p->place->sql) {
        exec_compile_kpi(p);
        exec_run_sql(p, &p->sql);
    } else {
        exec_send_hop(p, exec_kpi_hop_text(p));
    }
}

static struct exec_part *new_part(struct mer_exec *x, struct kpi_job *j, const struct mer_kpi_part *cells,
                                  struct mer_slice region, bool compare)
{
    struct exec_part *p = exec_new_part(x, j->fetch, region);
    p->job = j;
    p->cells = MER_NEW(x->a, struct mer_kpi_part);
    *p->cells = *cells;
    p->compare = compare;
    p->located = region.n > 0;
    p->serves = region.n ? REGIONAL_ONLY : GLOBAL_ONLY;
    j->pending++;
    return p;
}

static void ask_stored(struct mer_exec *x, struct kpi_job *j)
{
    struct mer_kpi_part cells = mer_kpi_part_of(j->ask, false, x->ask.caller.tenant);
    struct exec_part *first = new_part(x, j, &cells, MER_NIL, false);
    struct exec_part *second = NULL;
    if (j->ask->has_compare) {
        cells = mer_kpi_part_of(j->ask, true, x->ask.caller.tenant);
        second = new_part(x, j, &cells, MER_NIL, true);
    }
    exec_ask_part(first);
    if (second) {
        exec_ask_part(second);
    }
}

static void ask_raw(struct mer_exec *x, struct kpi_job *j)
{
    j->raw_asked = false;
    uint32_t first = j->fetch->parts_n;
    for (int compare = 0; compare <= (j->ask->has_compare ? 1 : 0); compare++) {
        struct mer_kpi_part *parts = NULL;
        uint32_t n = mer_kpi_split(x->a, j->ask, compare, x->ask.caller.tenant, j->marks, j->marks_n, &parts);
        for (uint32_t i = 0; i < n; i++) {
            struct exec_part *p = new_part(x, j, &parts[i], parts[i].facilities[0].region, compare);
            for (uint32_t k = 0; k < parts[i].facilities_n; k++) {
                exec_part_add_facility(p, parts[i].facilities[k].code);
            }
        }
    }
    uint32_t end = j->fetch->parts_n;
    j->raw_asked = end > first;
    if (!j->raw_asked) {
        finish(x, j);
        return;
    }
    for (uint32_t i = first; i < end; i++) {
        exec_ask_part(j->fetch->parts[i]);
    }
}

// Another gateway asks for this site's cells: one part, answered as it is.
static void ask_cells(struct mer_exec *x, struct kpi_job *j)
{
    struct mer_kpi_part cells = mer_kpi_part_of_cells(j->ask, x->ask.caller.tenant);
    struct exec_part *p = new_part(x, j, &cells, x->ask.site->self.region, false);
    p->serves = GLOBAL_ONLY | REGIONAL_ONLY;
    for (uint32_t k = 0; k < cells.facilities_n && p->region.n; k++) {
        exec_part_add_facility(p, cells.facilities[k].code);
    }
    exec_ask_part(p);
}

void exec_kpi_part_done(struct exec_part *p)
{
    struct kpi_job *j = p->job;
    struct mer_exec *x = p->x;
    if (!p->error && p->place->sql && p->place->tier != MER_TIER_GLOBAL) {
        exec_default_entry(p); // stored hours are as old as their watermarks: note_age says it
    }
    if (--j->pending > 0) {
        return;
    }
    if (j->ask->kind == MER_KPI_CELLS) {
        j->error = p->error;
        if (!p->error) {
            j->json = p->json;
            j->entry = (int32_t)exec_default_entry(p);
        }
        job_done(x, j);
        return;
    }
    if (j->raw_asked) {
        finish(x, j);
        return;
    }
    // The stored parts are here: without them there is nothing to build on.
    for (uint32_t i = 0; i < j->fetch->parts_n; i++) {
        struct exec_part *s = j->fetch->parts[i];
        struct mer_diag diag = {0};
        if (s->job != j) {
            continue;
        }
        if (s->error) {
            j->error = s->error;
        } else if (!s->compare && mer_kpi_read_marks(x->a, part_text(s), &j->marks, &j->marks_n, &diag)) {
            mer_log(MER_LOG_ERROR, "kpi", "watermarks not understood: %s", diag.msg);
            j->error = exec_part_error(s, "FETCH_ERROR", "a part of the key figures is not understood");
        }
    }
    if (j->error) {
        job_done(x, j);
    } else {
        ask_raw(x, j);
    }
}

// ---- starting ----

static bool covers(struct mer_slice list, struct mer_slice facility)
{
    while (list.n) {
        struct mer_slice one = mer_slice_cut(&list, ',');
        if (mer_slice_is(one, "*") || mer_slice_eq(one, facility)) {
            return true;
        }
    }
    return false;
}

static uint32_t visible_facilities(const struct mer_exec *x, struct mer_kpi_facility **out)
{
    const struct mer_site *s = x->ask.site;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->regions_n; i++) {
        n += s->regions[i].facilities_n;
    }
    *out = MER_NEW_N(x->a, struct mer_kpi_facility, n);
    n = 0;
    for (uint32_t i = 0; i < s->regions_n; i++) {
        for (uint32_t k = 0; k < s->regions[i].facilities_n; k++) {
            struct mer_slice code = s->regions[i].facilities[k];
            if (covers(x->ask.caller.facilities, code)) {
                (*out)[n++] = (struct mer_kpi_facility){code, s->regions[i].name};
            }
        }
    }
    return n;
}

static struct mer_exec_error *make_ask(struct mer_exec *x, struct kpi_job *j)
{
    struct exec_fetch *f = j->fetch;
    struct mer_kpi_facility *facilities = NULL;
    uint32_t n = visible_facilities(x, &facilities);
    struct mer_kpi_ask_opts opts = {
        .catalogue = x->ask.site->sources[f->plan->source].catalogue,
        .schema = f->plan->op.schema,
        .field = f->plan->op.fields[j->field],
        .vars = x->ask.vars,
        .facilities = facilities,
        .facilities_n = n,
        .entity_id = f->ids_n ? f->ids[j->id] : MER_NIL,
        .now_us = x->now_us,
    };
    struct mer_diag diag = {0};
    switch (mer_kpi_ask_make(x->a, &opts, &j->ask, &diag)) {
    case MER_OK:
        return NULL;
    case MER_ERR_NOT_FOUND:
        return exec_error(x, "NOT_FOUND", "%s", diag.msg);
    case MER_ERR_LIMIT:
        return exec_error(x, "QUERY_TOO_COMPLEX", "%s", diag.msg);
    default:
        return exec_error(x, "BAD_USER_INPUT", "%s", diag.msg);
    }
}

static void looked_up(void *owner, enum mer_cache_status status, struct mer_cache_entry *entry)
{
    struct kpi_job *j = owner;
    struct mer_exec *x = j->x;
    if (entry && take_hit(x, j, entry)) {
        job_done(x, j);
        return;
    }
    j->leads = status == MER_CACHE_MISS;
    note_cache(x, MER_EXEC_CACHE_MISS);
    ask_stored(x, j);
}

static void look_up(struct mer_exec *x, struct kpi_job *j)
{
    j->key = cache_key(x, j);
    if (j->key.n == 0) {
        ask_stored(x, j);
        return;
    }
    enum mer_cache_status st =
        mer_cache_get(x->ask.site->cache, &j->cache, j->key, WAIT_FOR_LEADER_MS, looked_up, j);
    if (st != MER_CACHE_PENDING) {
        looked_up(j, st, st == MER_CACHE_HIT_MEMORY ? j->cache.entry : NULL);
    }
}

static void start_job(struct mer_exec *x, struct kpi_job *j)
{
    j->error = make_ask(x, j);
    if (j->error) {
        job_done(x, j);
    } else if (j->ask->kind == MER_KPI_CELLS) {
        ask_cells(x, j);
    } else {
        look_up(x, j);
    }
}

void exec_kpi_cancel(struct exec_fetch *f)
{
    for (uint32_t i = 0; f->kpi && i < f->kpi->jobs_n; i++) {
        mer_cache_cancel(&f->kpi->jobs[i].cache);
        f->kpi->jobs[i].leads = false;
    }
}

void exec_kpi_start(struct mer_exec *x, struct exec_fetch *f)
{
    uint32_t roots = f->ids_n ? f->ids_n : 1, fields = f->plan->op.fields_n;
    f->roots = MER_NEW_N(x->a, struct mer_obj *, roots);
    f->roots_n = roots;
    f->kpi = MER_NEW(x->a, struct kpi_run);
    f->kpi->jobs = MER_NEW_N(x->a, struct kpi_job, roots * fields);
    f->kpi->jobs_n = f->kpi->pending = roots * fields;
    for (uint32_t i = 0; i < roots; i++) {
        f->roots[i] = mer_obj_new(x->a, f->plan->op.slots_n);
        for (uint32_t k = 0; k < fields; k++) {
            struct kpi_job *j = &f->kpi->jobs[i * fields + k];
            *j = (struct kpi_job){.x = x, .fetch = f, .id = i, .field = k, .entry = -1};
            start_job(x, j);
        }
    }
}

struct mer_exec_error *exec_kpi_explain(struct mer_exec *x, struct exec_fetch *f)
{
    struct kpi_job *j = MER_NEW(x->a, struct kpi_job);
    j->fetch = f;
    f->kpi = MER_NEW(x->a, struct kpi_run);
    struct mer_exec_error *e = make_ask(x, j);
    if (e) {
        return e;
    }
    struct mer_kpi_part cells = mer_kpi_part_of(j->ask, false, x->ask.caller.tenant);
    new_part(x, j, &cells, MER_NIL, false);
    // As if the last two hours were not stored yet: which regions would be asked, and what.
    int64_t upto = j->ask->now_us - 2 * 3600000000;
    struct mer_kpi_mark *marks = MER_NEW_N(x->a, struct mer_kpi_mark, j->ask->facilities_n);
    for (uint32_t i = 0; i < j->ask->facilities_n; i++) {
        marks[i] = (struct mer_kpi_mark){j->ask->facilities[i].code, upto - upto % 3600000000};
    }
    struct mer_kpi_part *parts = NULL;
    uint32_t n =
        mer_kpi_split(x->a, j->ask, false, x->ask.caller.tenant, marks, j->ask->facilities_n, &parts);
    for (uint32_t i = 0; i < n; i++) {
        new_part(x, j, &parts[i], parts[i].facilities[0].region, false);
    }
    return NULL;
}
