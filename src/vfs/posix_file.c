/* Open files of the posix vfs: contents. See vfs.h for the contracts. */
#include "vfs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    COPY_STEP = 8 << 20,   /* octets a copy_file_range(): some milliseconds */
    COPY_BUFFER = 64 << 10 /* octets a step where the file system cannot */
};

/*
 * Only what cannot block or bite is opened: regular files, and not those of
 * procfs and sysfs, where writing to a process's memory is a way to run code
 * (threats P4, P5).
 */
static int
check_opened(int fd)
{
    struct stat st;
    struct statfs fs;
    if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    if (!S_ISREG(st.st_mode))
        return VFS_ERR_SPECIAL;
    bool is_pseudo = fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC;
    return is_pseudo ? VFS_ERR_PSEUDO : 0;
}

static int
open_flags(unsigned flags)
{
    static const struct {
        unsigned ours;
        int theirs;
    } map[] = {{VFS_APPEND, O_APPEND},
               {VFS_CREATE, O_CREAT},
               {VFS_TRUNCATE, O_TRUNC},
               {VFS_EXCLUSIVE, O_EXCL},
               {VFS_NEW, O_EXCL}};
    bool reads = (flags & VFS_READ) != 0, writes = (flags & VFS_WRITE) != 0;
    if (!writes)
        flags &= ~(unsigned)VFS_TRUNCATE;
    int result = !writes ? O_RDONLY : reads ? O_RDWR : O_WRONLY;
    for (size_t i = 0; i < ARRAY_LEN(map); i++)
        if (flags & map[i].ours)
            result |= map[i].theirs;
    /* O_EXCL alone means something else for block devices. */
    return (flags & VFS_CREATE) ? result : result & ~O_EXCL;
}

int
posix_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
           struct vfs_file **file)
{
    struct posix_vfs *p = posix_of(v);
    struct posix_file *f = malloc(sizeof *f);
    if (!f)
        return ENOMEM;
    struct posix_place place = posix_place_whole(p, path);
    uint32_t create_mode = (flags & VFS_CREATE) ? mode & 0777 : 0;
    int error = posix_open_at(p, &place, open_flags(flags) | O_NONBLOCK | O_NOCTTY,
                              create_mode, 0, &f->fd);
    if (error == 0) {
        error = check_opened(f->fd);
        if (error != 0)
            close(f->fd);
    }
    if (error != 0) {
        free(f);
        return error == ENXIO ? VFS_ERR_SPECIAL : posix_creation_error(p->root, error);
    }
    f->is_append = (flags & VFS_APPEND) != 0;
    *file = (struct vfs_file *)f;
    return 0;
}

int
posix_close(struct vfs *v, struct vfs_file *file)
{
    (void)v;
    struct posix_file *f = posix_file_of(file);
    /* Linux has closed the descriptor even when it says EINTR. */
    int error = close(f->fd) != 0 && errno != EINTR ? errno : 0;
    free(f);
    return error;
}

void
posix_abandon(struct vfs *v, struct vfs_file *file)
{
    (void)posix_close(v, file); /* nobody is left to hear of it */
}

/* Where a reader stands in a list of vectors. */
struct position {
    int i;       /* vector */
    size_t skip; /* octets of it that are full */
};

static void
position_advance(struct position *at, const struct iovec *iov, size_t n)
{
    while (n != 0) {
        size_t left = iov[at->i].iov_len - at->skip;
        size_t step = n < left ? n : left;
        n -= step;
        at->skip += step;
        if (at->skip == iov[at->i].iov_len)
            *at = (struct position){at->i + 1, 0};
    }
}

int
posix_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
             uint64_t offset, size_t *got)
{
    (void)v;
    int fd = posix_file_of(file)->fd;
    struct position at = {0};
    size_t total = 0;
    while (at.i < n_iov) {
        const struct iovec *now = iov + at.i;
        off_t here = (off_t)(offset + total);
        int left = n_iov - at.i < IOV_MAX ? n_iov - at.i : IOV_MAX;
        ssize_t n = at.skip ? pread(fd, (char *)now->iov_base + at.skip,
                                    now->iov_len - at.skip, here)
                            : preadv(fd, now, left, here);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && total == 0)
            return errno;
        if (n <= 0) /* the end; or a failure that the next READ will meet first */
            break;
        total += (size_t)n;
        position_advance(&at, iov, (size_t)n);
    }
    *got = total;
    return 0;
}

static int
write_all(int fd, struct bytes data, uint64_t offset)
{
    while (data.n != 0) {
        ssize_t n = pwrite(fd, data.p, data.n, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return EIO; /* neither progress nor a reason */
        data = bytes_skip(data, (size_t)n);
        offset += (uint64_t)n;
    }
    return 0;
}

int
posix_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    (void)v;
    return write_all(posix_file_of(file)->fd, data, offset);
}

int
posix_fsync(struct vfs *v, struct vfs_file *file)
{
    (void)v;
    return fsync(posix_file_of(file)->fd) == 0 ? 0 : errno;
}

/* A step through our own memory, for files that copy_file_range refuses. */
static int
copy_by_hand(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t len,
             uint64_t *copied)
{
    uint8_t buffer[COPY_BUFFER];
    ssize_t n;
    do
        n = pread(from, buffer, len < sizeof buffer ? len : sizeof buffer,
                  (off_t)from_offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    int error = write_all(to, bytes_of(buffer, (size_t)n), to_offset);
    if (error == 0)
        *copied = (uint64_t)n;
    return error;
}

int
posix_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
           struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    (void)v;
    struct posix_file *in = posix_file_of(from), *out = posix_file_of(to);
    size_t step = len < COPY_STEP ? (size_t)len : COPY_STEP;
    off_t in_at = (off_t)from_offset, out_at = (off_t)to_offset;
    /* The system call refuses append mode, where offsets mean nothing. */
    ssize_t n = -1;
    errno = EINVAL;
    if (!out->is_append)
        n = copy_file_range(in->fd, &in_at, out->fd, &out_at, step, 0);
    if (n >= 0) {
        *copied = (uint64_t)n;
        return 0;
    }
    switch (errno) {
    case EINVAL:
    case EXDEV:
    case EOPNOTSUPP:
    case ENOSYS:
    case EINTR:
        return copy_by_hand(in->fd, from_offset, out->fd, to_offset, step, copied);
    default:
        return errno;
    }
}
