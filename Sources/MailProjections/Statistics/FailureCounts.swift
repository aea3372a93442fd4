package import MailModel
import Projections

/// How often each bounce class was given.
///
/// Concurrency: value.
package struct FailureCounts: Hashable, Sendable {
    /// By raw value, up to the greatest that was counted.
    private var counts: [Int] = []

    /// Nothing counted.
    package init() {}

    /// Counts one, also of a class that a later version added; numbers beyond
    /// ``Limits/bounceClassNumbersMaximum`` count as unclassified.
    mutating func add(rawClass: UInt32) {
        let index = rawClass < Limits.bounceClassNumbersMaximum ? Int(rawClass) : 0
        while counts.count <= index { counts.append(0) }
        counts[index] &+= 1
    }

    /// Whether nothing was counted.
    var isEmpty: Bool { counts.isEmpty }

    /// Becomes nothing, and keeps its room.
    mutating func clear() { counts.removeAll(keepingCapacity: true) }

    /// Adds what another counted.
    package static func += (left: inout FailureCounts, right: FailureCounts) {
        while left.counts.count < right.counts.count { left.counts.append(0) }
        for index in right.counts.indices { left.counts[index] &+= right.counts[index] }
    }

    /// Of one class.
    package subscript(_ bounceClass: BounceClass) -> Int {
        let index = Int(bounceClass.rawValue)
        return index < counts.count ? counts[index] : 0
    }

    /// Of all classes.
    package var total: Int { counts.reduce(0, &+) }

    /// The number of entries (varint), then one for each class from 0 (varints).
    func write(to row: inout RowWriter) {
        row.write(varint: UInt64(counts.count))
        for count in counts { row.write(varint: UInt64(count)) }
    }

    /// Reads what ``write(to:)`` wrote.
    init(_ reader: inout RowReader) {
        let length = reader.count()
        guard length <= Limits.bounceClassNumbersMaximum else {
            reader.fail()
            return
        }
        counts = (0..<length).map { _ in reader.count() }
        if counts.last == 0 { reader.fail() }
    }
}

/// What is told of deliveries beside the counters: why they failed and how long they took.
///
/// Concurrency: value.
package struct OutcomeDetail: Hashable, Sendable {
    /// `bounced` and `expired`.
    package var failures = FailureCounts()
    /// `deferred`.
    package var deferrals = FailureCounts()
    /// `bounced_later`.
    package var returns = FailureCounts()
    /// From `received` to `delivered`; only of messages whose `received` the fold has seen.
    package var latency = LatencyHistogram()

    /// Nothing.
    package init() {}

    /// Adds what another says.
    package static func += (left: inout OutcomeDetail, right: OutcomeDetail) {
        left.failures += right.failures
        left.deferrals += right.deferrals
        left.returns += right.returns
        left.latency += right.latency
    }

    /// Whether there is nothing.
    var isEmpty: Bool {
        failures.isEmpty && deferrals.isEmpty && returns.isEmpty && latency.isEmpty
    }

    /// Becomes nothing; the room it has is kept for the next hour.
    mutating func clear() {
        failures.clear()
        deferrals.clear()
        returns.clear()
        latency.clear()
    }

    func write(to row: inout RowWriter) {
        failures.write(to: &row)
        deferrals.write(to: &row)
        returns.write(to: &row)
        latency.write(to: &row)
    }

    init(_ reader: inout RowReader) {
        failures = FailureCounts(&reader)
        deferrals = FailureCounts(&reader)
        returns = FailureCounts(&reader)
        latency = LatencyHistogram(&reader)
    }
}
