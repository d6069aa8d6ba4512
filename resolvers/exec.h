// SPDX-License-Identifier: MIT
// Execution of a plan: each fetch starts when its own inputs are there; it is cut into parts, every part
// finds its placement and is asked by the resolver that fits (SQL, another gateway, KPI arithmetic), the
// parts are put together, and at last the answer is written once, along the plan's shape.
//
// What failed is null with an error that names source, tier, region and facility; the rest is answered
// (specification 6.4.4 for nulls). All on the site's loop; an execution lives in its request's arena.
#ifndef MER_RESOLVERS_EXEC_H
#define MER_RESOLVERS_EXEC_H

#include "base/buf.h"
#include "resolvers/freshness.h"
#include "resolvers/site.h"

struct mer_gql_header;
struct mer_gql_answer;

// On whose behalf: from the verified token.
struct mer_caller {
    struct mer_slice tenant, role; // lower case
    struct mer_slice facilities;   // comma list or "*"
    struct mer_slice token;        // as it came; goes along to other gateways
    struct mer_slice region; // where the caller is; n == 0: unknown. Chooses among equals, widens nothing
    bool rows;               // works with rows of the business
    bool anonymous;          // showed no token
};

struct mer_path_seg {
    struct mer_slice key; // n == 0: an index
    uint32_t index;
    const struct mer_type *on; // of a key: the type of the object that has it; NULL: not known
};

struct mer_exec_error {
    struct mer_slice message;
    const char *code; // of the contract
    struct mer_slice source, region, environment, facility, entry_point, source_code;
    const char *tier; // or NULL
    // what else a plain subgraph's extensions say, as members with a comma before each
    struct mer_slice said;
    struct mer_path_seg *path;
    uint32_t path_n;
    struct mer_loc loc;            // line 0: none
    uint32_t told;                 // how many paths it was told for
    uint32_t limit;                // and may be; 0: a few
    struct mer_exec_error *origin; // told again for what could not be asked without; NULL: itself
    bool spoken;                   // it was told as another's origin
    // of a subgraph: how its own path goes on below the value or object that has this error
    uint32_t fetch;
    struct exec_step *rest;
    uint32_t rest_n;
    struct mer_exec_error *next;
};

struct mer_exec;

// How an answer with deferred fragments is told: whole; or in parts, as clients of 2022 read them
// (deferSpec=20220824), or as those read them that know `pending`, `incremental` and `completed`.
enum mer_exec_parts { MER_EXEC_WHOLE = 0, MER_EXEC_PARTS_2022 = 1, MER_EXEC_PARTS = 2 };

struct mer_exec_ask {
    struct mer_arena *arena;
    struct mer_site *site;
    const struct mer_plan *plan;
    const struct mer_variables *vars;
    struct mer_caller caller;
    bool hop;   // asked by another gateway: own databases only
    bool holes; // remember where ages were filled in
    enum mer_exec_parts parts;
    // What the plan and the variables were made of: the same bytes are the same question. text n == 0: the
    // answer is not kept whole.
    struct mer_slice text, name, variables;
    // Of plain subgraphs: headers that each request to one carries for the client's sake, clean and with
    // names in lower case; and who wants to hear of the headers of their answers (NULL: nobody). `heard` is
    // called for every HTTP answer of a subgraph, whatever its status; the answer is valid until it returns.
    const struct mer_gql_header *headers;
    uint32_t headers_n;
    void (*heard)(void *owner, uint32_t source, const struct mer_gql_answer *answer);
    // Of a subscription: what its source told in this event, a whole GraphQL answer, which stands for asking
    // for the root field.
    struct mer_slice event;
    int64_t max_age_us; // < 0: no bound
    int64_t deadline_mono_us;
    // The answer may be written; never inside mer_exec_start. Once, but for an answer in parts: then as often
    // as there is a part, each of which must be written before it returns, or the execution ended.
    void (*done)(void *owner);
    void *owner;
};

// Everything in ask must live as long as the execution.
struct mer_exec *mer_exec_start(const struct mer_exec_ask *ask);
// Of a subscription: the body that its source is asked with, in ask->arena, and which source that is. Nil
// where it is none that can tell events; empty where the caller may not see the field, which it then is told
// without an event. Starts nothing; of ask, site, plan, vars and variables are read.
struct mer_slice mer_exec_subscribe_body(const struct mer_exec_ask *ask, uint32_t *source);
// Stops everything under way; done is not called any more. Also needed after done, to let answers go: call it
// once for every execution when the written answer is no longer needed.
void mer_exec_end(struct mer_exec *x);

// After done: `"data":…,"errors":[…]` without braces around; *has_data false when data is null as a whole.
void mer_exec_write(struct mer_exec *x, struct mer_buf *out, bool *has_data);
bool mer_exec_has_errors(const struct mer_exec *x); // in what was written last

// Of an answer in parts: mer_exec_write writes the first (`"data":…,"errors":[…],"pending":[…]`), this each
// further one, without braces around and without `hasNext`, which is what mer_exec_more says.
void mer_exec_write_part(struct mer_exec *x, struct mer_buf *out);
// Will it be told in parts? Known once it has started.
bool mer_exec_in_parts(const struct mer_exec *x);
bool mer_exec_more(const struct mer_exec *x);

// The freshness table; n == 0: no data from any placement.
const struct mer_fresh *mer_exec_freshness(const struct mer_exec *x);

// Where mer_exec_write filled in an age, ascending: bytes [from, to) of what it wrote into, said by an entry
// of the freshness table. With ask.holes.
struct mer_exec_hole {
    size_t from, to;
    uint32_t entry;
    uint32_t age; // in the plan's ages
};
const struct mer_exec_hole *mer_exec_holes(const struct mer_exec *x, uint32_t *n);

enum mer_exec_cache { MER_EXEC_CACHE_BYPASS = 0, MER_EXEC_CACHE_HIT = 1, MER_EXEC_CACHE_MISS = 2 };
enum mer_exec_cache mer_exec_cache(const struct mer_exec *x);
int64_t mer_exec_cached_at_us(const struct mer_exec *x); // oldest cached part; MER_TIME_UNKNOWN

// Codes of the errors told, for /metrics: calls fn for each.
void mer_exec_each_error(const struct mer_exec *x, void (*fn)(void *owner, const char *code), void *owner);

#endif
