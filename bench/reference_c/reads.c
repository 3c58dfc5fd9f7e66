/* The reference in C: one thread, epoll and SQLite. For GET /v1/orders/{id} with a bearer token it looks the
 * token up by its digest, reads the order's document by id for the token's organisation, and answers it as it
 * is kept. Statements are prepared once and held; every read sees what was committed before it.
 *
 * reads DATABASE --port PORT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<sqlite3.h>)
#include <sqlite3.h>
#else
/* What is used of SQLite's interface, for machines that have the library and not its header. */
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
enum { SQLITE_OK = 0, SQLITE_ROW = 100, SQLITE_OPEN_READWRITE = 2, SQLITE_OPEN_NOMUTEX = 0x8000, SQLITE_PREPARE_PERSISTENT = 1 };
#define SQLITE_STATIC ((void (*)(void *))0)
int sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
int sqlite3_prepare_v3(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **, const char **);
int sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, void (*)(void *));
int sqlite3_bind_int64(sqlite3_stmt *, int, long long);
int sqlite3_step(sqlite3_stmt *);
int sqlite3_reset(sqlite3_stmt *);
int sqlite3_column_bytes(sqlite3_stmt *, int);
long long sqlite3_column_int64(sqlite3_stmt *, int);
const unsigned char *sqlite3_column_text(sqlite3_stmt *, int);
const char *sqlite3_errmsg(sqlite3 *);
#endif

enum { BUCKETS = 4096, MAX_REQUEST = 16384, EVENTS = 256, DIGEST = 32, BLOCK = 64, CACHE_KIB = 16384 };

struct connection {
    int fd;
    size_t used;
    char in[MAX_REQUEST];
};

static sqlite3 *book;
static sqlite3_stmt *token_row, *document_row;
static char *out;
static size_t out_size;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, book ? sqlite3_errmsg(book) : strerror(errno));
    exit(1);
}

/* SHA-256, FIPS 180-4. */

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void mix_block(uint32_t state[8], const unsigned char *block) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
        uint32_t first = v[7] + a + ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constants[i] + w[i];
        uint32_t b = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
        uint32_t second = b + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

static void digest_hex(const unsigned char *text, size_t length, char hex[2 * DIGEST]) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char end[2 * BLOCK] = {0};
    size_t rest = length % BLOCK, size = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    for (size_t at = 0; at + BLOCK <= length; at += BLOCK)
        mix_block(state, text + at);
    memcpy(end, text + length - rest, rest);
    end[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        end[size - 1 - i] = (unsigned char)((uint64_t)length * 8 >> 8 * i);
    for (size_t at = 0; at < size; at += BLOCK)
        mix_block(state, end + at);
    for (int i = 0; i < 2 * DIGEST; i++)
        hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
}

/* The book. */

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(book, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        fail(sql);
    return statement;
}

static void open_book(const char *path) {
    char cache[64];
    snprintf(cache, sizeof cache, "PRAGMA cache_size=-%d", CACHE_KIB);
    if (sqlite3_open_v2(path, &book, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_exec(book, "PRAGMA query_only=ON", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(book, cache, NULL, NULL, NULL) != SQLITE_OK)
        fail(path);
    token_row = prepare("SELECT organisation_id, expires_at FROM tokens"
                        " WHERE digest = ? AND scheme = 'native.token' AND revoked_at IS NULL");
    document_row = prepare("SELECT document FROM orders"
                           " WHERE bucket = ? AND id = ? AND organisation_id = ? AND deleted = 0");
}

/* The organisation that the token speaks for, or 0. */
static int64_t identify(const char *token, size_t length) {
    char hex[2 * DIGEST];
    int64_t organisation = 0;
    digest_hex((const unsigned char *)token, length, hex);
    sqlite3_bind_text(token_row, 1, hex, sizeof hex, SQLITE_STATIC);
    if (sqlite3_step(token_row) == SQLITE_ROW) {
        int64_t ends = sqlite3_column_int64(token_row, 1);
        if (ends == 0 || ends > (int64_t)time(NULL) * 1000000)
            organisation = sqlite3_column_int64(token_row, 0);
    }
    sqlite3_reset(token_row);
    return organisation;
}

/* HTTP. */

static size_t answer(int status, const char *body, size_t length) {
    static const char head[] = "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n";
    if (out_size < length + sizeof head + 64) {
        out_size = 2 * (length + sizeof head + 64);
        out = realloc(out, out_size);
        if (out == NULL)
            fail("memory");
    }
    size_t at = (size_t)sprintf(out, head, status, status == 200 ? "OK" : "Refused", length);
    memcpy(out + at, body, length);
    return at + length;
}

static const char *field(const char *head, const char *name, size_t *length) {
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0) {
            line += strlen(name);
            *length = strcspn(line, "\r");
            return line;
        }
    }
    return NULL;
}

/* The answer to one request, its head ended by NUL. */
static size_t serve(const char *head) {
    static const char path[] = "GET /v1/orders/", ready[] = "GET /readyz";
    size_t length, answered;
    if (strncmp(head, ready, sizeof ready - 1) == 0)
        return answer(200, "ready", 5);
    if (strncmp(head, path, sizeof path - 1) != 0)
        return answer(404, "", 0);
    int64_t id = strtoll(head + sizeof path - 1, NULL, 10);
    const char *token = field(head, "authorization: bearer ", &length);
    int64_t organisation = token == NULL ? 0 : identify(token, length);
    if (organisation == 0)
        return answer(401, "", 0);
    sqlite3_bind_int64(document_row, 1, id % BUCKETS);
    sqlite3_bind_int64(document_row, 2, id);
    sqlite3_bind_int64(document_row, 3, organisation);
    if (sqlite3_step(document_row) == SQLITE_ROW)
        answered = answer(200, (const char *)sqlite3_column_text(document_row, 0),
                          (size_t)sqlite3_column_bytes(document_row, 0));
    else
        answered = answer(404, "", 0);
    sqlite3_reset(document_row);
    return answered;
}

/* Read what is there and answer every whole request; 0 when the connection is over. Requests have no bodies,
 * and answers fit the socket's buffer. */
static int attend(struct connection *one) {
    ssize_t got = read(one->fd, one->in + one->used, MAX_REQUEST - 1 - one->used);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    one->used += (size_t)got;
    one->in[one->used] = 0;
    char *from = one->in, *end;
    while ((end = strstr(from, "\r\n\r\n")) != NULL) {
        end[2] = 0;
        size_t length = serve(from);
        if (write(one->fd, out, length) != (ssize_t)length)
            return 0;
        from = end + 4;
    }
    one->used -= (size_t)(from - one->in);
    memmove(one->in, from, one->used);
    return one->used < MAX_REQUEST - 1;
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1024) < 0)
        fail("listen");
    return fd;
}

static void watch(int epoll, int fd, void *whose) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = whose};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static void greet(int epoll, int listener) {
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct connection *one = fd < 0 ? NULL : malloc(sizeof *one);
    if (one == NULL)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    one->fd = fd;
    one->used = 0;
    watch(epoll, fd, one);
}

int main(int count, char **arguments) {
    if (count != 4 || strcmp(arguments[2], "--port") != 0) {
        fprintf(stderr, "usage: reads DATABASE --port PORT\n");
        return 2;
    }
    open_book(arguments[1]);
    int listener = listen_on(atoi(arguments[3])), epoll = epoll_create1(0);
    watch(epoll, listener, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *one = events[i].data.ptr;
            if (one == NULL) {
                greet(epoll, listener);
            } else if (!attend(one)) {
                close(one->fd);
                free(one);
            }
        }
    }
}
