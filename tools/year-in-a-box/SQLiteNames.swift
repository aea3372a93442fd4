import BenchmarkSupport
import MailEvents
import MailProjections

/// Numbers of names, kept in a table and in memory.
///
/// Concurrency: bound to its database's thread.
struct SQLiteNames {
    static let tables = [
        "CREATE TABLE name (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL)"
    ]
    /// The number of the whole server.
    static let server: Int64 = 0

    /// What a name names.
    enum Kind: Int, CaseIterable {
        case tenant, campaign, domain, provider, source
    }

    private let insert: SQLiteStatement
    private var numbers: [String: Int64] = [:]
    private var texts: BatchTexts?
    /// Of the batch: by kind and number of text; 0 for not known yet.
    private var known: [[Int64]] = Array(repeating: [], count: Kind.allCases.count)
    /// Of the batch: campaigns by the numbers of the tenant's and the campaign's text.
    private var campaigns: [UInt64: Int64] = [:]

    init(_ database: SQLiteDatabase) throws(SQLiteError) {
        insert = try SQLiteStatement("INSERT INTO name VALUES (?1, ?2, ?3)", database)
    }

    mutating func begin(_ texts: BatchTexts) {
        self.texts = texts
        campaigns.removeAll(keepingCapacity: true)
        for kind in known.indices {
            known[kind].removeAll(keepingCapacity: true)
            known[kind].append(contentsOf: repeatElement(0, count: texts.lastNumber + 1))
        }
    }

    /// The octets of a text of the batch.
    func text(_ number: UInt32) -> [UInt8] { texts.map { Array($0[octets: number]) } ?? [] }

    /// The number of a name.
    mutating func number(_ kind: Kind, _ text: UInt32) throws(SQLiteError) -> Int64 {
        let number = known[kind.rawValue][Int(text)]
        if number != 0 { return number }
        var name = texts?[text] ?? ""
        if kind == .provider { name = ProviderName.name(ofHost: name) }
        let found = try find(kind, name)
        known[kind.rawValue][Int(text)] = found
        return found
    }

    /// The number of a campaign of a tenant.
    mutating func number(
        _ kind: Kind, _ text: UInt32, of tenant: UInt32
    ) throws(SQLiteError) -> Int64 {
        let pair = UInt64(tenant) << 32 | UInt64(text)
        if let number = campaigns[pair] { return number }
        let found = try find(kind, "\(texts?[tenant] ?? "")\n\(texts?[text] ?? "")")
        campaigns[pair] = found
        return found
    }

    private mutating func find(_ kind: Kind, _ name: String) throws(SQLiteError) -> Int64 {
        let key = "\(kind.rawValue)\(name)"
        if let number = numbers[key] { return number }
        let number = Int64(numbers.count + 1)
        numbers[key] = number
        try insert.bind(1, number)
        try insert.bind(2, Int64(kind.rawValue))
        try insert.run(3, Array(name.utf8))
        return number
    }
}
