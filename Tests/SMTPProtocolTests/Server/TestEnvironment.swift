import Foundation

/// How many rounds fuzzing takes: WAYBILL_FUZZ_ROUNDS, or the default.
func fuzzRounds(default rounds: Int) -> Int {
    ProcessInfo.processInfo.environment["WAYBILL_FUZZ_ROUNDS"].flatMap(Int.init) ?? rounds
}

/// Whether transcripts are to be written anew instead of compared: WAYBILL_REWRITE_TRANSCRIPTS=1.
var rewritesTranscripts: Bool {
    ProcessInfo.processInfo.environment["WAYBILL_REWRITE_TRANSCRIPTS"] == "1"
}

/// replay/transcripts of the source tree.
let transcriptDirectory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "replay/transcripts")
