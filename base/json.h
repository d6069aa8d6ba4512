// SPDX-License-Identifier: MIT
// JSON, RFC 8259, strictly: a scanner that makes a flat array of nodes over the text it was given, and a
// writer.
//
// Nothing is copied: strings stay escaped and numbers stay text, as slices of the input, which must outlive
// the document. Nodes stand in document order; a container's children follow it and `next` leads past its
// subtree. UTF-8 is checked, also escapes (lone surrogates are refused); duplicate keys are refused when
// asked. Depth and node count are capped; the C stack does not follow the input's depth. Any thread, no
// state.
#ifndef MER_BASE_JSON_H
#define MER_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

enum mer_json_type {
    MER_JSON_NULL = 0,
    MER_JSON_FALSE = 1,
    MER_JSON_TRUE = 2,
    MER_JSON_NUMBER = 3,
    MER_JSON_STRING = 4,
    MER_JSON_ARRAY = 5,
    MER_JSON_OBJECT = 6,
};

struct mer_json_node {
    uint32_t offset;    // of the first byte; of a string: its opening quote
    uint32_t len;       // bytes of the whole value as it stands in the text, quotes and brackets included
    uint32_t next;      // index of the node after this subtree
    uint32_t count;     // array: elements; object: members (each a key node, a STRING, then its value)
    uint8_t type;       // enum mer_json_type
    uint8_t escaped;    // string: holds at least one backslash
    uint8_t is_integer; // number: no fraction, no exponent
};

struct mer_json {
    struct mer_slice text;
    const struct mer_json_node *nodes; // nodes[0] is the root
    uint32_t nodes_n;
};

struct mer_json_limits {
    uint32_t max_depth; // 0: 128
    uint32_t max_nodes; // 0: 4,000,000
    bool unique_keys;   // refuse an object with the same key twice
};

// Parses the whole text (white space around it allowed). The nodes live in the arena.
// MER_ERR_INVALID with offset, line and column; MER_ERR_LIMIT at a cap, or when the arena is exhausted: then
// out->nodes_n alone is set and tells how many values were read.
enum mer_err mer_json_parse(struct mer_arena *a, struct mer_slice text, const struct mer_json_limits *limits,
                            struct mer_json *out, struct mer_diag *diag) MER_MUST_CHECK;

static inline const struct mer_json_node *mer_json_root(const struct mer_json *j)
{
    return &j->nodes[0];
}
static inline struct mer_slice mer_json_raw(const struct mer_json *j, const struct mer_json_node *n)
{
    return (struct mer_slice){j->text.p + n->offset, n->len};
}
// First child (array: element; object: key), or NULL when empty. Step on with mer_json_next within `count`.
const struct mer_json_node *mer_json_first(const struct mer_json *j, const struct mer_json_node *container);
static inline const struct mer_json_node *mer_json_next(const struct mer_json *j,
                                                        const struct mer_json_node *n)
{
    return &j->nodes[n->next];
}
// A member's value by its unescaped key, or NULL (also when `object` is NULL or no object).
const struct mer_json_node *mer_json_get(const struct mer_json *j, const struct mer_json_node *object,
                                         struct mer_slice key);
// The string's text without quotes, unescaped (into the arena only when it holds escapes).
struct mer_slice mer_json_string(struct mer_arena *a, const struct mer_json *j,
                                 const struct mer_json_node *n);
// Compares a string node's unescaped text.
bool mer_json_string_is(const struct mer_json *j, const struct mer_json_node *n, struct mer_slice text);
// Integers in range only; false else.
bool mer_json_i64(const struct mer_json *j, const struct mer_json_node *n, int64_t *out) MER_MUST_CHECK;

// Unescapes the text between the quotes of a valid JSON string.
struct mer_slice mer_json_unescape(struct mer_arena *a, struct mer_slice inner);

// Writers append to a buf. A string gets quotes and the escapes that RFC 8259 asks for; the input must be
// UTF-8 (bytes that are not become U+FFFD).
void mer_json_write_string(struct mer_buf *b, struct mer_slice s);
void mer_json_write_double(struct mer_buf *b,
                           double v); // shortest text that reads back equal; NaN, inf: null

#endif
