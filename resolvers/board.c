// SPDX-License-Identifier: MIT
#include "resolvers/board.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"

// Clocks that differ by less agree: a host sets its clock no better.
#define CLOCK_GRAIN_US 20000

// Commits of one primary stand in its log nearly in the order of their times, and no further apart.
#define ORDER_GRAIN_US 1000000

// Times beyond are none: the year 10,000 is nearer.
#define TIME_MAX_US (INT64_C(1) << 60)

struct place_row {
    bool up;
    int64_t latency_us;
    int64_t as_of_us;
    int64_t newest_us; // the latest asOf that it told, on its own clock
    int64_t replayed;  // a standby: the furthest that it was in the log of `system`; -1: never
    uint64_t system;   // hash of the cluster's name
    bool behind;
    uint64_t polled; // connections lost before the last poll was asked
    char version[64];
    size_t version_n;
    struct mer_map facilities;                      // code → struct mer_board_facility *
    struct mer_map beats;                           // region → int64_t *
    struct mer_slice home_region, home_environment; // of a database of this site; else nil
};

struct region_row {
    struct mer_board_region public;
    char phase[32];
    uint64_t told; // the highest epoch that anybody spoke of; above that of `public` a cutover is under way
};

struct mer_board {
    struct mer_arena *names; // codes and names, which are few and stay
    struct place_row *places;
    uint32_t places_n;
    struct mer_map regions; // name → struct region_row *
    struct mer_map pings;   // facility → (void *)(1 + online)
};

struct mer_board *mer_board_create(uint32_t places_n)
{
    struct mer_board *b = calloc(1, sizeof(*b));
    MER_ASSERT(b);
    b->names = mer_arena_create(0);
    b->places_n = places_n;
    b->places = MER_NEW_N(b->names, struct place_row, places_n + 1);
    for (uint32_t i = 0; i < places_n; i++) {
        b->places[i].as_of_us = MER_TIME_UNKNOWN;
        b->places[i].newest_us = MER_TIME_UNKNOWN;
        b->places[i].replayed = -1;
        mer_map_init(&b->places[i].facilities, b->names);
        mer_map_init(&b->places[i].beats, b->names);
    }
    mer_map_init(&b->regions, b->names);
    mer_map_init(&b->pings, b->names);
    return b;
}

void mer_board_destroy(struct mer_board *b)
{
    if (b) {
        mer_arena_destroy(b->names);
        free(b);
    }
}

static struct mer_board_facility *facility_row(struct mer_board *b, uint32_t place, struct mer_slice code)
{
    struct mer_map *m = &b->places[place].facilities;
    struct mer_board_facility *f = mer_map_get(m, code);
    if (!f) {
        f = MER_NEW(b->names, struct mer_board_facility);
        f->last_sync_us = MER_TIME_UNKNOWN;
        mer_map_add(m, mer_arena_copy(b->names, code), f);
    }
    return f;
}

static int64_t corrected(const struct mer_json *j, const struct mer_json_node *n, int64_t skew_us)
{
    int64_t us = 0;
    return mer_json_i64(j, n, &us) && us > -TIME_MAX_US && us < TIME_MAX_US ? us - skew_us : MER_TIME_UNKNOWN;
}

static void read_facilities(struct mer_board *b, uint32_t place, const struct mer_json *j,
                            const struct mer_json_node *object, int64_t skew_us, struct mer_arena *scratch)
{
    const struct mer_json_node *key = object ? mer_json_first(j, object) : NULL;
    for (uint32_t i = 0; object && i < object->count; i++) {
        const struct mer_json_node *value = mer_json_next(j, key);
        struct mer_board_facility *f = facility_row(b, place, mer_json_string(scratch, j, key));
        const struct mer_json_node *sync = mer_json_get(j, value, MER_S("lastSync"));
        const struct mer_json_node *online = mer_json_get(j, value, MER_S("online"));
        f->last_sync_us = sync ? corrected(j, sync, skew_us) : MER_TIME_UNKNOWN;
        f->online = online && online->type == MER_JSON_TRUE;
        key = mer_json_next(j, value);
    }
}

