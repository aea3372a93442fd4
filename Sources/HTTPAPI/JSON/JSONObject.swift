import MailEvents
import MailModel

/// An object of a request, read member by member; what is wrong is noted, not thrown, so that one
/// answer names every mistake.
///
/// Reading marks a member as known; ``finish()`` then notes every one that nobody asked for.
///
/// Concurrency: used by one task, while a request is read.
final class JSONObject {
    /// Mistakes of all objects of one request.
    final class Notes {
        private(set) var errors: [Problem.Detail] = []

        /// As many are noted as are named in one answer: further ones need not be looked for.
        var isFull: Bool { errors.count >= APILimits.errorsListed }

        /// Notes a mistake at a JSON pointer (RFC 6901).
        func note(_ pointer: String, _ detail: String) {
            guard !isFull else { return }
            errors.append(Problem.Detail(pointer: pointer, detail: detail))
        }

        /// Throws 422 when something was noted.
        func check(_ code: Problem.Code = .invalidMessage) throws(Problem) {
            guard let first = errors.first else { return }
            let place = first.pointer.isEmpty ? "" : "\(first.pointer): "
            throw Problem(code, place + first.detail, errors: errors)
        }
    }

    let notes: Notes
    /// JSON pointer of this object.
    let pointer: String
    private let members: [JSONValue.Member]
    /// Place of each name, the last of equal ones; nil for few members, which are looked through.
    private let places: [String: Int]?
    /// Names that were asked for; those of a program, so few.
    private var known: [String] = []

    /// Members that are looked through faster than a table is made.
    private static let fewMembers = 16

    init(_ members: [JSONValue.Member], pointer: String, notes: Notes) {
        self.members = members
        places =
            members.count <= Self.fewMembers
            ? nil
            : Dictionary(
                members.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
        self.pointer = pointer
        self.notes = notes
    }

    /// The object that a request's body is; throws 400 when it is none, 413 when it has more values
    /// than it may have.
    static func top(
        _ bytes: [UInt8], notes: Notes, valuesMax: Int = APILimits.bodyValues
    ) throws(Problem) -> JSONObject {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(bytes, valuesMax: valuesMax)
        } catch {
            guard !error.hasTooManyValues else {
                throw Problem(.tooLarge, "The body has more than \(valuesMax) values.")
            }
            throw .invalid("", "The body is not JSON: \(error.message), at octet \(error.offset).")
        }
        guard case .object(let members) = value else {
            throw .invalid("", "The body is \(value.kind) and should be an object.")
        }
        return JSONObject(members, pointer: "", notes: notes)
    }

    /// The pointer of a member.
    func place(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else {
            return pointer + "/" + name
        }
        return pointer + "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// Notes a mistake with a member.
    func note(_ name: String, _ detail: String) { notes.note(place(name), detail) }

    /// The value of a member; nil when it is absent or null.
    func value(_ name: String) -> JSONValue? {
        if !known.contains(name) { known.append(name) }
        return find(name)
    }

    private func find(_ name: String) -> JSONValue? {
        let place = places.map { $0[name] } ?? members.lastIndex { $0.name == name }
        guard let place else { return nil }
        if case .null = members[place].value { return nil }
        return members[place].value
    }

    func has(_ name: String) -> Bool { value(name) != nil }

    /// A text; nil when it is absent or (with a note) something else.
    func string(_ name: String) -> String? {
        switch value(name) {
        case nil: return nil
        case .string(let text): return text
        case let other?:
            note(name, "is \(other.kind) and should be a text")
            return nil
        }
    }

    func bool(_ name: String) -> Bool? {
        switch value(name) {
        case nil: return nil
        case .bool(let flag): return flag
        case let other?:
            note(name, "is \(other.kind) and should be true or false")
            return nil
        }
    }

    /// A whole number within a range.
    func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = value(name) else { return nil }
        guard case .number(let text) = value, let number = Int64(text), range.contains(number)
        else {
            note(name, "should be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// An instant.
    func instant(_ name: String) -> EventTime? {
        guard let text = string(name) else { return nil }
        guard let time = InstantText.parse(text) else {
            note(name, "should be an instant such as 2026-11-21T09:41:27Z")
            return nil
        }
        return time
    }

    /// The objects and other values of an array, each with its pointer; nil when it is absent.
    func array(_ name: String) -> JSONElements? {
        switch value(name) {
        case nil: return nil
        case .array(let values): return JSONElements(values, pointer: place(name))
        case let other?:
            note(name, "is \(other.kind) and should be an array")
            return nil
        }
    }

    func object(_ name: String) -> JSONObject? {
        switch value(name) {
        case nil: return nil
        case .object(let members):
            return JSONObject(members, pointer: place(name), notes: notes)
        case let other?:
            note(name, "is \(other.kind) and should be an object")
            return nil
        }
    }

    /// The members of an object whose values are texts, numbers or booleans, in their order.
    func scalars(_ name: String) -> [(name: String, text: String)] {
        guard let object = object(name) else { return [] }
        return object.members.compactMap { member in
            guard let value = object.find(member.name) else { return nil }
            guard let text = value.scalarText else {
                object.note(
                    member.name, "is \(value.kind) and should be a text, number or boolean")
                return nil
            }
            return (member.name, text)
        }
    }

    /// Notes every member that was not asked for.
    func finish() {
        for name in members.lazy.map(\.name) where !known.contains(name) {
            guard !notes.isFull else { return }
            note(name, "is not known here; known are \(known.sorted().joined(separator: ", "))")
        }
    }
}
