// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer: every file of the corpus as it is, then seeded mutations of each,
// within a bound of time. Usage: fuzz_NAME CORPUS_DIR [SEED [SECONDS]]; SECONDS 0 replays only. Prints the
// seed, so that a failure can be run again.
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX ((size_t)1 << 20)
#define ROUNDS    64 // mutations a file and sweep

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *p;
    size_t n;
};

static uint64_t random_state;

static uint64_t random_u64(void)
{
    // xorshift64*: any seed but zero will do.
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static size_t random_below(size_t n)
{
    return n ? (size_t)(random_u64() % n) : 0;
}

static bool read_file(const char *path, struct input *in)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    in->p = malloc(INPUT_MAX);
    if (!in->p)
        abort();
    in->n = fread(in->p, 1, INPUT_MAX, f);
    bool ok = !ferror(f);
    fclose(f);
    return ok;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static struct input *read_corpus(const char *dir, size_t *count)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, visible, alphasort);
    if (n <= 0) {
        fprintf(stderr, "no corpus in %s\n", dir);
        exit(2);
    }
    struct input *all = calloc((size_t)n, sizeof(*all));
    if (!all)
        abort();
    *count = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        if (read_file(path, &all[*count]))
            (*count)++;
        free(names[i]);
    }
    free(names);
    return all;
}

// A heap copy of exactly the input's length, so that a sanitizer sees any read past it.
static void run(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, p, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t splice(uint8_t *out, size_t n, const struct input *other)
{
    size_t from = random_below(other->n), len = random_below(other->n - from + 1), at = random_below(n + 1);
    if (len > 4096)
        len = 4096;
    if (n + len > INPUT_MAX)
        return n;
    memmove(out + at + len, out + at, n - at);
    memcpy(out + at, other->p + from, len);
    return n + len;
}

static size_t mutate_once(uint8_t *out, size_t n, const struct input *other)
{
    static const uint8_t favourites[] = {0,   1,   0x1F, ' ', '"',  '\\', '{',  '}',  '[', ']',
                                         ':', ',', '-',  '0', 0x7F, 0x80, 0xC0, 0xED, 0xFF};
    size_t at = random_below(n);
    switch (random_below(6)) {
    case 0: // flip a bit
        if (n)
            out[at] = (uint8_t)(out[at] ^ 1u << random_below(8));
        return n;
    case 1: // put a byte that is often special
        if (n)
            out[at] = favourites[random_below(sizeof(favourites))];
        return n;
    case 2: // cut a run out
        if (n) {
            size_t len = 1 + random_below(n - at < 64 ? n - at : 64);
            memmove(out + at, out + at + len, n - at - len);
            return n - len;
        }
        return n;
    case 3: // cut the end off
        return random_below(n + 1);
    case 4: // double a run
        if (n && n + 64 < INPUT_MAX) {
            size_t len = 1 + random_below(n - at < 64 ? n - at : 64);
            memmove(out + at + len, out + at, n - at);
            return n + len;
        }
        return n;
    default:
        return splice(out, n, other);
    }
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS_DIR [SEED [SECONDS]]\n", argv[0]);
        return 2;
    }
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    double until = now() + (argc > 3 ? strtod(argv[3], NULL) : 5.0);
    size_t count, runs = 0;
    struct input *corpus = read_corpus(argv[1], &count);
    random_state = seed * 2 + 1;
    printf("seed %llu, %zu files\n", (unsigned long long)seed, count);
    fflush(stdout);
    for (size_t i = 0; i < count; i++, runs++)
        run(corpus[i].p, corpus[i].n);
    uint8_t *out = malloc(INPUT_MAX);
    if (!out)
        abort();
    for (bool first = true; now() < until; first = false) {
        for (size_t i = 0; i < count && now() < until; i++) {
            for (int round = 0; round < ROUNDS; round++, runs++) {
                size_t n = corpus[i].n;
                memcpy(out, corpus[i].p, n);
                for (size_t k = 1 + random_below(first ? 2 : 6); k; k--)
                    n = mutate_once(out, n, &corpus[random_below(count)]);
                run(out, n);
            }
        }
    }
    printf("%zu runs\n", runs);
    for (size_t i = 0; i < count; i++)
        free(corpus[i].p);
    free(corpus);
    free(out);
    return 0;
}
