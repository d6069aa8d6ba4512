// SPDX-License-Identifier: MIT
// One scalar of the configuration into one field.
#include "gateway/config_value.h"

#include <stdlib.h>

static void store(void *field, const void *value, size_t n)
{
    memcpy(field, value, n);
}

static bool has_control_bytes(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_name(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '_'))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 63;
}

static bool is_country(struct mer_slice s)
{
    return s.n == 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'A' && s.p[1] <= 'Z';
}

// HOST:PORT; an IPv6 address stands in brackets.
static bool is_address(struct mer_slice s)
{
    const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
    if (!colon || colon == s.p) {
        return false;
    }
    struct mer_slice host = {s.p, (size_t)(colon - s.p)}, port = {colon + 1, s.n - host.n - 1};
    uint64_t number;
    if (!mer_slice_to_u64(port, &number) || number > 65535) {
        return false;
    }
    if (host.p[0] == '[') {
        return host.n > 2 && host.p[host.n - 1] == ']';
    }
    return !memchr(host.p, ':', host.n) && !memchr(host.p, '/', host.n) && !memchr(host.p, ' ', host.n);
}

// No user names, no fragments, no blanks: an address of a service and nothing else.
bool mer_config_is_url(struct mer_slice s)
{
    size_t scheme = mer_slice_starts(s, MER_S("https://"))  ? 8
                    : mer_slice_starts(s, MER_S("http://")) ? 7
                                                            : 0;
    if (!scheme || s.n == scheme || s.p[scheme] == '/' || s.p[scheme] == ':') {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '@' || s.p[i] == '#' || s.p[i] == ' ' || s.p[i] == '\\') {
            return false;
        }
    }
    return true;
}

static bool read_bool(struct mer_slice s, bool *out)
{
    *out = mer_slice_is(s, "true");
    return *out || mer_slice_is(s, "false");
}

// "https://shop.example:8443": what a browser writes into `origin`, compared as it stands; or "*".
static bool is_origin(struct mer_slice s)
{
    size_t scheme = mer_slice_starts(s, MER_S("https://")) ? 8 : 7;
    if (mer_slice_is(s, "*")) {
        return true;
    }
    for (size_t i = scheme; i < s.n; i++) {
        if (s.p[i] == '/' || s.p[i] == '?' || (s.p[i] >= 'A' && s.p[i] <= 'Z')) {
            return false;
        }
    }
    return mer_config_is_url(s);
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit bytes_units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}, {0}};
static const struct unit millis_units[] = {{"ms", 1},         {"s", 1000}, {"m", 60000}, {"h", 3600000},
                                           {"d", 86400000LL}, {"", 1000},  {0}};
static const struct unit count_units[] = {{"", 1}, {0}};

// Digits and a unit, nothing between them.
static bool read_amount(struct mer_slice s, const struct unit *units, int64_t *out)
{
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') {
        digits++;
    }
    struct mer_slice unit = {s.p + digits, s.n - digits};
    if (!mer_slice_to_i64((struct mer_slice){s.p, digits}, out)) {
        return false;
    }
    for (; units->name; units++) {
        if (mer_slice_is(unit, units->name)) {
            return !__builtin_mul_overflow(*out, units->factor, out);
        }
    }
    return false;
}

static int read_choice(struct mer_slice s, const char *choices)
{
    struct mer_slice rest = mer_slice_of(choices);
    for (int i = 0; rest.n; i++) {
        if (mer_slice_eq(mer_slice_cut(&rest, '|'), s)) {
            return i;
        }
    }
    return -1;
}

// Relative paths: those of the file are relative to the file, those of the command line to where one stands.
static struct mer_slice resolve(struct mer_config_reader *r, const struct mer_config_node *n)
{
    if (n->set || n->text.p[0] == '/' || mer_slice_is(r->directory, ".")) {
        return n->text;
    }
    return mer_arena_printf(r->a, "%.*s/%.*s", MER_FMT(r->directory), MER_FMT(n->text));
}

const char *mer_config_kind_allows(enum mer_config_kind kind)
{
    switch (kind) {
    case MER_CONFIG_NAME:
    case MER_CONFIG_NAMES:
        return "lower case letters, digits, - and _, at most 63";
    case MER_CONFIG_URL:
        return "http:// or https:// and a host, without user, fragment and blanks";
    case MER_CONFIG_ADDRESS:
    case MER_CONFIG_ADDRESSES:
        return "HOST:PORT or [IPV6]:PORT";
    case MER_CONFIG_COUNTRIES:
        return "two upper case letters";
    case MER_CONFIG_ORIGINS:
        return "https://HOST or https://HOST:PORT in lower case without a path, or *";
    case MER_CONFIG_BOOL:
        return "true or false";
    case MER_CONFIG_COUNT:
        return "a whole number";
    case MER_CONFIG_BYTES:
        return "a whole number of bytes, or with KiB, MiB, GiB";
    case MER_CONFIG_MILLIS:
    case MER_CONFIG_SECONDS:
        return "a whole number with ms, s, m, h or d";
    case MER_CONFIG_LOCATION:
        return "[latitude, longitude], -90 to 90 and -180 to 180";
    default:
        return "text";
    }
}

