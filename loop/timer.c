// SPDX-License-Identifier: MIT
// A hierarchical timing wheel. A timer stands in the level whose slots are as fine as its distance allows;
// when the wheel's hand comes to a slot of a coarse level, that slot's timers are spread over the finer ones.
#include "loop/loop.h"

#include "base/log.h"
#include "loop/loop_priv.h"

enum { SLOT_NONE = 0xffff, SLOT_BITS = 6, SLOT_MASK = WHEEL_SLOTS - 1 };

static void unlink_timer(struct mer_wheel *w, struct mer_timer *t)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    *t->pprev = t->next;
    if (t->next)
        t->next->pprev = t->pprev;
    t->pprev = NULL;
    t->next = NULL;
    if (t->slot != SLOT_NONE) {
        unsigned level = t->slot / WHEEL_SLOTS, slot = t->slot % WHEEL_SLOTS;
        if (!w->slots[level][slot])
            w->used[level] &= ~(UINT64_C(1) << slot);
    }
}

static void link_timer(struct mer_timer **head, struct mer_timer *t)
{
    t->next = *head;
    t->pprev = head;
    if (t->next)
        t->next->pprev = &t->next;
    *head = t;
}

// Into the slot for its due tick, seen from w->now_tick; due ones go to the list of due ones.
static void place(struct mer_wheel *w, struct mer_timer *t)
{
    if (t->due_tick <= w->now_tick) {
        t->slot = SLOT_NONE;
        link_timer(&w->due, t);
        return;
    }
    // The level is that of the highest digit (base 64) in which due and now differ; a timer beyond the last
    // level waits at its end and is placed anew from there.
    uint64_t differ = t->due_tick ^ w->now_tick;
    unsigned level = (63u - (unsigned)__builtin_clzll(differ)) / SLOT_BITS;
    unsigned slot;
    if (level >= WHEEL_LEVELS) {
        level = WHEEL_LEVELS - 1;
        slot = (unsigned)((w->now_tick >> (SLOT_BITS * level)) + SLOT_MASK) & SLOT_MASK;
    } else {
        slot = (unsigned)(t->due_tick >> (SLOT_BITS * level)) & SLOT_MASK;
    }
    t->slot = (uint16_t)(level * WHEEL_SLOTS + slot);
    link_timer(&w->slots[level][slot], t);
    w->used[level] |= UINT64_C(1) << slot;
}

void mer_timer_start(struct mer_loop *loop, struct mer_timer *t, uint64_t ms, mer_loop_fn *fn, void *owner)
{
    struct mer_wheel *w = &loop->wheel;
    if (t->pprev)
        unlink_timer(w, t);
    t->fn = fn;
    t->owner = owner;
    // One up: a timer never fires before its time, and never within the call that started it.
    uint64_t now = (uint64_t)mer_loop_now_us(loop) / 1000;
    if (now < w->now_tick)
        now = w->now_tick;
    if (__builtin_add_overflow(now + 1, ms, &t->due_tick))
        t->due_tick = UINT64_MAX;
    place(w, t);
}

void mer_timer_stop(struct mer_loop *loop, struct mer_timer *t)
{
    if (t->pprev)
        unlink_timer(&loop->wheel, t);
}

bool mer_timer_is_running(const struct mer_timer *t)
{
    return t->pprev != NULL;
}

// The first tick after now at which some slot is to be looked at; UINT64_MAX when the wheel is empty. It may
// be earlier than the first timer: coarse slots are opened when the hand comes to them.
static uint64_t next_tick(const struct mer_wheel *w)
{
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        if (!w->used[level])
            continue;
        unsigned shift = SLOT_BITS * level;
        uint64_t hand = w->now_tick >> shift;
        unsigned at = (unsigned)hand & SLOT_MASK;
        // Rotated so that bit 0 is the slot after the hand.
        unsigned by = (at + 1) & SLOT_MASK;
        uint64_t rotated =
            by ? (w->used[level] >> by) | (w->used[level] << (WHEEL_SLOTS - by)) : w->used[level];
        uint64_t tick = (hand + 1 + (unsigned)__builtin_ctzll(rotated)) << shift;
        if (tick < best)
            best = tick;
    }
    return best;
}

// Opens all slots that the hand, now at w->now_tick, points to.
static void open_slots(struct mer_wheel *w)
{
    for (unsigned level = WHEEL_LEVELS; level-- > 0;) {
        unsigned shift = SLOT_BITS * level;
        if (w->now_tick & ((UINT64_C(1) << shift) - 1))
            continue; // the hand is inside of a slot that was opened before
        unsigned slot = (unsigned)(w->now_tick >> shift) & SLOT_MASK;
        struct mer_timer *t = w->slots[level][slot];
        w->slots[level][slot] = NULL;
        w->used[level] &= ~(UINT64_C(1) << slot);
        while (t) {
            struct mer_timer *next = t->next;
            place(w, t);
            t = next;
        }
    }
}

void mer_wheel_run(struct mer_loop *loop)
{
    struct mer_wheel *w = &loop->wheel;
    uint64_t now = (uint64_t)mer_loop_now_us(loop) / 1000;
    for (;;) {
        uint64_t tick = next_tick(w);
        if (tick > now)
            break;
        w->now_tick = tick;
        open_slots(w);
        while (w->due) {
            struct mer_timer *t = w->due;
            unlink_timer(w, t);
            t->fn(t->owner);
        }
    }
    if (now > w->now_tick)
        w->now_tick = now;
}

uint32_t mer_wheel_wait_ms(const struct mer_loop *loop, uint32_t limit_ms)
{
    uint64_t tick = next_tick(&loop->wheel);
    uint64_t now = (uint64_t)loop->now_us / 1000;
    if (tick <= now)
        return 0;
    return tick - now < limit_ms ? (uint32_t)(tick - now) : limit_ms;
}
