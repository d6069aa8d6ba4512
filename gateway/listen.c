// SPDX-License-Identifier: MIT
#include "gateway/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    // A predecessor that was killed leaves workers that let go of its sockets within moments.
    TRIES = 50,
    TRY_US = 20000
};

// "HOST:PORT" to an address; numeric, so that nothing waits for a resolver.
static bool parse_address(const char *text, struct sockaddr_storage *out, socklen_t *out_n)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    if (!colon || !colon[1])
        return false;
    size_t n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n >= sizeof(host))
        return false;
    memcpy(host, text, n);
    host[n] = 0;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *name = strcmp(host, "localhost") == 0     ? "127.0.0.1"
                       : n == 0 || strcmp(host, "*") == 0 ? NULL
                                                          : host;
    if (getaddrinfo(name, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *out_n = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static int open_at(const struct sockaddr_storage *addr, socklen_t n)
{
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
                    bind(fd, (const struct sockaddr *)addr, n) != 0 || listen(fd, BACKLOG) != 0)) {
        int why = errno;
        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

int mer_listen_open(const char *address, struct mer_diag *diag)
{
    struct sockaddr_storage addr;
    socklen_t n;
    if (!parse_address(address, &addr, &n)) {
        mer_diag_set(diag, MER_ERR_INVALID, "%s is not HOST:PORT with a numeric host", address);
        return -1;
    }
    int fd = open_at(&addr, n);
    for (int tries = 0; fd < 0 && errno == EADDRINUSE && tries < TRIES; tries++) {
        (void)usleep(TRY_US);
        fd = open_at(&addr, n);
    }
    if (fd < 0)
        mer_diag_set(diag, MER_ERR_IO, "cannot listen on %s: %s", address, strerror(errno));
    return fd;
}

const char *mer_listen_name(int fd, char *buf, size_t buf_n)
{
    struct sockaddr_storage addr;
    socklen_t n = sizeof(addr);
    char host[INET6_ADDRSTRLEN], port[8];
    if (getsockname(fd, (struct sockaddr *)&addr, &n) != 0 ||
        getnameinfo((struct sockaddr *)&addr, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(buf, buf_n, "?");
    else
        snprintf(buf, buf_n, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return buf;
}
