// SPDX-License-Identifier: MIT
// Shared by the files that run a plan; nobody else's. exec.c schedules, entities.c finds the objects that a
// fetch completes and tells them to its source, parts.c cuts and places, part_sql.c,
// part_hop.c and exec_kpi.c ask, combine.c puts together, project.c writes.
#ifndef MER_RESOLVERS_EXEC_PRIV_H
#define MER_RESOLVERS_EXEC_PRIV_H

#include "cache/entry.h"
#include "loop/loop.h"
#include "resolvers/exec.h"
#include "resolvers/graphql/client.h"
#include "resolvers/postgres/pool.h"
#include "resolvers/postgres/sql.h"
#include "resolvers/value.h"

struct exec_fetch;

// One part of a fetch: what is asked of one placement.
struct exec_part {
    struct mer_exec *x;
    struct exec_fetch *fetch;
    struct mer_slice region;      // where its data lives; n == 0: anywhere
    struct mer_slice *facilities; // codes; entity parts: of their ids
    uint32_t facilities_n;
    uint32_t *ordinals; // entity: index into the fetch's ids
    struct mer_slice *ids;
    uint32_t ids_n;
    const struct mer_place *place;
    const struct mer_place
        *pinned;         // entities of a mutation: where the write was done, which alone is sure to have it
    bool *excluded;      // by place: failed already
    struct kpi_job *job; // a part of a KPI field, or NULL
    struct mer_kpi_part *cells;
    bool compare;
    bool resident;   // these rows may not leave their region, though not all of the fetch's must stay
    uint32_t serves; // tiers that may answer; 0: as the plan says
    bool located;    // asked where its data lives and nowhere else, though it may leave its region
    bool done;
    // how it was asked
    struct mer_sql sql;
    struct mer_pg_query query;
    struct mer_gql_call call;
    struct mer_timer again; // a write that was refused in the middle of a cutover
    // what came
    struct mer_json json;
    const struct mer_json_node *value; // root: the object that holds the root key; entity: the array
    struct mer_exec_error *error;
    uint32_t *entry_map; // hop: the callee's freshness entries in our table
    uint32_t entry_map_n;
    int32_t default_entry; // -1: not made yet
};

// Which fetch asks for an entity, under which of its ids.
struct exec_entity {
    struct exec_fetch *fetch;
    uint32_t id;
};

enum exec_state { EXEC_WAITING = 0, EXEC_RUNNING = 1, EXEC_DONE = 2 };

struct exec_fetch {
    const struct mer_plan_fetch *plan;
    enum exec_state state;
    struct mer_in **args; // of the root field
    int64_t max_age_us;   // what the caller accepts here; < 0: no bound
    struct exec_part **parts;
    uint32_t parts_n, parts_cap, pending;
    // The rows that came. Root: one; entity: one for each id, NULL where it failed or is not there.
    struct mer_obj **roots;
    uint32_t roots_n;
    // the objects to complete, and which row each gets
    struct mer_obj **targets;
    uint32_t *target_ids;
    uint32_t targets_n, targets_cap;
    // Entity: what is asked for, each once. Of a source of rows its node id, else its representation.
    struct mer_slice *ids;
    struct mer_exec_error **id_errors;
    uint32_t ids_n;
    struct mer_map id_index;
    // entity of a plain subgraph, by id: what they are, and all of them as JSON with commas between
    const struct mer_type **id_types;
    uint32_t id_types_cap;
    struct mer_buf reps;
    bool plain;
    uint32_t *asked; // the ids that this fetch asks for itself; the rest are taken from others like it
    uint32_t asked_n;
    struct exec_entity *entities; // by id
    struct mer_map known;        // of the first of its like: what any of them asks for, as struct exec_entity
    struct exec_fetch **waiters; // who takes from this one
    uint32_t waiters_n;
    struct mer_exec_error *wrong_enum; // once one was seen
    struct mer_exec_error *hung; // the failure elsewhere for which objects could not be told, as told here
    struct kpi_run *kpi;
};

// A step of a path in a fetch's own terms.
struct exec_step {
    bool index;
    uint32_t n; // slot or index
};

// An error that a subgraph told of a row: at the end each of them has been told.
struct exec_subgraph_error {
    struct mer_exec_error *error;
    uint32_t id;
    struct mer_obj
        *object; // the row is of this object; NULL: of those that got row `id` of the error's fetch
    struct exec_step *steps; // from the row
    uint32_t steps_n;
    struct exec_subgraph_error *next;
};

// Objects of a type that the caller may not see.
struct exec_refused {
    const struct mer_shape_variant *variant;
    const struct mer_type *type;
    struct mer_exec_error *error;
    struct exec_refused *next;
};

struct exec_kept {
    void *handle;
    void (*release)(void *handle);
    struct exec_kept *next;
};

