// SPDX-License-Identifier: MIT
#include "memcached_server.h"

#include "mer_test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sa = loopback(0);
    socklen_t n = sizeof(sa);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

static int connected(const struct memcached_server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sa = loopback(s->port);
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void start(struct memcached_server *s)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", s->port);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("memcached", "memcached", "-l", "127.0.0.1", "-p", port, "-u", "nobody", "-m", "64", "-t", "1",
               (char *)NULL);
        _exit(127);
    }
    assert_true(s->pid > 0);
    for (int i = 0; i < 500; i++) {
        int fd = connected(s);
        if (fd >= 0) {
            close(fd);
            return;
        }
        assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
        usleep(10000);
    }
    fail_msg("memcached does not answer");
}

struct memcached_server memcached_server_start(void)
{
    struct memcached_server s = {.port = free_port()};
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", s.port);
    start(&s);
    return s;
}

void memcached_server_restart(struct memcached_server *s)
{
    start(s);
}

void memcached_server_signal(const struct memcached_server *s, int signal_number)
{
    assert_int_equal(kill(s->pid, signal_number), 0);
}

void memcached_server_kill(struct memcached_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}

size_t memcached_server_say(const struct memcached_server *s, struct mer_slice bytes, const char *until,
                            char *reply, size_t reply_max)
{
    int fd = connected(s);
    assert_true(fd >= 0);
    while (bytes.n) {
        ssize_t sent = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes = (struct mer_slice){bytes.p + sent, bytes.n - (size_t)sent};
    }
    size_t n = 0;
    ssize_t got;
    while (n < reply_max && (got = recv(fd, reply + n, reply_max - n, 0)) > 0) {
        n += (size_t)got;
        if (mer_slice_ends((struct mer_slice){reply, n}, mer_slice_of(until))) {
            break;
        }
    }
    close(fd);
    return n;
}
