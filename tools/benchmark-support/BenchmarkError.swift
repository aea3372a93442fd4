/// Why the benchmark cannot go on.
///
/// Concurrency: value.
package struct BenchmarkError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