// The amount as people write it, for messages: with the largest unit that divides it.
void mer_config_write_amount(struct mer_buf *b, enum mer_config_kind kind, int64_t v)
{
    bool is_time = kind == MER_CONFIG_MILLIS || kind == MER_CONFIG_SECONDS;
    int64_t scaled = kind == MER_CONFIG_SECONDS ? v * 1000 : v;
    const struct unit *units = is_time ? millis_units : kind == MER_CONFIG_BYTES ? bytes_units : count_units;
    const struct unit *best = NULL;
    for (const struct unit *u = units; u->name; u++) {
        bool fits = scaled && scaled % u->factor == 0 && (!is_time || u->name[0]);
        if (fits && (!best || u->factor > best->factor)) {
            best = u;
        }
    }
    mer_buf_add_i64(b, best ? scaled / best->factor : 0);
    mer_buf_add_cstr(b, best ? best->name : "");
}

static bool fail_range(struct mer_config_reader *r, const struct mer_config_key *key,
                       const struct mer_config_node *n)
{
    struct mer_buf b;
    mer_buf_init(&b, r->a, 64);
    mer_config_write_amount(&b, key->kind, key->min);
    mer_buf_add_cstr(&b, " to ");
    mer_config_write_amount(&b, key->kind, key->max);
    return mer_config_fail(r, n, "`%s` is out of range for `%s`; allowed: %.*s", mer_config_shown(r, n->raw),
                           key->name, MER_FMT(mer_buf_slice(&b)));
}

static bool fail_value(struct mer_config_reader *r, const struct mer_config_key *key,
                       const struct mer_config_node *n)
{
    const char *allows = key->choices ? key->choices : mer_config_kind_allows(key->kind);
    return mer_config_fail(r, n, "`%s` is wrong for `%s`; allowed: %s", mer_config_shown(r, n->raw),
                           key->name, allows);
}

static bool read_number(struct mer_config_reader *r, const struct mer_config_key *key,
                        const struct mer_config_node *n, void *field)
{
    int64_t v;
    bool is_time = key->kind == MER_CONFIG_MILLIS || key->kind == MER_CONFIG_SECONDS;
    const struct unit *units = is_time                         ? millis_units
                               : key->kind == MER_CONFIG_BYTES ? bytes_units
                                                               : count_units;
    if (!read_amount(n->text, units, &v)) {
        return fail_value(r, key, n);
    }
    if (key->kind == MER_CONFIG_SECONDS) {
        if (v % 1000) {
            return mer_config_fail(r, n, "`%s` is not a whole number of seconds for `%s`",
                                   mer_config_shown(r, n->raw), key->name);
        }
        v /= 1000;
    }
    if (v < key->min || v > key->max) {
        return fail_range(r, key, n);
    }
    store(field, &v, sizeof(v));
    return true;
}

static bool is_text_of(enum mer_config_kind kind, struct mer_slice s)
{
    switch (kind) {
    case MER_CONFIG_NAME:
    case MER_CONFIG_NAMES:
        return is_name(s);
    case MER_CONFIG_URL:
        return mer_config_is_url(s);
    case MER_CONFIG_ADDRESS:
    case MER_CONFIG_ADDRESSES:
        return is_address(s);
    case MER_CONFIG_COUNTRIES:
        return is_country(s);
    case MER_CONFIG_ORIGINS:
        return is_origin(s);
    default:
        return true;
    }
}

static bool read_text(struct mer_config_reader *r, const struct mer_config_key *key,
                      const struct mer_config_node *n, struct mer_slice *out)
{
    if (n->text.n == 0) {
        return mer_config_fail(r, n, "`%s` is empty", key->name);
    }
    if (has_control_bytes(n->text)) {
        return mer_config_fail(r, n, "`%s` holds control characters", key->name);
    }
    if (!is_text_of(key->kind, n->text)) {
        return fail_value(r, key, n);
    }
    *out = key->kind == MER_CONFIG_PATH ? resolve(r, n) : n->text;
    return true;
}

