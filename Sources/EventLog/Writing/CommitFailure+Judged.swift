internal import Glibc
internal import LMDB

extension CommitFailure {
    /// What a failed commit means to whoever asked for it.
    ///
    /// - Parameters:
    ///   - file: The segment.
    ///   - directory: Of the log.
    ///   - configuration: How much space is free.
    /// - Returns: `writeFailed`, `outOfSpace`: nothing was written. `outcomeUnknown`: the process has
    ///   to end.
    func judged(
        file: String, directory: LogDirectory, configuration: EventLogConfiguration
    ) -> EventLogError {
        switch self {
        case .mapFull:
            return EventLogError(.writeFailed, "the segment has no room", file: file)
        case .nothingWritten(let error):
            let free = configuration.freeBytes(directory.path) ?? .max
            // A short write on a disk that fills up is EIO.
            let isFull =
                error.code == ENOSPC || error.code == EDQUOT
                || (error.code == EIO && free < 16 << 20)
            return isFull
                ? EventLogError(
                    .outOfSpace, "no space for the log: \(error)", file: file,
                    hint: "Free some space on this file system; the log is intact and goes on.")
                : EventLogError(
                    .writeFailed, "the log could not be written: \(error)", file: file,
                    hint: "Check the disk and the kernel's messages; the log is intact.")
        case .unknown(let error):
            return EventLogError(
                .outcomeUnknown,
                "a flush failed, so what is on the disk is unknown: \(error)", file: file,
                hint: "Check the disk, then start again: what is really there is read then.")
        }
    }
}
