// SPDX-License-Identifier: MIT
#include "gateway/keys.h"

#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"

#define LOOK_MS 500

// 0: it is not there, perhaps between two versions of it.
static uint64_t print_of(const struct mer_config *c)
{
    struct stat st;
    if (stat(c->auth.jwks.p, &st) != 0) {
        return 0;
    }
    uint64_t h = mer_hash_mix((uint64_t)st.st_ino, (uint64_t)st.st_size);
    return mer_hash_mix(mer_hash_mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec) | 1;
}

static void load(struct mer_worker *w)
{
    struct mer_diag diag = {0};
    struct mer_auth *fresh = mer_auth_reload(w->auth, &diag);
    bool tells = w->index == 0; // the others say the same
    if (!fresh) {
        if (tells) {
            mer_log(MER_LOG_WARN, "auth", "the keys stay as they were: %.200s", diag.msg);
        }
        return;
    }
    mer_auth_unref(w->auth);
    w->auth = fresh;
    if (tells) {
        mer_log(MER_LOG_INFO, "auth", "keys read anew");
    }
}

// What has changed is read once it has stood still from one look to the next. The first look reads it, too:
// it may have changed since this process began.
static void look(void *owner)
{
    struct mer_worker *w = owner;
    uint64_t now = print_of(w->config);
    if (now && now == w->keys_seen && now != w->keys_read) {
        w->keys_read = now;
        load(w);
    }
    w->keys_seen = now;
    mer_keys_start(w);
}

void mer_keys_start(struct mer_worker *w)
{
    if (w->auth) {
        mer_timer_start(w->loop, &w->keys_timer, LOOK_MS, look, w);
    }
}

void mer_keys_stop(struct mer_worker *w)
{
    mer_timer_stop(w->loop, &w->keys_timer);
}
