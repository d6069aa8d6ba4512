// SPDX-License-Identifier: MIT
// Config, inside: the tree that the YAML becomes, the table of keys, and the steps between them. For the
// files config*.c and their tests only. The tree lives in the arena of the load; one thread.
#ifndef MER_GATEWAY_CONFIG_PRIV_H
#define MER_GATEWAY_CONFIG_PRIV_H

#include "gateway/config.h"

enum mer_config_node_type {
    MER_CONFIG_NODE_NULL = 0, // nothing, ~ or null: as if the key were not there
    MER_CONFIG_NODE_SCALAR = 1,
    MER_CONFIG_NODE_LIST = 2,
    MER_CONFIG_NODE_MAP = 3,
};

struct mer_config_node {
    enum mer_config_node_type type;
    const char *set;       // the path of the --set that made it, or NULL: it stands in the file
    uint32_t line, column; // of the value
    struct mer_slice key;  // as a map's member
    uint32_t key_line, key_column;
    struct mer_slice raw;  // scalar: as written
    struct mer_slice text; // scalar: with variables replaced
    struct mer_config_node *first, *next;
    uint32_t count;
};

struct mer_config_reader {
    struct mer_arena *a;
    const char *path;
    struct mer_slice directory;
    struct mer_diag *diag;
    uint32_t nodes_n;
};

// What a key may hold.
enum mer_config_kind {
    MER_CONFIG_TEXT = 0,
    MER_CONFIG_SECRET,    // a text that no message shows
    MER_CONFIG_NAME,      // lower case letters, digits, '-'
    MER_CONFIG_PATH,      // of a file
    MER_CONFIG_URL,       // http:// or https://
    MER_CONFIG_ADDRESS,   // HOST:PORT
    MER_CONFIG_BOOL,      //
    MER_CONFIG_COUNT,     // int64_t
    MER_CONFIG_BYTES,     // int64_t
    MER_CONFIG_MILLIS,    // int64_t, from 10s, 500ms, 2h; a bare number means seconds
    MER_CONFIG_SECONDS,   // the same, kept as seconds
    MER_CONFIG_CHOICE,    // an enum or bool: the index of the word in `choices`
    MER_CONFIG_NAMES,     // struct mer_config_texts
    MER_CONFIG_COUNTRIES, // the same
    MER_CONFIG_ADDRESSES, // the same
    MER_CONFIG_ORIGINS,   // the same
    MER_CONFIG_LOCATION,  // [latitude, longitude]: bool, double, double
    MER_CONFIG_SECTION,   // a struct of its own in place
    MER_CONFIG_ENTRIES,   // a list of structs: pointer at `at`, uint32_t at `n_at`
    MER_CONFIG_NAMED,     // a map from name to struct; the struct's first field is its name
};

struct mer_config_key {
    const char *name; // NULL ends a table
    enum mer_config_kind kind;
    bool required;
    bool foreign;      // NAMED: the names are others', any text
    uint32_t at, n_at; // offsets in the struct of the section
    uint32_t size;     // ENTRIES, NAMED: of one struct; CHOICE: of the field
    int64_t min, max;  // COUNT, BYTES, MILLIS, SECONDS
    const char *fallback;
    const char *choices; // "a|b|c"
    const struct mer_config_key *keys;
    const char *text; // for the reference
};

extern const struct mer_config_key mer_config_keys[];

// Fills diag with `file:line:column: …` (or `--set PATH: …`) at the node's value; always false.
bool mer_config_fail(struct mer_config_reader *r, const struct mer_config_node *at, const char *fmt, ...)
    MER_PRINTF(3, 4);
// A value for a message: cut and without control bytes.
const char *mer_config_shown(struct mer_config_reader *r, struct mer_slice raw);

// NULL on failure, diag filled.
struct mer_config_node *mer_config_tree_parse(struct mer_config_reader *r, struct mer_slice yaml);
bool mer_config_tree_set(struct mer_config_reader *r, struct mer_config_node *root, const char *set);
// NULL when absent (also when `map` is NULL or no map, or the value is null).
struct mer_config_node *mer_config_tree_get(const struct mer_config_node *map, const char *key);

bool mer_config_read(struct mer_config_reader *r, const struct mer_config_node *root, struct mer_config *out);
// What no single key can tell: that parts of the file fit each other.
bool mer_config_check(struct mer_config_reader *r, const struct mer_config_node *root, struct mer_config *c);

#endif
