// SPDX-License-Identifier: MIT
#include "gateway/config_priv.h"

#include <yaml.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// A configuration is written by people; what goes beyond these is a mistake or an attack.
#define DEPTH_MAX    16
#define NODES_MAX    65536
#define MAP_KEYS_MAX 2048

bool mer_config_fail(struct mer_config_reader *r, const struct mer_config_node *at, const char *fmt, ...)
{
    char msg[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    if (at->set) {
        mer_diag_set(r->diag, MER_ERR_INVALID, "--set %s: %s", at->set, msg);
    } else {
        mer_diag_at(r->diag, MER_ERR_INVALID, at->line, at->column, "%s:%u:%u: %s", r->path, at->line,
                    at->column, msg);
    }
    return false;
}

const char *mer_config_shown(struct mer_config_reader *r, struct mer_slice raw)
{
    size_t n = raw.n < 72 ? raw.n : 72;
    char *shown = mer_arena_cstr(r->a, (struct mer_slice){raw.p, n});
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)shown[i] < 0x20 || shown[i] == 0x7f) {
            shown[i] = '?';
        }
    }
    return shown;
}

static struct mer_slice keep(struct mer_config_reader *r, struct mer_slice s)
{
    return (struct mer_slice){mer_arena_cstr(r->a, s), s.n};
}

static struct mer_config_node *node_new(struct mer_config_reader *r, enum mer_config_node_type type)
{
    struct mer_config_node *n = MER_NEW(r->a, struct mer_config_node);
    n->type = type;
    r->nodes_n++;
    return n;
}

static void node_append(struct mer_config_node *parent, struct mer_config_node *child)
{
    struct mer_config_node **at = &parent->first;
    while (*at) {
        at = &(*at)->next;
    }
    *at = child;
    parent->count++;
}

// ---- scalars

// Replaces ${NAME}; `$${` is a literal `${`.
static bool expand(struct mer_config_reader *r, struct mer_config_node *n)
{
    n->text = n->raw;
    if (!memchr(n->raw.p, '$', n->raw.n)) {
        return true;
    }
    struct mer_buf b;
    mer_buf_init(&b, r->a, n->raw.n + 64);
    const char *p = n->raw.p, *end = n->raw.p + n->raw.n;
    while (p < end) {
        if (end - p >= 3 && memcmp(p, "$${", 3) == 0) {
            mer_buf_add(&b, MER_S("${"));
            p += 3;
            continue;
        }
        if (end - p < 2 || memcmp(p, "${", 2) != 0) {
            mer_buf_add_char(&b, *p++);
            continue;
        }
        const char *close = memchr(p, '}', (size_t)(end - p));
        if (!close || close == p + 2) {
            return mer_config_fail(r, n,
                                   "`${` without a name and a `}`; write ${NAME}, or $${ for a literal ${");
        }
        struct mer_slice name = {p + 2, (size_t)(close - p - 2)};
        const char *value = getenv(mer_arena_cstr(r->a, name));
        if (!value) {
            return mer_config_fail(r, n, "the environment variable %s is not set", mer_config_shown(r, name));
        }
        mer_buf_add_cstr(&b, value);
        p = close + 1;
    }
    n->text = keep(r, mer_buf_slice(&b));
    return true;
}

static bool is_null(struct mer_slice s)
{
    return s.n == 0 || mer_slice_is(s, "~") || mer_slice_is(s, "null");
}

static bool scalar_fill(struct mer_config_reader *r, struct mer_config_node *n, struct mer_slice raw,
                        bool plain)
{
    n->raw = keep(r, raw);
    if (plain && is_null(raw)) {
        n->type = MER_CONFIG_NODE_NULL;
        return true;
    }
    return expand(r, n);
}

// ---- YAML events

struct events {
    struct mer_config_reader *r;
    yaml_parser_t parser;
    const char *set;
    uint32_t depth;
};

