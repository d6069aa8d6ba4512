// SPDX-License-Identifier: MIT
// Configuration: a whole file is read as written; everything wrong is refused at its place.
#include "gateway/config.h"

#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char whole[] =
    "self: { name: us-east, tier: regional, region: us-east }\n"                                    // 1
    "listen:\n"                                                                                     // 2
    "  - { address: \"127.0.0.1:21020\" }\n"                                                        // 3
    "  - { address: \"[::1]:21021\", tls: true, http2: false }\n"                                   // 4
    "sourcesListen: { address: \"127.0.0.1:21022\", tls: true, clientCa: /etc/ca.pem }\n"           // 5
    "admin: { address: \"127.0.0.1:21023\" }\n"                                                     // 6
    "tls: { certificate: us-east.crt, key: us-east.key, ca: ca.pem }\n"                             // 7
    "supergraph: schema/supergraph.graphql\n"                                                       // 8
    "threads: 2\n"                                                                                  // 9
    "regions:\n"                                                                                    // 10
    "  us-east:\n"                                                                                  // 11
    "    location: [38.9, -77.0]\n"                                                                 // 12
    "    countries: [US, PH]\n"                                                                     // 13
    "    environments: [blue, green]\n"                                                             // 14
    "    residency: open\n"                                                                         // 15
    "    entryPoint: \"https://127.0.0.1:21021/graphql\"\n"                                         // 16
    "    facilities: [facility-la-001, facility-boston-001]\n"                                      // 17
    "  eu-central: { environments: [blue, green], facilities: [facility-london-001] }\n"            // 18
    "sources:\n"                                                                                    // 19
    "  operations:\n"                                                                               // 20
    "    sdl: schema/operations.graphql\n"                                                          // 21
    "    placements:\n"                                                                             // 22
    "      - { name: us-east-blue, kind: postgres, tier: regional, region: us-east,\n"              // 23
    "          environment: blue, url: \"host=127.0.0.1 password=${MER_TEST_PASSWORD}\",\n"         // 24
    "          writeUrl: \"host=127.0.0.1 user=gw_write\" }\n"                                      // 25
    "      - { name: us-east-blue-r1, kind: postgres, tier: regional, region: us-east,\n"           // 26
    "          environment: blue, role: replica, url: \"postgres://127.0.0.1/meridian\" }\n"        // 27
    "      - { name: facility-la-001, kind: graphql, tier: edge, region: us-east,\n"                // 28
    "          facility: facility-la-001, url: \"https://127.0.0.1:21052/sources/operations\" }\n"  // 29
    "  analytics:\n"                                                                                // 30
    "    sdl: schema/analytics.graphql\n"                                                           // 31
    "    staleAfter: 3900\n"                                                                        // 32
    "    kpis: /abs/kpis.yaml\n"                                                                    // 33
    "    placements:\n"                                                                             // 34
    "      - { name: global, kind: graphql, tier: global, url: \"https://h/sources/analytics\" }\n" // 35
    "auth: { jwks: jwks.json, audience: meridian }\n"                                               // 36
    "limits: { body: 2MiB, depth: 20, request: 1500ms, plan: 2s }\n"                                // 37
    "cache: { memory: 32KiB, memcached: [\"127.0.0.1:21400\"] }\n"                                  // 38
    "rollup:\n"                                                                                     // 39
    "  interval: 30s\n"                                                                             // 40
    "  target: host=analytics user=rollup\n"                                                        // 41
    "  source: [ { environment: blue, url: host=a }, { environment: green, url: host=b } ]\n"       // 42
    "monitor: { failures: 3 }\n"                                                                    // 43
    "introspection: false\n"                                                                        // 44
    "telemetry: { log: warn }\n";                                                                   // 45

static struct mer_arena *arena;

