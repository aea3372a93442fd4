import Projections

/// How long deliveries took, in buckets that grow with the time: each is at most 1/16 wide of where
/// it begins, so a quantile is at most 6.25 % too high.
///
/// Whole milliseconds. Bucket n below 16 is n milliseconds; from there on, 16 buckets for each
/// doubling. Only the buckets from the least to the greatest in use take memory. Merging is adding,
/// so the order of merges does not matter.
///
/// Concurrency: value.
package struct LatencyHistogram: Hashable, Sendable {
    /// Number of the first bucket in ``counts``.
    private var first = 0
    private var counts: [Int] = []
    /// Deliveries recorded.
    package private(set) var count = 0
    /// The longest, milliseconds, exact.
    package private(set) var maximum: Int64 = 0
    /// Of all, milliseconds, exact.
    package private(set) var sum: Int64 = 0

    /// Nothing recorded.
    package init() {}

    /// The bucket of a time; negative times count as 0, times over ~34 years as that.
    @inline(__always)
    static func bucket(milliseconds: Int64) -> Int {
        let value = UInt64(min(max(milliseconds, 0), Limits.latencyMillisecondsMaximum))
        guard value >= 16 else { return Int(value) }
        let shift = 59 - value.leadingZeroBitCount
        return shift * 16 + Int(value >> UInt64(shift))
    }

    /// The greatest time of a bucket, milliseconds.
    static func upperBound(ofBucket bucket: Int) -> Int64 {
        guard bucket >= 32 else { return Int64(bucket) }
        let shift = Int64(bucket / 16 - 1)
        return (Int64(bucket % 16 + 16) + 1) << shift - 1
    }

    /// Buckets there are.
    static let bucketCount = bucket(milliseconds: Limits.latencyMillisecondsMaximum) + 1

    /// Records one delivery.
    @inline(__always)
    mutating func record(milliseconds: Int64, bucket: Int) {
        let value = min(max(milliseconds, 0), Limits.latencyMillisecondsMaximum)
        let index = bucket - first
        if index >= 0, index < counts.count {
            counts[index] &+= 1
        } else {
            reserve(bucket...bucket)
            counts[bucket - first] &+= 1
        }
        count &+= 1
        sum &+= value
        if value > maximum { maximum = value }
    }

    private mutating func reserve(_ buckets: ClosedRange<Int>) {
        guard !counts.isEmpty else {
            first = buckets.lowerBound
            counts.append(contentsOf: repeatElement(0, count: buckets.count))
            return
        }
        if buckets.lowerBound < first {
            counts.insert(
                contentsOf: repeatElement(0, count: first - buckets.lowerBound), at: 0)
            first = buckets.lowerBound
        }
        let missing = buckets.upperBound - first + 1 - counts.count
        if missing > 0 { counts.append(contentsOf: repeatElement(0, count: missing)) }
    }

    /// Whether nothing was recorded.
    var isEmpty: Bool { counts.isEmpty }

    /// Becomes nothing, and keeps its room.
    mutating func clear() {
        first = 0
        counts.removeAll(keepingCapacity: true)
        count = 0
        maximum = 0
        sum = 0
    }

    /// Adds what another recorded.
    package static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
        guard let last = right.counts.indices.last else { return }
        left.reserve(right.first...right.first + last)
        let shift = right.first - left.first
        for index in right.counts.indices { left.counts[index + shift] &+= right.counts[index] }
        left.count &+= right.count
        left.sum &+= right.sum
        left.maximum = max(left.maximum, right.maximum)
    }

    /// The time within which so many of a thousand deliveries were made (500: the median), in
    /// milliseconds; nil when there were none.
    package func quantile(perMille: Int) -> Int64? {
        guard count > 0 else { return nil }
        let (whole, rest) = count.quotientAndRemainder(dividingBy: 1000)
        let part = min(max(perMille, 0), 1000)
        let rank = max(1, whole * part + (rest * part + 999) / 1000)
        var seen = 0
        for (index, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return min(Self.upperBound(ofBucket: first + index), maximum) }
        }
        return maximum
    }

    /// The mean, milliseconds; nil when there were none.
    package var mean: Int64? { count > 0 ? sum / Int64(count) : nil }

    /// Every bucket in use: its greatest time in milliseconds, and how many.
    package var buckets: [(upTo: Int64, count: Int)] {
        counts.enumerated().compactMap { index, count in
            count == 0 ? nil : (Self.upperBound(ofBucket: first + index), count)
        }
    }

    /// Bounds that people find round, milliseconds: from a tenth of a second to a day.
    package static let roundBounds: [Int64] = [
        100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000,
        14_400_000, 86_400_000,
    ]

    /// How many deliveries took at most each bound and more than the one before, a bucket as a
    /// whole; what takes longer than the last bound counts there.
    package func counts(under bounds: [Int64]) -> [(upTo: Int64, count: Int)] {
        var counts = [Int](repeating: 0, count: bounds.count)
        guard let last = bounds.indices.last else { return [] }
        for (upTo, count) in buckets {
            counts[bounds.firstIndex { min(upTo, maximum) <= $0 } ?? last] += count
        }
        return bounds.indices.map { (bounds[$0], counts[$0]) }
    }

    // MARK: Rows

    /// Number of buckets (varint), first bucket, counts, maximum and sum (varints); nothing but a
    /// zero when nothing was recorded.
    func write(to row: inout RowWriter) {
        row.write(varint: UInt64(counts.count))
        guard !counts.isEmpty else { return }
        row.write(varint: UInt64(first))
        for count in counts { row.write(varint: UInt64(count)) }
        row.write(varint: UInt64(bitPattern: maximum))
        row.write(varint: UInt64(bitPattern: sum))
    }

    /// Reads what ``write(to:)`` wrote.
    init(_ reader: inout RowReader) {
        let length = reader.count()
        guard length > 0 else { return }
        first = reader.count()
        guard length <= Self.bucketCount, first <= Self.bucketCount - length else {
            reader.fail()
            return
        }
        counts = (0..<length).map { _ in
            let number = reader.count()
            count &+= number
            return number
        }
        maximum = Int64(truncatingIfNeeded: reader.varint())
        sum = Int64(truncatingIfNeeded: reader.varint())
        if counts.first == 0 || counts.last == 0 || maximum < 0 || count < 0 { reader.fail() }
    }
}
