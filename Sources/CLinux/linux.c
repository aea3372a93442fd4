#define _GNU_SOURCE
#include <sys/stat.h>
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

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

int waybill_file_status(int fd, int64_t *octets, uint32_t *mode) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    *octets = (int64_t)status.st_size;
    *mode = (uint32_t)status.st_mode;
    return 0;
}

int waybill_path_status(const char *path, uint32_t *mode, uint32_t *owner) {
    struct stat status;
    if (lstat(path, &status) != 0) return -1;
    *mode = (uint32_t)status.st_mode;
    *owner = (uint32_t)status.st_uid;
    return 0;
}

int waybill_take_owner(int fd, const char *path) {
    struct stat there, here;
    if (stat(path, &there) != 0) return errno == ENOENT ? 0 : -1;
    if (fstat(fd, &here) != 0) return -1;
    if (here.st_uid == there.st_uid && here.st_gid == there.st_gid) return 0;
    return fchown(fd, there.st_uid, there.st_gid);
}

int waybill_rename_new(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int waybill_is_socket(uint32_t mode) { return S_ISSOCK(mode) ? 1 : 0; }

void waybill_nice_thread(int level) {
    // On Linux the priority of a thread is its own, and its name is its number.
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), level);
}

void waybill_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    // Where it is not let, it goes on with what it has.
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}