static int setup(void **state)
{
    (void)state;
    setenv("MER_TEST_PASSWORD", "s3cret: {x} # $", 1);
    unsetenv("MER_TEST_NOTHING");
    arena = mer_arena_create(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mer_arena_destroy(arena);
    return 0;
}

static enum mer_err parse(const char *text, const char *const *sets, size_t sets_n, struct mer_config *out,
                          struct mer_diag *diag)
{
    memset(diag, 0, sizeof(*diag));
    struct mer_config_input in = {
        .path = "/etc/meridian/gateway.yaml", .text = mer_slice_of(text), .sets = sets, .sets_n = sets_n};
    return mer_config_parse(arena, &in, out, diag);
}

static struct mer_config parsed(const char *text)
{
    struct mer_config c;
    struct mer_diag diag;
    if (parse(text, NULL, 0, &c, &diag) != MER_OK) {
        fail_msg("%s", diag.msg);
    }
    return c;
}

static void reads_gateway_sections(void **state)
{
    (void)state;
    struct mer_config c = parsed(whole);
    assert_string_equal(c.self.name.p, "us-east");
    assert_int_equal(c.self.tier, MER_TIER_REGIONAL);
    assert_null(c.self.facility.p);
    assert_int_equal(c.listens_n, 2);
    assert_string_equal(c.listens[1].address.p, "[::1]:21021");
    assert_true(c.listens[1].tls && !c.listens[1].http2 && c.listens[0].http2 && !c.listens[0].tls);
    assert_string_equal(c.sources_listen.client_ca.p, "/etc/ca.pem");
    assert_string_equal(c.admin.address.p, "127.0.0.1:21023");
    assert_string_equal(c.tls.certificate.p, "/etc/meridian/us-east.crt");
    assert_string_equal(c.supergraph.p, "/etc/meridian/schema/supergraph.graphql");
    assert_int_equal(c.threads, 2);
    assert_string_equal(c.auth.audience.p, "meridian");
    assert_null(c.auth.issuer.p);
    assert_int_equal(c.limits.body_bytes, 2 << 20);
    assert_int_equal(c.limits.depth, 20);
    assert_int_equal(c.limits.request_ms, 1500);
    assert_int_equal(c.limits.plan_ms, 2000);
    assert_int_equal(c.limits.tokens, 10000);
    assert_int_equal(c.cache.memory_bytes, 32 << 10);
    assert_int_equal(c.cache.memcached.n, 1);
    assert_false(c.introspection);
    assert_int_equal(c.telemetry.log, MER_LOG_WARN);
    assert_int_equal(mer_config_check_serving(&c, NULL), MER_OK);
}

static void reads_regions_and_sources(void **state)
{
    (void)state;
    struct mer_config c = parsed(whole);
    const struct mer_config_region *r = mer_config_region(&c, MER_S("us-east"));
    assert_true(r && r->residency_open && r->has_location);
    assert_true(r->latitude == 38.9 && r->longitude == -77.0);
    assert_int_equal(r->countries.n, 2);
    assert_int_equal(r->environments.n, 2);
    assert_false(mer_config_region(&c, MER_S("eu-central"))->residency_open);
    assert_false(mer_config_region(&c, MER_S("eu-central"))->has_location);
    assert_ptr_equal(mer_config_region_of_facility(&c, MER_S("facility-boston-001")), r);
    assert_null(mer_config_region(&c, MER_S("apac")));
    const struct mer_config_source *s = mer_config_source(&c, MER_S("operations"));
    assert_int_equal(s->placements_n, 3);
    assert_int_equal(s->stale_after_s, 60);
    assert_string_equal(s->placements[0].url.p, "host=127.0.0.1 password=s3cret: {x} # $");
    assert_int_equal(s->placements[1].role, MER_ROLE_REPLICA);
    assert_int_equal(s->placements[2].kind, MER_CONFIG_GRAPHQL);
    assert_int_equal(s->placements[2].tier, MER_TIER_EDGE);
    assert_int_equal(mer_config_source(&c, MER_S("analytics"))->stale_after_s, 3900);
    assert_string_equal(mer_config_source(&c, MER_S("analytics"))->kpis.p, "/abs/kpis.yaml");
    assert_true(c.rollup.present);
    assert_int_equal(c.rollup.sources_n, 2);
    assert_int_equal(c.rollup.interval_ms, 30000);
    assert_int_equal(c.rollup.lookback_ms, 7200000);
    assert_string_equal(c.rollup.sources[1].environment.p, "green");
    assert_int_equal(c.monitor.failures, 3);
    assert_int_equal(c.monitor.timeout_ms, 5000);
}

static void sets_lie_over_the_file(void **state)
{
    (void)state;
    static const char *const sets[] = {
        "limits.depth=21",
        "listen.0.address=127.0.0.1:1",
        "listen.2.address=127.0.0.1:3",
        "sources.operations.placements.us-east-blue.url=host=x password=a#b: c",
        "cache.memcached=[\"10.0.0.1:1\", \"10.0.0.2:2\"]",
        "rollup=null",
        "telemetry.log=error",
        "tls.ca=mine.pem",
        "limits.cost=7",
        "regions.apac.facilities.0=facility-x",
    };
    struct mer_config c;
    struct mer_diag diag;
    enum mer_err err = parse(whole, sets, sizeof(sets) / sizeof(*sets), &c, &diag);
    assert_string_equal(err ? diag.msg : "", "");
    assert_int_equal(c.limits.depth, 21);
    assert_int_equal(c.limits.cost, 7);
    assert_string_equal(c.listens[0].address.p, "127.0.0.1:1");
    assert_int_equal(c.listens_n, 3);
    assert_string_equal(c.sources[0].placements[0].url.p, "host=x password=a#b: c");
    assert_int_equal(c.cache.memcached.n, 2);
    assert_false(c.rollup.present);
    assert_int_equal(c.telemetry.log, MER_LOG_ERROR);
    assert_string_equal(c.tls.ca.p, "mine.pem"); // relative to where one stands, not to the file
    assert_non_null(mer_config_region_of_facility(&c, MER_S("facility-x")));
}

static void defaults_need_no_file(void **state)
{
    (void)state;
    struct mer_config c;
    mer_config_defaults(arena, &c);
    assert_int_equal(c.limits.body_bytes, 1 << 20);
    assert_int_equal(c.limits.header_bytes, 64 << 10);
    assert_int_equal(c.limits.introspection_depth, 30);
    assert_int_equal(c.limits.request_ms, 10000);
    assert_int_equal(c.cache.memory_bytes, 64 << 20);
    assert_true(c.introspection);
    assert_int_equal(c.listens_n, 0);
    struct mer_diag diag;
    assert_int_equal(mer_config_check_serving(&c, &diag), MER_ERR_INVALID);
    assert_non_null(strstr(diag.msg, "`listen` is missing"));
}

// One change to the whole file that makes it wrong, and what is said.
struct refusal {
    const char *find, *replace;
    const char *said;
};

#define FILE_AT(place) "/etc/meridian/gateway.yaml:" place ": "

static const struct refusal refusals[] = {
    {"threads: 2", "thraeds: 2", FILE_AT("9:1") "unknown key `thraeds`; did you mean `threads`?"},
    {"threads: 2", "nonsense: 2", FILE_AT("9:1") "unknown key `nonsense`; allowed here: self, listen,"},
    {"threads: 2", "threads: two", FILE_AT("9:10") "`two` is wrong for `threads`; allowed: a whole number"},
    {"threads: 2", "threads: 2000",
     FILE_AT("9:10") "`2000` is out of range for `threads`; allowed: 0 to 1024"},
    {"threads: 2", "threads: -1", FILE_AT("9:10") "`-1` is wrong"},
    {"threads: 2", "threads: 99999999999999999999", FILE_AT("9:10") "`99999999999999999999` is wrong"},
    {"threads: 2", "threads: [2]", FILE_AT("9:10") "`threads` must be one value"},
    {"threads: 2", "threads: 2\nthreads: 2", FILE_AT("10:1") "the key `threads` stands here twice"},
    {"threads: 2", "threads: &a 2", FILE_AT("9:10") "anchors, aliases and tags are not allowed"},
    {"threads: 2", "threads: *a", FILE_AT("9:10") "anchors, aliases and tags are not allowed"},
    {"threads: 2", "threads: !!int 2", FILE_AT("9:10") "anchors, aliases and tags are not allowed"},
    {"threads: 2", "threads: ${MER_TEST_NOTHING}",
     FILE_AT("9:10") "the environment variable MER_TEST_NOTHING is not set"},
    {"threads: 2", "threads: ${oh", FILE_AT("9:10") "`${` without a name and a `}`"},
    {"threads: 2", "threads: ${MER_TEST_PASSWORD}", FILE_AT("9:10") "`${MER_TEST_PASSWORD}` is wrong"},
    {"threads: 2", "threads: [", FILE_AT("11:10") "not YAML: "},
    {"threads: 2", "threads: 2\n---\nx: 1", "a second YAML document"},
    {"tier: regional, region: us-east }", "tier: Regional, region: us-east }",
     FILE_AT("1:30") "`Regional` is wrong for `tier`; allowed: edge|regional|global"},
    {"tier: regional, region: us-east }", "tier: regional }",
     FILE_AT("1:7") "tier regional needs a `region`"},
    {"tier: regional, region: us-east }", "tier: regional, region: apac }",
     FILE_AT("1:48") "region `apac` does not stand under `regions`"},
    {"tier: regional, region: us-east }", "tier: regional, region: us-east, facility: facility-la-001 }",
     "tier regional has no `facility`"},
    {"tier: regional, region: us-east }", "tier: regional, region: US-EAST }",
     "`US-EAST` is wrong for `region`"},
    {"self: {", "# self: {", FILE_AT("2:1") "`self` is missing"},
    {"\"127.0.0.1:21020\"", "\"127.0.0.1\"",
     FILE_AT("3:16") "`127.0.0.1` is wrong for `address`; allowed: HOST:PORT"},
    {"\"127.0.0.1:21020\"", "\"::1:80\"", "`::1:80` is wrong"},
    {"\"127.0.0.1:21020\"", "\"127.0.0.1:65536\"", "`127.0.0.1:65536` is wrong"},
    {"\"127.0.0.1:21020\"", "\"127.0.0.1:21023\"", FILE_AT("3:16") "another listener has this address too"},
    {"\"127.0.0.1:21020\"", "\"a\\x1b:1\"", "`address` holds control characters"},
    {"tls: true, http2: false", "tls: yes",
     FILE_AT("4:36") "`yes` is wrong for `tls`; allowed: true or false"},
    {"tls: true, clientCa: /etc/ca.pem", "tls: false",
     FILE_AT("5:51") "other gateways show their certificate here"},
    {"tls: { certificate: us-east.crt, key: us-east.key, ca: ca.pem }", "tls: { certificate: a }",
     FILE_AT("7:6") "`certificate` and `key` go together"},
    {"tls: { certificate: us-east.crt, key: us-east.key, ca: ca.pem }", "tls: { ca: a }",
     FILE_AT("4:36") "TLS needs `tls.certificate` and `tls.key`"},
    {"[38.9, -77.0]", "[38.9]", FILE_AT("12:15") "`location` must be [latitude, longitude]"},
    {"[38.9, -77.0]", "[91, 0]", "`location` must be"},
    {"[38.9, -77.0]", "[nan, 0]", "`location` must be"},
    {"[US, PH]", "[US, ph]",
     FILE_AT("13:21") "`ph` is wrong for `countries`; allowed: two upper case letters"},
    {"[US, PH]", "[US, US]", FILE_AT("13:21") "`US` stands in `countries` twice"},
    {"[US, PH]", "US", FILE_AT("13:16") "`countries` must be a list"},
    {"residency: open", "residency: ajar",
     FILE_AT("15:16") "`ajar` is wrong for `residency`; allowed: closed|open"},
    {"https://127.0.0.1:21021/graphql", "ftp://x", FILE_AT("16:17") "`ftp://x` is wrong for `entryPoint`"},
    {"https://127.0.0.1:21021/graphql", "https://u@x", "is wrong for `entryPoint`"},
    {"[facility-london-001]", "[facility-la-001]", "facility `facility-la-001` stands in two regions"},
    {"environment: blue, url", "environment: red, url",
     FILE_AT("24:24") "environment `red` does not stand in the region's `environments`"},
    {"environment: blue, url", "url", FILE_AT("23:9") "`environment` is missing"},
    {"name: us-east-blue-r1", "name: us-east-blue", "source `operations` has two placements `us-east-blue`"},
    {"kind: postgres, tier: regional, region: us-east,\n          environment: blue, role",
     "kind: postgres, tier: regional, region: eu-central,\n          environment: blue, role",
     "`us-east-blue-r1` is a database of another site; allowed: kind graphql"},
    {"role: replica, url: \"postgres://127.0.0.1/meridian\"",
     "role: replica, url: \"a=b\", writeUrl: \"a=b\"", "a replica takes no writes"},
    {"role: replica, url: \"postgres://127.0.0.1/meridian\"",
     "role: replica, url: \"a=b\", fenceUrl: \"a=b\"", "allowed for the primary of an environment"},
    {"writeUrl: \"host=127.0.0.1 user=gw_write\"", "fenceUrl: \"somewhere\"",
     "allowed for the primary of an environment"},
    {"facility: facility-la-001, url", "fenceUrl: \"a=b\", facility: facility-la-001, url",
     "`fenceUrl` is for kind postgres"},
    {"\"postgres://127.0.0.1/meridian\"", "\"somewhere\"", "allowed for a database: postgres://"},
    {"facility: facility-la-001, url", "facility: facility-london-001, url",
     "facility `facility-london-001` does not stand in regions.us-east.facilities"},
    {"facility: facility-la-001, url", "url", FILE_AT("28:9") "tier edge needs a `facility`"},
    {"facility: facility-la-001, url", "role: replica, facility: facility-la-001, url",
     "`role` is for kind postgres"},
    {"\"https://h/sources/analytics\"", "\"file:///etc/passwd\"",
     "allowed for a gateway: http:// or https://"},
    {"tier: global, url", "tier: global, region: us-east, url", "tier global has no `region`"},
    {"    sdl: schema/analytics.graphql\n", "", FILE_AT("31:5") "source `analytics` needs `sdl`"},
    {"    sdl: schema/analytics.graphql\n", "    url: http://127.0.0.1:4001/graphql\n",
     "is at its `url` alone"},
    {"    sdl: schema/analytics.graphql\n", "    sdl: x.graphql\n    url: http://127.0.0.1:4001/graphql\n",
     FILE_AT("31:5") "source `analytics` needs `sdl`, or `url`"},
    {"staleAfter: 3900", "staleAfter: 1500ms", "`1500ms` is not a whole number of seconds"},
    {"request: 1500ms", "request: 1 s",
     "`1 s` is wrong for `request`; allowed: a whole number with ms, s, m"},
    {"request: 1500ms", "request: 1h", "`1h` is out of range for `request`; allowed: 10ms to 10m"},
    {"body: 2MiB", "body: 2MB", "`2MB` is wrong for `body`; allowed: a whole number of bytes, or with KiB"},
    {"body: 2MiB", "body: 9223372036854775807GiB", "is wrong for `body`"},
    {"body: 2MiB", "body: 1", "`1` is out of range for `body`; allowed: 1KiB to 1GiB"},
    {"  operations:\n", "  Operations:\n", FILE_AT("20:3") "`Operations` is wrong for `name`"},
    {"target: host=analytics user=rollup", "target: analytics", FILE_AT("41:11") "allowed for a database"},
    {"environment: green, url: host=b", "environment: red, url: host=b", "environment `red` does not stand"},
    {"auth: { jwks: jwks.json, audience: meridian }", "auth: { audience: meridian }", "`jwks` is missing"},
    {"auth: { jwks: jwks.json, audience: meridian }", "auth: { jwks: \"\" }", "`jwks` is empty"},
    {"auth: { jwks: jwks.json, audience: meridian }", "auth: here", "`auth` must be a section with keys"},
    {"auth: { jwks: jwks.json, audience: meridian }", "? [a] : b", "a key must be a plain word"},
};

static const char *changed(const struct refusal *r)
{
    const char *at = strstr(whole, r->find);
    if (!at) {
        fail_msg("the whole file does not hold %s", r->find);
    }
    struct mer_buf b;
    mer_buf_init(&b, arena, sizeof(whole) + 256);
    mer_buf_add(&b, (struct mer_slice){whole, (size_t)(at - whole)});
    mer_buf_add_cstr(&b, r->replace);
    mer_buf_add_cstr(&b, at + strlen(r->find));
    return mer_arena_cstr(arena, mer_buf_slice(&b));
}

static void wrong_files_are_refused_at_their_place(void **state)
{
    (void)state;
    size_t wrong_n = 0;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct mer_config c;
        struct mer_diag diag;
        enum mer_err err = parse(changed(&refusals[i]), NULL, 0, &c, &diag);
        if (err != MER_ERR_INVALID || !strstr(diag.msg, refusals[i].said)) {
            print_error("[%s]\n  said:   %s\n  wanted: %s\n", refusals[i].replace,
                        err ? diag.msg : "(accepted)", refusals[i].said);
            wrong_n++;
        }
        assert_null(strstr(diag.msg, "s3cret"));
    }
    assert_int_equal(wrong_n, 0);
}

