// SPDX-License-Identifier: MIT
// Cutting a fetch into parts by where its data lives, and finding each part's placement.
#include "base/log.h"
#include "resolvers/exec_priv.h"

struct exec_part *exec_new_part(struct mer_exec *x, struct exec_fetch *f, struct mer_slice region)
{
    struct exec_part *p = MER_NEW(x->a, struct exec_part);
    p->x = x;
    p->fetch = f;
    p->region = region;
    p->excluded = MER_NEW_N(x->a, bool, x->ask.site->places_n);
    p->default_entry = -1;
    if (f->parts_n == f->parts_cap) {
        f->parts_cap = f->parts_cap ? f->parts_cap * 2 : 2;
        struct exec_part **grown = MER_NEW_N(x->a, struct exec_part *, f->parts_cap);
        if (f->parts_n) {
            memcpy(grown, f->parts, f->parts_n * sizeof(*grown));
        }
        f->parts = grown;
    }
    f->parts[f->parts_n++] = p;
    return p;
}

void exec_part_add_facility(struct exec_part *p, struct mer_slice facility)
{
    for (uint32_t i = 0; i < p->facilities_n; i++) {
        if (mer_slice_eq(p->facilities[i], facility)) {
            return;
        }
    }
    struct mer_slice *grown = MER_NEW_N(p->x->a, struct mer_slice, p->facilities_n + 1);
    if (p->facilities_n) {
        memcpy(grown, p->facilities, p->facilities_n * sizeof(*grown));
    }
    grown[p->facilities_n++] = facility;
    p->facilities = grown;
}

// The part that a facility belongs to: one a region; with a bound on the age, or a write, one a facility,
// since each facility's data has an age and an owner of its own.
static struct exec_part *part_of(struct mer_exec *x, struct exec_fetch *f, struct mer_slice region,
                                 struct mer_slice facility)
{
    bool alone = f->max_age_us >= 0 || f->plan->write;
    for (uint32_t i = 0; i < f->parts_n; i++) {
        struct exec_part *p = f->parts[i];
        bool same = mer_slice_eq(p->region, region);
        bool holds = p->facilities_n > 0 && mer_slice_eq(p->facilities[0], facility);
        if (same && (!alone || !facility.n || holds)) {
            return p;
        }
    }
    return exec_new_part(x, f, region);
}

static bool may_see(const struct mer_exec *x, struct mer_slice facility)
{
    struct mer_slice rest = x->ask.caller.facilities;
    if (mer_slice_is(rest, "*")) {
        return true;
    }
    while (rest.n) {
        if (mer_slice_eq(mer_slice_cut(&rest, ','), facility)) {
            return true;
        }
    }
    return false;
}

// Where a row lives: its facility says it, else, for rows of no facility, the region in its id.
static const struct mer_site_region *id_region(const struct mer_site *s, const struct mer_node_id *id)
{
    return id->facility.n ? mer_site_region_of(s, id->facility) : mer_site_region(s, id->region);
}

static struct mer_exec_error *cut_value(struct mer_exec *x, struct exec_fetch *f, struct mer_slice value)
{
    struct mer_node_id id = {.facility = value};
    bool is_node = mer_node_id_parse(value, &id);
    const struct mer_type *type = is_node ? mer_schema_type(f->plan->op.schema, id.type) : NULL;
    bool resident = type && mer_ast_directive_find(&type->directives, MER_S("resident"));
    if (type && mer_type_is_business(type) && !x->ask.caller.rows) {
        return exec_forbidden(x);
    }
    const struct mer_site_region *r = id_region(x->ask.site, &id);
    bool names_partition =
        mer_ast_directive_find(&f->plan->op.fields[0]->field->directives, MER_S("partition"));
    if (is_node && !id.facility.n && names_partition) {
        r = NULL; // an id, and of nothing that has a facility
    } else if (is_node && !id.facility.n) {
        struct exec_part *p = part_of(x, f, r ? r->name : MER_NIL, MER_NIL);
        p->resident = p->resident || resident;
        return NULL;
    }
    if (!r) {
        return f->plan->write ? exec_error(x, "NOT_FOUND", "no such facility")
                              : exec_error(x, "NOT_FOUND", "no facility %.*s",
                                           (int)(value.n < 80 ? value.n : 80), value.p);
    }
    if (!may_see(x, id.facility)) {
        return exec_error(x, "FORBIDDEN", "the token does not cover %.*s", MER_FMT(id.facility));
    }
    struct exec_part *p = part_of(x, f, r->name, id.facility);
    p->resident = p->resident || resident;
    exec_part_add_facility(p, id.facility);
    return NULL;
}

