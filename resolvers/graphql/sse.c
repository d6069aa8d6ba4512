// SPDX-License-Identifier: MIT
#include "resolvers/graphql/sse.h"

void mer_sse_init(struct mer_sse *s, size_t max_bytes,
                  void (*event)(void *, struct mer_slice, struct mer_slice), void *owner)
{
    *s = (struct mer_sse){.event = event, .owner = owner, .max = max_bytes};
    mer_buf_init(&s->line, NULL, 0);
    mer_buf_init(&s->name, NULL, 0);
    mer_buf_init(&s->data, NULL, 0);
}

void mer_sse_fini(struct mer_sse *s)
{
    mer_buf_fini(&s->line);
    mer_buf_fini(&s->name);
    mer_buf_fini(&s->data);
}

static void end_event(struct mer_sse *s)
{
    if (s->has_data || s->name.n) {
        s->event(s->owner, mer_buf_slice(&s->name), mer_buf_slice(&s->data));
    }
    mer_buf_clear(&s->name);
    mer_buf_clear(&s->data);
    s->has_data = false;
}

static void take_field(struct mer_sse *s, struct mer_slice line)
{
    struct mer_slice value = line;
    struct mer_slice field = mer_slice_cut(&value, ':');
    if (value.n && value.p[0] == ' ') {
        value = mer_slice_make(value.p + 1, value.n - 1);
    }
    if (mer_slice_is(field, "data")) {
        if (s->has_data) {
            mer_buf_add_char(&s->data, '\n');
        }
        s->has_data = true;
        mer_buf_add(&s->data, value);
    } else if (mer_slice_is(field, "event")) {
        mer_buf_clear(&s->name);
        mer_buf_add(&s->name, value);
    }
}

static void take_line(struct mer_sse *s, struct mer_slice line)
{
    if (!s->began) {
        s->began = true;
        if (mer_slice_starts(line, MER_S("\xef\xbb\xbf"))) {
            line = mer_slice_make(line.p + 3, line.n - 3);
        }
    }
    if (line.n == 0) {
        end_event(s);
    } else if (line.p[0] != ':') {
        take_field(s, line);
    }
}

bool mer_sse_feed(struct mer_sse *s, struct mer_slice bytes)
{
    size_t at = 0;
    while (at < bytes.n) {
        if (s->after_cr && bytes.p[at] == '\n') {
            at++; // of a line that has ended
        }
        s->after_cr = false;
        size_t end = at;
        while (end < bytes.n && bytes.p[end] != '\n' && bytes.p[end] != '\r') {
            end++;
        }
        if (end - at + s->line.n + s->name.n + s->data.n > s->max) {
            return false;
        }
        mer_buf_add(&s->line, mer_slice_make(bytes.p + at, end - at));
        if (end == bytes.n) {
            break;
        }
        s->after_cr = bytes.p[end] == '\r';
        take_line(s, mer_buf_slice(&s->line));
        mer_buf_clear(&s->line);
        at = end + 1;
    }
    return true;
}
