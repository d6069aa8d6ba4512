// SPDX-License-Identifier: MIT
// KPI fields: first what is stored on the global tier, which also tells up to when; then, for the hours after, raw
// parts in each region; then the arithmetic (resolvers/kpi/). A fetch of KPIs is a few jobs: one for a root field,
// one for each entity and field.
#include "base/log.h"
#include "resolvers/exec_priv.h"
#include "resolvers/kpi/finish.h"
#include "resolvers/kpi/query.h"

struct kpi_job {
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
    int32_t entry; // freshness of the whole
};

struct kpi_run {
    struct kpi_job *jobs;
    uint32_t jobs_n, pending;
};

#define GLOBAL_ONLY (1u << MER_TIER_GLOBAL)
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
    struct mer_val *slot = &f->roots[j->id]->slots[j->field];
    if (j->error) {
        *slot = (struct mer_val){.kind = MER_VAL_NULL, .error = j->error};
        return;
    }
    struct mer_val_reader r = {x->a, x->ask.plan->graph->api, &j->json, job_entry, j};
    mer_val_read(&r, mer_json_root(&j->json), f->plan->op.fields[j->field], slot);
}

static void attach_entities(struct mer_exec *x, struct exec_fetch *f)
{
    for (uint32_t i = 0; i < f->targets_n; i++) {
        struct mer_obj_more *m = MER_NEW(x->a, struct mer_obj_more);
        *m = (struct mer_obj_more){f->plan->index, f->roots[f->target_ids[i]], NULL, f->targets[i]->more};
        f->targets[i]->more = m;
    }
}

static void job_done(struct mer_exec *x, struct kpi_job *j)
{
    store_job(x, j);
    if (--j->fetch->kpi->pending == 0) {
        attach_entities(x, j->fetch);
        exec_fetch_done(j->fetch);
        exec_schedule(x);
    }
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

// How old the whole is: stored hours are as old as the earliest watermark they wait for.
static void note_age(struct mer_exec *x, struct kpi_job *j, int64_t as_of_us)
{
    const struct exec_part *stored = NULL;
    for (uint32_t i = 0; i < j->fetch->parts_n && !stored; i++) {
        stored = j->fetch->parts[i]->job == j ? j->fetch->parts[i] : NULL;
    }
    const struct mer_site_source *s = &x->ask.site->sources[j->fetch->plan->source];
    struct mer_fresh_entry e = {
        .source = s->name,
        .region = j->raw_asked ? MER_NIL : stored->place ? stored->place->region : MER_NIL,
        .tier = stored->place ? stored->place->tier : MER_TIER_GLOBAL,
        .as_of_us = as_of_us,
        .stale_after_us = s->stale_after_us,
        .cached_at_us = MER_TIME_UNKNOWN,
        .online = true,
    };
    j->entry = (int32_t)mer_fresh_add(&x->fresh, &e);
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

static void finish(struct mer_exec *x, struct kpi_job *j)
{
    struct exec_fetch *f = j->fetch;
    struct mer_kpi_cells *sets = MER_NEW_N(x->a, struct mer_kpi_cells, f->parts_n);
    struct mer_slice *missing = MER_NEW_N(x->a, struct mer_slice, f->parts_n);
    struct mer_kpi_answers answers = {.sets = sets, .missing_regions = missing};
    struct mer_path_seg root = {.key = f->plan->root_key};
    for (uint32_t i = 0; i < f->parts_n; i++) {
        struct exec_part *p = f->parts[i];
        if (p->job != j) {
            continue;
        }
        if (p->error) {
            add_region(missing, &answers.missing_regions_n, p->region);
            exec_tell(x, p->error, root.key.n ? &root : NULL, root.key.n ? 1 : 0);
        } else {
            sets[answers.sets_n++] = (struct mer_kpi_cells){part_text(p), p->compare};
        }
    }
    struct mer_buf out;
    struct mer_diag diag = {0};
    int64_t as_of = 0;
    mer_buf_init(&out, x->a, 4096);
    if (mer_kpi_finish(x->a, j->ask, &answers, &out, &as_of, &diag) ||
        mer_json_parse(x->a, mer_buf_slice(&out), NULL, &j->json, &diag)) {
        mer_log(MER_LOG_ERROR, "kpi", "cannot finish: %s", diag.msg);
        j->error = exec_error(x, "FETCH_ERROR", "a part of the key figures is not understood");
    }
    note_age(x, j, j->raw_asked && as_of > 0 ? as_of : oldest_mark(j));
    job_done(x, j);
}

// ---- asking ----

void exec_ask_kpi(struct exec_part *p)
{
    struct mer_exec *x = p->x;
    if (p->place->sql) {
        if (p->place->tier == MER_TIER_GLOBAL) {
            mer_kpi_stored_sql(x->a, p->cells, &p->sql);
        } else {
            mer_kpi_raw_part_sql(x->a, p->cells, &p->sql);
        }
        exec_run_sql(p, &p->sql);
        return;
    }
    struct mer_buf body;
    mer_buf_init(&body, x->a, 1024);
    mer_buf_add(&body, MER_S("{\"query\":"));
    mer_json_write_string(&body, mer_kpi_cells_graphql(x->a, p->cells));
    mer_buf_add_char(&body, '}');
    exec_send_hop(p, mer_buf_slice(&body));
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
    if (!p->error && p->place->sql) {
        exec_default_entry(p);
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

static void start_job(struct mer_exec *x, struct kpi_job *j)
{
    j->error = make_ask(x, j);
    if (j->error) {
        job_done(x, j);
    } else if (j->ask->kind == MER_KPI_CELLS) {
        ask_cells(x, j);
    } else {
        ask_stored(x, j);
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
        f->roots[i] = MER_NEW(x->a, struct mer_obj);
        f->roots[i]->slots = MER_NEW_N(x->a, struct mer_val, fields);
        for (uint32_t k = 0; k < fields; k++) {
            struct kpi_job *j = &f->kpi->jobs[i * fields + k];
            *j = (struct kpi_job){.fetch = f, .id = i, .field = k, .entry = -1};
            start_job(x, j);
        }
    }
}