// A mutation's owner: its input's facilityId.
static struct mer_slice written_facility(const struct exec_fetch *f)
{
    const struct mer_field *root = f->plan->op.fields[0]->field;
    for (uint32_t i = 0; i < root->arguments_n; i++) {
        const struct mer_in *v = f->args[i];
        for (uint32_t k = 0; v && v->kind == MER_IN_OBJECT && k < v->n; k++) {
            if (mer_slice_is(v->type->inputs[k].name, "facilityId") && v->items[k]) {
                return v->items[k]->text;
            }
        }
    }
    return MER_NIL;
}

// Where the argument that names the facilities is written.
static struct mer_exec_error *at_argument(const struct exec_fetch *f, struct mer_exec_error *e)
{
    const struct mer_fetch_field *root = f->plan->op.fields[0];
    for (uint32_t i = 0; e && f->plan->partition_arg >= 0 && i < root->arguments_n; i++) {
        if (mer_slice_eq(root->arguments[i]->name, root->field->arguments[f->plan->partition_arg].name)) {
            e->loc = root->arguments[i]->loc;
        }
    }
    return e;
}

struct mer_exec_error *exec_cut_root(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_in *v = f->plan->partition_arg >= 0 ? f->args[f->plan->partition_arg] : NULL;
    struct mer_exec_error *e = NULL;
    if (!v || v->kind == MER_IN_NULL) {
        struct mer_slice facility = f->plan->write ? written_facility(f) : MER_NIL;
        if (facility.n) {
            return cut_value(x, f, facility);
        }
        exec_new_part(x, f, MER_NIL);
    } else if (v->kind == MER_IN_LIST) {
        for (uint32_t i = 0; i < v->n && !e; i++) {
            e = cut_value(x, f, v->items[i]->text);
        }
        if (v->n == 0) {
            exec_new_part(x, f, MER_NIL);
        }
    } else {
        e = cut_value(x, f, v->text);
    }
    return at_argument(f, e);
}

void exec_cut_entities(struct mer_exec *x, struct exec_fetch *f)
{
    const struct exec_fetch *parent = &x->fetches[f->plan->parent];
    const struct mer_place *written =
        parent->plan->write && parent->parts_n && parent->plan->source == f->plan->source
            ? parent->parts[0]->place
            : NULL;
    for (uint32_t i = 0; i < f->ids_n; i++) {
        struct mer_node_id id = {0};
        const struct mer_site_region *r = NULL;
        if (mer_node_id_parse(f->ids[i], &id)) {
            r = id_region(x->ask.site, &id);
        }
        struct exec_part *p = part_of(x, f, r ? r->name : MER_NIL, r ? id.facility : MER_NIL);
        if (r && id.facility.n) {
            exec_part_add_facility(p, id.facility);
        }
        if (!p->ids) {
            p->ids = MER_NEW_N(x->a, struct mer_slice, f->ids_n - i);
            p->ordinals = MER_NEW_N(x->a, uint32_t, f->ids_n - i);
        }
        p->pinned = written;
        p->ids[p->ids_n] = f->ids[i];
        p->ordinals[p->ids_n++] = i;
    }
}

