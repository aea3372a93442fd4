/// The bounds of orders: value, unit, reason, and what happens beyond.
package enum OrderLimits {
    /// Octets of a tenant's or campaign's name, as in SMTP and HTTP. Beyond: refused.
    package static let nameOctets = 128
    /// Octets of a reason: it stands in every event of an order, and in what is shown of it.
    /// Beyond: refused.
    package static let reasonOctets = 500
    /// Rows of the queue that are looked at in one turn of delivery's event loop: about a
    /// millisecond, in which no mail moves.
    package static let rowsPerTurn = 2000
    /// Recipients that one append gives up: some 100 KB of events, a few milliseconds of the log's
    /// and of delivery's time.
    package static let cancelledPerAppend = 500
    /// Recipients in doubt that one append decides about, for the same reason.
    package static let decidedPerAppend = 500
    /// Suppressions that one append holds, for the same reason.
    package static let suppressionsPerAppend = 500
    /// Entries of a page of suppressions. Beyond: refused.
    package static let suppressionsPerPage = 10_000
    /// Suppressions that are looked at in one turn of delivery's event loop: about a millisecond.
    package static let suppressionsPerTurn = 5000
    /// Groups that a count of the queue tells apart, some 200 octets each; recipients of any further
    /// one are counted together.
    package static let groups = 100_000
    /// Milliseconds for which an order that is durable may not yet be seen by delivery, behind other
    /// work of its event loop. Beyond: the giver is told that it stands in the log.
    package static let appliedMilliseconds = 30_000
    /// Milliseconds between two looks whether delivery has seen an order.
    package static let applyPollMilliseconds = 1
    /// How often an append is tried again when too much waits for the disk, and milliseconds between:
    /// half a minute. Beyond: what is left of the order is refused.
    package static let appendTries = 300
    package static let appendPauseMilliseconds = 100
    /// Octets of a report's feedback type, reporter and text: what the log keeps of it. Beyond:
    /// refused.
    package static let reportOctets = 1000
}
