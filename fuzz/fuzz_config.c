// SPDX-License-Identifier: MIT
// Configuration from any bytes: accepted, or refused with a text, and a file that was accepted fits itself.
// Bytes before a first NUL are a --set.
#include "gateway/config.h"

#include "base/log.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mer_config *c)
{
    MER_ASSERT(c->self.name.n > 0);
    MER_ASSERT(c->self.tier == MER_TIER_GLOBAL || mer_config_region(c, c->self.region));
    for (uint32_t i = 0; i < c->sources_n; i++) {
        const struct mer_config_source *s = &c->sources[i];
        MER_ASSERT(s->name.n && s->sdl.n);
        for (uint32_t p = 0; p < s->placements_n; p++) {
            MER_ASSERT(s->placements[p].url.n);
            MER_ASSERT(s->placements[p].tier == MER_TIER_GLOBAL ||
                       mer_config_region(c, s->placements[p].region));
        }
    }
    MER_ASSERT(c->limits.depth >= 1 && c->limits.depth <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_slice all = {(const char *)data, size};
    const char *nul = size ? memchr(data, 0, size) : NULL;
    struct mer_config_input in = {.path = "dir/fuzz.yaml", .text = all};
    const char *set = NULL;
    if (nul) {
        set = mer_arena_cstr(a, (struct mer_slice){all.p, (size_t)(nul - all.p)});
        in.text = (struct mer_slice){nul + 1, all.n - (size_t)(nul - all.p) - 1};
        in.sets = &set;
        in.sets_n = 1;
    }
    struct mer_config c;
    struct mer_diag diag = {0};
    if (mer_config_parse(a, &in, &c, &diag) == MER_OK) {
        check(&c);
    } else {
        MER_ASSERT(diag.msg[0]);
    }
    mer_arena_destroy(a);
    return 0;
}
