/*
 * What went wrong, said so that the caller knows what to do.
 *
 * Functions return `enum err`; the text, errno and disconnect reason latch in
 * one `struct fault` beside the object that failed. "Not yet" is no error.
 */
#ifndef FERRY_BASE_ERR_H
#define FERRY_BASE_ERR_H

#include <stdint.h>

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
    ERR_NONE = 0,
    ERR_PROTO,  /* the peer broke the protocol: disconnect, saying so */
    ERR_AUTH,   /* not who they claim to be, or not allowed: refuse */
    ERR_LIMIT,  /* a bound of ours was reached: refuse, or ask again later */
    ERR_NOMEM,  /* out of memory: give up this object */
    ERR_IO,     /* the operating system refused; errno is kept */
    ERR_CRYPTO, /* a check of integrity, key or signature failed: disconnect */
    ERR_CLOSED, /* the other side is gone */
    ERR_BUG,    /* our own fault; an assertion would have been too harsh */
};

/* The first failure of an object. Later ones do not overwrite it. */
struct fault {
    enum err code;
    uint32_t reason; /* SSH disconnect reason, RFC 4250 4.2; 0: none */
    int sys_errno;   /* 0: not from the operating system */
    char text[240];  /* one sentence, no newline, for people */
};

/*
 * Latch a failure unless one is latched already.
 * fmt: the sentence; peer's bytes in it must have been encoded for a terminal.
 * Returns the latched code, so that `return fault_set(...)` reads well.
 */
enum err fault_set(struct fault *f, enum err code, uint32_t reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The same for a failed system call: keeps errno and appends its text. */
enum err fault_errno(struct fault *f, enum err code, int sys_errno, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The code's name, for traces: "protocol", "limit", ... */
const char *err_name(enum err e);

#endif
