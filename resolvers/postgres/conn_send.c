// SPDX-License-Identifier: MIT
// One connection: what is sent on it. Statements of a batch that differ by their values alone travel as one,
// where they have a text for that (mer_pg_query.many).
#include "resolvers/postgres/pool_priv.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t mer_pg_conn_room(const struct mer_pg_conn *c)
{
    if (c->state != MER_PG_CONN_READY)
        return 0;
    if (c->lane == MER_PG_LONG)
        return c->head == c->tail ? 1 : 0;
    uint32_t depth = c->pool->opts.pipeline_max;
    uint32_t by_depth = c->in_flight < depth ? depth - c->in_flight : 0;
    // At worst a statement takes three slots (drop, prepare, query), the batch three more (two Syncs, the
    // scope).
    uint32_t free_slots = MER_PG_SLOTS - (c->tail - c->head);
    uint32_t by_slots = free_slots > 6 ? (free_slots - 3) / 3 : 0;
    return by_depth < by_slots ? by_depth : by_slots;
}

void mer_pg_conn_push(struct mer_pg_conn *c, struct mer_pg_slot s)
{
    s.sent_us = mer_loop_now_us(c->pool->loop);
    *mer_pg_slot_at(c, c->tail++) = s;
}

bool mer_pg_conn_sync(struct mer_pg_conn *c)
{
    if (!PQpipelineSync(c->pg))
        return false;
    mer_pg_conn_push(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_SYNC});
    return mer_pg_conn_flush(c);
}

// ---- values ----

// Adds the text and its NUL to the scratch, whose room was reserved: the pointer stays.
static const char *scratch_text(struct mer_buf *b, struct mer_slice s)
{
    const char *p = b->p + b->n;
    mer_buf_add(b, s);
    mer_buf_add_char(b, '\0');
    return p;
}

// Room for n values and so many bytes.
static const char **reserve(struct mer_pg_pool *pool, uint32_t n, size_t bytes)
{
    if (n > pool->values_cap) {
        pool->values_cap = n;
        pool->values = realloc(pool->values, n * sizeof(*pool->values));
        if (!pool->values)
            abort();
    }
    mer_buf_clear(&pool->scratch);
    mer_buf_reserve(&pool->scratch, bytes);
    return pool->values;
}

static const char *const *bind(struct mer_pg_pool *pool, const struct mer_pg_query *q)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < q->params_n; i++)
        bytes += q->params[i].value.n + 1;
    const char **values = reserve(pool, q->params_n, bytes + q->sql.n + 1);
    for (uint32_t i = 0; i < q->params_n; i++)
        values[i] = q->params[i].null ? NULL : scratch_text(&pool->scratch, q->params[i].value);
    return values;
}

// An element of an array in text form.
static void add_element(struct mer_buf *b, const struct mer_pg_param *p)
{
    struct mer_slice rest = p->value;
    if (p->null) {
        mer_buf_add(b, MER_S("NULL,"));
        return;
    }
    mer_buf_add_char(b, '"');
    while (rest.n) {
        size_t plain = 0;
        while (plain < rest.n && rest.p[plain] != '"' && rest.p[plain] != '\\')
            plain++;
        mer_buf_add(b, mer_slice_make(rest.p, plain));
        if (plain == rest.n)
            break;
        const char escaped[2] = {'\\', rest.p[plain]};
        mer_buf_add(b, mer_slice_make(escaped, 2));
        rest = mer_slice_make(rest.p + plain + 1, rest.n - plain - 1);
    }
    mer_buf_add(b, MER_S("\","));
}

// One array a parameter, with an element of each query.
static const char *const *bind_many(struct mer_pg_pool *pool, const struct mer_pg_query *first)
{
    size_t bytes = first->many.n + 1;
    for (const struct mer_pg_query *q = first; q; q = q->mate) {
        for (uint32_t i = 0; i < q->params_n; i++)
            bytes += 2 * q->params[i].value.n + sizeof("{NULL,}");
    }
    const char **values = reserve(pool, first->params_n, bytes);
    struct mer_buf *b = &pool->scratch;
    for (uint32_t i = 0; i < first->params_n; i++) {
        values[i] = b->p + b->n;
        mer_buf_add_char(b, '{');
        for (const struct mer_pg_query *q = first; q; q = q->mate)
            add_element(b, &q->params[i]);
        b->p[b->n - 1] = '}';
        mer_buf_add_char(b, '\0');
    }
    return values;
}

// ---- statements ----

static bool send_scope(struct mer_pg_conn *c, const struct mer_pg_scope *scope)
{
    struct mer_buf *b = &c->pool->scratch;
    reserve(c->pool, 0, scope->tenant.n + scope->facilities.n + scope->role.n + 3);
    const char *const values[] = {scratch_text(b, scope->tenant), scratch_text(b, scope->facilities),
                                  scratch_text(b, scope->role)};
    if (!PQsendQueryPrepared(c->pg, MER_PG_SCOPE_NAME, 3, values, NULL, NULL, 0))
        return false;
    mer_pg_conn_push(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_SCOPE});
    return true;
}

static void name_of(char out[16], uint32_t serial)
{
    snprintf(out, 16, "m%u", serial);
}

