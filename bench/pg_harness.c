// SPDX-License-Identifier: MIT
// A ceiling: libh2o and libpq and nothing else. Every request runs one prepared statement and is answered
// with its first value. The requests of one turn of the loop go out as one batch under one Sync, which begins
// with the same set_config as Meridian's batches.
//
// Usage: pg_harness [-c CONNECTIONS] [-t TENANT] [-r ROLE] [-f FACILITIES] [-v VALUES_FILE] PORT DSN SQL_FILE
// [PARAM…]
//
// A PARAM is sent as it stands, $1 first; the PARAM `@` takes the next line of VALUES_FILE at each request (a
// tab parts the values of several `@`), so that the statement asks for other rows each time.
#include "bare_h2o.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNS_MAX  16
#define PARAMS_MAX 16
#define BATCH_MAX  16
#define FLIGHT_MAX 4096 // a power of two

// A request that waits; `req` is NULL once its client has gone.
struct job {
    h2o_req_t *req;
    struct job *next;
    PGresult *res;
};

struct conn {
    PGconn *pg;
    h2o_socket_t *sock;
    // In the order sent: a job, &scope_mark, or &sync_mark.
    struct job *flight[FLIGHT_MAX];
    unsigned head, tail, jobs;
};

static struct job scope_mark, sync_mark;
static struct conn conns[CONNS_MAX];
static unsigned conns_n = 2;
static const char *scope_values[3] = {"", "*", "worker"};
static const char *params[PARAMS_MAX];
static int params_n;
static char **lines;
static size_t lines_n, line_at;
static struct job *waiting, **waiting_tail = &waiting;
static h2o_loop_t *loop;
static h2o_timeout_t end_of_turn;
static h2o_timeout_entry_t flush_entry;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "pg_harness: %s: %s\n", what, why);
    exit(1);
}

static void on_job_gone(void *p)
{
    struct job *job = *(struct job **)p;
    job->req = NULL;
    PQclear(job->res); // after the answer; NULL before
    if (job->res)
        free(job);
}

static void flush_conn(struct conn *c);

static void on_writable(h2o_socket_t *sock, const char *err)
{
    (void)err;
    flush_conn(sock->data);
}

static void flush_conn(struct conn *c)
{
    int left = PQflush(c->pg);
    if (left < 0)
        die("send", PQerrorMessage(c->pg));
    if (left > 0 && !h2o_socket_is_writing(c->sock))
        h2o_socket_notify_write(c->sock, on_writable);
}

static void push(struct conn *c, struct job *job)
{
    c->flight[c->tail++ & (FLIGHT_MAX - 1)] = job;
    if (c->tail - c->head > FLIGHT_MAX - BATCH_MAX - 2)
        die("send", "too much in flight");
}

// The values of this request: those of the command line, with `@` filled from the next line.
static void fill(const char **values, char *copy, size_t copy_n)
{
    char *rest = copy;
    if (lines_n)
        snprintf(copy, copy_n, "%s", lines[line_at++ % lines_n]);
    for (int i = 0; i < params_n; i++)
        values[i] = strcmp(params[i], "@") == 0 ? strsep(&rest, "\t") : params[i];
}

static struct conn *least_busy(void)
{
    struct conn *best = &conns[0];
    for (unsigned i = 1; i < conns_n; i++) {
        if (conns[i].jobs < best->jobs)
            best = &conns[i];
    }
    return best;
}

static void send_batch(struct conn *c)
{
    if (!PQsendQueryPrepared(c->pg, "scope", 3, scope_values, NULL, NULL, 0))
        die("send", PQerrorMessage(c->pg));
    push(c, &scope_mark);
    for (int n = 0; n < BATCH_MAX && waiting; n++) {
        const char *values[PARAMS_MAX];
        char copy[4096];
        struct job *job = waiting;
        waiting = job->next;
        fill(values, copy, sizeof(copy));
        if (!PQsendQueryPrepared(c->pg, "q", params_n, values, NULL, NULL, 0))
            die("send", PQerrorMessage(c->pg));
        push(c, job);
        c->jobs++;
    }
    if (!PQpipelineSync(c->pg))
        die("send", PQerrorMessage(c->pg));
    push(c, &sync_mark);
    flush_conn(c);
}