static void set_beat(struct mer_board *b, uint32_t place, struct mer_slice region, int64_t us)
{
    struct mer_map *m = &b->places[place].beats;
    int64_t *beat = mer_map_get(m, region);
    if (!beat) {
        beat = MER_NEW(b->names, int64_t);
        mer_map_add(m, mer_arena_copy(b->names, region), beat);
    }
    *beat = us;
}

static struct region_row *region_row(struct mer_board *b, struct mer_slice region)
{
    struct region_row *r = mer_map_get(&b->regions, region);
    if (!r) {
        r = MER_NEW(b->names, struct region_row);
        mer_map_add(&b->regions, mer_arena_copy(b->names, region), r);
    }
    return r;
}

static bool is_under_way(struct mer_slice phase)
{
    const struct mer_slice validating = MER_S("_validating");
    return mer_slice_is(phase, "rolling_back") ||
           (phase.n > validating.n &&
            memcmp(phase.p + phase.n - validating.n, validating.p, validating.n) == 0);
}

// What a place says of a region: who is live, at which epoch, and in which phase of a cutover. Where nobody
// has said it of himself yet hearsay must do: in the middle of a move the one that was live has all data.
static void take_claim(struct mer_board *b, uint32_t place, struct mer_slice region, struct mer_slice live,
                       uint64_t epoch, struct mer_slice phase)
{
    const struct place_row *p = &b->places[place];
    struct region_row *r = region_row(b, region);
    bool own = !mer_slice_eq(p->home_region, region) || mer_slice_eq(p->home_environment, live);
    if (epoch >= r->told && (own || epoch > r->told || !r->public.phase.n)) {
        mer_board_set_phase(b, region, phase);
    }
    if (own) {
        mer_board_set_region(b, region, live, epoch);
    } else if (!r->public.live.n) {
        bool before = epoch > 0 && is_under_way(phase);
        mer_board_set_region(b, region, before ? p->home_environment : live, before ? epoch - 1 : epoch);
    }
    r->told = epoch > r->told ? epoch : r->told;
}

static void read_regions(struct mer_board *b, uint32_t place, const struct mer_json *j,
                         const struct mer_json_node *object, int64_t skew_us, struct mer_arena *scratch)
{
    const struct mer_json_node *key = object ? mer_json_first(j, object) : NULL;
    for (uint32_t i = 0; object && i < object->count; i++) {
        const struct mer_json_node *value = mer_json_next(j, key);
        const struct mer_json_node *live = mer_json_get(j, value, MER_S("live"));
        const struct mer_json_node *epoch = mer_json_get(j, value, MER_S("epoch"));
        const struct mer_json_node *beat = mer_json_get(j, value, MER_S("beat"));
        int64_t n = 0;
        set_beat(b, place, mer_json_string(scratch, j, key),
                 beat ? corrected(j, beat, skew_us) : MER_TIME_UNKNOWN);
        if (live && live->type == MER_JSON_STRING && epoch && mer_json_i64(j, epoch, &n) && n >= 0) {
            const struct mer_json_node *state = mer_json_get(j, value, MER_S("state"));
            bool told = state && state->type == MER_JSON_STRING;
            take_claim(b, place, mer_json_string(scratch, j, key), mer_json_string(scratch, j, live),
                       (uint64_t)n, told ? mer_json_string(scratch, j, state) : MER_NIL);
        }
        key = mer_json_next(j, value);
    }
}

// How far the database's clock is ahead of ours. It was read between the question and now: where that leaves
// it open, the clocks agree, or the skew is taken that makes the data older. A slow answer never makes data
// look fresh.
static int64_t skew_of(int64_t db_now_us, int64_t took_us)
{
    int64_t least = db_now_us - mer_time_wall_us(), most = least + took_us + CLOCK_GRAIN_US;
    return least <= CLOCK_GRAIN_US && most >= 0 ? 0 : most;
}

