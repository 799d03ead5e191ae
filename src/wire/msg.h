/*
 * Messages as data: a row names its fields, three functions walk them.
 *
 * ssh_msgs.def and sftp_msgs.def are expanded here into one enum, one struct
 * and one field table a message; msg_get, msg_put and msg_print are the only
 * decoder, encoder and printer. A breakpoint in msg_get sees every decode.
 */
#ifndef FERRY_WIRE_MSG_H
#define FERRY_WIRE_MSG_H

#include "base/buf.h"
#include "wire/attrs.h"
#include "wire/cursor.h"

/*
 * Field types: what is on the wire, and the struct member that holds it.
 * Struct members of type `struct bytes` borrow from what was decoded.
 */
typedef bool msg_boolean;
typedef uint32_t msg_u32;
typedef uint64_t msg_u64;
typedef struct bytes msg_string;    /* uint32 length, octets */
typedef struct bytes msg_secret;    /* the same; printed as its length only */
typedef struct bytes msg_name_list; /* checked: cursor_name_list */
typedef struct bytes msg_mpint;     /* magnitude, checked: cursor_mpint */
typedef struct bytes msg_cookie; /* 16 octets without length; NULL p when put: an error */
typedef struct bytes msg_rest;   /* all that follows, for a second table or for nobody */
typedef struct bytes msg_secret_rest; /* the same; printed as its length only */
typedef uint32_t msg_bulk; /* the length; the octets live elsewhere. Always last */
typedef struct sftp_attrs msg_attrs; /* wire/attrs.h */

enum field_type {
    FIELD_boolean,
    FIELD_u32,
    FIELD_u64,
    FIELD_string,
    FIELD_secret,
    FIELD_name_list,
    FIELD_mpint,
    FIELD_cookie,
    FIELD_rest,
    FIELD_secret_rest,
    FIELD_bulk,
    FIELD_attrs,
};

struct msg_field {
    const char *name;
    enum field_type type;
    size_t offset; /* of the member in the message's struct */
};

struct msg_desc {
    const char *name;
    uint8_t number;                 /* 0: part of a message, without a number */
    const struct msg_field *fields; /* n_fields rows */
    size_t n_fields;
    size_t size; /* of the message's struct */
};

enum { MSG_COOKIE_LEN = 16 };

/* struct ssh_<name>, struct sftp_<name> */
#define MSG_BEGIN(NAME, name, number) struct ssh_##name {
#define MSG_FIELD(msg, type, field)   msg_##type field;
#define MSG_END(NAME, name) \
    char end_;              \
    }                       \
    ;
#include "wire/ssh_msgs.def"
#undef MSG_BEGIN
#define MSG_BEGIN(NAME, name, number) struct sftp_msg_##name {
#include "wire/sftp_msgs.def"
#undef MSG_BEGIN
#undef MSG_FIELD
#undef MSG_END

/* SSH_<NAME>, SFTP_<NAME>: indices of ssh_msgs[] and sftp_msgs[] */
#define MSG_FIELD(msg, type, field)
#define MSG_END(NAME, name)
#define MSG_BEGIN(NAME, name, number) SSH_##NAME,
enum ssh_msg {
#include "wire/ssh_msgs.def"
    SSH_MSG_COUNT
};
#undef MSG_BEGIN
#define MSG_BEGIN(NAME, name, number) SFTP_##NAME,
enum sftp_msg {
#include "wire/sftp_msgs.def"
    SFTP_MSG_COUNT
};
#undef MSG_BEGIN

/* SSH_MSG_<NAME>, SSH_FXP_<NAME>: the numbers on the wire */
#define MSG_BEGIN(NAME, name, number) SSH_MSG_##NAME = number,
enum ssh_msg_number {
#include "wire/ssh_msgs.def"
};
#undef MSG_BEGIN
#define MSG_BEGIN(NAME, name, number) SSH_FXP_##NAME = number,
enum sftp_msg_number {
#include "wire/sftp_msgs.def"
};
#undef MSG_BEGIN
#undef MSG_FIELD
#undef MSG_END

extern const struct msg_desc ssh_msgs[SSH_MSG_COUNT];
extern const struct msg_desc sftp_msgs[SFTP_MSG_COUNT];

/*
 * Decode one message of the given row behind its number (which the dispatcher
 * has read). c: at the first field. out: the row's struct, filled wholly;
 * borrows from c's source.
 * Octets behind the last field are left in the cursor: the caller decides
 * (SSH refuses them, SFTP ignores them, bulk follows there).
 * False: too short, or a field broke its type's rules. *out is then zeroed.
 */
bool msg_get(const struct msg_desc *desc, struct cursor *c, void *out) MUST_USE;

/*
 * Append the message, number first if it has one. For a bulk field only the
 * length is written. Failure latches in b.
 */
void msg_put(const struct msg_desc *desc, struct buf *b, const void *msg);

/*
 * Append "NAME field=value ..." for people: names and texts escaped, long
 * values cut, secrets shown as their length. One line, no newline.
 */
void msg_print(const struct msg_desc *desc, struct buf *b, const void *msg);

/*
 * Decode and print in one go, for traces; `payload` begins with the number.
 * What does not decode is printed as such.
 */
void msg_print_wire(const struct msg_desc *desc, struct buf *b, struct bytes payload);

#endif
