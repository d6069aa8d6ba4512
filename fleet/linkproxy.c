// SPDX-License-Identifier: MIT
// The fleet's link proxy: every connection between two sites passes here, so that a link can be cut, stalled,
// reset or delayed without help from the kernel (netem may be missing) and without root.
//
// One process, one thread, one epoll. A *listener* is one forwarded port; it belongs to a *link*, the
// unordered pair of two sites. A *pair* is one forwarded connection: the caller's socket and ours to the
// target, with one queue a direction. A queue is a list of chunks, each with the time from which it may be
// sent: that is the delay. What a site has sent while a link is stalled waits in its own socket buffer and
// here, up to QUEUE_MAX.
//
// usage: linkproxy CONFIG CONTROL_SOCKET
//   CONFIG has one line a listener: PORT TARGET_PORT SITE SITE   (all on 127.0.0.1)
// Control, one command a line, one answer a line ("ok" or "error: why"), `status` ends with a line "ok":
//   up A B | down A B | stall A B | delay A B MILLISECONDS | reset A B | status
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 16384, QUEUE_MAX = 256 * 1024, LISTENERS_MAX = 256, LINE_MAX_BYTES = 256, EVENTS = 64 };

enum state { UP, STALLED, DOWN };
static const char *const state_names[] = {"up", "stall", "down"};

// What an epoll event points at starts with its kind.
enum kind { LISTENER, SIDE, CONTROL_LISTENER, CONTROL };

struct link {
    char a[64], b[64];
    enum state state;
    int64_t delay_ms;
    uint64_t bytes;
};

struct listener {
    enum kind kind;
    int fd; // -1 while the link is down: then a caller is refused
    uint16_t port, target_port;
    struct link *link;
};

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    size_t length, sent;
    char data[];
};

// One end of a pair. What was read from it waits in `queue` until the other end takes it.
struct side {
    enum kind kind;
    int fd;
    bool connecting, ended, end_passed_on;
    bool broken;    // reset by its peer while the link was stalled: the other end must not learn it yet
    bool unwatched; // epoll has nothing more to tell about it
    uint32_t watched;
    struct chunk *first, **last;
    size_t queued;
    struct pair *pair;
};

struct pair {
    struct pair *next, **previous;
    struct link *link;
    struct side caller, target;
    bool dead;
};

struct control {
    enum kind kind;
    int fd;
    size_t length;
    char line[LINE_MAX_BYTES];
};

static struct {
    int epoll;
    struct listener listeners[LISTENERS_MAX];
    struct link links[LISTENERS_MAX];
    size_t listeners_n, links_n;
    struct pair *pairs;
} proxy;

static volatile sig_atomic_t stopping;

static void fatal(const char *what)
{
    fprintf(stderr, "linkproxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(int op, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(proxy.epoll, op, fd, &event) != 0)
        fatal("epoll_ctl");
}

// ---- listeners ----

static bool listener_open(struct listener *listener)
{
    const struct sockaddr_in address = loopback(listener->port);
    const int yes = 1;

    if (listener->fd >= 0)
        return true;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return false;
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener->fd, 128) != 0) {
        close(listener->fd);
        listener->fd = -1;
        return false;
    }
    watch(EPOLL_CTL_ADD, listener->fd, EPOLLIN, listener);
    return true;
}

