import MailEvents

/// What an export says of itself: of which log it is, what it holds and where it ended. It stands in
/// a skippable frame before the seek table, so that the export can be continued there.
///
/// Concurrency: value.
package struct ExportMark: Equatable, Sendable {
    /// 16 octets: the log's.
    package var logID: [UInt8]
    package var format: ExportFormat
    /// The options that choose events, as text; empty for all. Never compared but for equality.
    package var selection: String
    /// The first sequence that the export did not look at.
    package var nextSequence: UInt64
    /// Records in the file.
    package var records: UInt64

    package init(
        logID: [UInt8], format: ExportFormat, selection: String, nextSequence: UInt64,
        records: UInt64
    ) {
        self.logID = logID
        self.format = format
        self.selection = selection
        self.nextSequence = nextSequence
        self.records = records
    }

    /// Of the skippable frame; another one than the seek table's.
    private static let skippableMagic: UInt32 = 0x184D_2A5D

    /// The frame.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(1, "waybill_export")
        writer.hex(logID, "log_id")
        writer.string(format.rawValue, "format")
        writer.string(selection, "selection")
        writer.number(nextSequence, "next_sequence")
        writer.number(records, "records")
        writer.endObject()
        var bytes: [UInt8] = []
        bytes.append(little: Self.skippableMagic)
        bytes.append(little: UInt32(writer.bytes.count))
        return bytes + writer.bytes
    }

    /// Reads a frame; nil when it is no mark of this version.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= 8, bytes.little(at: 0) == Self.skippableMagic,
            Int(bytes.little(at: 4)) == bytes.count - 8,
            let value = JSONValue(Array(bytes[8...])), value["waybill_export"].number == 1,
            let logID = Hexadecimal.octets(value["log_id"].text), logID.count == 16,
            let format = ExportFormat(rawValue: value["format"].text),
            let next = UInt64(value["next_sequence"].text),
            let records = UInt64(value["records"].text)
        else { return nil }
        self.init(
            logID: logID, format: format, selection: value["selection"].text, nextSequence: next,
            records: records)
    }
}

/// What stands at the end of an export: where its frames end, and its mark.
///
/// Concurrency: value.
package struct ExportTail: Equatable, Sendable {
    /// The frames that hold records: without the mark's.
    package var table: SeekTable
    package var mark: ExportMark

    /// Reads the end of a file of `size` octets by `read`, which is given offset and count.
    ///
    /// - Returns: nil when the file is no export that says where it ended.
    /// - Throws: what `read` throws.
    package static func read(
        size: UInt64, _ read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ExportTail? {
        guard size >= UInt64(SeekTable.footerOctets) else { return nil }
        let footer = try read(size - UInt64(SeekTable.footerOctets), SeekTable.footerOctets)
        guard let octets = SeekTable.octets(footer: footer), UInt64(octets) <= size,
            var table = SeekTable(bytes: try read(size - UInt64(octets), octets)),
            table.framesOctets + UInt64(octets) == size, let last = table.entries.popLast(),
            last.raw == 0, last.compressed <= ExchangeLimits.markOctetsMax
        else { return nil }
        let place = size - UInt64(octets) - UInt64(last.compressed)
        return try ExportMark(bytes: read(place, Int(last.compressed))).map {
            ExportTail(table: table, mark: $0)
        }
    }
}

/// Octets as text.
enum Hexadecimal {
    /// The octets of a text of hexadecimal digits; nil when it is none.
    static func octets(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count % 2 == 0 else { return nil }
        var octets: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[place], let low = digits[place + 1] else { return nil }
            octets.append(UInt8(high << 4 | low))
        }
        return octets
    }

    /// A number with so many digits, lower case.
    static func text(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
