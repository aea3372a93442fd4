import Projections

/// Under which tenant each authenticated identity last sent, so that a refused command, which names
/// an identity only, can be counted for a client.
///
/// Concurrency: value.
struct Logins: Sendable {
    /// First octet of the rows' keys; the identity follows.
    static let keyMark: UInt8 = 0x40

    private struct Login: Sendable {
        var tenant: [UInt8] = []
        /// Days since the epoch of the last message.
        var day: UInt32 = 0
        var isChanged = true
    }

    private var identities = ByteTable()
    private var logins: [Login] = []
    private var removed: Set<[UInt8]> = []

    /// Nobody.
    init() {}

    /// Notes that an identity sent under a tenant. Beyond the limit new ones are not noted.
    mutating func note(_ identity: ArraySlice<UInt8>, tenant: ArraySlice<UInt8>, day: UInt32) {
        let identity = identity.prefix(Limits.nameOctetsMaximum)
        let tenant = tenant.prefix(Limits.nameOctetsMaximum)
        guard !identity.isEmpty else { return }
        let number: UInt32
        if let known = identities.find(identity) {
            number = known
            let login = logins[Int(number)]
            if login.day == day, login.tenant.elementsEqual(tenant) { return }
        } else {
            guard identities.count < Limits.identitiesMaximum else { return }
            number = identities.insert(identity).number
            if Int(number) == logins.count { logins.append(Login()) }
        }
        logins[Int(number)] = Login(tenant: Array(tenant), day: day)
    }

    /// The tenant under which an identity last sent; nil for one that is not known.
    func tenant(of identity: ArraySlice<UInt8>) -> [UInt8]? {
        identities.find(identity.prefix(Limits.nameOctetsMaximum)).map { logins[Int($0)].tenant }
    }

    /// Forgets identities that have not sent since a day.
    mutating func drop(before day: UInt32) {
        for (number, identity) in identities.texts.enumerated()
        where !identity.isEmpty && logins[number].day < day {
            removed.insert(identity)
            identities.remove(UInt32(number))
        }
    }

    // MARK: Rows

    private var order: [Int] {
        let texts = identities.texts
        return texts.indices.filter { !texts[$0].isEmpty }
            .sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }
    }

    /// Day (varint) and tenant.
    private func row(_ number: Int) -> [UInt8] {
        var row = RowWriter()
        row.write(varint: UInt64(logins[number].day))
        row.write(raw: logins[number].tenant)
        return row.bytes
    }

    /// Every row, ascending by key.
    func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        for number in order {
            try body(
                ProjectionRow(
                    key: [Self.keyMark] + identities.texts[number], value: row(number)))
        }
    }

    /// The rows that have changed since the last call.
    mutating func takeChanges() -> [ProjectionChange] {
        var changes: [ProjectionChange] = []
        for identity in removed where identities.find(identity[...]) == nil {
            changes.append(ProjectionChange(key: [Self.keyMark] + identity, value: nil))
        }
        for number in order where logins[number].isChanged {
            changes.append(
                ProjectionChange(
                    key: [Self.keyMark] + identities.texts[number], value: row(number)))
            logins[number].isChanged = false
        }
        removed = []
        return changes
    }

    /// Makes the next ``takeChanges()`` whole.
    mutating func forgetChanges() {
        for index in logins.indices { logins[index].isChanged = true }
        removed = []
    }

    /// Takes in a row; false when it is malformed.
    mutating func load(_ row: ProjectionRow) -> Bool {
        var reader = RowReader(row.value)
        guard row.key.count > 1, let day = UInt32(exactly: reader.varint()), reader.isIntact
        else { return false }
        note(row.key[1...], tenant: row.value[reader.offset...], day: day)
        guard let number = identities.find(row.key[1...]) else { return false }
        logins[Int(number)].isChanged = false
        return true
    }
}
