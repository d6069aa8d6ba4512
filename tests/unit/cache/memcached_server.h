// SPDX-License-Identifier: MIT
// For tests: a real memcached of one's own on a free port of 127.0.0.1, which can be stopped, killed and
// spoken to.
#ifndef MER_TESTS_MEMCACHED_SERVER_H
#define MER_TESTS_MEMCACHED_SERVER_H

#include "base/slice.h"

#include <sys/types.h>

struct memcached_server {
    pid_t pid;
    int port;
    char address[32]; // HOST:PORT
};

// Waits until it answers. Fails the test when it does not.
struct memcached_server memcached_server_start(void);
// The same port again, after a kill.
void memcached_server_restart(struct memcached_server *s);
void memcached_server_signal(const struct memcached_server *s, int signal_number);
void memcached_server_kill(struct memcached_server *s);
// Sends the bytes on a connection of its own and reads until `until` stands at the end, or the end of the
// stream.
size_t memcached_server_say(const struct memcached_server *s, struct mer_slice bytes, const char *until,
                            char *reply, size_t reply_max);

#endif
