import EventLog
import Glibc
import ReplicationSchema

/// The file of a state as of the cut of this site's log, to be sent.
///
/// Concurrency: used on one thread.
struct StateFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Opens the state that was asked for.
    ///
    /// - Throws: `refused` when this site has no such state, or not any more.
    init(
        _ request: Waybill_Replication_V1_StateRequest, of reader: LogReader,
        _ states: (any PrunedStates)?
    ) throws(ReplicationError) {
        guard let states, let record = reader.pruned, record.cut.sequence == request.sequence,
            let base = record.base(request.name, version: request.version)
        else {
            throw ReplicationError(
                .refused, "there is no state of \(request.name) as of \(request.sequence) here")
        }
        let path = states.path(of: base, in: record)
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ReplicationError(
                .refused,
                "the state of \(request.name) cannot be opened (errno \(errno)): \(path)")
        }
        self.init(descriptor: descriptor, path: path)
    }

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Some of its octets; none at its end.
    func octets(at offset: UInt64, count: Int) throws(ReplicationError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        let read = unsafe pread(descriptor, &octets, count, off_t(offset))
        guard read >= 0 else {
            throw ReplicationError(.stopped, "\(path) cannot be read (errno \(errno))")
        }
        return Array(octets[..<read])
    }
}
