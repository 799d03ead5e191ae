/*
 * For tests of trees: paths and contents in one line each, and a tree on disk
 * in a directory of its own.
 */
#ifndef FERRY_VFS_RIG_H
#define FERRY_VFS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vfs/vfs.h"

/* Parsed; must be a good path. */
struct vfs_path rig_path_of(const char *text);
#define P(text) (&(struct vfs_path[]){rig_path_of(text)}[0])

/* Open with WRITE and these flags, write, close. What failed first; on a failed
 * write the file is closed all the same. */
int rig_put(struct vfs *v, const char *name, const char *content, unsigned flags);

/* The file has exactly that content (below 1000 octets). */
void rig_check(struct vfs *v, const char *name, const char *content);

/* lstat's error. */
int rig_lstat(struct vfs *v, const char *name);
struct vfs_stat rig_stat(struct vfs *v, const char *name);

/* How many names a directory has, besides "." and ".."; of those with a prefix. */
unsigned rig_count(struct vfs *v, const char *name, const char *prefix);

/* A confined tree on disk; `dir` is a template that ends in XXXXXX. */
struct vfs *rig_disk(char *dir, bool is_literal);
/* A second one on the directory of the first. */
struct vfs *rig_disk_again(const char *dir, bool is_literal);
void rig_remove_tree(const char *dir);

#endif