// The exact form, for who tells its position: true when it does.
static bool note_position(struct place_row *p, const struct mer_json *j, const struct mer_json_node *root)
{
    const struct mer_json_node *replayed = mer_json_get(j, root, MER_S("replayed"));
    const struct mer_json_node *system = mer_json_get(j, root, MER_S("system"));
    int64_t at = 0;
    if (!replayed || !mer_json_i64(j, replayed, &at) || at < 0) {
        return false;
    }
    uint64_t name = system ? mer_hash(mer_json_raw(j, system)) : 0;
    p->replayed = name == p->system ? p->replayed : -1; // another cluster's log
    p->system = name;
    p->behind = at < p->replayed;
    p->replayed = at > p->replayed ? at : p->replayed;
    return true;
}

static void note_progress(struct place_row *p, int64_t as_of_us)
{
    bool known = as_of_us != MER_TIME_UNKNOWN;
    p->behind = p->newest_us != MER_TIME_UNKNOWN && (!known || as_of_us < p->newest_us - ORDER_GRAIN_US);
    p->newest_us = known && as_of_us > p->newest_us ? as_of_us : p->newest_us;
}

// An edge knows of no regions: its database answers null there, as jsonb_object_agg does over no rows.
static const struct mer_json_node *present(const struct mer_json_node *n)
{
    return n && n->type != MER_JSON_NULL ? n : NULL;
}

static enum mer_err take_in(struct mer_board *b, uint32_t place, const struct mer_json *j, int64_t took_us,
                            struct mer_arena *scratch, struct mer_diag *diag)
{
    const struct mer_json_node *root = mer_json_root(j);
    const struct mer_json_node *now = mer_json_get(j, root, MER_S("now"));
    const struct mer_json_node *as_of = mer_json_get(j, root, MER_S("asOf"));
    const struct mer_json_node *version = mer_json_get(j, root, MER_S("version"));
    int64_t db_now = 0;
    if (!now || !mer_json_i64(j, now, &db_now) || db_now < 0 || db_now > TIME_MAX_US) {
        return mer_diag_set(diag, MER_ERR_INVALID, "meridian_facts() answered no \"now\"");
    }
    const struct mer_json_node *facilities = present(mer_json_get(j, root, MER_S("facilities")));
    const struct mer_json_node *regions = present(mer_json_get(j, root, MER_S("regions")));
    if ((facilities && facilities->type != MER_JSON_OBJECT) ||
        (regions && regions->type != MER_JSON_OBJECT)) {
        return mer_diag_set(diag, MER_ERR_INVALID,
                            "meridian_facts() answered no objects of facilities and regions");
    }
    int64_t skew_us = skew_of(db_now, took_us);
    struct place_row *p = &b->places[place];
    p->as_of_us = as_of ? corrected(j, as_of, skew_us) : MER_TIME_UNKNOWN;
    if (!note_position(p, j, root)) {
        note_progress(p, as_of ? corrected(j, as_of, 0) : MER_TIME_UNKNOWN);
    }
    struct mer_slice v =
        version && version->type == MER_JSON_STRING ? mer_json_string(scratch, j, version) : MER_NIL;
    p->version_n = v.n < sizeof(p->version) ? v.n : sizeof(p->version);
    memcpy(p->version, v.n ? v.p : "", p->version_n);
    read_facilities(b, place, j, facilities, skew_us, scratch);
    read_regions(b, place, j, regions, skew_us, scratch);
    return MER_OK;
}

