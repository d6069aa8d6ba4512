// SPDX-License-Identifier: MIT
#include "gateway/labels.h"

bool mer_label_percent(struct mer_slice label, double *out)
{
    if (!mer_slice_starts(label, MER_S("percent(")) || label.p[label.n - 1] != ')') {
        return false;
    }
    double n = 0, scale = 1;
    bool point = false;
    for (size_t i = 8; i + 1 < label.n; i++) {
        char c = label.p[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9' && label.n < 40) {
            n = n * 10 + (c - '0');
            scale = point ? scale * 10 : scale;
        } else {
            return false;
        }
    }
    *out = n / scale;
    return label.n > 9;
}

// splitmix64: good enough to share requests out, and a state of eight bytes.
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool is_drawn(uint64_t *random, double percent)
{
    return (double)(draw(random) >> 11) * (100.0 / 9007199254740992.0) < percent;
}

static bool is_met(const struct mer_config_label *l, uint32_t at, const struct mer_labels_ask *ask)
{
    if (l->header.n) {
        struct mer_slice v = ask->header(ask->owner, l->header.p);
        if (v.p && (l->equals.p ? mer_slice_eq(v, l->equals) : v.n > 0)) {
            return true;
        }
    }
    if (l->claim.n && ask->claims && (ask->claims->meets >> at) & 1u) {
        return true;
    }
    return l->percent > 0 && is_drawn(ask->random, (double)l->percent);
}

static bool is_on(const struct mer_config *c, struct mer_slice label, const struct mer_labels_ask *ask)
{
    double percent = 0;
    if (mer_label_percent(label, &percent)) {
        return is_drawn(ask->random, percent);
    }
    for (uint32_t i = 0; i < c->labels_n; i++) {
        if (mer_slice_eq(c->labels[i].name, label) && is_met(&c->labels[i], i, ask)) {
            return true;
        }
    }
    return false;
}

const uint64_t *mer_labels_decide(struct mer_arena *a, const struct mer_config *c,
                                  const struct mer_federation *f, const struct mer_labels_ask *ask)
{
    if (f->labels_n == 0) {
        return NULL;
    }
    uint64_t *on = MER_NEW_N(a, uint64_t, f->labels_n / 64 + 1);
    for (uint32_t i = 0; i < f->labels_n; i++) {
        if (is_on(c, f->labels[i], ask)) {
            on[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    return on;
}
