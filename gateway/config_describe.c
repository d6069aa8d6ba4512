// SPDX-License-Identifier: MIT
// The reference of all keys, from the same table that reads them.
#include "gateway/config_value.h"

#include <stdio.h>

static const char preamble[] =
    "# Configuration\n"
    "\n"
    "<!-- Written from gateway/config_keys.c by mer_config_describe(); a test holds the two together. -->\n"
    "\n"
    "`meridian serve --config FILE` reads one YAML file. A key that is not listed here, a key given twice, a "
    "wrong\n"
    "value and parts that contradict each other are refused with one line: `file:line:column: what is wrong; "
    "what\n"
    "is allowed`. Anchors, aliases and tags are refused as well.\n"
    "\n"
    "- **Variables**: `${NAME}` inside a value is replaced from the environment after the YAML was parsed; "
    "one that\n"
    "  is not set is an error. `$${` is a literal `${`. Messages and logs never show what a variable held.\n"
    "- **On the command line**: `--set KEY.PATH=VALUE` lays one value over the file, as in\n"
    "  `--set limits.depth=20` or `--set sources.operations.placements.us-east-blue.url=…`. An entry of a "
    "list is\n"
    "  named by its place (0 is the first; the place after the last adds one) or by its `name`. A value that "
    "begins\n"
    "  with `[` or `{` is YAML, any other is taken as it stands; `null` takes the key away.\n"
    "- **Paths** in the file are relative to the file, those of `--set` to the working directory.\n"
    "- **Durations** are a whole number with `ms`, `s`, `m`, `h` or `d`; a bare number means seconds. "
    "**Sizes** are\n"
    "  a whole number of bytes, or with `KiB`, `MiB`, `GiB`.\n"
    "- **Names** (regions, environments, facilities, placements) are lower case letters, digits, `-` and "
    "`_`.\n";

static const char sites[] = "\n## Which placements fit where\n"
                            "\n"
                            "A gateway opens SQL only to databases of its own site, so a placement of kind "
                            "`postgres` has the tier, region\n"
                            "and facility of `self`; any other site is a placement of kind `graphql` with "
                            "that site's gateway. `edge` needs\n"
                            "`region` and `facility`, `regional` needs `region`, `global` has neither; both "
                            "must stand under `regions`. A\n"
                            "regional database names one of its region's environments, where the region has "
                            "any. `sourcesListen` and every\n"
                            "listener with `tls: true` need `tls.certificate` and `tls.key`. `serve` also "
                            "needs `listen`, `supergraph` and\n"
                            "`auth`.\n";

// A choice as `a`, `b`, `c`.
static void write_choices(struct mer_buf *b, const char *choices)
{
    struct mer_slice rest = mer_slice_of(choices);
    for (const char *between = ""; rest.n; between = ", ") {
        struct mer_slice word = mer_slice_cut(&rest, '|');
        mer_buf_printf(b, "%s`%.*s`", between, MER_FMT(word));
    }
}

static void write_values(struct mer_buf *b, const struct mer_config_key *k)
{
    static const char *const words[] = {
        [MER_CONFIG_TEXT] = "text",
        [MER_CONFIG_SECRET] = "text, secret",
        [MER_CONFIG_NAME] = "name",
        [MER_CONFIG_PATH] = "path",
        [MER_CONFIG_URL] = "URL",
        [MER_CONFIG_ADDRESS] = "HOST:PORT",
        [MER_CONFIG_BOOL] = "`true`, `false`",
        [MER_CONFIG_COUNT] = "",
        [MER_CONFIG_BYTES] = "",
        [MER_CONFIG_MILLIS] = "",
        [MER_CONFIG_SECONDS] = "",
        [MER_CONFIG_CHOICE] = "",
        [MER_CONFIG_NAMES] = "list of names",
        [MER_CONFIG_COUNTRIES] = "list of two-letter codes",
        [MER_CONFIG_ADDRESSES] = "list of HOST:PORT",
        [MER_CONFIG_ORIGINS] = "list of origins",
        [MER_CONFIG_LOCATION] = "[latitude, longitude]",
        [MER_CONFIG_SECTION] = "section",
        [MER_CONFIG_ENTRIES] = "list of sections",
        [MER_CONFIG_NAMED] = "map of sections",
    };
    if (k->choices) {
        write_choices(b, k->choices);
    } else if (k->kind >= MER_CONFIG_COUNT && k->kind <= MER_CONFIG_SECONDS) {
        mer_config_write_amount(b, k->kind, k->min);
        mer_buf_add_cstr(b, " to ");
        mer_config_write_amount(b, k->kind, k->max);
    } else {
        mer_buf_add_cstr(b, words[k->kind]);
    }
}

static void write_row(struct mer_buf *b, const struct mer_config_key *k)
{
    mer_buf_printf(b, "| `%s` | ", k->name);
    write_values(b, k);
    if (k->fallback) {
        mer_buf_printf(b, " | `%s` | ", k->fallback);
    } else {
        mer_buf_printf(b, " | %s | ", k->required ? "required" : "");
    }
    mer_buf_printf(b, "%s |\n", k->text);
}

static void write_table(struct mer_buf *b, const struct mer_config_key *keys)
{
    mer_buf_add_cstr(b, "\n| key | values | default | meaning |\n|---|---|---|---|\n");
    for (const struct mer_config_key *k = keys; k->name; k++) {
        write_row(b, k);
    }
}

static void write_section(struct mer_buf *b, struct mer_slice parent, const struct mer_config_key *k)
{
    const char *shape = k->kind == MER_CONFIG_ENTRIES ? "[]" : k->kind == MER_CONFIG_NAMED ? ".NAME" : "";
    char name[128];
    const char *above = parent.n ? parent.p : ""; // an earlier `name`, which ends with a NUL
    int n = snprintf(name, sizeof(name), "%s%s%s%s", above, parent.n ? "." : "", k->name, shape);
    struct mer_slice path = {name, (size_t)n};
    mer_buf_printf(b, "\n## %s\n", name);
    if (!parent.n) {
        mer_buf_printf(b, "\n%s%s\n", k->text, k->required ? " Required." : "");
    }
    write_table(b, k->keys);
    for (const struct mer_config_key *c = k->keys; c->name; c++) {
        if (c->keys) {
            write_section(b, path, c);
        }
    }
}

void mer_config_describe(struct mer_buf *b)
{
    mer_buf_add_cstr(b, preamble);
    mer_buf_add_cstr(b, sites);
    mer_buf_add_cstr(b, "\n## At the top\n");
    write_table(b, mer_config_keys);
    for (const struct mer_config_key *k = mer_config_keys; k->name; k++) {
        if (k->keys) {
            write_section(b, MER_NIL, k);
        }
    }
}
