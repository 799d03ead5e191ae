/* See hosts.h. */
#include "cli/hosts.h"

#include <errno.h>
#include <time.h>

#include "cli/text_file.h"
#include "crypto/rand.h"

static enum err
load_file(struct hosts *h, const char *path, struct fault *fault)
{
    struct buf *text = &h->texts[h->n_files];
    buf_init(text, KNOWN_HOSTS_MAX);
    enum err e = text_file_read(path, text, NULL);
    if (e == ERR_IO && (errno == ENOENT || errno == ENOTDIR)) {
        buf_clear(text);
        return ERR_NONE;
    }
    h->files[h->n_files++] = (struct known_hosts_file){buf_bytes(text), path};
    if (e == ERR_IO)
        return fault_errno(fault, e, errno, "%s", path);
    return e == ERR_NONE ? e : fault_set(fault, e, 0, "%s: too large to be read", path);
}

enum err
hosts_load(struct hosts *h, const struct settings *s, struct fault *fault)
{
    h->settings = s;
    h->n_files = 0;
    const struct option_list *lists[] = {&s->user_known_hosts, &s->global_known_hosts};
    enum err e = ERR_NONE;
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        for (size_t i = 0; i < lists[list]->n && e == ERR_NONE; i++)
            e = load_file(h, lists[list]->item[i], fault);
    return e;
}

void
hosts_clear(struct hosts *h)
{
    for (size_t i = 0; i < h->n_files; i++)
        buf_clear(&h->texts[i]);
    h->n_files = 0;
}

/* An alias stands for the host wherever it listens: it is recorded without port. */
static uint16_t
recorded_port(const struct settings *s)
{
    return s->o.host_key_alias ? 22 : (uint16_t)s->o.port;
}

struct host_query
hosts_query(const struct hosts *h)
{
    const struct settings *s = h->settings;
    return (struct host_query){.name = bytes_str(s->key_name),
                               .port = recorded_port(s),
                               .now = (uint64_t)time(NULL),
                               .ca_algos = bytes_str(s->lists[ALGO_CA_SIGNATURE])};
}

enum err
hosts_put_name(const struct hosts *h, struct buf *out)
{
    return known_hosts_name(bytes_str(h->settings->key_name), recorded_port(h->settings),
                            out);
}

/* ---- order of algorithms ---- */

static bool
is_on_record(struct bytes name, unsigned kinds, bool has_ca)
{
    const struct sig_algo *algo = sig_by_name(name);
    if (!algo)
        return false;
    return algo->is_cert ? has_ca : (kinds & (1U << algo->kind)) != 0;
}

static void
put_item(struct buf *out, struct bytes item)
{
    if (out->n != 0)
        buf_put_u8(out, ',');
    buf_put(out, item);
}

enum err
hosts_order_algorithms(const struct hosts *h, struct buf *out)
{
    const struct host_query query = hosts_query(h);
    const char *list = h->settings->lists[ALGO_HOST_KEY];
    const char *spec = h->settings->o.host_key_algorithms;
    unsigned kinds = 0;
    bool has_ca = false;
    known_hosts_types(h->files, h->n_files, &query, &kinds, &has_ca);
    /* Whoever wrote an order of their own wants that one. */
    if (spec && spec[0] != '+' && spec[0] != '-') {
        buf_put_str(out, list);
        return buf_err(out);
    }
    for (int wanted = 1; wanted >= 0; wanted--) {
        struct bytes rest = bytes_str(list), item;
        while (bytes_next_item(&rest, &item))
            if (is_on_record(item, kinds, has_ca) == (wanted == 1))
                put_item(out, item);
    }
    return buf_err(out);
}

/* ---- writing ---- */

static const char *
user_file(const struct hosts *h)
{
    const struct option_list *files = &h->settings->user_known_hosts;
    return files->n != 0 ? files->item[0] : NULL;
}

static enum host_name_form
name_form(const struct hosts *h)
{
    return h->settings->o.hash_known_hosts == 1 ? HOST_NAME_HASHED : HOST_NAME_PLAIN;
}

enum err
hosts_add(const struct hosts *h, struct bytes blob, struct fault *fault)
{
    const char *path = user_file(h);
    if (!path)
        return fault_set(fault, ERR_CLOSED, 0, "there is no known_hosts file to write");
    struct buf name, line;
    buf_init(&name, 1024);
    buf_init(&line, KNOWN_HOSTS_LINE_MAX);
    enum err e = hosts_put_name(h, &name);
    if (e == ERR_NONE)
        e = known_hosts_put_line(name_form(h), buf_bytes(&name), blob, &rand_system,
                                 &line);
    if (e == ERR_NONE)
        e = text_file_append(path, buf_bytes(&line));
    if (e == ERR_IO)
        e = fault_errno(fault, e, errno, "%s", path);
    else if (e != ERR_NONE)
        e = fault_set(fault, e, 0, "%s: the line cannot be made", path);
    buf_clear(&name);
    buf_clear(&line);
    return e;
}

enum err
hosts_update(const struct hosts *h, const struct host_key_changes *changes,
             struct fault *fault)
{
    const char *path = user_file(h);
    if (!path)
        return ERR_NONE;
    struct buf name, before, after;
    buf_init(&name, 1024);
    buf_init(&before, KNOWN_HOSTS_MAX);
    buf_init(&after, KNOWN_HOSTS_MAX);
    enum err e = hosts_put_name(h, &name);
    /* Read again: somebody may have written since the connection began. */
    if (e == ERR_NONE)
        e = text_file_read(path, &before, NULL);
    if (e == ERR_NONE)
        e = known_hosts_update(buf_bytes(&before), buf_bytes(&name), changes,
                               name_form(h), &rand_system, &after);
    if (e == ERR_NONE && !bytes_eq(buf_bytes(&before), buf_bytes(&after)))
        e = text_file_replace(path, buf_bytes(&after));
    if (e == ERR_IO)
        e = fault_errno(fault, e, errno, "%s", path);
    buf_clear(&name);
    buf_clear(&before);
    buf_clear(&after);
    return e;
}