// A text is prepared when it is seen the second time: many are seen once. Sent before the batch, under a Sync
// of its own, so that no error of the batch takes the preparation with it.
static bool prepare(struct mer_pg_conn *c, uint32_t number, bool *sent)
{
    const struct mer_pg_stmt *stmt = &c->pool->stmts.items[number];
    struct mer_pg_name *name = &c->names[number];
    char text[32] = "DEALLOCATE ";
    if (stmt->uses < 2 || (name->serial && !name->stale && name->generation == stmt->generation))
        return true;
    if (name->serial) {
        name_of(text + 11, name->serial);
        if (!PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL, 0))
            return false;
        mer_pg_conn_push(c, (struct mer_pg_slot){.kind = MER_PG_SLOT_DROP});
    }
    *name = (struct mer_pg_name){.serial = ++c->next_serial, .generation = stmt->generation};
    name_of(text, name->serial);
    if (!PQsendPrepare(c->pg, text, stmt->text, 0, NULL))
        return false;
    mer_pg_conn_push(
        c, (struct mer_pg_slot){.kind = MER_PG_SLOT_PREPARE, .stmt = number, .serial = name->serial});
    c->pool->stats.prepares++;
    *sent = true;
    return true;
}

static void note_sent(struct mer_pg_conn *c, struct mer_pg_query *first, struct mer_pg_slot slot)
{
    for (struct mer_pg_query *q = first; q; q = q->mate) {
        q->conn = c;
        q->slot = c->tail;
        q->seat = slot.seats++;
        q->state = MER_PG_QUERY_SENT;
    }
    slot.q = first;
    c->in_flight += slot.seats;
    mer_pg_conn_push(c, slot);
}

static struct mer_slice text_of(const struct mer_pg_query *q)
{
    return q->mate ? q->many : q->sql;
}

static bool send_query(struct mer_pg_conn *c, struct mer_pg_query *q, uint32_t number)
{
    struct mer_pg_pool *pool = c->pool;
    const struct mer_pg_name *name = &c->names[number];
    const char *const *values = q->mate ? bind_many(pool, q) : bind(pool, q);
    struct mer_pg_slot slot = {.kind = MER_PG_SLOT_QUERY, .stmt = MER_PG_UNNAMED};
    bool named = name->serial && !name->stale && name->generation == pool->stmts.items[number].generation;
    int ok;
    if (named) {
        char text[16];
        name_of(text, name->serial);
        slot.stmt = number;
        slot.serial = name->serial;
        ok = PQsendQueryPrepared(c->pg, text, (int)q->params_n, values, NULL, NULL, 0);
    } else {
        ok = PQsendQueryParams(c->pg, scratch_text(&pool->scratch, text_of(q)), (int)q->params_n, NULL,
                               values, NULL, NULL, 0);
    }
    if (ok)
        note_sent(c, q, slot);
    return ok;
}

// ---- batches ----

static bool may_join(const struct mer_pg_query *first, const struct mer_pg_query *q)
{
    return !first->apart && (first->many.p == q->many.p || mer_slice_eq(first->many, q->many));
}

// Those that travel as one are chained to the first of them; returns how many firsts there are.
static uint32_t gather(struct mer_pg_query *const *queries, uint32_t n, struct mer_pg_query **firsts)
{
    struct mer_pg_query *lasts[MER_PG_BATCH_MAX];
    uint32_t firsts_n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct mer_pg_query *q = queries[i];
        uint32_t k = q->many.n && !q->apart ? 0 : firsts_n;
        q->mate = NULL;
        while (k < firsts_n && !may_join(firsts[k], q))
            k++;
        if (k < firsts_n)
            lasts[k]->mate = q;
        else
            firsts[firsts_n++] = q;
        lasts[k] = q;
    }
    return firsts_n;
}

// Everything up to the Sync; false when libpq refuses, which means that the connection is gone.
static bool send_batch(struct mer_pg_conn *c, struct mer_pg_query *const *queries, const uint32_t *numbers,
                       uint32_t n)
{
    bool prepared = false;
    for (uint32_t i = 0; i < n; i++) {
        if (!prepare(c, numbers[i], &prepared))
            return false;
    }
    if (prepared && !mer_pg_conn_sync(c))
        return false;
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    if (!send_scope(c, &queries[0]->scope))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!send_query(c, queries[i], numbers[i]))
            return false;
    }
    return mer_pg_conn_sync(c);
}

void mer_pg_conn_send(struct mer_pg_conn *c, struct mer_pg_query *const *queries, uint32_t n)
{
    struct mer_pg_pool *pool = c->pool;
    struct mer_pg_query *firsts[MER_PG_BATCH_MAX];
    uint32_t numbers[MER_PG_BATCH_MAX];
    if (pool->on_batch)
        pool->on_batch(pool->on_batch_owner, queries, n);
    uint32_t firsts_n = gather(queries, n, firsts);
    for (uint32_t i = 0; i < firsts_n; i++)
        numbers[i] = mer_pg_stmts_number(&pool->stmts, text_of(firsts[i]));
    pool->stats.batches++;
    pool->stats.statements += firsts_n;
    if (send_batch(c, firsts, numbers, firsts_n))
        return;
    // Those that were never sent, writes included, go back into the queue in their order.
    for (uint32_t i = n; i-- > 0;) {
        if (!queries[i]->conn)
            mer_pg_requeue(queries[i]);
    }
    mer_pg_conn_lost(c, PQerrorMessage(c->pg));
}

void mer_pg_conn_detach(struct mer_pg_query *q)
{
    struct mer_pg_conn *c = q->conn;
    q->conn = NULL;
    if (c->held_query == q) {
        c->held_query = NULL;
        PQclear(c->held);
        c->held = NULL;
    } else {
        struct mer_pg_query **at = &mer_pg_slot_at(c, q->slot)->q;
        while (*at && *at != q)
            at = &(*at)->mate;
        if (*at)
            *at = q->mate;
    }
    // Nobody waits for a long statement any more: the server notices a closed connection and ends it. A write
    // is left alone, so that it is at least not torn at a random place.
    if (c->lane == MER_PG_LONG && !q->write) {
        c->head = c->tail = c->in_flight = 0;
        mer_pg_conn_close(c);
        mer_pg_lane_changed(c->pool, c->lane);
    }
}
