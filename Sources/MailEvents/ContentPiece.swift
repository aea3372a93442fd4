package import MailModel

/// What holds for pieces of contents.
///
/// Concurrency: no state.
package enum ContentPiece {
    /// Octets of a piece at most. A content block that is as large is written within some milliseconds,
    /// and is compressed as well as a larger one. A message that is larger is written while it comes in.
    package static let octets = 1 << 20
    /// Octets of a part's body from which on it is a piece of its own, so that another message can name
    /// it: naming costs some hundred octets, and smaller ones are compressed with their neighbours.
    /// A message without such a part that is not larger than ``octets`` is stored with its `received`.
    package static let sharedOctets = 1 << 16
    /// Microseconds after which a piece is not named by further messages, but stored again: thirty
    /// minutes. With the hour that a client has for a message that makes ``completionMicroseconds``.
    package static let namingMicroseconds: Int64 = 1_800_000_000
    /// Pieces that are remembered for being named: some 10 MiB of memory. Beyond: the oldest is
    /// forgotten, and stored again when it comes again.
    package static let recentPieces = 1 << 16
    /// Microseconds for which a piece that no message names is kept: two hours.
    package static let lifetimeMicroseconds: Int64 = 7_200_000_000
    /// Microseconds after its oldest piece within which a message must be complete: half of the
    /// lifetime and a quarter more, so that no clock's small step makes them meet. Reception gives a
    /// client an hour for a message. Beyond: `451 4.3.0`, and the client sends it again.
    package static let completionMicroseconds: Int64 = 5_400_000_000

    /// Whether a message can be completed whose oldest piece came at a time.
    ///
    /// - Parameters:
    ///   - since: When it came.
    ///   - time: The time.
    /// - Returns: False when the pieces may not be there for long enough.
    package static func isInTime(since: EventTime, at time: EventTime) -> Bool {
        let (age, overflows) = time.microseconds.subtractingReportingOverflow(since.microseconds)
        return !overflows && age < completionMicroseconds
    }

    private static let relative: UInt64 = 1 << 63

    /// Stands for the sequence of the event at an index of the append that the `received` is in; the log
    /// puts the real one in.
    package static func inThisAppend(at index: Int) -> UInt64 { relative | UInt64(index) }

    /// Whether a piece is named by ``inThisAppend(at:)``.
    static func isRelative(_ piece: UInt64) -> Bool { piece & relative != 0 }

    /// The sequence of a piece.
    static func resolved(_ piece: UInt64, appendFirst: UInt64) -> UInt64 {
        isRelative(piece) ? appendFirst &+ (piece & ~relative) : piece
    }

    /// The distances of pieces from their `received`, as the log holds them.
    static func text(_ pieces: [UInt64], from sequence: UInt64) -> String {
        pieces.isEmpty
            ? "" : pieces.map { String(Int64(bitPattern: sequence &- $0)) }.joined(separator: " ")
    }

    /// The sequences of pieces.
    ///
    /// - Parameters:
    ///   - text: Their distances, as the log holds them.
    ///   - sequence: Of the `received`.
    /// - Returns: nil when that is no such text.
    package static func sequences(
        _ text: some Collection<UInt8>, from sequence: UInt64
    ) -> [UInt64]? {
        guard !text.isEmpty else { return [] }
        var pieces: [UInt64] = []
        for number in text.split(separator: 0x20, omittingEmptySubsequences: false) {
            let isNegative = number.first == 0x2D
            guard let distance = decimal(isNegative ? number.dropFirst() : number) else {
                return nil
            }
            pieces.append(isNegative ? sequence &+ distance : sequence &- distance)
        }
        return pieces
    }

    private static func decimal(_ digits: some Collection<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = tens.addingReportingOverflow(UInt64(digit - 0x30))
            guard !isTooLarge, !overflows else { return nil }
            number = sum
        }
        return number
    }
}
