import EventLog
import MailEvents
import MailProjections
import Projections

extension Problem {
    /// What a client is told when the log did not take its message. Nothing of it is in the log,
    /// or nobody can know: in either case the client keeps it and tries again.
    init(appending error: EventLogError) {
        self =
            switch error.code {
            case .outOfSpace: Problem(.outOfSpace, "The disk is nearly full; try again later.")
            case .overloaded: Problem(.overloaded, "Too much waits for the disk; try again.")
            case .readOnly: Problem(.notReady, "This site is a standby; ask the primary.")
            case .closed: Problem(.notReady, "The server is stopping; try again.")
            case .tooLarge: Problem(.tooLarge, "The messages are too large for one request.")
            case .notReplicated where error.sequences == nil:
                Problem(
                    .notReplicated,
                    "The message was not on enough standbys in time, and was taken back; try again."
                )
            case .notReplicated:
                Problem(
                    .notReplicated,
                    "The message is recorded, but not on enough standbys in time, and could not be"
                        + " taken back: sent again, it is a second message unless it has an"
                        + " idempotency key.")
            default: Problem(.notRecorded, "The message could not be recorded; try again.")
            }
    }

    /// What a client is told while there is no log.
    init(withoutLog error: EventLogError) {
        self.init(.notReady, error.message.capitalizedFirst + ". " + error.hint)
    }

    /// What a client is told when the log cannot be read.
    init(reading error: any Error) {
        if let problem = error as? Problem {
            self = problem
        } else if let event = (error as? HistoryIndex.Unavailable)?.stoppedAt {
            self = Problem(
                .notReady,
                "The index of messages has stopped before event \(event), which it refuses; the"
                    + " operator has to let it pass over it.")
        } else if error is HistoryIndex.Unavailable {
            self = Problem(.notReady, "The index of messages is being made; try again.")
        } else if (error as? ProjectionError)?.isDamage == true {
            self = Problem(
                .notReady, "A file of the server's index is damaged and is made anew; try again.")
        } else if let error = error as? EventLogError, error.code == .pruned {
            self = Problem(.pruned, error.message.capitalizedFirst + ".")
        } else if (error as? EventLogError)?.code == .damaged || error is BatchDecodingError {
            self = Problem(
                .damaged, "A part of the log does not verify; the operator has to look at it.")
        } else {
            self = Problem(.internalError, "The log cannot be read at the moment.")
        }
    }
}

extension String {
    /// As a sentence begins.
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
