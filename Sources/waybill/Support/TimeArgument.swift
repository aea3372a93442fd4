import ArgumentParser
import MailModel

/// An instant as an operator writes it, or how long ago.
typealias TimeArgument = TimePoint

extension TimePoint: ExpressibleByArgument {
    /// Reads what ``TimePoint`` reads.
    package init?(argument: String) { self.init(argument) }
}

extension LogPoint: ExpressibleByArgument {
    /// Reads what ``LogPoint`` reads.
    package init?(argument: String) { self.init(argument) }
}
