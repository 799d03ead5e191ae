/*
 * What this machine can do: one process reads a file, seals it and sends it over
 * loopback TCP, another receives, opens and writes it. No SSH, no SFTP, no windows, no
 * requests: only the work that no secure copy can leave out, done well (one buffer, one
 * cipher pass in place, large system calls). script/bench runs it beside the others as
 * the line that they are measured against.
 *
 *     reference CIPHER SOURCE DESTINATION      (aes128-gcm or chacha20-poly1305)
 *
 * A record is a length of 4 octets, authenticated, then up to 32 KiB sealed, then a tag
 * of 16: what an SSH packet would carry. A record of no octets ends the file. Prints one
 * line of JSON: octets, seconds from the first read to the last write, and the CPU
 * seconds and context switches of each side.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

enum {
    RECORD_DATA = 32 * 1024,
    RECORD_HEAD = 4,
    RECORD_TAG = 16,
    RECORD_LEN = RECORD_HEAD + RECORD_DATA + RECORD_TAG,
    BATCH = 8, /* records in one system call: 256 KiB stays in L2 */
    RX_BUFFER = 2 * BATCH * RECORD_LEN,
    RUN_SECONDS_MAX = 600,
};

struct cipher {
    const char *name;
    const EVP_CIPHER *(*evp)(void);
};

static const struct cipher ciphers[] = {
    {"aes128-gcm", EVP_aes_128_gcm},
    {"aes256-gcm", EVP_aes_256_gcm},
    {"chacha20-poly1305", EVP_chacha20_poly1305},
};

/* One direction of one connection: a key and a counting nonce. */
struct protection {
    EVP_CIPHER_CTX *ctx;
    uint8_t nonce[12];
};

struct secrets {
    const struct cipher *cipher;
    uint8_t key[32];
    uint8_t nonce[12];
};

