#ifndef WAYBILL_CLINUX_H
#define WAYBILL_CLINUX_H

// Calls that Swift cannot import from the C library: GNU-only functions, variadics and macros.

#include <stddef.h>
#include <stdint.h>

/// ioctl(fd, FS_IOC_SHUTDOWN, flags): cuts a file system off as a power failure would. Test use.
int waybill_fs_shutdown(int fd, uint32_t flags);

/// The file system's magic number (statfs.f_type) of `path`, or -1 with errno set.
int64_t waybill_fs_type(const char *path);

#endif
