// SPDX-License-Identifier: MIT
#include "lib/worst.h"

#include "lib/load.h"

#define TYPES   100
#define LEVELS  5
#define BOMBS   50
#define SHARERS 40
#define SHARED  20
#define FIELDS  50
#define CHAIN   8

static const char head[] =
    "schema @link(url: \"https://specs.apollo.dev/link/v1.0\") @link(url: "
    "\"https://specs.apollo.dev/join/v0.3\", for: EXECUTION) { query: Query } scalar join__FieldSet ";

const char *worst_name(enum worst_kind k)
{
    static const char *const names[] = {
        [WORST_PLAIN] = "a hundred types, plain",
        [WORST_ON_EACH] = "a hundred types, a fragment on each",
        [WORST_NAMED] = "a hundred types, named fragments",
        [WORST_ALIASED] = "a hundred types, each asked otherwise",
        [WORST_BOMB] = "fifty types, all shared by three subgraphs",
        [WORST_SHARED] = "forty subgraphs, 2,000 fields",
        [WORST_CHAIN] = "forty subgraphs, eight levels",
    };
    return names[k];
}

// ---- schemas ----

static void add_subgraphs(struct mer_buf *b, int n)
{
    mer_buf_add_cstr(b, "enum join__Graph {");
    for (int i = 0; i < n; i++)
        mer_buf_printf(b, " G%d @join__graph(name: \"g%d\", url: \"http://g%d\")", i, i, i);
    mer_buf_add_cstr(b, " } ");
}

static void in_each(struct mer_buf *b, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        mer_buf_printf(b, " @join__type(graph: G%d%s%s%s)", i, key ? ", key: \"" : "", key ? key : "",
                       key ? "\"" : "");
}

// Names are in the second subgraph, prices in the third, and the first knows who is below whom.
static void hundred_types(struct mer_buf *b)
{
    static const char fields[] =
        " { id: ID! name: String @join__field(graph: G1) price: Int @join__field(graph: "
        "G2) below: Node @join__field(graph: G0)";
    add_subgraphs(b, 3);
    mer_buf_add_cstr(b, "type Query");
    in_each(b, 3, NULL);
    mer_buf_add_cstr(b, " { nodes: [Node] @join__field(graph: G0) } interface Node");
    in_each(b, 3, NULL);
    mer_buf_printf(b, "%s } ", fields);
    for (int t = 0; t < TYPES; t++) {
        mer_buf_printf(b, "type T%d implements Node", t);
        for (int g = 0; g < 3; g++)
            mer_buf_printf(b, " @join__implements(graph: G%d, interface: \"Node\")", g);
        in_each(b, 3, "id");
        mer_buf_printf(b, "%s own%d: Int @join__field(graph: G1) } ", fields, t);
    }
}

// The first and the second know objects by an id, the second and the third by a code; whoever is asked, the
// others have to be entered, and all know who is below whom.
static void bomb(struct mer_buf *b)
{
    static const char fields[] =
        " { id: ID! @join__field(graph: G0) @join__field(graph: G1) code: ID! @join__field(graph: G1) "
        "@join__field(graph: G2) name: String @join__field(graph: G0) @join__field(graph: G2) price: Int "
        "@join__field(graph: G1) @join__field(graph: G2) below: Node";
    add_subgraphs(b, 3);
    mer_buf_add_cstr(b, "type Query");
    in_each(b, 3, NULL);
    mer_buf_add_cstr(b, " { nodes: [Node] } interface Node");
    in_each(b, 3, NULL);
    mer_buf_printf(b, "%s } ", fields);
    for (int t = 0; t < BOMBS; t++) {
        mer_buf_printf(b, "type T%d implements Node", t);
        for (int g = 0; g < 3; g++)
            mer_buf_printf(b, " @join__implements(graph: G%d, interface: \"Node\")", g);
        mer_buf_add_cstr(b, " @join__type(graph: G0, key: \"id\") @join__type(graph: G1, key: \"id\") "
                            "@join__type(graph: G1, key: \"code\") @join__type(graph: G2, key: \"code\")");
        mer_buf_printf(b, "%s own%d: Int @join__field(graph: G%d) @join__field(graph: G%d) } ", fields, t,
                       t % 3, (t + 1) % 3);
    }
}

