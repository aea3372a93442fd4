#ifndef WAYBILL_CLINUX_H
#define WAYBILL_CLINUX_H

// Calls that Swift cannot import from the C library: GNU-only functions, variadics and macros.

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/// ioctl(fd, FS_IOC_SHUTDOWN, flags): cuts a file system off as a power failure would. Test use.
int waybill_fs_shutdown(int fd, uint32_t flags);

/// The file system's magic number (statfs.f_type) of `path`, or -1 with errno set.
int64_t waybill_fs_type(const char *path);

/// Names a thread for debuggers and `top`; at most 15 characters count.
void waybill_set_thread_name(pthread_t thread, const char *name);

/// Gives the calling thread's processor and disk time to others first: 0 to 19, as nice(1). Only the
/// thread, where POSIX would have the process.
void waybill_nice_thread(int level);

/// Octets and permission bits of an open file; 0, or -1 with errno set. A function, because in a
/// module beside SwiftNIO the type `stat` belongs to whichever C module was loaded first.
int waybill_file_status(int fd, int64_t *octets, uint32_t *mode);

/// What stands at a path, itself if it is a link: its mode with the type (S_IFMT) and its owner; 0, or
/// -1 with errno set. A function for the same reason.
int waybill_path_status(const char *path, uint32_t *mode, uint32_t *owner);

/// Gives an open file the owner and the group of what stands at a path, if they are others; 0, also where
/// nothing stands there, or -1 with errno set. A function for the same reason.
int waybill_take_owner(int fd, const char *path);

/// renameat2(RENAME_NOREPLACE): gives a file another name, which nothing has; 0, or -1 with errno set. EEXIST:
/// something has it. EINVAL: the file system cannot do that.
int waybill_rename_new(const char *from, const char *to);

/// 1 when a mode is that of a socket.
int waybill_is_socket(uint32_t mode);

/// Lets the process open as many files as its hard limit allows: the soft one, often 1,024, is there for
/// programs that use select(2).
void waybill_raise_open_files(void);

#endif
