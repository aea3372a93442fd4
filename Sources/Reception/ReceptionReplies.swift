import EventLog
import MailModel
import MessageFormat

/// The replies that reception gives itself; the session's machine has all others.
///
/// Their text names nothing of the configuration: whoever is refused learns no limits.
enum ReceptionReplies {
    static let connectionRate = Reply(
        421, EnhancedStatusCode(4, 7, 0), "too many connections from your address, try later")
    static let sessionsPerAddress = Reply(
        421, EnhancedStatusCode(4, 7, 0), "too many sessions from your address, try later")
    static let sessions = Reply(
        421, EnhancedStatusCode(4, 3, 2), "too many sessions, try later")
    static let shuttingDown = Reply(
        421, EnhancedStatusCode(4, 3, 2), "service shutting down, try later")
    static let messageRate = Reply(
        450, EnhancedStatusCode(4, 7, 1), "too many messages, try later")
    static let noStorage = Reply(
        452, EnhancedStatusCode(4, 3, 1), "insufficient system storage, try later")
    static let loop = Reply(
        554, EnhancedStatusCode(5, 4, 6), "too many hops, this looks like a mail loop")
    /// The message must be on other sites before it is acknowledged, and they are away. After the
    /// content, it is in this site's log, and has been taken back there before this is said.
    static let notReplicated = Reply(
        451, EnhancedStatusCode(4, 4, 0), "other sites cannot be reached, try later")

    static let notRecorded = Reply(
        451, EnhancedStatusCode(4, 3, 0), "the message could not be recorded, try later")

    /// What a client is told when the log did not take its message. Nothing of it is in the log,
    /// or nobody can know: in either case the client keeps it and tries again.
    static func reply(to error: EventLogError) -> Reply {
        switch error.code {
        // A disk that cannot be written is no storage, whatever it says about itself.
        case .outOfSpace, .writeFailed: noStorage
        case .overloaded:
            Reply(451, EnhancedStatusCode(4, 3, 2), "the server is busy, try later")
        case .notReplicated: notReplicated
        case .closed: shuttingDown
        case .tooLarge:
            Reply(552, EnhancedStatusCode(5, 3, 4), "the message is too large")
        default: notRecorded
        }
    }

    /// What a client is told of a field that should name tenant or campaign and cannot.
    static func unusableName(in field: String) -> Reply {
        Reply(
            550, EnhancedStatusCode(5, 6, 0),
            "\(field) is not a usable name: expected printable ASCII without : and @,"
                + " at most \(MessageLimits.nameOctets) characters")
    }

    /// What a client is told of a header that is not taken.
    static func reply(to problem: HeaderProblem) -> Reply {
        switch problem {
        case .tooLong:
            Reply(552, EnhancedStatusCode(5, 3, 4), "the message's header is too large")
        case .tooManyFields:
            Reply(554, EnhancedStatusCode(5, 6, 0), "the message's header has too many fields")
        }
    }
}