static bool read_texts(struct mer_config_reader *r, const struct mer_config_key *key,
                       const struct mer_config_node *list, struct mer_config_texts *out)
{
    out->items = MER_NEW_N(r->a, struct mer_slice, list->count + 1);
    out->n = 0;
    for (const struct mer_config_node *n = list->first; n; n = n->next) {
        if (n->type != MER_CONFIG_NODE_SCALAR) {
            return mer_config_fail(r, n, "an entry of `%s` must be one value; allowed: %s", key->name,
                                   mer_config_kind_allows(key->kind));
        }
        if (!read_text(r, key, n, &out->items[out->n])) {
            return false;
        }
        for (uint32_t i = 0; i < out->n; i++) {
            if (mer_slice_eq(out->items[i], n->text)) {
                return mer_config_fail(r, n, "`%s` stands in `%s` twice", mer_config_shown(r, n->raw),
                                       key->name);
            }
        }
        out->n++;
    }
    return true;
}

static bool read_degrees(struct mer_slice s, double limit, double *out)
{
    // strtod would also take hexadecimal, "inf" and "nan".
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("0123456789.-", s.p[i])) {
            return false;
        }
    }
    char *end;
    *out = strtod(s.p, &end);
    return s.n && *end == 0 && *out >= -limit && *out <= limit;
}

struct location {
    bool has;
    double latitude, longitude;
};
_Static_assert(offsetof(struct mer_config_region, latitude) -
                       offsetof(struct mer_config_region, has_location) ==
                   offsetof(struct location, latitude),
               "a location is written as a whole");

static bool read_location(struct mer_config_reader *r, const struct mer_config_key *key,
                          const struct mer_config_node *list, void *field)
{
    struct location at = {.has = true};
    const struct mer_config_node *first = list->first;
    if (list->count != 2 || first->type != MER_CONFIG_NODE_SCALAR ||
        first->next->type != MER_CONFIG_NODE_SCALAR || !read_degrees(first->text, 90, &at.latitude) ||
        !read_degrees(first->next->text, 180, &at.longitude)) {
        return mer_config_fail(r, list, "`%s` must be %s", key->name, mer_config_kind_allows(key->kind));
    }
    store(field, &at, sizeof(at));
    return true;
}

static bool read_scalar(struct mer_config_reader *r, const struct mer_config_key *key,
                        const struct mer_config_node *n, void *field)
{
    if (key->kind == MER_CONFIG_BOOL) {
        bool v;
        if (!read_bool(n->text, &v)) {
            return fail_value(r, key, n);
        }
        store(field, &v, sizeof(v));
        return true;
    }
    if (key->kind == MER_CONFIG_CHOICE) {
        int v = read_choice(n->text, key->choices);
        if (v < 0) {
            return fail_value(r, key, n);
        }
        bool b = v != 0;
        store(field, key->size == sizeof(bool) ? (const void *)&b : (const void *)&v, key->size);
        return true;
    }
    if (key->kind >= MER_CONFIG_COUNT && key->kind <= MER_CONFIG_SECONDS) {
        return read_number(r, key, n, field);
    }
    struct mer_slice v;
    bool ok = read_text(r, key, n, &v);
    if (ok) {
        store(field, &v, sizeof(v));
    }
    return ok;
}

bool mer_config_read_value(struct mer_config_reader *r, const struct mer_config_key *key,
                           const struct mer_config_node *n, void *field)
{
    bool is_list = key->kind == MER_CONFIG_NAMES || key->kind == MER_CONFIG_COUNTRIES ||
                   key->kind == MER_CONFIG_ADDRESSES || key->kind == MER_CONFIG_ORIGINS ||
                   key->kind == MER_CONFIG_LOCATION;
    struct mer_config_node only = *n,
                           one = {.type = MER_CONFIG_NODE_LIST, .set = n->set, .first = &only, .count = 1};
    if (is_list && key->kind != MER_CONFIG_LOCATION && n->set && n->type == MER_CONFIG_NODE_SCALAR) {
        only.next = NULL; // a list of one may be --set as it is
        n = &one;
    }
    if (n->type != (is_list ? MER_CONFIG_NODE_LIST : MER_CONFIG_NODE_SCALAR)) {
        return mer_config_fail(r, n, "`%s` must be %s%s", key->name, is_list ? "a list: " : "one value: ",
                               key->choices ? key->choices : mer_config_kind_allows(key->kind));
    }
    if (key->kind == MER_CONFIG_LOCATION) {
        return read_location(r, key, n, field);
    }
    if (is_list) {
        struct mer_config_texts v;
        bool ok = read_texts(r, key, n, &v);
        if (ok) {
            store(field, &v, sizeof(v));
        }
        return ok;
    }
    return read_scalar(r, key, n, field);
}