static void listener_close(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

// ---- pairs ----

static struct side *other(struct side *side)
{
    return side == &side->pair->caller ? &side->pair->target : &side->pair->caller;
}

static void queue_free(struct side *side)
{
    struct chunk *chunk = side->first;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    side->first = NULL;
    side->last = &side->first;
    side->queued = 0;
}

// Close both ends. With `reset` the peers see a connection reset instead of an orderly end. The memory is
// freed at the end of the turn (sweep), because later events of the same turn may still point at it.
static void pair_close(struct pair *pair, bool reset)
{
    const struct linger abort_it = {.l_onoff = 1, .l_linger = 0};
    struct side *const sides[] = {&pair->caller, &pair->target};

    if (pair->dead)
        return;
    pair->dead = true;
    for (size_t i = 0; i < 2; i++) {
        if (reset)
            setsockopt(sides[i]->fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
        close(sides[i]->fd);
        queue_free(sides[i]);
    }
}

static void sweep(void)
{
    struct pair *next;
    for (struct pair *pair = proxy.pairs; pair != NULL; pair = next) {
        next = pair->next;
        if (!pair->dead)
            continue;
        *pair->previous = pair->next;
        if (pair->next != NULL)
            pair->next->previous = pair->previous;
        free(pair);
    }
}

static bool chunk_is_due(const struct side *from, int64_t now)
{
    return from->first != NULL && from->first->due_ms <= now;
}

// Ask epoll for exactly what can be used now; a level-triggered event nobody takes would spin.
static void side_watch(struct side *side, int64_t now)
{
    const bool flows = side->pair->link->state == UP;
    uint32_t wanted = 0;

    if (side->unwatched)
        return;
    // Epoll reports a hang-up even when asked for nothing: an end that is through with both directions (its
    // last bytes may still wait for their time) or broken would wake us for ever.
    if (side->broken || (side->ended && other(side)->end_passed_on)) {
        watch(EPOLL_CTL_DEL, side->fd, 0, side);
        side->unwatched = true;
        return;
    }
    if (side->connecting)
        wanted = EPOLLOUT;
    else if (flows) {
        if (!side->ended && side->queued < QUEUE_MAX)
            wanted |= EPOLLIN;
        if (chunk_is_due(other(side), now))
            wanted |= EPOLLOUT;
    }
    if (wanted != side->watched)
        watch(EPOLL_CTL_MOD, side->fd, wanted, side);
    side->watched = wanted;
}

static void pair_watch(struct pair *pair, int64_t now)
{
    if (pair->dead)
        return;
    side_watch(&pair->caller, now);
    side_watch(&pair->target, now);
}

// Read what is there into the queue. False when the connection broke.
static bool side_read(struct side *side, int64_t now)
{
    while (!side->ended && side->queued < QUEUE_MAX) {
        struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
        if (chunk == NULL)
            return false;
        const ssize_t got = recv(side->fd, chunk->data, CHUNK, 0);
        if (got <= 0) {
            free(chunk);
            if (got < 0)
                return errno == EAGAIN || errno == EINTR;
            side->ended = true;
            return true;
        }
        *chunk = (struct chunk){.due_ms = now + side->pair->link->delay_ms, .length = (size_t)got};
        *side->last = chunk;
        side->last = &chunk->next;
        side->queued += (size_t)got;
        side->pair->link->bytes += (uint64_t)got;
        if (got < CHUNK)
            return true;
    }
    return true;
}

// Send to `to` what its peer's queue holds and is due; pass the peer's end on when the queue is empty.
static bool side_flush(struct side *to, int64_t now)
{
    struct side *const from = other(to);

    if (to->connecting)
        return true;
    while (chunk_is_due(from, now)) {
        struct chunk *chunk = from->first;
        const ssize_t put =
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
            send(to->fd, chunk->data + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN || errno == EINTR;
        chunk->sent += (size_t)put;
        if (chunk->sent < chunk->length)
            return true;
        from->queued -= chunk->length;
        from->first = chunk->next;
        if (from->first == NULL)
            from->last = &from->first;
        free(chunk);
    }
    if (from->ended && from->first == NULL && !from->end_passed_on) {
        from->end_passed_on = true;
        shutdown(to->fd, SHUT_WR);
    }
    return true;
}

static void pair_move(struct pair *pair, int64_t now)
{
    if (pair->dead || pair->link->state != UP)
        return;
    if (pair->caller.broken || pair->target.broken || !side_flush(&pair->caller, now) ||
        !side_flush(&pair->target, now))
        pair_close(pair, true);
    else if (pair->caller.end_passed_on && pair->target.end_passed_on)
        pair_close(pair, false);
}

static void side_event(struct side *side, uint32_t events)
{
    struct pair *const pair = side->pair;
    const int64_t now = now_ms();

    if (pair->dead)
        return;
    if (side->connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(side->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            pair_close(pair, true);
            return;
        }
        side->connecting = false;
    }
    if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && pair->link->state != UP))
        side->broken = true;
    else if (pair->link->state == UP && !side_read(side, now))
        side->broken = true;
    pair_move(pair, now);
    pair_watch(pair, now);
}

static void side_init(struct side *side, struct pair *pair, int fd)
{
    const int yes = 1;
    *side = (struct side){.kind = SIDE, .fd = fd, .pair = pair};
    side->last = &side->first;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(EPOLL_CTL_ADD, fd, 0, side);
}

static void pair_open(struct listener *listener)
{
    const struct sockaddr_in address = loopback(listener->target_port);
    const int caller = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (caller < 0)
        return;
    const int target = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pair *pair = calloc(1, sizeof *pair);
    if (target < 0 || pair == NULL ||
        (connect(target, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)) {
        free(pair);
        if (target >= 0)
            close(target);
        close(caller);
        return;
    }
    pair->link = listener->link;
    side_init(&pair->caller, pair, caller);
    side_init(&pair->target, pair, target);
    pair->target.connecting = true;
    pair->next = proxy.pairs;
    pair->previous = &proxy.pairs;
    if (pair->next != NULL)
        pair->next->previous = &pair->next;
    proxy.pairs = pair;
    pair_watch(pair, now_ms());
}

// ---- links ----

static struct link *link_find(const char *a, const char *b)
{
    for (size_t i = 0; i < proxy.links_n; i++) {
        struct link *link = &proxy.links[i];
        if ((strcmp(link->a, a) == 0 && strcmp(link->b, b) == 0) ||
            (strcmp(link->a, b) == 0 && strcmp(link->b, a) == 0))
            return link;
    }
    return NULL;
}

static void link_reset(struct link *link)
{
    for (struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next)
        if (pair->link == link)
            pair_close(pair, true);
}

static const char *link_set(struct link *link, enum state state)
{
    const int64_t now = now_ms();

    link->state = state;
    for (size_t i = 0; i < proxy.listeners_n; i++) {
        struct listener *listener = &proxy.listeners[i];
        if (listener->link != link)
            continue;
        if (state == DOWN)
            listener_close(listener);
        else if (!listener_open(listener))
            return "error: a port of this link is taken by somebody else";
    }
    if (state == DOWN)
        link_reset(link);
    for (struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next)
        if (pair->link == link) {
            pair_move(pair, now);
            pair_watch(pair, now);
        }
    return "ok";
}

// ---- control ----

static void control_say(struct control *control, const char *text)
{
    char line[512];
    const int n = snprintf(line, sizeof line, "%s\n", text);
    // A control client that does not read its short answers loses them.
    if (n > 0 && send(control->fd, line, (size_t)n, MSG_NOSIGNAL) < 0)
        shutdown(control->fd, SHUT_RDWR);
}

static void control_status(struct control *control)
{
    for (size_t i = 0; i < proxy.links_n; i++) {
        const struct link *link = &proxy.links[i];
        unsigned connections = 0;
        char line[256];
        for (const struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next)
            connections += pair->link == link && !pair->dead;
        snprintf(line, sizeof line, "%s %s %s %" PRId64 " %u %" PRIu64, link->a, link->b,
                 state_names[link->state], link->delay_ms, connections, link->bytes);
        control_say(control, line);
    }
    control_say(control, "ok");
}

static const char *control_link(const char *verb, struct link *link, const char *value)
{
    if (strcmp(verb, "up") == 0)
        return link_set(link, UP);
    if (strcmp(verb, "down") == 0)
        return link_set(link, DOWN);
    if (strcmp(verb, "stall") == 0)
        return link_set(link, STALLED);
    if (strcmp(verb, "reset") == 0) {
        link_reset(link);
        return "ok";
    }
    if (strcmp(verb, "delay") == 0) {
        char *end = NULL;
        const long ms = strtol(value, &end, 10);
        if (*value == '\0' || *end != '\0' || ms < 0 || ms > 60000)
            return "error: a delay is 0 to 60000 milliseconds a direction";
        link->delay_ms = ms;
        return "ok";
    }
    return "error: commands are up, down, stall, delay, reset, status";
}

static void control_line(struct control *control, const char *line)
{
    char verb[16] = "", a[64] = "", b[64] = "", value[16] = "";
    const int words = sscanf(line, "%15s %63s %63s %15s", verb, a, b, value);

    if (words == 1 && strcmp(verb, "status") == 0) {
        control_status(control);
        return;
    }
    struct link *link = words >= 3 ? link_find(a, b) : NULL;
    control_say(control,
                link == NULL ? "error: no link between these two sites" : control_link(verb, link, value));
}

static void control_close(struct control *control)
{
    close(control->fd);
    free(control);
}

static void control_event(struct control *control)
{
    char *end;
    const ssize_t got =
        recv(control->fd, control->line + control->length, sizeof control->line - 1 - control->length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        control_close(control);
        return;
    }
    control->length += (size_t)got;
    control->line[control->length] = '\0';
    while ((end = strchr(control->line, '\n')) != NULL) {
        *end = '\0';
        control_line(control, control->line);
        control->length -= (size_t)(end + 1 - control->line);
        memmove(control->line, end + 1, control->length + 1);
    }
    if (control->length == sizeof control->line - 1)
        control_close(control);
}

static void control_accept(struct listener *listener)
{
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct control *control = fd < 0 ? NULL : calloc(1, sizeof *control);
    if (control == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    control->kind = CONTROL;
    control->fd = fd;
    watch(EPOLL_CTL_ADD, fd, EPOLLIN, control);
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): epoll holds it
}

static void control_listen(struct listener *listener, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *slash = strrchr(path, '/');

    // A state folder may be deeper than a socket's name may be long: go there and bind the last part.
    if (slash != NULL) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (chdir(folder) != 0)
            fatal(folder);
        path = slash + 1;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(address.sun_path);
    umask(0077);
    *listener = (struct listener){.kind = CONTROL_LISTENER};
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener->fd, 16) != 0)
        fatal(path);
    watch(EPOLL_CTL_ADD, listener->fd, EPOLLIN, listener);
}