static void odd_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "# only this\n",
                                        "[1, 2]",
                                        "just text",
                                        "a: \xff\xfe",
                                        "{",
                                        "self: 1",
                                        "? : :",
                                        "\xef\xbb\xbf",
                                        "a: 'x",
                                        "- - - - - - - - - - - - - - - - - - - x"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct mer_config c;
        struct mer_diag diag;
        assert_int_equal(parse(texts[i], NULL, 0, &c, &diag), MER_ERR_INVALID);
        assert_true(diag.msg[0] != 0);
    }
}

static void wrong_sets_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *said;
    } cases[] = {
        {"limits.depth", "--set limits.depth: expects KEY.PATH=VALUE"},
        {"=3", "expects KEY.PATH=VALUE"},
        {"limits.depth=", "--set limits.depth=: expects KEY.PATH=VALUE; `null` takes a key away"},
        {"limits.depht=3", "--set limits.depht: unknown key `depht`; did you mean `depth`?"},
        {"limits.depth=deep", "--set limits.depth: `deep` is wrong for `depth`"},
        {"limits.depth.more=1", "`more` leads nowhere"},
        {"limits..depth=1", "leads nowhere"},
        {"listen.9.address=1.1.1.1:1",
         "no entry `9`; a list's entry is named by its place, 0 to 2, or its name"},
        {"sources.operations.placements.nobody.url=a=b", "no entry `nobody`"},
        {"cache.memcached=[a", "--set cache.memcached: not YAML"},
        {"sources.operations.placements.us-east-blue.url=nothing", "allowed for a database"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mer_config c;
        struct mer_diag diag;
        enum mer_err err = parse(whole, &cases[i].set, 1, &c, &diag);
        if (err != MER_ERR_INVALID || !strstr(diag.msg, cases[i].said)) {
            fail_msg("[%s]\n  said: %s", cases[i].set, err ? diag.msg : "(accepted)");
        }
    }
}

