/// Undoes a content coding (RFC 9110 section 8.4) piece by piece, within a limit: a small body
/// that inflates to a large one is stopped where the limit is.
protocol BodyDecoder: AnyObject {
    /// Whether the data has ended as its format says.
    var isComplete: Bool { get }
    /// Appends what a piece inflates to; throws 400 when it is malformed, 413 beyond the limit.
    func decode(_ input: [UInt8], into output: inout [UInt8], limit: Int) throws(Problem)
}

extension BodyDecoder {
    static var malformed: Problem {
        .invalid("Content-Encoding", "The body is not what its Content-Encoding says.")
    }

    static var tooLarge: Problem { Problem(.tooLarge, "The body is too large.") }
}

/// Takes a body as it is.
///
/// Concurrency: bound to its owner.
final class IdentityDecoder: BodyDecoder {
    let isComplete = true

    func decode(_ input: [UInt8], into output: inout [UInt8], limit: Int) throws(Problem) {
        guard output.count + input.count <= limit else { throw Self.tooLarge }
        output += input
    }
}