static void on_end_of_turn(h2o_timeout_entry_t *entry)
{
    (void)entry;
    while (waiting)
        send_batch(least_busy());
    waiting_tail = &waiting;
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->req = req;
    *(struct job **)h2o_mem_alloc_shared(&req->pool, sizeof(job), on_job_gone) = job;
    *waiting_tail = job;
    waiting_tail = &job->next;
    if (!h2o_timeout_is_linked(&flush_entry))
        h2o_timeout_link(loop, &end_of_turn, &flush_entry);
    return 0;
}

static void answer(struct job *job, PGresult *take_res)
{
    if (PQresultStatus(take_res) != PGRES_TUPLES_OK || PQntuples(take_res) == 0)
        die("statement", PQntuples(take_res) == 0 ? "no row" : PQresultErrorMessage(take_res));
    job->res = take_res;
    if (!job->req) {
        PQclear(take_res);
        free(job);
        return;
    }
    bare_answer(job->req, PQgetvalue(take_res, 0, 0), (size_t)PQgetlength(take_res, 0, 0));
}

static void on_readable(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->data;
    (void)err;
    if (!PQconsumeInput(c->pg))
        die("read", PQerrorMessage(c->pg));
    while (c->head != c->tail && !PQisBusy(c->pg)) {
        struct job *job = c->flight[c->head & (FLIGHT_MAX - 1)];
        PGresult *res = PQgetResult(c->pg);
        if (!res) {
            c->head++;
            continue;
        }
        if (job == &sync_mark)
            c->head++;
        if (job == &sync_mark || job == &scope_mark) {
            PQclear(res);
            continue;
        }
        c->jobs--;
        answer(job, res);
    }
}

static void prepare(PGconn *pg, const char *name, const char *sql)
{
    PGresult *res = PQprepare(pg, name, sql, 0, NULL);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        die("prepare", PQresultErrorMessage(res));
    PQclear(res);
}

static void open_conn(struct conn *c, const char *dsn, const char *sql)
{
    c->pg = PQconnectdb(dsn);
    if (PQstatus(c->pg) != CONNECTION_OK)
        die("connect", PQerrorMessage(c->pg));
    PQclear(PQexec(c->pg, "set timezone = 'UTC'"));
    prepare(c->pg, "scope",
            "select set_config('app.tenant_id',$1,true),set_config('app.facilities',$2,true),"
            "set_config('app.role',$3,true)");
    prepare(c->pg, "q", sql);
    if (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg))
        die("pipeline", PQerrorMessage(c->pg));
    c->sock =
        h2o_evloop_socket_create(loop, fcntl(PQsocket(c->pg), F_DUPFD_CLOEXEC, 0), H2O_SOCKET_FLAG_DONT_READ);
    c->sock->data = c;
    h2o_socket_read_start(c->sock, on_readable);
}

static void read_lines(const char *path)
{
    size_t n;
    char *text = bare_read_file(path, &n), *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (*line == '\0')
            continue;
        if ((lines_n & (lines_n + 1)) == 0) {
            lines = realloc(lines, (lines_n * 2 + 2) * sizeof(*lines));
            if (!lines)
                abort();
        }
        lines[lines_n++] = line;
    }
}

int main(int argc, char **argv)
{
    size_t sql_n;
    int option;
    while ((option = getopt(argc, argv, "+c:t:r:f:v:")) != -1) {
        if (option == 'c')
            conns_n = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 't')
            scope_values[0] = optarg;
        else if (option == 'f')
            scope_values[1] = optarg;
        else if (option == 'r')
            scope_values[2] = optarg;
        else if (option == 'v')
            read_lines(optarg);
        else
            return 2;
    }
    if (argc - optind < 3 || argc - optind - 3 > PARAMS_MAX || conns_n < 1 || conns_n > CONNS_MAX) {
        fprintf(stderr, "usage: %s [options] PORT DSN SQL_FILE [PARAM...]\n", argv[0]);
        return 2;
    }
    for (int i = optind + 3; i < argc; i++)
        params[params_n++] = argv[i];
    loop = bare_init((uint16_t)strtoul(argv[optind], NULL, 10), on_request);
    h2o_timeout_init(loop, &end_of_turn, 0);
    flush_entry.cb = on_end_of_turn;
    for (unsigned i = 0; i < conns_n; i++)
        open_conn(&conns[i], argv[optind + 1], bare_read_file(argv[optind + 2], &sql_n));
    bare_run();
}
