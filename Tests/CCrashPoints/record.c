#define _GNU_SOURCE
#include "CCrashPoints.h"
#include "record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int is_on;
static char folder[4096];
static struct file_record *records;
static long used, room;

static int on(void) { return atomic_load_explicit(&is_on, memory_order_acquire); }

/* The name below the folder, NULL for what is elsewhere. */
static const char *name_of(const char *path) {
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0) return NULL;
    if (path[length] == 0) return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

/* Likewise of an open file; the name is in `path`. */
static const char *name_of_file(int file, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return NULL;
    path[length] = 0;
    return name_of(path);
}

static void add(struct file_record record) {
    if (used == room) {
        room = room ? 2 * room : 1024;
        records = realloc(records, room * sizeof *records);
        if (!records) abort();
    }
    records[used++] = record;
}

static void add_locked(struct file_record record) {
    pthread_mutex_lock(&lock);
    if (on()) add(record);
    pthread_mutex_unlock(&lock);
}

static void *copy(const void *bytes, size_t count) {
    void *kept = malloc(count ? count : 1);
    if (!kept) abort();
    return memcpy(kept, bytes, count);
}

void file_record_begin(const char *path) {
    pthread_mutex_lock(&lock);
    for (long index = 0; index < used; index++) {
        free((void *)records[index].name);
        free((void *)records[index].renamed);
        free((void *)records[index].bytes);
    }
    used = 0;
    snprintf(folder, sizeof folder, "%s", path);
    atomic_store_explicit(&is_on, 1, memory_order_release);
    pthread_mutex_unlock(&lock);
}

void file_record_mark(long number) {
    add_locked((struct file_record){.call = FILE_MARK, .name = strdup(""), .at = number});
}

long file_record_end(void) {
    pthread_mutex_lock(&lock);
    atomic_store_explicit(&is_on, 0, memory_order_release);
    pthread_mutex_unlock(&lock);
    return used;
}

const struct file_record *file_record_at(long index) { return &records[index]; }

void record_write(int file, const void *bytes, ssize_t count, off_t at) {
    char path[4096];
    const char *name;
    if (count <= 0 || !on() || !(name = name_of_file(file, path))) return;
    add_locked((struct file_record){
        .call = FILE_WRITE, .name = strdup(name), .at = at, .count = count,
        .bytes = copy(bytes, count), .durable = (fcntl(file, F_GETFL) & O_DSYNC) != 0});
}

void record_pieces(int file, const struct iovec *pieces, int count, ssize_t written, off_t at) {
    for (int index = 0; index < count && written > 0; index++) {
        ssize_t part = (ssize_t)pieces[index].iov_len;
        if (part > written) part = written;
        record_write(file, pieces[index].iov_base, part, at);
        at += part;
        written -= part;
    }
}

void record_sync(int file) {
    char path[4096];
    const char *name;
    if (!on() || !(name = name_of_file(file, path))) return;
    add_locked((struct file_record){.call = FILE_SYNC, .name = strdup(name)});
}

static void record_path(enum file_call call, const char *path, const char *renamed) {
    const char *name;
    if (!on() || !(name = name_of(path))) return;
    const char *other = renamed ? name_of(renamed) : NULL;
    add_locked((struct file_record){
        .call = call, .name = strdup(name), .renamed = other ? strdup(other) : NULL});
}

int fsync(int file) {
    int code = (int)syscall(SYS_fsync, file);
    if (code == 0) record_sync(file);
    return code;
}

int ftruncate(int file, off_t count) {
    int code = (int)syscall(SYS_ftruncate, file, count);
    char path[4096];
    const char *name;
    if (code == 0 && on() && (name = name_of_file(file, path))) {
        add_locked((struct file_record){.call = FILE_TRUNCATE, .name = strdup(name), .at = count});
    }
    return code;
}

int ftruncate64(int file, off_t count) { return ftruncate(file, count); }

int rename(const char *from, const char *to) {
    int code = (int)syscall(SYS_rename, from, to);
    if (code == 0) record_path(FILE_RENAME, from, to);
    return code;
}

int unlink(const char *path) {
    int code = (int)syscall(SYS_unlink, path);
    if (code == 0) record_path(FILE_REMOVE, path, NULL);
    return code;
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    int is_new = on() && (flags & O_CREAT) && name_of(path) && access(path, F_OK) != 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= 0 && is_new) {
        record_path(FILE_CREATE, path, NULL);
    } else if (file >= 0 && on() && (flags & O_TRUNC)) {
        record_path(FILE_TRUNCATE, path, NULL);
    }
    return file;
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    return open(path, flags, mode);
}