// ---- placement ----

static int64_t age_at(const struct exec_part *p, const struct mer_place *place)
{
    const struct mer_board *b = p->x->ask.site->board;
    if (place->tier == MER_TIER_EDGE && place->sql) {
        return 0; // these rows are no copy: they are what is
    }
    int64_t oldest = mer_board_as_of(b, place->index);
    if (p->facilities_n) {
        oldest = INT64_MAX;
    }
    for (uint32_t i = 0; i < p->facilities_n; i++) {
        struct mer_board_facility f;
        if (!mer_board_facility(b, place->index, p->facilities[i], &f) ||
            f.last_sync_us == MER_TIME_UNKNOWN) {
            return MER_AGE_UNKNOWN;
        }
        oldest = f.last_sync_us < oldest ? f.last_sync_us : oldest;
    }
    if (oldest == MER_TIME_UNKNOWN) {
        return MER_AGE_UNKNOWN;
    }
    return p->x->now_us > oldest ? p->x->now_us - oldest : 0;
}

// An answer does not mix environments: what a query reads it reads where it began, though a cutover may come
// in between. A mutation goes along.
static bool is_live(const struct exec_part *p, const struct mer_place *place)
{
    struct mer_exec *x = p->x;
    struct mer_board_region r;
    if (!place->sql || !place->environment.n || !mer_board_region(x->ask.site->board, place->region, &r) ||
        !r.live.n) {
        return true;
    }
    if (!x->live.n || x->ask.plan->serial) {
        x->live = r.live;
    }
    return mer_slice_eq(place->environment, x->live);
}

// The board may be a second old; a pool knows at once that it has no connection.
static bool can_send(const struct mer_site *s, uint32_t place, bool write)
{
    if (!s->links || !s->places[place].sql) {
        return true;
    }
    const struct mer_site_link *l = &s->links[place];
    return mer_pg_pool_up(write && l->write ? l->write : l->read) && (!write || l->write);
}

// A replica that lags further than the source calls fresh is asked when there is no other.
#define LAGGING_COST_US 500000

static bool lags(const struct exec_part *p, const struct mer_place *place)
{
    const struct mer_site *s = p->x->ask.site;
    if (!s->links || !place->sql || place->role != MER_ROLE_REPLICA) {
        return false;
    }
    int64_t as_of = mer_board_as_of(s->board, place->index);
    return as_of == MER_TIME_UNKNOWN || p->x->now_us - as_of > s->sources[place->source].stale_after_us;
}

static void gather_facts(const struct exec_part *p, struct mer_place_facts *facts)
{
    const struct mer_site *s = p->x->ask.site;
    int64_t oldest = exec_oldest_asked(p->x, p->fetch);
    for (uint32_t i = 0; i < s->places_n; i++) {
        const struct mer_place *place = &s->places[i];
        facts[i] = (struct mer_place_facts){
            .up = mer_board_is_up(s->board, i) && can_send(s, i, p->fetch->plan->write) &&
                  mer_site_is_abreast(s, i),
            .age_us = p->fetch->max_age_us >= 0 ? age_at(p, place) : 0,
            .latency_us = mer_board_latency_us(s->board, i) + (lags(p, place) ? LAGGING_COST_US : 0),
            .live = is_live(p, place),
            .excluded = p->excluded[i],
            .too_old = place->retention_us > 0 && oldest < p->x->now_us - place->retention_us,
        };
    }
}

static void tell_unreachable(struct exec_part *p)
{
    if (!p->region.n && !p->x->ask.site->self.region.n) {
        return; // no region's own
    }
    struct mer_fresh_entry e = {
        .source = p->x->ask.site->sources[p->fetch->plan->source].name,
        .region = p->region.n ? p->region : p->x->ask.site->self.region,
        .tier = MER_TIER_REGIONAL,
        .as_of_us = MER_TIME_UNKNOWN,
        .cached_at_us = MER_TIME_UNKNOWN,
        .online = true,
        .unreachable = true,
    };
    mer_fresh_add(&p->x->fresh, &e);
}