enum mer_err mer_board_read(struct mer_board *b, uint32_t place, struct mer_slice json, int64_t took_us,
                            struct mer_diag *diag)
{
    struct mer_arena *scratch = mer_arena_create(0);
    struct mer_json j;
    enum mer_err err = mer_json_parse(scratch, json, NULL, &j, diag);
    if (!err) {
        err = take_in(b, place, &j, took_us, scratch, diag);
    }
    mer_arena_destroy(scratch);
    return err;
}

void mer_board_set_up(struct mer_board *b, uint32_t place, bool up)
{
    b->places[place].up = up;
}

void mer_board_set_latency(struct mer_board *b, uint32_t place, int64_t us)
{
    int64_t *l = &b->places[place].latency_us;
    *l = *l ? (*l * 7 + us) / 8 : us;
}

void mer_board_set_polled(struct mer_board *b, uint32_t place, uint64_t losses)
{
    b->places[place].polled = losses;
}

void mer_board_set_online(struct mer_board *b, struct mer_slice facility, bool online)
{
    void *value = (void *)(uintptr_t)(online ? 2 : 1);
    if (mer_map_has(&b->pings, facility)) {
        mer_map_put(&b->pings, facility, value);
    } else {
        mer_map_add(&b->pings, mer_arena_copy(b->names, facility), value);
    }
}

bool mer_board_is_up(const struct mer_board *b, uint32_t place)
{
    return b->places[place].up;
}

int64_t mer_board_latency_us(const struct mer_board *b, uint32_t place)
{
    return b->places[place].latency_us;
}

uint64_t mer_board_polled(const struct mer_board *b, uint32_t place)
{
    return b->places[place].polled;
}

bool mer_board_is_behind(const struct mer_board *b, uint32_t place)
{
    return b->places[place].behind;
}

bool mer_board_facility(const struct mer_board *b, uint32_t place, struct mer_slice facility,
                        struct mer_board_facility *out)
{
    const struct mer_board_facility *f = mer_map_get(&b->places[place].facilities, facility);
    if (!f) {
        return false;
    }
    *out = *f;
    uintptr_t ping = (uintptr_t)mer_map_get(&b->pings, facility);
    if (ping) {
        out->online = ping == 2;
    }
    return true;
}

int64_t mer_board_region_beat(const struct mer_board *b, uint32_t place, struct mer_slice region)
{
    const int64_t *beat = mer_map_get(&b->places[place].beats, region);
    return beat ? *beat : MER_TIME_UNKNOWN;
}

int64_t mer_board_as_of(const struct mer_board *b, uint32_t place)
{
    return b->places[place].as_of_us;
}

struct mer_slice mer_board_version(const struct mer_board *b, uint32_t place)
{
    return mer_slice_make(b->places[place].version, b->places[place].version_n);
}

bool mer_board_region(const struct mer_board *b, struct mer_slice region, struct mer_board_region *out)
{
    const struct region_row *r = mer_map_get(&b->regions, region);
    if (r) {
        *out = r->public;
    }
    return r != NULL;
}

void mer_board_set_region(struct mer_board *b, struct mer_slice region, struct mer_slice live, uint64_t epoch)
{
    struct region_row *r = region_row(b, region);
    if (epoch < r->public.epoch) {
        return;
    }
    if (!mer_slice_eq(r->public.live, live)) {
        r->public.live = mer_arena_copy(b->names, live);
    }
    r->public.epoch = epoch;
    r->told = epoch > r->told ? epoch : r->told;
}

void mer_board_set_phase(struct mer_board *b, struct mer_slice region, struct mer_slice phase)
{
    struct region_row *r = region_row(b, region);
    size_t n = phase.n < sizeof(r->phase) ? phase.n : sizeof(r->phase);
    memcpy(r->phase, n ? phase.p : "", n);
    r->public.phase = mer_slice_make(r->phase, n);
}

void mer_board_set_home(struct mer_board *b, uint32_t place, struct mer_slice region,
                        struct mer_slice environment)
{
    b->places[place].home_region = region;
    b->places[place].home_environment = environment;
}
