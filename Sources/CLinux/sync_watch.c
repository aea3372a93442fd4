#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local uint64_t sync_calls;
static _Thread_local uint64_t sync_failures;

uint64_t waybill_sync_calls(void) { return sync_calls; }

uint64_t waybill_sync_failures(void) { return sync_failures; }

typedef int (*sync_function)(int);

// Stands before the C library's fdatasync (and before any preloaded one, which it calls), because
// mdb_txn_commit gives the same EIO for a page it could not write, where nothing has happened and
// the log goes on, and for a failed flush, after which no retry is allowed.
__attribute__((visibility("default"))) int fdatasync(int fd) {
    static _Atomic(sync_function) next;
    sync_function function = atomic_load_explicit(&next, memory_order_relaxed);
    if (function == NULL) {
        function = (sync_function)dlsym(RTLD_NEXT, "fdatasync");
        atomic_store_explicit(&next, function, memory_order_relaxed);
    }
    int result = function != NULL ? function(fd) : (int)syscall(SYS_fdatasync, fd);
    sync_calls++;
    if (result != 0) sync_failures++;
    return result;
}