static struct mer_config_node place(const struct events *e, yaml_mark_t mark)
{
    return (struct mer_config_node){
        .set = e->set, .line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

static bool next_event(struct events *e, yaml_event_t *event)
{
    if (yaml_parser_parse(&e->parser, event)) {
        return true;
    }
    struct mer_config_node at = place(e, e->parser.problem_mark);
    return mer_config_fail(e->r, &at, "not YAML: %s",
                           e->parser.problem ? e->parser.problem : "cannot be read");
}

static struct mer_config_node *parse_node(struct events *e, const yaml_event_t *event);

static struct mer_config_node *find(const struct mer_config_node *map, struct mer_slice key)
{
    for (struct mer_config_node *c = map->first; c; c = c->next) {
        if (mer_slice_eq(c->key, key)) {
            return c;
        }
    }
    return NULL;
}

// The value that follows a key.
static bool parse_member(struct events *e, struct mer_config_node *map, const yaml_event_t *key_event)
{
    struct mer_config_node at = place(e, key_event->start_mark);
    if (key_event->type != YAML_SCALAR_EVENT) {
        return mer_config_fail(e->r, &at, "a key must be a plain word");
    }
    struct mer_slice key = {(const char *)key_event->data.scalar.value, key_event->data.scalar.length};
    if (find(map, key)) {
        return mer_config_fail(e->r, &at, "the key `%s` stands here twice", mer_config_shown(e->r, key));
    }
    if (map->count >= MAP_KEYS_MAX) {
        return mer_config_fail(e->r, &at, "more than %d keys in one section", MAP_KEYS_MAX);
    }
    key = keep(e->r, key);
    yaml_event_t event;
    if (!next_event(e, &event)) {
        return false;
    }
    struct mer_config_node *value = parse_node(e, &event);
    yaml_event_delete(&event);
    if (!value) {
        return false;
    }
    value->key = key;
    value->key_line = at.line;
    value->key_column = at.column;
    node_append(map, value);
    return true;
}

static bool parse_children(struct events *e, struct mer_config_node *parent)
{
    bool is_map = parent->type == MER_CONFIG_NODE_MAP;
    struct mer_config_node **tail = &parent->first;
    for (;;) {
        yaml_event_t event;
        if (!next_event(e, &event)) {
            return false;
        }
        bool ok = true, end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        if (!end && is_map) {
            ok = parse_member(e, parent, &event);
        } else if (!end) {
            *tail = parse_node(e, &event);
            ok = *tail != NULL;
            tail = ok ? &(*tail)->next : tail;
            parent->count++;
        }
        yaml_event_delete(&event);
        if (!ok || end) {
            return ok;
        }
    }
}

static bool has_tag_or_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static struct mer_config_node *parse_node(struct events *e, const yaml_event_t *event)
{
    struct mer_config_node at = place(e, event->start_mark);
    if (has_tag_or_anchor(event)) {
        mer_config_fail(e->r, &at, "anchors, aliases and tags are not allowed; write the value out");
        return NULL;
    }
    if (e->depth >= DEPTH_MAX || e->r->nodes_n >= NODES_MAX) {
        mer_config_fail(e->r, &at, "nested deeper than %d, or more than %d values", DEPTH_MAX, NODES_MAX);
        return NULL;
    }
    struct mer_config_node *n = node_new(e->r, MER_CONFIG_NODE_SCALAR);
    n->set = e->set;
    n->line = at.line;
    n->column = at.column;
    if (event->type == YAML_SCALAR_EVENT) {
        struct mer_slice raw = {(const char *)event->data.scalar.value, event->data.scalar.length};
        return scalar_fill(e->r, n, raw, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) ? n : NULL;
    }
    n->type = event->type == YAML_MAPPING_START_EVENT ? MER_CONFIG_NODE_MAP : MER_CONFIG_NODE_LIST;
    e->depth++;
    bool ok = parse_children(e, n);
    e->depth--;
    return ok ? n : NULL;
}

// Stream start, document start, one node, document end, stream end.
static struct mer_config_node *parse_document(struct events *e)
{
    struct mer_config_node *root = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next_event(e, &event)) {
            return NULL;
        }
        struct mer_config_node at = place(e, event.start_mark);
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && root) {
            ok = mer_config_fail(e->r, &at, "a second YAML document; one file holds one");
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            root = parse_node(e, &event);
            ok = root != NULL;
        }
        yaml_event_delete(&event);
        if (!ok) {
            return NULL;
        }
        if (type == YAML_STREAM_END_EVENT) {
            break;
        }
    }
    if (!root) {
        struct mer_config_node at = {.set = e->set, .line = 1, .column = 1};
        mer_config_fail(e->r, &at, "empty");
    }
    return root;
}

static struct mer_config_node *parse_yaml(struct mer_config_reader *r, struct mer_slice yaml, const char *set)
{
    struct events e = {.r = r, .set = set};
    if (!yaml_parser_initialize(&e.parser)) {
        abort();
    }
    yaml_parser_set_encoding(&e.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&e.parser, (const unsigned char *)yaml.p, yaml.n);
    struct mer_config_node *root = parse_document(&e);
    yaml_parser_delete(&e.parser);
    return root;
}