_Noreturn static void
die(const char *what)
{
    fprintf(stderr, "reference: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
check(bool is_good, const char *what)
{
    if (!is_good)
        die(what);
}

/* ---- records ---- */

static void
protection_init(struct protection *p, const struct secrets *s, int is_sealing)
{
    p->ctx = EVP_CIPHER_CTX_new();
    check(p->ctx && EVP_CipherInit_ex(p->ctx, s->cipher->evp(), NULL, s->key, s->nonce,
                                      is_sealing) == 1,
          "cipher");
    memcpy(p->nonce, s->nonce, sizeof p->nonce);
}

static void
next_nonce(struct protection *p)
{
    for (int i = 11; i >= 4 && ++p->nonce[i] == 0; i--) {
    }
    check(EVP_CipherInit_ex(p->ctx, NULL, NULL, NULL, p->nonce, -1) == 1, "nonce");
}

static void
record_seal(struct protection *p, uint8_t *record, size_t n)
{
    uint32_t length = htonl((uint32_t)n);
    memcpy(record, &length, sizeof length);
    uint8_t *data = record + RECORD_HEAD;
    int len = 0;
    next_nonce(p);
    check(EVP_CipherUpdate(p->ctx, NULL, &len, record, RECORD_HEAD) == 1 &&
              EVP_CipherUpdate(p->ctx, data, &len, data, (int)n) == 1 &&
              EVP_CipherFinal_ex(p->ctx, data + n, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(p->ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG, data + n) ==
                  1,
          "sealing");
}

static void
record_open(struct protection *p, uint8_t *record, size_t n)
{
    uint8_t *data = record + RECORD_HEAD;
    int len = 0;
    next_nonce(p);
    check(EVP_CipherUpdate(p->ctx, NULL, &len, record, RECORD_HEAD) == 1 &&
              EVP_CipherUpdate(p->ctx, data, &len, data, (int)n) == 1 &&
              EVP_CIPHER_CTX_ctrl(p->ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG, data + n) ==
                  1 &&
              EVP_CipherFinal_ex(p->ctx, data + n, &len) == 1,
          "opening");
}

/* ---- the sender ---- */

static void
write_all(int fd, const uint8_t *p, size_t n)
{
    while (n != 0) {
        ssize_t done = write(fd, p, n);
        check(done > 0 || errno == EINTR, "write");
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
}

/* Fill the batch's data parts with one call. Octets read; 0 at the end. */
static size_t
read_batch(int file, uint8_t *batch)
{
    struct iovec holes[BATCH];
    for (int i = 0; i < BATCH; i++)
        holes[i] = (struct iovec){batch + i * RECORD_LEN + RECORD_HEAD, RECORD_DATA};
    ssize_t n = readv(file, holes, BATCH);
    check(n >= 0, "reading the source");
    return (size_t)n;
}

static void
send_file(const char *path, int sock, const struct secrets *secrets)
{
    static uint8_t batch[BATCH * RECORD_LEN];
    struct protection p;
    protection_init(&p, secrets, 1);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    check(file >= 0, path);
    for (size_t left; (left = read_batch(file, batch)) != 0;) {
        uint8_t *end = batch;
        for (; left != 0; end += RECORD_LEN) {
            size_t n = left < RECORD_DATA ? left : RECORD_DATA;
            record_seal(&p, end, n);
            left -= n;
            if (n < RECORD_DATA) {
                end += RECORD_HEAD + n + RECORD_TAG;
                break;
            }
        }
        write_all(sock, batch, (size_t)(end - batch));
    }
    record_seal(&p, batch, 0);
    write_all(sock, batch, RECORD_HEAD + RECORD_TAG);
    EVP_CIPHER_CTX_free(p.ctx);
    close(file);
}

/* ---- the receiver ---- */

/* What was received and not yet written, and the opened slices ready to be. */
struct receiver {
    int sock, file;
    struct protection p;
    uint8_t *buf;
    size_t start, end;
    struct iovec slices[2 * BATCH];
    int n_slices;
    uint64_t octets;
    bool is_done;
};

/* One writev of every opened slice; it goes on behind a short count. */
static void
write_slices(struct receiver *r)
{
    struct iovec *iov = r->slices;
    while (r->n_slices != 0) {
        ssize_t n = writev(r->file, iov, r->n_slices);
        check(n > 0, "writing the destination");
        r->octets += (uint64_t)n;
        while (r->n_slices != 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            r->n_slices--;
        }
        if (r->n_slices != 0)
            *iov = (struct iovec){(uint8_t *)iov->iov_base + n, iov->iov_len - (size_t)n};
    }
}

/* Open the record at start if it is all there; false: receive more first. */
static bool
open_next(struct receiver *r)
{
    uint32_t length = 0;
    size_t have = r->end - r->start;
    if (have < RECORD_HEAD)
        return false;
    memcpy(&length, r->buf + r->start, sizeof length);
    size_t n = ntohl(length);
    check(n <= RECORD_DATA, "a record's length");
    if (have < RECORD_HEAD + n + RECORD_TAG)
        return false;
    record_open(&r->p, r->buf + r->start, n);
    if (n != 0)
        r->slices[r->n_slices++] = (struct iovec){r->buf + r->start + RECORD_HEAD, n};
    r->start += RECORD_HEAD + n + RECORD_TAG;
    r->is_done = n == 0;
    return !r->is_done;
}

static void
receive_more(struct receiver *r)
{
    memmove(r->buf, r->buf + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    ssize_t n = read(r->sock, r->buf + r->end, RX_BUFFER - r->end);
    check(n > 0, "receiving");
    r->end += (size_t)n;
}

static uint64_t
receive_file(const char *path, int sock, const struct secrets *secrets)
{
    struct receiver r = {.sock = sock, .buf = malloc(RX_BUFFER)};
    check(r.buf != NULL, "memory");
    protection_init(&r.p, secrets, 0);
    r.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(r.file >= 0, path);
    while (!r.is_done) {
        receive_more(&r);
        while (r.n_slices < 2 * BATCH && open_next(&r)) {
        }
        write_slices(&r);
    }
    check(close(r.file) == 0, path);
    EVP_CIPHER_CTX_free(r.p.ctx);
    free(r.buf);
    return r.octets;
}

/* ---- both ---- */

/* A connected pair over loopback TCP, as a server and a client would have it. */
static void
connect_pair(int pair[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(l >= 0 && bind(l, (struct sockaddr *)&a, n) == 0 && listen(l, 1) == 0 &&
              getsockname(l, (struct sockaddr *)&a, &n) == 0,
          "listening");
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(pair[0] >= 0 && connect(pair[0], (struct sockaddr *)&a, n) == 0, "connecting");
    pair[1] = accept(l, NULL, NULL);
    check(pair[1] >= 0 &&
              setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0,
          "accepting");
    close(l);
}

static double
seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
print_side(const char *name, int who)
{
    struct rusage u;
    check(getrusage(who, &u) == 0, "getrusage");
    printf(", \"%s\": {\"cpu\": %.6f, \"switches\": %ld}", name,
           seconds_of(u.ru_utime) + seconds_of(u.ru_stime), u.ru_nvcsw + u.ru_nivcsw);
}

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t
start_sender(const char *path, int pair[2], const struct secrets *secrets)
{
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid != 0) {
        close(pair[0]);
        return pid;
    }
    close(pair[1]);
    alarm(RUN_SECONDS_MAX);
    send_file(path, pair[0], secrets);
    exit(0);
}

static const struct cipher *
find_cipher(const char *name)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (strcmp(ciphers[i].name, name) == 0)
            return &ciphers[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    struct secrets secrets = {.cipher = argc == 4 ? find_cipher(argv[1]) : NULL};
    if (!secrets.cipher) {
        fprintf(stderr, "usage: reference aes128-gcm|aes256-gcm|chacha20-poly1305"
                        " SOURCE DESTINATION\n");
        return 2;
    }
    check(RAND_bytes(secrets.key, sizeof secrets.key) == 1 &&
              RAND_bytes(secrets.nonce, sizeof secrets.nonce) == 1,
          "random octets");
    alarm(RUN_SECONDS_MAX);
    int pair[2], status = 0;
    connect_pair(pair);
    double start = now();
    pid_t sender = start_sender(argv[2], pair, &secrets);
    uint64_t octets = receive_file(argv[3], pair[1], &secrets);
    double seconds = now() - start;
    check(waitpid(sender, &status, 0) == sender && status == 0, "the sender");
    printf("{\"octets\": %llu, \"seconds\": %.6f", (unsigned long long)octets, seconds);
    print_side("sender", RUSAGE_CHILDREN);
    print_side("receiver", RUSAGE_SELF);
    printf("}\n");
    return 0;
}