// A field is in one, two or three subgraphs, spread so that no subgraph has much of any type.
static void forty_subgraphs(struct mer_buf *b)
{
    add_subgraphs(b, SHARERS);
    mer_buf_add_cstr(b, "type Query");
    in_each(b, SHARERS, NULL);
    mer_buf_add_cstr(b, " {");
    for (int t = 0; t < SHARED; t++)
        mer_buf_printf(b, " t%d: S%d", t, t);
    mer_buf_add_cstr(b, " } ");
    for (int t = 0; t < SHARED; t++) {
        mer_buf_printf(b, "type S%d", t);
        in_each(b, SHARERS, "id");
        mer_buf_printf(b, " { id: ID! next: S%d", (t + 1) % SHARED);
        for (int f = 0; f < FIELDS; f++) {
            mer_buf_printf(b, " f%d: Int", f);
            for (int k = 0; k <= f % 3; k++)
                mer_buf_printf(b, " @join__field(graph: G%d)", (f * 7 + t + k * 11) % SHARERS);
        }
        mer_buf_add_cstr(b, " } ");
    }
}

void worst_graph(struct mer_arena *a, enum worst_kind k, struct mer_graph *out)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 1 << 16);
    mer_buf_add_cstr(&b, head);
    (k < WORST_BOMB ? hundred_types : k == WORST_BOMB ? bomb : forty_subgraphs)(&b);
    load_graph_text(a, mer_buf_slice(&b), out);
}

// ---- operations ----

static void plain(struct mer_buf *b, int on_each)
{
    mer_buf_add_cstr(b, "{ nodes {");
    for (int level = 0; level < LEVELS; level++) {
        mer_buf_add_cstr(b, " id name price");
        for (int t = 0; t < on_each; t++)
            mer_buf_printf(b, " ... on T%d { own%d }", t, t);
        mer_buf_add_cstr(b, " below {");
    }
    mer_buf_add_cstr(b, " id");
    for (int level = 0; level < LEVELS + 2; level++)
        mer_buf_add_cstr(b, " }");
}

static void named(struct mer_buf *b, bool aliased)
{
    mer_buf_add_cstr(b, "{ nodes { ...F0 } }");
    for (int level = 0; level < LEVELS; level++) {
        mer_buf_printf(b, " fragment F%d on Node {", level);
        for (int t = 0; t < TYPES; t++) {
            mer_buf_printf(b, " ... on T%d { own%d below {", t, t);
            if (aliased)
                mer_buf_printf(b, " a%d: id", t);
            if (level + 1 < LEVELS)
                mer_buf_printf(b, " ...F%d } }", level + 1);
            else
                mer_buf_add_cstr(b, " id } }");
        }
        mer_buf_add_cstr(b, " }");
    }
}

static void all_fields(struct mer_buf *b)
{
    for (int f = 0; f < FIELDS; f++)
        mer_buf_printf(b, " f%d", f);
}

static void shared(struct mer_buf *b)
{
    mer_buf_add_cstr(b, "{");
    for (int t = 0; t < SHARED; t++) {
        mer_buf_printf(b, " t%d {", t);
        all_fields(b);
        mer_buf_add_cstr(b, " next {");
        all_fields(b);
        mer_buf_add_cstr(b, " } }");
    }
    mer_buf_add_cstr(b, " }");
}

static void chain(struct mer_buf *b)
{
    mer_buf_add_cstr(b, "{ t0 {");
    for (int i = 0; i < CHAIN; i++)
        mer_buf_add_cstr(b, " f0 f1 f2 f3 f4 f5 f9 f13 next {");
    mer_buf_add_cstr(b, " f0 f1");
    for (int i = 0; i < CHAIN + 2; i++)
        mer_buf_add_cstr(b, " }");
}

struct mer_slice worst_operation(struct mer_arena *a, enum worst_kind k)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 1 << 14);
    if (k == WORST_PLAIN || k == WORST_ON_EACH || k == WORST_BOMB)
        plain(&b, k == WORST_ON_EACH ? TYPES : k == WORST_BOMB ? BOMBS : 0);
    else if (k == WORST_NAMED || k == WORST_ALIASED)
        named(&b, k == WORST_ALIASED);
    else
        (k == WORST_SHARED ? shared : chain)(&b);
    return mer_buf_slice(&b);
}