// ---- start and turn ----

static void config_add(const char *a, const char *b, unsigned port, unsigned target_port)
{
    struct link *link = link_find(a, b);
    if (link == NULL) {
        link = &proxy.links[proxy.links_n++];
        snprintf(link->a, sizeof link->a, "%s", a);
        snprintf(link->b, sizeof link->b, "%s", b);
    }
    struct listener *listener = &proxy.listeners[proxy.listeners_n++];
    *listener = (struct listener){.kind = LISTENER, .fd = -1, .link = link};
    listener->port = (uint16_t)port;
    listener->target_port = (uint16_t)target_port;
    if (!listener_open(listener)) {
        fprintf(stderr, "linkproxy: port %u: %s\n", port, strerror(errno));
        exit(1);
    }
}

static void config_read(const char *path)
{
    char line[LINE_MAX_BYTES];
    unsigned number = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fatal(path);
    while (fgets(line, sizeof line, file) != NULL) {
        char a[64], b[64];
        unsigned port, target_port;
        number++;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%u %u %63s %63s", &port, &target_port, a, b) != 4 || port > 65535 ||
            target_port > 65535 || proxy.listeners_n == LISTENERS_MAX) {
            fprintf(stderr, "%s:%u: want PORT TARGET_PORT SITE SITE, at most %d lines\n", path, number,
                    LISTENERS_MAX);
            exit(2);
        }
        config_add(a, b, port, target_port);
    }
    fclose(file);
}

