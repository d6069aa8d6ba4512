// SPDX-License-Identifier: MIT
// Commands that talk to the admin listener of a running gateway.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/commands.h"

#define READ_S 2
#define MOVE_S 60 // a cutover waits for databases

static int dial(const char *host, const char *port, int wait_s)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = wait_s};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
        if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

// One exchange; *status is 0 when nobody answered.
static struct mer_slice exchange(struct mer_arena *a, const char *address, const char *request, int wait_s,
                                 int *status)
{
    struct mer_slice where = mer_slice_of(address);
    *status = 0;
    if (mer_slice_starts(where, MER_S("http://"))) {
        where = mer_slice_make(where.p + 7, where.n - 7);
    }
    struct mer_slice port = where;
    struct mer_slice host = mer_slice_cut(&port, ':');
    port = mer_slice_cut(&port, '/');
    int fd = dial(mer_arena_cstr(a, host), mer_arena_cstr(a, port), wait_s);
    if (fd < 0) {
        return MER_NIL;
    }
    const char *token = getenv("MERIDIAN_TOKEN");
    struct mer_slice ask = mer_arena_printf(
        a, "%s HTTP/1.1\r\nhost: %.*s\r\n%s%s%scontent-length: 0\r\nconnection: close\r\n\r\n", request,
        MER_FMT(host), token ? "authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    struct mer_buf b;
    mer_buf_init(&b, a, 65536);
    bool sent = write(fd, ask.p, ask.n) == (ssize_t)ask.n;
    ssize_t n = 0;
    while (sent && (n = read(fd, mer_buf_reserve(&b, 65536), 65536)) > 0) {
        b.n += (size_t)n;
    }
    close(fd);
    char *end = b.n > 12 ? memmem(b.p, b.n, "\r\n\r\n", 4) : NULL;
    if (!end) {
        return MER_NIL;
    }
    *status = (int)strtol(b.p + 9, NULL, 10);
    return mer_slice_make(end + 4, (size_t)(b.p + b.n - end) - 4);
}

bool mer_admin_get(struct mer_arena *a, const char *address, const char *path, struct mer_slice *body)
{
    int status = 0;
    *body = exchange(a, address, mer_arena_printf(a, "GET %s", path).p, READ_S, &status);
    return status == 200;
}

static const char *find_admin(const struct mer_config *c, const char *admin)
{
    admin = admin ? admin : getenv("MERIDIAN_ADMIN");
    admin = admin ? admin : c && c->admin.address.n ? c->admin.address.p : NULL;
    if (!admin) {
        fprintf(stderr, "meridian: --admin URL or --config FILE is expected\n");
    }
    return admin;
}

int mer_command_routes(struct mer_arena *a, const struct mer_config *c, const char *admin)
{
    struct mer_slice body = MER_NIL;
    admin = find_admin(c, admin);
    if (!admin) {
        return 2;
    }
    if (!mer_admin_get(a, admin, "/routes", &body)) {
        fprintf(stderr, "meridian: %s does not answer\n", admin);
        return 1;
    }
    printf("%.*s\n", MER_FMT(body));
    return 0;
}

// POSTs and prints what is answered; 1 unless that is 200.
static int post(struct mer_arena *a, const char *admin, const char *path, int wait_s)
{
    int status = 0;
    struct mer_slice body = exchange(a, admin, mer_arena_printf(a, "POST %s", path).p, wait_s, &status);
    if (status == 0) {
        fprintf(stderr, "meridian: %s does not answer\n", admin);
        return 1;
    }
    printf("%.*s\n", MER_FMT(body));
    return status == 200 ? 0 : 1;
}

int mer_command_reload(struct mer_arena *a, const struct mer_config *c, const char *admin)
{
    admin = find_admin(c, admin);
    return admin ? post(a, admin, "/reload", READ_S) : 2;
}

// What stands in the request's path as it is.
static bool is_name(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(s);
}

int mer_command_cutover(struct mer_arena *a, const struct mer_config *c, const char *admin,
                        const struct mer_cutover_args *args)
{
    if (!is_name(args->region) || (args->environment && !is_name(args->environment))) {
        fprintf(stderr, "meridian: a name has lower case letters, digits and '-': %s\n",
                is_name(args->region) ? args->environment : args->region);
        return 2;
    }
    admin = find_admin(c, admin);
    if (!admin) {
        return 2;
    }
    struct mer_slice path = args->environment ? mer_arena_printf(a, "/routes/%s/promote?environment=%s",
                                                                 args->region, args->environment)
                                              : mer_arena_printf(a, "/routes/%s/rollback", args->region);
    return post(a, admin, path.p, MOVE_S);
}
