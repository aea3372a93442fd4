/// The limits of a backup, in one place.
package enum BackupLimits {
    /// Octets of batches in one object of the tail, about: large enough that catching up is not a
    /// request an event, small enough to be lost and sent again.
    package static let tailOctets = 4 << 20

    /// Octets of an object that are encrypted together: what a reader holds before it knows that they
    /// are whole.
    package static let pieceOctets = 1 << 20

    /// Octets of an object that is read into memory as a whole: one of the tail, or of the site. One
    /// batch may be as large as an append.
    package static let memoryOctets: UInt64 = 512 << 20

    /// Octets of one object that a storage takes in one request (the S3 API's own limit is 5 GiB).
    package static let objectOctetsMax: UInt64 = 5 << 30

    /// Octets of a file of the configuration that is kept; a larger one is none.
    package static let siteFileOctets = 4 << 20

    /// Objects that a restore reads side by side, unless told otherwise.
    package static let parallelReads = 8

    /// Objects that a restore reads ahead of the one that is being taken over, for each reader.
    package static let readAheadPerReader = 4

    /// Octets of an answer in XML or text that is read into memory.
    package static let answerOctets = 16 << 20

    /// Seconds for a connection, and the octets a second below which a transfer is given up after 30.
    package static let connectSeconds = 10
    package static let slowestOctetsPerSecond = 100
    package static let stallSeconds = 30
}
