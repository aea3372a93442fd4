/// The limits of reading and writing other servers' logs, in one place.
package enum ExchangeLimits {
    /// Zstandard levels of an export; above 19 a reader needs more memory than it must have.
    package static let levels: ClosedRange<Int32> = 1...19
    /// Octets of lines after which a frame is closed: small ones cost size, large ones what a reader
    /// must inflate for one line. The seekable format allows 1 GiB.
    package static let frameOctets: ClosedRange<Int> = 4_096...(256 << 20)
    /// Octets of an export's mark that are read; protects against a file that only looks like one.
    static let markOctetsMax: UInt32 = 1 << 20
    /// Messages whose `received` an exporter remembers in each of two generations, some 800 octets
    /// each; of others it is read from the log again.
    static let contextsPerGeneration = 65_536

    /// Octets of one line of an imported log; a longer one is refused. A KumoMTA record may carry a
    /// whole message in a feedback report.
    package static let lineOctetsMax = 8 << 20
    /// Octets of an imported log that are read at a time, and inflated: beside one line, what a file
    /// takes in memory, however small a part of it is compressed to.
    static let pieceOctets = 128 << 10
    /// Lines that came out of order, or whose recipients are still being gathered, wait in a window
    /// of so many; some 400 octets each. An event that comes later still gets the time of the one
    /// before it.
    package static let windowEntries = 100_000
    /// Messages that are not final at a time, some 1,000 octets each; beyond it the oldest is given
    /// up as if the log had ended.
    package static let openMessagesMax = 1_000_000
    /// Recipients of final messages that are remembered for complaints and late bounces.
    package static let finishedMessagesMax = 100_000
    /// Recipients of one imported message; a log that says more is taken to be wrong.
    package static let recipientsMax = 1_000_000
    /// Made-up recipients for those that a log counts and never names, for one message.
    package static let unnamedRecipientsMax = 1_000
    /// Files of an import that are open at a time; protects descriptors and memory.
    package static let openFilesMax = 64
    /// Events of one append to the log.
    package static let eventsPerAppend = 5_000
    /// Refused lines that are shown; the rest are counted.
    package static let refusalsShown = 10
}
