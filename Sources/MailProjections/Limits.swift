/// What this layer bounds.
enum Limits {
    /// Octets kept of a reply's text in the queue; the log has all of it. Changing this changes
    /// the queue's digest, hence its version.
    static let replyTextOctetsMaximum = 1024
    /// A recipient's number is less than this; the log holds no greater one.
    static let recipientNumbersMaximum = 1 << 24
    /// Recipients in one row of the queue: bounds what one changed recipient rewrites.
    static let recipientsPerRow = 32
}