struct mer_config_node *mer_config_tree_parse(struct mer_config_reader *r, struct mer_slice yaml)
{
    struct mer_config_node *root = parse_yaml(r, yaml, NULL);
    if (root && root->type != MER_CONFIG_NODE_MAP) {
        mer_config_fail(r, root, "the file must be a map of sections: self, listen, sources, …");
        return NULL;
    }
    return root;
}

struct mer_config_node *mer_config_tree_get(const struct mer_config_node *map, const char *key)
{
    if (!map || map->type != MER_CONFIG_NODE_MAP) {
        return NULL;
    }
    struct mer_config_node *n = find(map, mer_slice_of(key));
    return n && n->type != MER_CONFIG_NODE_NULL ? n : NULL;
}

// ---- --set

static struct mer_config_node *list_entry(const struct mer_config_node *list, struct mer_slice part)
{
    uint64_t index = 0;
    bool is_index = mer_slice_to_u64(part, &index);
    for (struct mer_config_node *c = list->first; c; c = c->next) {
        struct mer_config_node *name = mer_config_tree_get(c, "name");
        if ((is_index && index-- == 0) || (!is_index && name && mer_slice_eq(name->text, part))) {
            return c;
        }
    }
    return NULL;
}

static struct mer_config_node *child_of(const struct mer_config_node *n, struct mer_slice part)
{
    return n->type == MER_CONFIG_NODE_MAP ? find(n, part) : list_entry(n, part);
}

static struct mer_config_node *set_value(struct mer_config_reader *r, const char *path,
                                         struct mer_slice value)
{
    if (value.n && (value.p[0] == '[' || value.p[0] == '{')) {
        return parse_yaml(r, value, path);
    }
    struct mer_config_node *n = node_new(r, MER_CONFIG_NODE_SCALAR);
    n->set = path;
    return scalar_fill(r, n, value, true) ? n : NULL;
}

// A null becomes whatever the next part of the path needs.
static void become_container(struct mer_config_node *n, struct mer_slice part, const char *path)
{
    if (n->type == MER_CONFIG_NODE_NULL) {
        n->type = mer_slice_is(part, "0") ? MER_CONFIG_NODE_LIST : MER_CONFIG_NODE_MAP;
        n->set = path;
    }
}

static bool set_at(struct mer_config_reader *r, struct mer_config_node *root, struct mer_slice path,
                   struct mer_config_node *value)
{
    struct mer_config_node *n = root;
    for (struct mer_slice rest = path; rest.p;) {
        struct mer_slice part = rest;
        const char *dot = memchr(rest.p, '.', rest.n);
        part.n = dot ? (size_t)(dot - rest.p) : rest.n;
        rest = dot ? (struct mer_slice){dot + 1, rest.n - part.n - 1} : MER_NIL;
        become_container(n, part, value->set);
        if (n->type == MER_CONFIG_NODE_SCALAR || part.n == 0) {
            return mer_config_fail(r, value, "`%s` leads nowhere: a value has no parts",
                                   mer_config_shown(r, part));
        }
        struct mer_config_node *child = child_of(n, part);
        uint64_t index = 0;
        if (!child && n->type == MER_CONFIG_NODE_LIST &&
            (!mer_slice_to_u64(part, &index) || index != n->count)) {
            return mer_config_fail(
                r, value, "no entry `%s`; a list's entry is named by its place, 0 to %u, or its name",
                mer_config_shown(r, part), n->count);
        }
        if (!child) {
            child = node_new(r, MER_CONFIG_NODE_NULL);
            child->set = value->set;
            child->key = keep(r, part);
            node_append(n, child);
        }
        n = child;
    }
    struct mer_config_node *next = n->next;
    struct mer_slice key = n->key;
    *n = *value;
    n->next = next;
    n->key = key;
    return true;
}

bool mer_config_tree_set(struct mer_config_reader *r, struct mer_config_node *root, const char *set)
{
    const char *eq = strchr(set, '=');
    if (!eq || eq == set || !eq[1]) { // an empty value would be a key without one: the default, unnoticed
        struct mer_config_node at = {.set = mer_config_shown(r, mer_slice_of(set))};
        return mer_config_fail(r, &at, "expects KEY.PATH=VALUE; `null` takes a key away");
    }
    struct mer_slice path = {set, (size_t)(eq - set)};
    struct mer_config_node *value = set_value(r, mer_config_shown(r, path), mer_slice_of(eq + 1));
    return value && set_at(r, root, path, value);
}
