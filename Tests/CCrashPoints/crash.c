#define _GNU_SOURCE
#include "CCrashPoints.h"
#include "record.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long left[3];
static atomic_int after;

void crash_point_arm(enum crash_point point, long count, int after_the_call) {
    atomic_store(&after, after_the_call);
    atomic_store(&left[point], count);
}

static void die(void) { kill(getpid(), SIGKILL); }

/* Whether this call is the one to die in; kills at once where that is to be before it. */
static int reach(enum crash_point point) {
    if (atomic_load_explicit(&left[point], memory_order_relaxed) <= 0) return 0;
    if (atomic_fetch_sub(&left[point], 1) != 1) return 0;
    if (!atomic_load(&after)) die();
    return 1;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    int dies = reach(CRASH_IN_STORE_WRITE);
    ssize_t written = syscall(SYS_pwrite64, file, bytes, count, at);
    record_write(file, bytes, written, at);
    if (dies) die();
    return written;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
    return pwrite(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
    int dies = reach(CRASH_IN_STORE_WRITE);
    off_t at = lseek(file, 0, SEEK_CUR);
    ssize_t written = syscall(SYS_writev, file, pieces, count);
    record_pieces(file, pieces, count, written, at);
    if (dies) die();
    return written;
}

int fdatasync(int file) {
    int dies = reach(CRASH_IN_STORE_SYNC);
    int code = (int)syscall(SYS_fdatasync, file);
    if (code == 0) record_sync(file);
    if (dies) die();
    return code;
}

/* Declared as the calling convention sees it: two pointers and a count in, a pointer out. */
void *rd_kafka_produceva(void *client, const void *fields, size_t count) {
    static void *(*own)(void *, const void *, size_t);
    if (!own) own = (void *(*)(void *, const void *, size_t))dlsym(RTLD_NEXT, "rd_kafka_produceva");
    int dies = reach(CRASH_IN_PUBLISH);
    void *error = own(client, fields, count);
    if (dies) die();
    return error;
}