// How long the next turn may sleep: until the first delayed chunk is due.
static int turn_timeout(int64_t now)
{
    int64_t first = INT64_MAX;
    for (const struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next) {
        if (pair->link->state != UP)
            continue;
        const struct chunk *const heads[] = {pair->caller.first, pair->target.first};
        for (size_t i = 0; i < 2; i++)
            if (heads[i] != NULL && heads[i]->due_ms > now && heads[i]->due_ms < first)
                first = heads[i]->due_ms;
    }
    return first == INT64_MAX ? -1 : (int)(first - now);
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(proxy.epoll, events, EVENTS, turn_timeout(now_ms()));

    for (int i = 0; i < n; i++) {
        switch (*(enum kind *)events[i].data.ptr) {
        case LISTENER: {
            struct listener *listener = events[i].data.ptr;
            if (listener->fd >= 0)
                pair_open(listener);
            break;
        }
        case SIDE:
            side_event(events[i].data.ptr, events[i].events);
            break;
        case CONTROL_LISTENER:
            control_accept(events[i].data.ptr);
            break;
        case CONTROL:
            control_event(events[i].data.ptr);
            break;
        }
    }
    const int64_t now = now_ms();
    for (struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next)
        if (!pair->dead && (chunk_is_due(&pair->caller, now) || chunk_is_due(&pair->target, now))) {
            pair_move(pair, now);
            pair_watch(pair, now);
        }
    sweep();
}

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

int main(int argc, char **argv)
{
    static struct listener control;
    const struct sigaction stop = {.sa_handler = on_stop};

    if (argc != 3) {
        fprintf(stderr, "usage: linkproxy CONFIG CONTROL_SOCKET\n");
        return 2;
    }
    proxy.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (proxy.epoll < 0)
        fatal("epoll_create1");
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    config_read(argv[1]);
    control_listen(&control, argv[2]);
    printf("ready\n");
    fflush(stdout);
    while (!stopping)
        turn();
    for (struct pair *pair = proxy.pairs; pair != NULL; pair = pair->next)
        pair_close(pair, true);
    sweep();
    return 0;
}