struct mer_exec {
    struct mer_exec_ask ask;
    struct mer_arena *a;
    struct exec_fetch *fetches;
    struct mer_obj *root; // of the answer; what the root fetches bring hangs on it
    struct mer_fresh fresh;
    struct mer_exec_error *errors, **errors_tail; // as told to the client
    struct exec_kept *kept;
    struct mer_task task;
    int64_t now_us;        // wall, at start
    struct mer_slice live; // the environment of this site's region that reads began in; n == 0: none yet
    bool scheduled, finished;
    bool stopped;    // a mutation's field failed that may not be null: no further one runs
    uint32_t stood;  // so many root fields were looked at for that
    uint32_t visits; // objects of the answer that were begun to be written
    // plain subgraphs
    struct exec_fetch **asking; // to be asked at the end of this turn
    uint32_t asking_n;
    struct exec_subgraph_call *calls;
    struct exec_subgraph_error *heard, **heard_tail; // what they told
    uint32_t heard_n;
    struct exec_defer *defer;  // NULL: it is answered at once (defer.h)
    uint8_t *hidden;           // by types of the graph: 1 clients may see it, 2 they may not
    struct mer_json variables; // as they came
    bool variables_read;
    struct mer_exec_error **refusals; // by the plan's guarded fields
    struct exec_refused *refused;
    uint32_t era;                // the last of the writers': each ends when something written is taken back
    struct mer_exec_hole *holes; // with ask.holes or kept_key
    uint32_t holes_n, holes_cap;
    enum mer_exec_cache cache;
    int64_t cached_at_us;
    struct mer_slice kept_key;        // the answer is to be kept under it; n == 0: not
    struct mer_cache_entry *recalled; // the answer, kept whole before
};

// The types that objects have.
static inline const struct mer_schema *exec_types(const struct mer_exec *x)
{
    const struct mer_graph *g = x->ask.plan->graph;
    return g->types ? g->types : g->api;
}

// ---- exec.c ----
void exec_keep(struct mer_exec *x, void *handle, void (*release)(void *handle));
struct mer_exec_error *exec_error(struct mer_exec *x, const char *code, const char *fmt, ...)
    MER_PRINTF(3, 4);
// The caller's role works with no rows of the business.
struct mer_exec_error *exec_forbidden(struct mer_exec *x);
// An error that names the fetch's source and the part's place.
struct mer_exec_error *exec_part_error(struct exec_part *p, const char *code, const char *fmt, ...)
    MER_PRINTF(3, 4);
void exec_tell(struct mer_exec *x, const struct mer_exec_error *e, const struct mer_path_seg *path,
               uint32_t path_n);
// The part is done: it has json and value, or error.
void exec_part_done(struct exec_part *p);
// The fetch is done: its rows or errors go to the objects that it completes.
void exec_fetch_done(struct mer_exec *x, struct exec_fetch *f);
// Nothing of it: every object gets this error.
void exec_fetch_failed(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e);
// Lets what waited for this fetch begin.
void exec_schedule(struct mer_exec *x);
void exec_set_bound(struct mer_exec *x, struct exec_fetch *f);
struct mer_exec_error *exec_coerce_root(struct mer_exec *x, struct exec_fetch *f);

// ---- entities.c ----
// The objects that the fetch completes; of entities also what they are called. Of a splice, that is all.
void exec_find_targets(struct mer_exec *x, struct exec_fetch *f);
// The same failure of the same object, which stands at another place, too, or has another row. Where in the
// object it was is told in slots of `fetch`.
struct mer_exec_error *exec_told_here(struct mer_exec *x, struct exec_fetch *f, struct mer_exec_error *e,
                                      uint32_t fetch);
// Hangs a row, or what failed, on an object.
void exec_hang(struct mer_exec *x, struct mer_obj *o, const struct mer_obj_more *row);

// ---- subgraph.c: plain GraphQL servers ----
// The fetch is asked at the end of this turn, in one request with all else that the subgraph is asked then.
void exec_subgraph_ask(struct mer_exec *x, struct exec_fetch *f);
void exec_subgraph_flush(struct mer_exec *x);
void exec_subgraph_cancel(struct mer_exec *x);
// The query of the fetch alone.
struct mer_slice exec_subgraph_text(struct mer_exec *x, struct exec_fetch *f);

// ---- parts.c ----
// Cuts the fetch into parts; an error of the arguments is returned.
struct mer_exec_error *exec_cut_root(struct mer_exec *x, struct exec_fetch *f);
void exec_cut_entities(struct mer_exec *x, struct exec_fetch *f);
// Places the part and asks it; may be called again after a failure.
void exec_ask_part(struct exec_part *p);
struct mer_exec_error *exec_place_part(struct exec_part *p);
// The same, telling the verdict over every place.
struct mer_exec_error *exec_place_part_why(struct exec_part *p, enum mer_reject *verdicts);
uint32_t exec_entry_for(struct exec_part *p, struct mer_slice facility);
uint32_t exec_default_entry(struct exec_part *p);
struct exec_part *exec_new_part(struct mer_exec *x, struct exec_fetch *f, struct mer_slice region);
void exec_part_add_facility(struct exec_part *p, struct mer_slice facility);

