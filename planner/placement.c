// SPDX-License-Identifier: MIT
#include "planner/placement.h"

// A hop costs more than any database of the site, whatever was measured: it is that database plus a journey.
#define HOP_COST_US 1000000

const char *mer_reject_name(enum mer_reject r)
{
    static const char *const names[] = {
        [MER_PLACE_OK] = "chosen",
        [MER_REJECT_TIER] = "tier does not serve the field",
        [MER_REJECT_ELSEWHERE] = "data lives elsewhere",
        [MER_REJECT_RESIDENCY] = "residency",
        [MER_REJECT_HOP] = "a hop asks no further",
        [MER_REJECT_EDGE] = "edge is asked for writes or fresher data only",
        [MER_REJECT_ENVIRONMENT] = "environment not live",
        [MER_REJECT_RETENTION] = "out of retention",
        [MER_REJECT_ROLE] = "replica takes no writes",
        [MER_REJECT_UNHEALTHY] = "unhealthy",
        [MER_REJECT_STALE] = "too stale",
        [MER_REJECT_COST] = "dearer",
    };
    return names[r];
}

static bool lives_elsewhere(const struct mer_self *self, const struct mer_place *p,
                            const struct mer_part_need *n)
{
    if (p->tier == MER_TIER_EDGE) {
        bool own = self->tier == MER_TIER_EDGE && p->sql;
        return n->facility.n ? !mer_slice_eq(p->facility, n->facility) : !own;
    }
    // What is not resident stands, by replication, in every region.
    bool anywhere = !n->resident && !n->write;
    return !anywhere && n->region.n && p->region.n && !mer_slice_eq(p->region, n->region);
}

static enum mer_reject judge(const struct mer_self *self, const struct mer_place *p,
                             const struct mer_part_need *n, const struct mer_place_facts *f)
{
    if (!(n->serves & (1u << p->tier))) {
        return MER_REJECT_TIER;
    }
    if (lives_elsewhere(self, p, n)) {
        return MER_REJECT_ELSEWHERE;
    }
    if (n->resident && n->region_closed && n->region.n && !mer_slice_eq(self->region, n->region)) {
        return MER_REJECT_RESIDENCY;
    }
    // Rows of no named region are those of the region that is asked: another's would be an answer to another
    // question.
    if (!n->region.n && (n->resident || n->write) && !mer_slice_eq(self->region, p->region)) {
        return n->write ? MER_REJECT_TIER : MER_REJECT_RESIDENCY;
    }
    if (n->hop && !p->sql) {
        return MER_REJECT_HOP;
    }
    if (p->tier == MER_TIER_EDGE && !p->sql &&
        (!mer_slice_eq(p->region, self->region) || (!n->write && n->max_age_us < 0))) {
        return MER_REJECT_EDGE;
    }
    if (!f->live) {
        return MER_REJECT_ENVIRONMENT;
    }
    if (f->too_old) {
        return MER_REJECT_RETENTION;
    }
    if (n->write && p->role == MER_ROLE_REPLICA) {
        return MER_REJECT_ROLE;
    }
    if (!f->up || f->excluded) {
        return MER_REJECT_UNHEALTHY;
    }
    // A gateway that is asked by hop applies the bound itself, with facts of its own.
    if (p->sql && !n->write && n->max_age_us >= 0 &&
        (f->age_us == MER_AGE_UNKNOWN || f->age_us > n->max_age_us)) {
        return MER_REJECT_STALE;
    }
    return MER_PLACE_OK;
}

static int64_t cost_us(const struct mer_self *self, const struct mer_place *p, const struct mer_part_need *n,
                       const struct mer_place_facts *f)
{
    int64_t cost = f->latency_us + (int64_t)f->in_flight * 50;
    if (p->sql) {
        return cost;
    }
    // Of several gateways the one in the data's own region has it first; else the caller's may know it best.
    struct mer_slice home = n->region.n ? n->region : n->near.n ? n->near : self->region;
    return cost + HOP_COST_US * (mer_slice_eq(p->region, home) ? 1 : 2);
}

struct mer_choice mer_place_choose(const struct mer_self *self, const struct mer_place *places,
                                   uint32_t places_n, const struct mer_part_need *need,
                                   const struct mer_place_facts *facts, enum mer_reject *verdicts)
{
    struct mer_choice best = {-1, MER_PLACE_OK};
    int64_t best_cost = INT64_MAX;
    for (uint32_t i = 0; i < places_n; i++) {
        enum mer_reject v = MER_PLACE_OK;
        if (places[i].source == need->source) {
            v = judge(self, &places[i], need, &facts[i]);
            int64_t cost = cost_us(self, &places[i], need, &facts[i]);
            if (v == MER_PLACE_OK && cost < best_cost) {
                if (best.place >= 0 && verdicts) {
                    verdicts[best.place] = MER_REJECT_COST;
                }
                best.place = (int32_t)i;
                best_cost = cost;
            } else if (v == MER_PLACE_OK) {
                v = MER_REJECT_COST;
            } else if (best.place < 0 && v > best.why) {
                best.why = v;
            }
        }
        if (verdicts) {
            verdicts[i] = v;
        }
    }
    if (best.place >= 0) {
        best.why = MER_PLACE_OK;
    }
    return best;
}
