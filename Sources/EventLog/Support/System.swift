internal import CLinux
internal import Glibc

/// The operating system's clocks: the defaults of ``EventLogConfiguration``.
package enum SystemClock {
    /// Microseconds since 1970-01-01T00:00:00Z.
    package static func microseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// Milliseconds since some moment of the past; never goes back.
    package static func monotonicMilliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// Microseconds since some moment of the past; never goes back.
    package static func monotonicMicroseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }

    /// Milliseconds since the machine was started, also those in which it was suspended; never goes
    /// back, and nobody sets it.
    package static func bootMilliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// The operating system's randomness.
package enum SystemRandom {
    /// So many random octets.
    package static func octets(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

/// Ends the process.
package enum SystemExit {
    /// sysexits.h EX_SOFTWARE: something happened that only a new start can judge.
    package static let code: Int32 = 70

    /// Says why on standard error and exits at once, without running anything else.
    package static func exit(with error: EventLogError) -> Never {
        let line = "waybill: the log cannot go on: \(error)\n"
        var bytes = Array(line.utf8)
        _ = unsafe write(STDERR_FILENO, &bytes, bytes.count)
        _exit(code)
    }
}

/// What the log asks of the file system it stands on.
package enum FileSystem {
    /// Bytes that an unprivileged writer can still take; nil when it cannot be told.
    package static func freeBytes(of directory: String) -> UInt64? {
        var info = statvfs()
        guard unsafe statvfs(directory, &info) == 0 else { return nil }
        return UInt64(info.f_bavail) * UInt64(info.f_frsize)
    }

    /// The name of a file system that may lose what it acknowledged or cannot be mapped
    /// coherently; nil for one that LMDB can stand on.
    package static func unsuitableName(of directory: String) -> String? {
        unsuitable[unsafe waybill_fs_type(directory)]
    }

    /// By magic number (linux/magic.h).
    private static let unsuitable: [Int64: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2",
        0x564C: "NCP", 0x7375_7245: "Coda", 0x5346_414F: "AFS", 0x6B41_4653: "kAFS",
        0x0102_1997: "9p", 0x00C3_6400: "Ceph", 0x794C_7630: "overlayfs",
        0x6573_5546: "FUSE", 0x0BD0_0BD0: "Lustre", 0x786F_4256: "vboxsf",
        0x0116_1970: "GFS2", 0x7461_636F: "OCFS2",
    ]
}
