/* See public.h. */
#include "daemon/public.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum err
public_seal(const struct daemon_public *public, int *fd)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    *fd = memfd_create("ferryd-public", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return ERR_IO;
    if (write(*fd, public, sizeof *public) == (ssize_t)sizeof *public &&
        fcntl(*fd, F_ADD_SEALS, seals) == 0)
        return ERR_NONE;
    close(*fd);
    *fd = -1;
    return ERR_IO;
}

const struct daemon_public *
public_map(int fd)
{
    struct stat st;
    struct daemon_public *p;
    if (fstat(fd, &st) != 0 || st.st_size != (off_t)sizeof *p)
        return NULL;
    p = mmap(NULL, sizeof *p, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (p->size == sizeof *p && p->n_keys <= PUBLIC_KEYS_MAX &&
        p->n_shielded <= PUBLIC_SHIELDED_MAX)
        return p;
    munmap(p, sizeof *p);
    return NULL;
}

void
public_unmap(const struct daemon_public *public)
{
    if (public)
        munmap((void *)(uintptr_t) public, sizeof *public);
}