static void arguments_are_called_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *admin, *set, *said;
    } cases[] = {
        {"4000", NULL, NULL, "--listen: `4000` is wrong for `address`; allowed: HOST:PORT or [IPV6]:PORT"},
        {"a:1", "b", NULL, "--admin: `b` is wrong for `address`; allowed: HOST:PORT or [IPV6]:PORT"},
        {"a:1", "a:1", NULL, "--listen: another listener has this address too"},
        {"a:1", NULL, "listen.0.address=x", "--set listen.0.address: `x` is wrong"},
        {"a:1", NULL, "sources.users.url=http://x", "sources.users: `sources` is for a configured gateway"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mer_config c;
        struct mer_diag diag = {0};
        struct mer_config_router in = {.supergraph = "s",
                                       .listen = cases[i].listen,
                                       .admin = cases[i].admin,
                                       .sets = &cases[i].set,
                                       .sets_n = cases[i].set ? 1 : 0};
        enum mer_err err = mer_config_for_router(arena, &in, &c, &diag);
        if (err != MER_ERR_INVALID || strncmp(diag.msg, cases[i].said, strlen(cases[i].said)) != 0) {
            fail_msg("case %zu: %s", i, err ? diag.msg : "(accepted)");
        }
    }
}

// Subgraphs have the names that others gave them.
static void subgraphs_are_called_as_they_are(void **state)
{
    (void)state;
    static const char *const sets[] = {"subgraphs.each.UserService.url=http://a/graphql",
                                       "subgraphs.each={Shop v1.2: {url: http://b/graphql}}"};
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
        struct mer_config c;
        struct mer_diag diag = {0};
        struct mer_config_router in = {.supergraph = "s", .listen = "a:1", .sets = &sets[i], .sets_n = 1};
        if (mer_config_for_router(arena, &in, &c, &diag)) {
            fail_msg("%s: %s", sets[i], diag.msg);
        }
        assert_int_equal(c.subgraphs.each_n, 1);
        mer_assert_slice(c.subgraphs.each[0].name, i ? "Shop v1.2" : "UserService");
    }
}

