#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/ioctl.h>
#include <sys/vfs.h>

#ifndef FS_IOC_SHUTDOWN
#define FS_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#endif

int waybill_fs_shutdown(int fd, uint32_t flags) { return ioctl(fd, FS_IOC_SHUTDOWN, &flags); }

int64_t waybill_fs_type(const char *path) {
    struct statfs info;
    if (statfs(path, &info) != 0) return -1;
    return (int64_t)info.f_type;
}

void waybill_set_thread_name(pthread_t thread, const char *name) {
    pthread_setname_np(thread, name);
}
