// SPDX-License-Identifier: MIT
// Placement: where one part of a fetch is asked this time. Two steps: hard filters, each with a name that
// explain and errors repeat, then the cheapest of what is left. Nothing left is a clear error, never a wrong
// answer. Decided for each part of each request from plain facts; free of I/O, no state; any thread.
#ifndef MER_PLANNER_PLACEMENT_H
#define MER_PLANNER_PLACEMENT_H

#include "base/buf.h"
#include "planner/tier.h"

// A placement: one place where a source's part can be asked. Immutable, from the configuration.
struct mer_place {
    uint32_t index; // over all sources
    uint32_t source;
    struct mer_slice name;
    bool sql; // a database of this site; else another gateway's /sources/NAME
    enum mer_tier tier;
    enum mer_role role;
    struct mer_slice region, environment, facility; // n == 0 where it has none
    int64_t retention_us; // rows older than that may be gone from it; 0: it keeps all
};

// This gateway.
struct mer_self {
    struct mer_slice name;
    enum mer_tier tier;
    struct mer_slice region, facility;
};

#define MER_AGE_UNKNOWN INT64_MAX

// What is known of a placement at this moment, with respect to the part's facility.
struct mer_place_facts {
    bool up;
    int64_t age_us;     // of the data there; MER_AGE_UNKNOWN
    int64_t latency_us; // measured, 0: not yet
    uint32_t in_flight;
    bool live;     // its environment is the region's live one, or it has none
    bool excluded; // failed already in this request
    bool too_old;  // what is asked for goes back further than the place keeps
};

struct mer_part_need {
    uint32_t source;
    struct mer_slice region, facility; // where the data lives; n == 0: anywhere
    struct mer_slice near;             // where the caller is: of what lives anywhere that region's is cheaper
    bool region_closed;                // that region's rows may not leave it
    bool resident;                     // these are such rows
    bool write;
    bool hop;           // asked by another gateway: own databases only
    uint32_t serves;    // bit set of enum mer_tier
    int64_t max_age_us; // what the caller accepts; < 0: no bound
};

enum mer_reject {
    MER_PLACE_OK = 0,
    MER_REJECT_TIER = 1,        // this tier does not serve the field
    MER_REJECT_ELSEWHERE = 2,   // the data does not live there
    MER_REJECT_RESIDENCY = 3,   // the rows may not leave their region
    MER_REJECT_HOP = 4,         // a hop asks no further
    MER_REJECT_EDGE = 5,        // an edge is asked from outside for a write or fresher data only
    MER_REJECT_ENVIRONMENT = 6, // not the live environment
    MER_REJECT_RETENTION = 7,   // it does not keep what is that old
    MER_REJECT_ROLE = 8,        // a replica takes no writes
    MER_REJECT_UNHEALTHY = 9,
    MER_REJECT_STALE = 10, // older than the caller accepts, or of unknown age
    MER_REJECT_COST = 11,  // a cheaper one was chosen
};
const char *mer_reject_name(enum mer_reject r);

struct mer_choice {
    int32_t place;       // index, or -1
    enum mer_reject why; // without a place: the reason that stood nearest to success
};

// verdicts: NULL, or one per place: why it was not chosen (MER_PLACE_OK for the chosen one and for the places
// of other sources, which are not looked at).
struct mer_choice mer_place_choose(const struct mer_self *self, const struct mer_place *places,
                                   uint32_t places_n, const struct mer_part_need *need,
                                   const struct mer_place_facts *facts, enum mer_reject *verdicts);

#endif