static void edges_and_global_fit_too(void **state)
{
    (void)state;
    struct mer_config c = parsed("self: { name: la, tier: edge, region: us-east, facility: f-1 }\n"
                                 "regions: { us-east: { facilities: [f-1] } }\n"
                                 "sources:\n"
                                 "  operations:\n"
                                 "    sdl: o.graphql\n"
                                 "    placements:\n"
                                 "      - { name: f-1, kind: postgres, tier: edge, region: us-east, "
                                 "facility: f-1, url: \"host=/run\" }\n"
                                 "cache:\n");
    (void)c;
}

static void a_dollar_is_itself(void **state)
{
    (void)state;
    struct mer_config c = parsed("self: { name: g, tier: global }\n"
                                 "auth: { jwks: k, audience: \"$5 $${HOME} $$ $\" }\n");
    assert_string_equal(c.auth.audience.p, "$5 ${HOME} $$ $");
    assert_int_equal(c.self.tier, MER_TIER_GLOBAL);
}

static void files_are_loaded(void **state)
{
    (void)state;
    char path[] = "/tmp/mer-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, whole, sizeof(whole) - 1), sizeof(whole) - 1);
    close(fd);
    struct mer_config c;
    struct mer_diag diag;
    const char *set = "threads=3";
    assert_int_equal(mer_config_load(arena, path, &set, 1, &c, &diag), MER_OK);
    assert_int_equal(c.threads, 3);
    assert_string_equal(c.supergraph.p, "/tmp/schema/supergraph.graphql");
    unlink(path);
    assert_int_equal(mer_config_load(arena, path, NULL, 0, &c, &diag), MER_ERR_IO);
    assert_non_null(strstr(diag.msg, "No such file"));
    assert_int_equal(mer_config_load(arena, "/tmp", NULL, 0, &c, &diag), MER_ERR_IO);
}

// docs/configuration.md is what the table says. MER_WRITE_DOCS=1 writes it anew.
static void the_reference_is_current(void **state)
{
    (void)state;
    struct mer_buf want;
    mer_buf_init(&want, arena, 16384);
    mer_config_describe(&want);
    if (getenv("MER_WRITE_DOCS")) {
        FILE *out = fopen("docs/configuration.md", "w");
        assert_non_null(out);
        assert_int_equal(fwrite(want.p, 1, want.n, out), want.n);
        fclose(out);
    }
    FILE *f = fopen("docs/configuration.md", "r");
    assert_non_null(f);
    char *have = mer_arena_bytes(arena, want.n + 1);
    size_t n = fread(have, 1, want.n + 1, f);
    fclose(f);
    assert_int_equal(n, want.n);
    assert_memory_equal(have, want.p, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_gateway_sections, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_regions_and_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(sets_lie_over_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_need_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_files_are_refused_at_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_texts_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_sets_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_called_by_their_names, setup, teardown),
        cmocka_unit_test_setup_teardown(subgraphs_are_called_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(edges_and_global_fit_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dollar_is_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reference_is_current, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
