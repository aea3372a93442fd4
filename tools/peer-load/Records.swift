import BenchmarkSupport
import Glibc

/// The records that are stored, over and over.
///
/// A file of them: each has its count of octets (4, little-endian), then the octets.
///
/// Concurrency: value.
struct Records {
    private var bytes: [UInt8] = []
    private var ranges: [Range<Int>] = []

    /// Reads a file.
    init(path: String) throws(BenchmarkError) {
        guard let file = unsafe fopen(path, "rb") else {
            throw BenchmarkError("\(path) cannot be read")
        }
        defer { unsafe fclose(file) }
        var status = stat()
        guard unsafe fstat(fileno(file), &status) == 0 else {
            throw BenchmarkError("\(path) cannot be read")
        }
        let size = Int(status.st_size)
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = unsafe fread(buffer.baseAddress, 1, size, file)
        }
        var index = 0
        while index + 4 <= bytes.count {
            let octets = (0..<4).reduce(0) { $0 | Int(bytes[index + $1]) << ($1 * 8) }
            ranges.append(index + 4..<index + 4 + octets)
            index += 4 + octets
        }
        guard !ranges.isEmpty, index == bytes.count else {
            throw BenchmarkError("\(path) is not a file of records")
        }
    }

    /// A record; after the last comes the first.
    subscript(_ number: Int) -> ArraySlice<UInt8> { bytes[ranges[number % ranges.count]] }
}