static struct mer_exec_error *refusal(struct exec_part *p, enum mer_reject why)
{
    const struct mer_site_region *r = mer_site_region(p->x->ask.site, p->region);
    struct mer_slice place = p->facilities_n == 1 ? p->facilities[0] : p->region;
    struct mer_exec_error *e = NULL;
    switch (why) {
    case MER_REJECT_RESIDENCY:
    case MER_REJECT_HOP:
    case MER_REJECT_EDGE:
    case MER_REJECT_ELSEWHERE:
        e = p->region.n
                ? exec_part_error(p, "DATA_RESIDENCY", "rows of %.*s are answered in region %.*s only",
                                  MER_FMT(place), MER_FMT(p->region))
                : exec_part_error(p, "DATA_RESIDENCY", "these rows are answered in their own region only");
        e->entry_point = r ? r->entry_point : MER_NIL;
        return e;
    case MER_REJECT_RETENTION:
        e = exec_part_error(p, "OUT_OF_RETENTION", "%.*s keeps nothing of the time that is asked for",
                            MER_FMT(p->x->ask.site->self.name));
        e->entry_point = r && p->x->ask.site->self.tier == MER_TIER_EDGE ? r->entry_point : MER_NIL;
        return e;
    case MER_REJECT_STALE:
        return exec_part_error(p, "STALENESS_UNSATISFIABLE",
                               "no placement of %.*s has data as fresh as asked", MER_FMT(place));
    case MER_REJECT_TIER:
    case MER_REJECT_ROLE:
        return p->fetch->plan->write
                   ? exec_part_error(p, "FORBIDDEN", "this gateway takes no such write")
                   : exec_part_error(p, "SOURCE_UNAVAILABLE", "no placement here serves this field");
    default:
        if (!p->fetch->plan->write) {
            tell_unreachable(p);
        }
        return exec_part_error(p, "SOURCE_UNAVAILABLE", "no healthy placement for %.*s",
                               MER_FMT(place.n ? place : MER_S("this field")));
    }
}

struct mer_exec_error *exec_place_part(struct exec_part *p)
{
    struct mer_exec_error *e = exec_place_part_why(p, NULL);
    if (!e) {
        p->x->ask.site->parts_total[p->place->index]++;
    }
    return e;
}

struct mer_exec_error *exec_place_part_why(struct exec_part *p, enum mer_reject *verdicts)
{
    const struct mer_site *s = p->x->ask.site;
    const struct mer_site_region *r = mer_site_region(s, p->region);
    struct mer_part_need need = {
        .source = p->fetch->plan->source,
        .region = p->region,
        .facility = p->facilities_n == 1 ? p->facilities[0] : MER_NIL,
        .near = p->x->ask.caller.region,
        .region_closed = r && !r->open && !p->located,
        .resident = p->fetch->plan->resident || p->resident || p->located,
        .write = p->fetch->plan->write,
        .hop = p->x->ask.hop,
        .serves = p->serves ? p->serves : p->fetch->plan->serves,
        .max_age_us = p->fetch->max_age_us,
    };
    struct mer_place_facts *facts = MER_NEW_N(p->x->a, struct mer_place_facts, s->places_n);
    gather_facts(p, facts);
    struct mer_choice c = mer_place_choose(&s->self, s->places, s->places_n, &need, facts, verdicts);
    if (c.place < 0) {
        return refusal(p, c.why);
    }
    p->place = &s->places[c.place];
    return NULL;
}

static void ask_placed(struct exec_part *p)
{
    if (p->job) {
        exec_ask_kpi(p);
    } else if (p->place->sql) {
        exec_ask_sql(p);
    } else {
        exec_ask_hop(p);
    }
}

