import ArgumentParser
import EventLog
import Glibc
import SmallFiles

/// Exit codes beside 0 and ArgumentParser's 64 for wrong usage; after sysexits.h.
enum Exit {
    /// What was asked for is not there, or damage was found.
    static let found = ExitCode(1)
    /// The data directory cannot be read.
    static let unavailable = ExitCode(69)
    /// Something failed that should not.
    static let software = ExitCode(70)
    /// Trying later may help.
    static let temporary = ExitCode(75)
    /// The configuration is wrong.
    static let configuration = ExitCode(78)
}

/// Writes a line to standard error.
func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    unsafe line.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Which data directory a command reads, and how it answers.
struct DataOptions: ParsableArguments {
    @Option(help: "Data directory of the server, running or not. Default: $WAYBILL_DATA.")
    var data: String?

    @Flag(help: "One JSON object a line, for programs.")
    var json = false

    /// The data directory, from the flag or the environment.
    func directory() throws -> String {
        if let directory = data ?? Self.environmentDirectory() { return directory }
        throw ValidationError("say which data directory: --data DIR, or set WAYBILL_DATA")
    }

    /// What WAYBILL_DATA says.
    static func environmentDirectory() -> String? {
        unsafe getenv("WAYBILL_DATA").map { unsafe String(cString: $0) }
    }

    /// Whether a server has put its control socket there.
    private func isServed(_ directory: String) -> Bool {
        SmallFile.exists(DataDirectory.controlSocket(directory))
    }

    /// The log of that directory, for reading.
    func openLog() throws -> LogReader {
        let directory = try directory()
        do {
            return try LogReader.open(directory: directory + "/log")
        } catch {
            guard error.code != .notFound || !isServed(directory) else {
                complain(
                    "waybill: \(directory) has no log yet: its server is a standby that has not reached "
                        + "its primary. What it waits for is in waybill site status, and it goes on by "
                        + "itself.")
                throw Exit.temporary
            }
            complain("waybill: cannot read the log of \(directory): \(error)")
            throw Exit.unavailable
        }
    }
}
