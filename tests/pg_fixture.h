// SPDX-License-Identifier: MIT
// A Postgres of the test's own: a fresh cluster in a temporary folder, on a free port of 127.0.0.1, run as
// the user `postgres` when the test runs as root. It ends with the test, also when that crashes.
#ifndef MER_PG_FIXTURE_H
#define MER_PG_FIXTURE_H

#include <stddef.h>

struct pg_fixture;

// NULL, with a line on stderr, where Postgres' binaries are not installed: the test should skip.
struct pg_fixture *pg_fixture_create(void);
void pg_fixture_destroy(struct pg_fixture *f);

// As `user`; "postgres" is the superuser. Valid until the next call.
const char *pg_fixture_dsn(struct pg_fixture *f, const char *user);
// As the superuser, blocking; fails the test when Postgres refuses. Returns row 0 column 0, valid until the
// next call.
const char *pg_fixture_sql(struct pg_fixture *f, const char *sql);

void pg_fixture_stop(struct pg_fixture *f);  // cuts all sessions
void pg_fixture_start(struct pg_fixture *f); // on the same port; returns when it answers
// Stops all of its processes where they are / lets them go on: a server that is there and does not answer.
void pg_fixture_freeze(struct pg_fixture *f);
void pg_fixture_thaw(struct pg_fixture *f);

#endif
