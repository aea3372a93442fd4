import EventLog
import MailEvents
import MailModel
import MessageFormat

/// Members that requests of every form have.
enum InjectionFields {
    static let notifyWords: [String: NotifyOn] = [
        "never": .never, "success": .success, "failure": .failure, "delay": .delay,
    ]

    /// The recipients; each a text, or an object with its address under `address`.
    static func recipients(
        _ top: JSONObject, address: String, recipientsMax: Int
    ) throws(Problem) -> [InjectionRequest.Recipient] {
        guard let values = top.array("recipients") else {
            if !top.has("recipients") { top.note("recipients", "is missing") }
            return []
        }
        guard !values.isEmpty else {
            top.note("recipients", "names nobody")
            return []
        }
        guard values.count <= recipientsMax else {
            throw Problem(
                .tooLarge, "There are more than \(recipientsMax) recipients; use several requests.")
        }
        return values.compactMap { value, pointer in
            switch value {
            case .string(let text): return InjectionRequest.Recipient(address: text)
            case .object(let members):
                let object = JSONObject(members, pointer: pointer, notes: top.notes)
                guard let text = object.string(address) else {
                    object.note(address, "is missing")
                    return nil
                }
                var recipient = InjectionRequest.Recipient(address: text)
                recipient.name = object.string("name") ?? ""
                recipient.substitutions = substitutions(object)
                recipient.metadata = metadata(object)
                object.finish()
                return recipient
            default:
                top.notes.note(pointer, "is \(value.kind) and should be a text or an object")
                return nil
            }
        }
    }

    /// Values to be put into templates.
    static func substitutions(_ object: JSONObject) -> [String: String] {
        let pairs = object.scalars("substitutions")
        if pairs.count > APILimits.substitutions {
            object.note("substitutions", "has more than \(APILimits.substitutions) members")
        }
        return Dictionary(pairs.map { ($0.name, $0.text) }, uniquingKeysWith: { $1 })
    }

    /// Names and values that come back in events.
    static func metadata(_ object: JSONObject) -> [InjectionRequest.Metadata] {
        let pairs = object.scalars("metadata")
        let octets = pairs.reduce(0) { $0 + $1.name.utf8.count + $1.text.utf8.count }
        if octets > APILimits.metadataOctets {
            object.note("metadata", "has more than \(APILimits.metadataOctets) octets")
        }
        return pairs.map { InjectionRequest.Metadata(name: $0.name, value: $0.text) }
    }

    /// A tenant's or campaign's name.
    static func name(_ object: JSONObject, _ member: String) -> String? {
        guard let text = object.string(member) else { return nil }
        guard HeaderScan.isName(Array(text.utf8)) else {
            object.note(
                member,
                "should be 1 to \(APILimits.nameOctets) printable ASCII characters without : and @")
            return nil
        }
        return text
    }

    /// Standbys that a request can wait for.
    static let standbysMax: Int64 = 16

    /// How safe the messages must be before the answer: `ack`, `ack_standbys`, `ack_when_away`.
    static func ackLevel(
        _ level: String?, standbys: Int64?, whenAway: String?,
        note: (_ member: String, _ detail: String) -> Void
    ) -> AckLevel {
        let away = whenAway.map { StandbyDemand.WhenAway(rawValue: $0) } ?? .refuse
        if away == nil { note("ack_when_away", "should be \"refuse\" or \"accept\"") }
        switch level {
        case nil, "local":
            if standbys != nil || whenAway != nil {
                note("ack", "should be \"replicated\" where standbys are asked for")
            }
            return .local
        case "replicated":
            return .replicated(
                StandbyDemand(standbys: Int(standbys ?? 1), whenAway: away ?? .refuse))
        default:
            note("ack", "should be \"local\" or \"replicated\"")
            return .local
        }
    }

    /// Whether a text can be an idempotency key.
    static func isKey(_ text: String) -> Bool {
        (1...APILimits.idempotencyKeyOctets).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
