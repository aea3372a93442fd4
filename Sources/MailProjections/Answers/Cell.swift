package import MailEvents
package import MailModel

/// One value of a listing. What it looks like to people is the command line's business.
///
/// Concurrency: value.
package enum Cell: Hashable, Sendable {
    case text(String)
    case number(Int)
    /// 0 to 1; nil where there is nothing to divide by.
    case rate(Double?)
    case time(EventTime?)
    case milliseconds(Int64?)
    case octets(Int)
    /// A bar of at most `width` characters: for people only.
    case share(Int, of: Int, width: Int)

    /// Writes it as a JSON member; what is not known is left out.
    package func write(_ key: String, to writer: inout JSONWriter) {
        switch self {
        case .text(let text):
            writer.key(key)
            writer.string(text)
        case .number(let number), .octets(let number):
            writer.key(key)
            writer.number(number)
        case .rate(let rate):
            guard let rate else { return }
            writer.key(key)
            writer.decimal(rate, digits: 4)
        case .time(let time):
            guard let time else { return }
            writer.key(key)
            writer.time(time)
        case .milliseconds(let time):
            guard let time else { return }
            writer.key(key)
            writer.number(time)
        case .share: break
        }
    }
}
