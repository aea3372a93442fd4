internal import MailEvents

/// Entries put all together if conditions hold, else nothing.
///
/// Concurrency: value.
package struct EtcdTransaction: Sendable {
    /// What must hold of an entry.
    package enum Condition: Hashable, Sendable {
        /// It was changed last in this revision; 0: it is not there.
        case revision(Int64)
        /// It is attached to this lease.
        case lease(Int64)
    }

    /// An entry to be put.
    package struct Put: Hashable, Sendable {
        package var key: String
        package var value: [UInt8]
        /// It goes when this lease ends; 0: it stays.
        package var lease: Int64

        /// Creates it.
        package init(_ key: String, _ value: [UInt8], lease: Int64 = 0) {
            self.key = key
            self.value = value
            self.lease = lease
        }
    }

    package var conditions: [(key: String, condition: Condition)]
    package var puts: [Put]

    /// Creates a transaction.
    package init(if conditions: [(key: String, condition: Condition)], put puts: [Put]) {
        self.conditions = conditions
        self.puts = puts
    }

    /// As the gateway takes it.
    func write(_ writer: inout JSONWriter) {
        writer.beginArray("compare")
        for (key, condition) in conditions {
            writer.beginObject()
            writer.string(Base64.encode(Array(key.utf8)), "key")
            writer.string("EQUAL", "result")
            switch condition {
            case .revision(let revision):
                writer.string("MOD", "target")
                writer.string("\(revision)", "mod_revision")
            case .lease(let lease):
                writer.string("LEASE", "target")
                writer.string("\(lease)", "lease")
            }
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("success")
        for put in puts {
            writer.beginObject()
            writer.beginObject("request_put")
            writer.string(Base64.encode(Array(put.key.utf8)), "key")
            writer.string(Base64.encode(put.value), "value")
            if put.lease != 0 { writer.string("\(put.lease)", "lease") }
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
    }
}
