// SPDX-License-Identifier: MIT
// A real Postgres with a region's migrations and the small world of sql_seed.sql, and one session on it that
// runs statements as the gateway does: role gw_read or gw_write, scope set before each.
#ifndef MER_TEST_SQL_SERVER_H
#define MER_TEST_SQL_SERVER_H

#include "unit/resolvers/sql_lab.h"

struct sql_server;

// tier: "region" or "edge". NULL where Postgres is not installed.
struct sql_server *sql_server_open(const char *tier);
void sql_server_close(struct sql_server *s);
// As the superuser; row 0, column 0.
const char *sql_server_admin(struct sql_server *s, const char *sql);
// The statement's answer, in the arena; fails the test on any error of Postgres.
struct mer_slice sql_server_run(struct sql_server *s, struct mer_arena *a, const struct mer_sql *sql,
                                const char *tenant, const char *facilities);
// As the gateway's reading role connects.
const char *sql_server_dsn(struct sql_server *s);
// The generic plan of the statement, as text.
struct mer_slice sql_server_explain(struct sql_server *s, struct mer_arena *a, const struct mer_sql *sql);

#endif