// ---- part_sql.c, part_hop.c ----
void exec_ask_sql(struct exec_part *p);
// Fills p->sql, or p->error.
void exec_compile_sql(struct exec_part *p);
// The body that a hop would send; n == 0 with p->error.
struct mer_slice exec_hop_text(struct exec_part *p);
// One field of a fetch with its arguments' values: the same text for the same question.
struct mer_slice exec_field_text(struct mer_exec *x, struct exec_fetch *f, uint32_t field);
void exec_ask_hop(struct exec_part *p);
// Sends a GraphQL document to the part's gateway; done gets the answer.
void exec_send_hop(struct exec_part *p, struct mer_slice body);
void exec_run_sql(struct exec_part *p, const struct mer_sql *sql);
// Tries the part elsewhere after a failure of its placement; false: nowhere left (p->error is set).
bool exec_retry(struct exec_part *p);

// ---- retention.c ----
// The earliest instant that the fetch asks about by a range; INT64_MAX: none, or nothing here forgets.
int64_t exec_oldest_asked(struct mer_exec *x, struct exec_fetch *f);

// ---- refuse.c ----
// Answers a write that failed for a rule of the business as its payload tells such: true, and the part has a
// value instead of its error.
bool exec_refuse(struct exec_part *p);

// ---- exec_kpi.c ----
void exec_kpi_start(struct mer_exec *x, struct exec_fetch *f);
// Ends what the cache still owes.
void exec_kpi_cancel(struct exec_fetch *f);
// A part of a KPI run is done.
void exec_kpi_part_done(struct exec_part *p);
void exec_ask_kpi(struct exec_part *p);
// Fills p->sql of a part that is placed.
void exec_compile_kpi(struct exec_part *p);
struct mer_slice exec_kpi_hop_text(struct exec_part *p);
// The parts that a root field would have when nothing after the last full hour is stored.
struct mer_exec_error *exec_kpi_explain(struct mer_exec *x, struct exec_fetch *f);

#define EXEC_KPI_TTL_MS 300000
// What stored figures depend on here; n == 0: they may not be kept.
struct mer_slice exec_kpi_version(const struct mer_exec *x, uint32_t source);
// The freshness entry of stored figures.
uint32_t exec_kpi_entry(struct mer_exec *x, uint32_t source, int64_t as_of_us, int64_t cached_at_us);

// ---- remember.c ----
// Looks for the whole answer; else kept_key says whether it will be kept.
bool exec_recall(struct mer_exec *x);
void exec_write_recalled(struct mer_exec *x, struct mer_buf *out);
// written: the data without errors, which began at `offset` of what the holes count in.
void exec_remember(struct mer_exec *x, struct mer_slice written, size_t offset);

// ---- untold.c: paths of the answer ----
struct exec_path {
    struct mer_arena *a;
    struct mer_path_seg *segs;
    uint32_t n, cap;
};
void exec_path_grow(struct exec_path *p);
static inline void exec_path_push(struct exec_path *p, struct mer_path_seg seg)
{
    if (p->n == p->cap) {
        exec_path_grow(p);
    }
    p->segs[p->n++] = seg;
}
// Goes on by a fetch's steps as far as the shape below knows them.
void exec_path_follow(struct exec_path *p, const struct mer_shape *below, const struct mer_exec_error *e);
// Remembered, so that none is lost whose value is no part of the answer. The error names its fetch.
void exec_hear(struct mer_exec *x, const struct exec_subgraph_error *said);
// What subgraphs told of values that are no part of the answer, or are no null in it.
void exec_tell_untold(struct mer_exec *x);

// ---- locate.c ----
struct exec_locator;
struct exec_locator *exec_locator_make(struct mer_exec *x);
// The fields of the document that asked for what stands at the error's path; valid until the next call.
uint32_t exec_locate(struct exec_locator *l, const struct mer_exec_error *e,
                     const struct mer_ast_selection ***out);

// ---- project.c ----
// What stands for objects of that type; NULL: they cannot stand here.
const struct mer_shape_variant *exec_variant(const struct mer_shape *shape, const struct mer_type *t);
// The fields of an object whose turn it is (defer.h), which stands at the path.
bool exec_write_object(struct mer_exec *x, struct mer_buf *out, const struct mer_shape *shape,
                       const struct mer_obj *o, const struct exec_path *at);
void exec_write_path(struct mer_buf *b, const struct mer_path_seg *path, uint32_t n);
void exec_write_errors(struct mer_buf *out, struct exec_locator *locator, const struct mer_exec_error *first);
// Is a root field, all of which came, not null where it must not be? Tells no error.
bool exec_root_stands(struct mer_exec *x, const struct mer_shape_field *f);
void exec_write_age(struct mer_exec *x, struct mer_buf *out, const struct mer_shape_field *f, uint32_t entry);

// ---- guarded.c ----
// Why the caller gets null there; NULL: it may see the field, or the object.
struct mer_exec_error *exec_refused_field(struct mer_exec *x, const struct mer_shape_field *f);
struct mer_exec_error *exec_refused_object(struct mer_exec *x, const struct mer_shape_variant *v,
                                           const struct mer_type *t);

// ---- combine.c ----
void exec_combine_root(struct mer_exec *x, struct exec_fetch *f);
void exec_combine_entities(struct mer_exec *x, struct exec_fetch *f);

#endif
