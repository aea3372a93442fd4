/// Why the benchmark cannot go on.
///
/// Concurrency: value.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
