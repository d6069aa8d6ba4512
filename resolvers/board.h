// SPDX-License-Identifier: MIT
// The freshness board: what is known, at this moment, of data and databases: when each facility's data last
// moved as each database of this site shows it, which facilities are online, which environment of a region is
// live. Pollers write it (gateway/poller.h); a request reads it without a query. One board a loop, never
// shared.
//
// The database tells through one function of its own, meridian_facts() (fleet/migrations), whose answer
// mer_board_read() takes in:
//   {"facilities": {CODE: {"lastSync": US|null, "online": BOOL, "offlineSince": US|null}},
//    "regions": {NAME: {"live": ENV, "state": TEXT, "epoch": N, "beat": US|null}},
//    "now": US, "asOf": US|null, "version": TEXT}
// US are microseconds since 1970 on the database's own clock; "now" beside them is that clock's reading, from
// which the skew to ours is taken. "asOf" is the time of data that belongs to no facility; "version" the
// rollup version of KPI data.
#ifndef MER_RESOLVERS_BOARD_H
#define MER_RESOLVERS_BOARD_H

#include "base/json.h"
#include "base/map.h"

struct mer_board;

#define MER_TIME_UNKNOWN INT64_MIN

struct mer_board_facility {
    int64_t last_sync_us; // wall clock; MER_TIME_UNKNOWN
    bool online;
};

struct mer_board_region {
    struct mer_slice live; // environment; n == 0: unknown
    uint64_t epoch;
    struct mer_slice phase; // of its cutovers, as region_status.state has it; n == 0: unknown
};

struct mer_board *mer_board_create(uint32_t places_n);
void mer_board_destroy(struct mer_board *b);

// Takes in one database's facts, which came took_us after they were asked for: its clock was read somewhere
// in between. MER_ERR_INVALID when they are not what the essay says; the board stays as it was.
enum mer_err mer_board_read(struct mer_board *b, uint32_t place, struct mer_slice json, int64_t took_us,
                            struct mer_diag *diag) MER_MUST_CHECK;
// A placement did or did not answer its poll, or its health ping.
void mer_board_set_up(struct mer_board *b, uint32_t place, bool up);
void mer_board_set_latency(struct mer_board *b, uint32_t place, int64_t us);
// The poll was asked when so many connections to the place had been lost. Whoever finds more lost now may
// speak with another server process than the one that was polled.
void mer_board_set_polled(struct mer_board *b, uint32_t place, uint64_t losses);
// What this gateway's own health pings say of a facility; overrules what the database says.
void mer_board_set_online(struct mer_board *b, struct mer_slice facility, bool online);

bool mer_board_is_up(const struct mer_board *b, uint32_t place);
int64_t mer_board_latency_us(const struct mer_board *b, uint32_t place);
uint64_t mer_board_polled(const struct mer_board *b, uint32_t place);
// Its data is older than what it has shown before. A standby that was killed begins again at its last restart
// point and answers long before it has caught up: what it shows then is whole and consistent, and of the
// past, down to tables without a row.
bool mer_board_is_behind(const struct mer_board *b, uint32_t place);
// The facility as that placement's data shows it; false: it knows nothing of it.
bool mer_board_facility(const struct mer_board *b, uint32_t place, struct mer_slice facility,
                        struct mer_board_facility *out);
// When that region was last heard of, as that placement's data shows it: a region writes a beat of its own,
// which travels to the others with its data. MER_TIME_UNKNOWN: never.
int64_t mer_board_region_beat(const struct mer_board *b, uint32_t place, struct mer_slice region);
// The time of data at the placement that belongs to no facility: the oldest that cannot be excluded.
int64_t mer_board_as_of(const struct mer_board *b, uint32_t place);
struct mer_slice mer_board_version(const struct mer_board *b, uint32_t place);
bool mer_board_region(const struct mer_board *b, struct mer_slice region, struct mer_board_region *out);
// Tells the region's live environment as the operator's switch or the poll knows it; a lower epoch is
// ignored.
void mer_board_set_region(struct mer_board *b, struct mer_slice region, struct mer_slice live,
                          uint64_t epoch);
// In which phase of its cutovers that is.
void mer_board_set_phase(struct mer_board *b, struct mer_slice region, struct mer_slice phase);
// The placement is a database of this environment of the region. In the middle of a cutover the old
// environment knows already who is next, and the next one does not yet have all that the old one took: so
// what such a place says of its own region moves the board only where it says it of its own environment.
// Names must outlive the board.
void mer_board_set_home(struct mer_board *b, uint32_t place, struct mer_slice region,
                        struct mer_slice environment);

#endif
