/// A deterministic fold of the log that can be kept in rows.
///
/// The same events give the same rows, whatever the batches, restarts and checkpoints.
package protocol Projection: Sendable {
    /// Names the file, for example `queue`.
    static var name: String { get }
    /// Raised when the rows or their meaning change: the old file is left alone, a new one built.
    static var version: UInt32 { get }
}
