import ArgumentParser
import LogExchange
import MailEvents

/// What an export is to do.
///
/// Concurrency: value.
struct ExportPlan {
    var format: ExportFormat
    var isCompressed: Bool
    var level: Int32
    /// Octets of lines after which a frame is closed.
    var frameOctets: Int
    var logID: [UInt8]
    /// The filters, as the mark keeps them.
    var selection: String
    var first: UInt64
    var last: UInt64
    /// The file whose frames come first.
    var continued: (path: String, tail: ExportTail)?
}

/// What an export did.
extension ExportRun {
    struct Result {
        /// In the file, those before an `--append` included.
        var records: UInt64
        /// Looked at.
        var events: UInt64
        var fileOctets: UInt64
        /// Octets of lines.
        var rawOctets: UInt64
        var nextSequence: UInt64

        func json(_ format: ExportFormat, output: String) -> String {
            var writer = JSONWriter()
            writer.beginObject()
            writer.string(format.rawValue, "format")
            writer.string(output, "output")
            writer.number(records, "records")
            writer.number(events, "events")
            writer.number(fileOctets, "file_octets")
            writer.number(rawOctets, "raw_octets")
            writer.number(nextSequence, "next_sequence")
            writer.endObject()
            return writer.text
        }
    }
}

/// Why an export or an import did not come about.
struct ExportProblem: Error {
    /// Exit codes after sysexits.h.
    enum Kind: Int32 {
        /// A file given is not what it must be.
        case data = 65
        /// A file that is to be read cannot be.
        case noInput = 66
        /// The output cannot be made.
        case cannotCreate = 73
        /// The output cannot be written.
        case writing = 74
    }

    var kind: Kind
    var message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    var exit: ExitCode { ExitCode(kind.rawValue) }
}
