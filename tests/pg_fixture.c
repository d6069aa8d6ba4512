// SPDX-License-Identifier: MIT
#include "pg_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIN_DIR "/usr/lib/postgresql/15/bin"

struct pg_fixture {
    char dir[64], data[80], dsn[160], answer[1024];
    int port;
    pid_t server;
};

static void die(const char *what)
{
    fprintf(stderr, "pg_fixture: %s\n", what);
    exit(1);
}

// Postgres refuses to run as root.
static void become_unprivileged(void)
{
    if (getuid() != 0)
        return;
    const struct passwd *pw = getpwnam("postgres");
    if (!pw || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
        _exit(126);
}

// In the child: output to a log in the fixture's folder, an end when the test ends.
static pid_t spawn(struct pg_fixture *f, const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char log[96];
    snprintf(log, sizeof(log), "%s/log", f->dir);
    if (chdir("/") != 0)
        _exit(126);
    become_unprivileged();
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    for (int other = 3; other < 64; other++)
        close(other); // the test's own connections must not outlive it
    char *args[24];
    size_t n = 0;
    for (; argv[n] && n < 23; n++)
        args[n] = strdup(argv[n]);
    args[n] = NULL;
    execv(args[0], args);
    _exit(127);
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("no free port");
    close(fd);
    return ntohs(at.sin_port);
}

void pg_fixture_start(struct pg_fixture *f)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", f->port);
    const char *const argv[] = {BIN_DIR "/postgres",
                                "-D",
                                f->data,
                                "-p",
                                port,
                                "-k",
                                f->dir,
                                "-h",
                                "127.0.0.1",
                                "-cfsync=off",
                                "-cmax_connections=40",
                                "-cshared_buffers=16MB",
                                "-cautovacuum=off",
                                NULL};
    f->server = spawn(f, argv);
    for (int i = 0; i < 300; i++) {
        if (PQping(pg_fixture_dsn(f, "postgres")) == PQPING_OK)
            return;
        usleep(50 * 1000);
    }
    die("the server does not answer");
}

struct pg_fixture *pg_fixture_create(void)
{
    if (access(BIN_DIR "/initdb", X_OK) != 0) {
        fprintf(stderr, "SKIP: no Postgres 15 in " BIN_DIR "\n");
        return NULL;
    }
    struct pg_fixture *f = calloc(1, sizeof(*f));
    if (!f)
        die("no memory");
    strcpy(f->dir, "/tmp/mer-pg-XXXXXX");
    if (!mkdtemp(f->dir))
        die("no temporary folder");
    const struct passwd *pw = getpwnam("postgres");
    if (getuid() == 0 && (!pw || chown(f->dir, pw->pw_uid, pw->pw_gid) != 0))
        die("no user postgres");
    snprintf(f->data, sizeof(f->data), "%s/data", f->dir);
    f->port = free_port();
    const char *const argv[] = {
        BIN_DIR "/initdb",   "-D",          f->data, "-U",   "postgres", "-A", "trust", "-N",
        "--no-instructions", "--no-locale", "-E",    "UTF8", NULL};
    int status = 0;
    pid_t pid = spawn(f, argv);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        die("initdb failed");
    pg_fixture_start(f);
    return f;
}

void pg_fixture_stop(struct pg_fixture *f)
{
    if (f->server <= 0)
        return;
    kill(f->server, SIGINT); // fast shutdown
    waitpid(f->server, NULL, 0);
    f->server = 0;
}

void pg_fixture_destroy(struct pg_fixture *f)
{
    if (!f)
        return;
    if (f->server > 0) {
        kill(f->server, SIGQUIT);
        for (int i = 0; i < 100 && waitpid(f->server, NULL, WNOHANG) == 0; i++)
            usleep(50 * 1000);
        kill(f->server, SIGKILL); // its children end when they see it gone
        waitpid(f->server, NULL, 0);
    }
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", f->dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    free(f);
}

const char *pg_fixture_dsn(struct pg_fixture *f, const char *user)
{
    snprintf(f->dsn, sizeof(f->dsn), "host=127.0.0.1 port=%d dbname=postgres user=%s", f->port, user);
    return f->dsn;
}

const char *pg_fixture_sql(struct pg_fixture *f, const char *sql)
{
    PGconn *pg = PQconnectdb(pg_fixture_dsn(f, "postgres"));
    PGresult *res = PQexec(pg, sql);
    ExecStatusType st = PQresultStatus(res);
    if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(pg));
        die(sql);
    }
    f->answer[0] = '\0';
    if (PQntuples(res) > 0)
        snprintf(f->answer, sizeof(f->answer), "%s", PQgetvalue(res, 0, 0));
    PQclear(res);
    PQfinish(pg);
    return f->answer;
}

// Sends a signal to the postmaster's children: their pids stand in /proc.
static void signal_children(struct pg_fixture *f, int sig)
{
    char path[64], line[4096];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)f->server, (int)f->server);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    if (fgets(line, sizeof(line), file)) {
        char *rest = line;
        for (long pid = strtol(rest, &rest, 10); pid > 0; pid = strtol(rest, &rest, 10))
            kill((pid_t)pid, sig);
    }
    fclose(file);
}

void pg_fixture_freeze(struct pg_fixture *f)
{
    kill(f->server, SIGSTOP);
    signal_children(f, SIGSTOP);
}

void pg_fixture_thaw(struct pg_fixture *f)
{
    signal_children(f, SIGCONT);
    kill(f->server, SIGCONT);
}
