package import MailModel

/// What delivery is doing at one moment, for operators.
///
/// Concurrency: value.
package struct DeliverySnapshot: Sendable {
    /// One destination.
    package struct Destination: Sendable {
        package var key: DestinationKey
        /// Groups of recipients that wait for a connection.
        package var readyGroups: Int
        package var openingConnections: Int
        package var idleConnections: Int
        package var busyConnections: Int
        /// Failures to connect in a row.
        package var failures: Int
        /// The destination is left alone until then; nil when it is not.
        package var backoffUntil: EventTime?
        /// Why the last connection failed; nil when it did not.
        package var lastFailure: Reply?

        package init(
            key: DestinationKey, readyGroups: Int, openingConnections: Int, idleConnections: Int,
            busyConnections: Int, failures: Int, backoffUntil: EventTime?, lastFailure: Reply?
        ) {
            self.key = key
            self.readyGroups = readyGroups
            self.openingConnections = openingConnections
            self.idleConnections = idleConnections
            self.busyConnections = busyConnections
            self.failures = failures
            self.backoffUntil = backoffUntil
            self.lastFailure = lastFailure
        }
    }

    /// By route and domain.
    package var destinations: [Destination]
    /// Recipients whose next attempt is not yet due.
    package var scheduledRecipients: Int
    /// Recipients under way: ready, in a transaction, or waiting for their outcome to be durable.
    package var activeRecipients: Int
    /// Recipients that are due and that a suspension holds; not in the numbers above.
    package var heldRecipients: Int
    /// Recipients that are held because they are in doubt; not in the numbers above.
    package var inDoubtRecipients: Int
    /// Intents since the start.
    package var announcements: AnnouncementTotals
    /// Octets of fresh messages in memory.
    package var contentOctets: Int
    /// Octets of messages in memory that were read back from the log, or are being read.
    package var readOctets: Int
    /// Messages whose read waits for room.
    package var waitingReads: Int

    package init(
        destinations: [Destination], scheduledRecipients: Int, activeRecipients: Int,
        heldRecipients: Int, inDoubtRecipients: Int, announcements: AnnouncementTotals,
        contentOctets: Int, readOctets: Int, waitingReads: Int
    ) {
        self.destinations = destinations
        self.scheduledRecipients = scheduledRecipients
        self.activeRecipients = activeRecipients
        self.heldRecipients = heldRecipients
        self.inDoubtRecipients = inDoubtRecipients
        self.announcements = announcements
        self.contentOctets = contentOctets
        self.readOctets = readOctets
        self.waitingReads = waitingReads
    }
}
