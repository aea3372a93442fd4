package import EventLog

/// Why an order is not carried out.
///
/// Concurrency: value.
package enum OrderError: Error, Equatable, Sendable {
    /// A part of it cannot be as it is: its name in requests, and why.
    case invalid(String, String)
    /// The giver may not do this.
    case forbidden(String)
    /// There is no such thing, or none that the giver may know of.
    case notFound(String)
    /// There are as many as there may be.
    case limitReached(String)
    /// The queue is not there yet, or not any more.
    case notReady
    /// The log did not take it. The number of recipients or entries that it had taken before.
    case log(EventLogError, done: Int)
    /// It stands in the log, and delivery has not seen it within the limit.
    case notApplied(sequence: UInt64)
}
