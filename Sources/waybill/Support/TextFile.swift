import Glibc
import SmallFiles

/// Why a file could not be read, in the system's words.
struct FileProblem: Error, CustomStringConvertible {
    var description: String

    /// The reason of the last failed call.
    static func ofErrno() -> FileProblem {
        let text = unsafe strerror(errno).map { unsafe String(cString: $0) }
        return FileProblem(description: text ?? "error \(errno)")
    }
}

/// Small text files: configuration, secrets.
enum TextFile {
    /// More than any configuration needs; protects against being given a device.
    private static let octetsMax = 16 << 20

    /// A path from the root, whatever the directory that this process runs in.
    static func absolutePath(_ path: String) -> String {
        guard !path.hasPrefix("/"), let here = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(here) }
        return unsafe String(cString: here) + "/" + path
    }

    /// The whole text; invalid UTF-8 becomes replacement characters.
    static func read(_ path: String) throws(FileProblem) -> String {
        String(decoding: try octets(path, atMost: octetsMax), as: UTF8.self)
    }

    /// The first line that is not empty, without its end; an empty text when there is none.
    static func secret(_ path: String) throws(FileProblem) -> String {
        SmallFile.lines(of: try read(path)).first(where: { !$0.isEmpty }).map(String.init) ?? ""
    }

    /// The file's octets as they are; more than `limit` are refused.
    static func octets(_ path: String, atMost limit: Int) throws(FileProblem) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .ofErrno() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            guard count > 0 else { throw .ofErrno() }
            bytes += buffer[..<count]
        }
        throw FileProblem(description: "larger than \(limit) octets")
    }
}

/// What this machine calls itself.
enum HostName {
    /// The node name, `localhost` when there is none.
    static func ofThisMachine() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let result = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe $0.baseAddress.map { unsafe gethostname($0, 255) } ?? -1
        }
        guard result == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let name = String(decoding: bytes, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }
}
