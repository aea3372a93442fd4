/// A small file with one entry a line. Lines that are empty or begin with `#` are comments and
/// survive a rewrite.
///
/// Concurrency: value; ``load(_:octetsMax:parse:)`` and ``save()`` do blocking file input and output.
/// Two programs that change it at the same time: the last one wins, and the file is whole in any
/// case.
package struct EntryFile<Entry: Sendable & CustomStringConvertible>: Sendable {
    private enum Line: Sendable {
        case comment(String)
        case entry(Entry)
    }

    /// Where it stands.
    package let path: String
    /// Whether others than the owner can read it.
    package private(set) var isReadableByOthers = false
    private var lines: [Line] = []

    /// A file without entries, not written yet.
    package init(path: String) { self.path = path }

    /// Reads the file.
    ///
    /// - Parameters:
    ///   - path: Where it stands.
    ///   - octetsMax: More is not such a file, and is refused.
    ///   - parse: Reads one line; says what is wrong with one that cannot be used.
    /// - Returns: The file, with every line of it.
    /// - Throws: What `parse` says of the first line that is not right, with file and line.
    package static func load(
        _ path: String, octetsMax: Int64, parse: (String) -> Result<Entry, Misfit>
    ) throws(SmallFileError) -> EntryFile {
        let (text, isReadableByOthers) = try SmallFile.read(path, octetsMax: octetsMax)
        var file = EntryFile(path: path)
        file.isReadableByOthers = isReadableByOthers
        for (index, line) in SmallFile.lines(of: text).enumerated() {
            let bare = line.drop { $0 == " " || $0 == "\t" }
            guard !bare.isEmpty, !bare.hasPrefix("#") else {
                file.lines.append(.comment(String(line)))
                continue
            }
            switch parse(String(line)) {
            case .success(let entry): file.lines.append(.entry(entry))
            case .failure(let misfit):
                throw SmallFileError(path, line: index + 1, misfit.message)
            }
        }
        if case .comment("")? = file.lines.last { file.lines.removeLast() }
        return file
    }

    /// What is wrong with a line, or what was expected there.
    package struct Misfit: Error {
        let message: String

        /// Creates one.
        package init(_ message: String) { self.message = message }
    }

    /// The entries, in the file's order.
    package var entries: [Entry] {
        lines.compactMap { line in
            if case .entry(let entry) = line { entry } else { nil }
        }
    }

    /// Puts an entry at the end.
    package mutating func append(_ entry: Entry) { lines.append(.entry(entry)) }

    /// Puts an entry in the place of the first that `isOld` names, or at the end.
    package mutating func put(_ entry: Entry, inPlaceOf isOld: (Entry) -> Bool) {
        let index = lines.firstIndex { line in
            if case .entry(let old) = line { isOld(old) } else { false }
        }
        if let index { lines[index] = .entry(entry) } else { append(entry) }
    }

    /// Takes out the entries that `isGone` names; returns them.
    package mutating func remove(_ isGone: (Entry) -> Bool) -> [Entry] {
        let gone = entries.filter(isGone)
        lines.removeAll { line in
            if case .entry(let entry) = line { isGone(entry) } else { false }
        }
        return gone
    }

    /// Writes the file anew beside the old one, for its owner alone (mode 0600), and puts it in
    /// the old one's place: at every moment there is a whole one.
    package func save() throws(SmallFileError) {
        var text = ""
        for line in lines {
            switch line {
            case .comment(let comment): text += comment + "\n"
            case .entry(let entry): text += entry.description + "\n"
            }
        }
        try SmallFile.replace(path, with: text)
    }
}
