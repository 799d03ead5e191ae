/* See board.h. */
#include "daemon/board.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A reader tries so often before it goes without the texts; a writer needs a
 * fraction of a microsecond, a hostile one may never be done. */
enum { READ_TRIES = 4 };

/* ---- the memory ---- */

enum err
board_new(uint32_t n, int *fd)
{
    *fd = memfd_create("ferry-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return ERR_IO;
    /* A session that could shrink it would crash the listener with SIGBUS. */
    if (ftruncate(*fd, (off_t)n * BOARD_PAGE) == 0 &&
        fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return ERR_NONE;
    close(*fd);
    *fd = -1;
    return ERR_IO;
}

static struct board_page *
map(int fd, off_t from, size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, from);
    return p == MAP_FAILED ? NULL : (struct board_page *)p;
}

struct board_page *
board_map_all(int fd, uint32_t n)
{
    return map(fd, 0, (size_t)n * BOARD_PAGE);
}

struct board_page *
board_map_one(int fd, uint32_t place)
{
    return map(fd, (off_t)place * BOARD_PAGE, BOARD_PAGE);
}

struct board_page *
board_at(struct board_page *all, uint32_t place)
{
    return (struct board_page *)((uint8_t *)all + (size_t)place * BOARD_PAGE);
}

void
board_reset(struct board_page *p)
{
    memset(p, 0, BOARD_PAGE);
}

/* ---- the session's side ---- */

/* A sequence lock: `change` is odd for as long as the texts don't fit together. There
 * is one writer, so it needs no lock against others. */
static void
begin_change(struct board_page *p)
{
    uint32_t change = atomic_load_explicit(&p->change, memory_order_relaxed);
    atomic_store_explicit(&p->change, change | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void
end_change(struct board_page *p)
{
    uint32_t change = atomic_load_explicit(&p->change, memory_order_relaxed);
    atomic_store_explicit(&p->change, change + 1, memory_order_release);
}

void
board_set_client(struct board_page *p, struct bytes client)
{
    client = bytes_first(client, BOARD_CLIENT_MAX);
    begin_change(p);
    if (client.n != 0)
        memcpy(p->client, client.p, client.n);
    p->client_len = (uint32_t)client.n;
    end_change(p);
}

void
board_set_file(struct board_page *p, struct bytes path, uint32_t flags, uint64_t size)
{
    path = bytes_first(path, BOARD_PATH_MAX);
    begin_change(p);
    if (path.n != 0)
        memcpy(p->path, path.p, path.n);
    p->path_len = (uint32_t)path.n;
    atomic_store_explicit(&p->file_flags, flags, memory_order_relaxed);
    atomic_store_explicit(&p->file_size, size, memory_order_relaxed);
    atomic_store_explicit(&p->file_offset, 0, memory_order_relaxed);
    end_change(p);
}

void
board_clear_file(struct board_page *p)
{
    board_set_file(p, (struct bytes){0}, 0, 0);
}

/* ---- the reader's side ---- */

static void
read_numbers(const struct board_page *p, struct board_view *view)
{
    view->octets_in = atomic_load_explicit(&p->octets_in, memory_order_relaxed);
    view->octets_out = atomic_load_explicit(&p->octets_out, memory_order_relaxed);
    view->n_requests = atomic_load_explicit(&p->n_requests, memory_order_relaxed);
    view->n_files = atomic_load_explicit(&p->n_files, memory_order_relaxed);
    view->file_offset = atomic_load_explicit(&p->file_offset, memory_order_relaxed);
}

/* A length that the other side can change while it is looked at: read once, through
 * volatile so that the compiler does too, then bounded. */
static uint32_t
read_length(const uint32_t *len, uint32_t most)
{
    uint32_t n = *(const volatile uint32_t *)len;
    return n < most ? n : most;
}

static void
read_texts(const struct board_page *p, struct board_view *view)
{
    view->file_flags = atomic_load_explicit(&p->file_flags, memory_order_relaxed);
    view->file_size = atomic_load_explicit(&p->file_size, memory_order_relaxed);
    view->path_len = read_length(&p->path_len, BOARD_PATH_MAX);
    view->client_len = read_length(&p->client_len, BOARD_CLIENT_MAX);
    memcpy(view->path, p->path, sizeof view->path);
    memcpy(view->client, p->client, sizeof view->client);
}

static bool
read_consistently(const struct board_page *p, struct board_view *view)
{
    uint32_t before = atomic_load_explicit(&p->change, memory_order_acquire);
    read_texts(p, view);
    atomic_thread_fence(memory_order_acquire);
    uint32_t after = atomic_load_explicit(&p->change, memory_order_relaxed);
    return before == after && (before & 1) == 0;
}

bool
board_read(const struct board_page *p, struct board_view *view)
{
    *view = (struct board_view){0};
    for (int i = 0; i < READ_TRIES; i++)
        if (read_consistently(p, view)) {
            read_numbers(p, view);
            return true;
        }
    *view = (struct board_view){0};
    read_numbers(p, view);
    return false;
}
