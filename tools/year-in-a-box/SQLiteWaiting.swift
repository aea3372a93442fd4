import BenchmarkSupport
import MailEvents
import MailModel

/// The tables of what waits for delivery.
///
/// Concurrency: bound to its database's thread.
final class SQLiteWaiting {
    private let insertMessage: SQLiteStatement
    private let insertRecipient: SQLiteStatement
    private let postponeRecipient: SQLiteStatement
    private let deleteRecipient: SQLiteStatement
    private let message: SQLiteStatement
    private let close: SQLiteStatement
    private let deleteMessage: SQLiteStatement
    /// Statements run so far.
    private(set) var statements = 0

    init(_ database: SQLiteDatabase) throws(SQLiteError) {
        insertMessage = try SQLiteStatement(
            "INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6)", database)
        insertRecipient = try SQLiteStatement(
            "INSERT INTO recipient VALUES (?1, ?2, ?5, ?3, 0, ?4)", database)
        postponeRecipient = try SQLiteStatement(
            "UPDATE recipient SET attempts = ?3, due = ?4 WHERE message = ?1 AND number = ?2",
            database)
        deleteRecipient = try SQLiteStatement(
            "DELETE FROM recipient WHERE message = ?1 AND number = ?2", database)
        message = try SQLiteStatement(
            "SELECT received, open FROM message WHERE sequence = ?1", database)
        close = try SQLiteStatement(
            "UPDATE message SET open = open - 1 WHERE sequence = ?1", database)
        deleteMessage = try SQLiteStatement("DELETE FROM message WHERE sequence = ?1", database)
    }

    func insert(_ event: EventView, tenant: Int64, campaign: Int64) throws(SQLiteError) {
        try run(
            insertMessage, Int64(event.sequence), event.time, Int64(event.recipientCount),
            Int64(event.sizeOctets), tenant, campaign)
    }

    func queue(_ event: EventView, local: [UInt8], domain: Int64) throws(SQLiteError) {
        try bind(
            insertRecipient, Self.message(event), Int64(event.recipientNumber), domain, event.due)
        statements += 1
        try insertRecipient.run(5, local)
    }

    func postpone(_ event: EventView) throws(SQLiteError) {
        try run(
            postponeRecipient, Self.message(event), Int64(event.recipientNumber),
            Int64(event.attempt), event.due)
    }

    /// Takes a recipient out, and with the last one its message.
    ///
    /// - Returns: when the message was received; nil when it is not there.
    func finish(_ event: EventView) throws(SQLiteError) -> Int64? {
        let sequence = Self.message(event)
        try run(deleteRecipient, sequence, Int64(event.recipientNumber))
        try bind(message, sequence)
        statements += 1
        guard try message.step() else { return nil }
        let (received, open) = (message.integer(0), message.integer(1))
        _ = try message.step()
        try run(open > 1 ? close : deleteMessage, sequence)
        return received
    }

    private static func message(_ event: EventView) -> Int64 {
        Int64(event.message?.sequence ?? 0)
    }

    private func bind(_ statement: SQLiteStatement, _ values: Int64...) throws(SQLiteError) {
        for (index, value) in values.enumerated() { try statement.bind(Int32(index + 1), value) }
    }

    private func run(_ statement: SQLiteStatement, _ values: Int64...) throws(SQLiteError) {
        for (index, value) in values.enumerated() { try statement.bind(Int32(index + 1), value) }
        statements += 1
        try statement.run()
    }
}
