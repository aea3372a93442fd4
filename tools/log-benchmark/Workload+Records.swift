import BenchmarkSupport
import Foundation

extension Workload {
    /// Writes what SQLite gets of each event, as one record: the time (8 octets, little-endian) and
    /// the event in protobuf. Before each record stands its count of octets (4, little-endian).
    func writeRecords(to path: String) throws {
        var bytes: [UInt8] = []
        for item in items {
            for row in item.rows {
                for shift in stride(from: 0, to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: (row.body.count + 8) >> shift))
                }
                for shift in stride(from: 0, to: 64, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: row.time >> shift))
                }
                bytes.append(contentsOf: row.body)
            }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