void exec_ask_part(struct exec_part *p)
{
    if (p->pinned) {
        p->place = p->pinned;
        p->x->ask.site->parts_total[p->place->index]++;
        ask_placed(p);
        return;
    }
    struct mer_exec_error *e = exec_place_part(p);
    if (e) {
        p->error = e;
        (void)exec_refuse(p);
        exec_part_done(p);
    } else {
        ask_placed(p);
    }
}

bool exec_retry(struct exec_part *p)
{
    struct mer_exec_error *first = p->error;
    if (p->fetch->plan->write || p->pinned) {
        return false; // another placement may not have what was just written
    }
    p->excluded[p->place->index] = true;
    p->x->live = MER_NIL; // where it began may be gone
    const struct mer_place *failed = p->place;
    struct mer_exec_error *e = exec_place_part(p);
    if (e) {
        p->place = failed;
        p->error = first;
        return false;
    }
    p->error = NULL;
    ask_placed(p);
    return true;
}

// ---- freshness of what a placement of ours answers ----

uint32_t exec_entry_for(struct exec_part *p, struct mer_slice facility)
{
    const struct mer_site *s = p->x->ask.site;
    const struct mer_site_source *source = &s->sources[p->fetch->plan->source];
    struct mer_board_facility f = {MER_TIME_UNKNOWN, true};
    const struct mer_site_region *home = facility.n ? mer_site_region_of(s, facility) : NULL;
    bool truth = p->place->tier == MER_TIER_EDGE; // an edge's own rows are what is, not a copy
    if (truth || !facility.n) {
        f.last_sync_us = truth ? p->x->now_us : mer_board_as_of(s->board, p->place->index);
    } else if (!mer_board_facility(s->board, p->place->index, facility, &f)) {
        f.online = false;
    }
    struct mer_fresh_entry e = {
        .source = source->name,
        .region = home ? home->name : p->place->region,
        .environment = p->place->environment,
        .facility = facility.n ? facility : p->place->facility,
        .tier = p->place->tier,
        .role = p->place->role,
        .as_of_us = f.last_sync_us,
        .stale_after_us = source->stale_after_us,
        .cached_at_us = MER_TIME_UNKNOWN,
        .online = f.online,
    };
    return mer_fresh_add(&p->x->fresh, &e);
}

// Without a beat for so long a region is not heard of any more (regions beat every 2 s).
#define REGION_SILENT_US 15000000

// Rows that came here from other regions by replication are as whole as those regions are reachable.
static void note_silent_regions(struct exec_part *p)
{
    const struct mer_site *s = p->x->ask.site;
    if (p->place->tier != MER_TIER_REGIONAL || p->fetch->plan->resident || p->resident || p->job) {
        return;
    }
    for (uint32_t i = 0; i < s->regions_n; i++) {
        struct mer_slice region = s->regions[i].name;
        bool concerned = !p->region.n || mer_slice_eq(p->region, region);
        int64_t beat = mer_board_region_beat(s->board, p->place->index, region);
        bool silent = beat != MER_TIME_UNKNOWN && p->x->now_us - beat > REGION_SILENT_US;
        if (concerned && silent && !mer_slice_eq(p->place->region, region)) {
            mer_fresh_add_unreachable(&p->x->fresh, region);
        }
    }
}

uint32_t exec_default_entry(struct exec_part *p)
{
    if (p->default_entry < 0) {
        uint32_t worst = 0;
        note_silent_regions(p);
        for (uint32_t i = 0; i < p->facilities_n; i++) {
            uint32_t e = exec_entry_for(p, p->facilities[i]);
            const struct mer_fresh_entry *all = p->x->fresh.items;
            worst = i == 0 || all[e].as_of_us < all[worst].as_of_us ? e : worst;
        }
        p->default_entry = (int32_t)(p->facilities_n ? worst : exec_entry_for(p, MER_NIL));
    }
    return (uint32_t)p->default_entry;
}
