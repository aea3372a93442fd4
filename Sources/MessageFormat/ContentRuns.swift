/// The runs of a content that is in memory as a whole, cut when they are asked for: but for a few of
/// them, there is one copy of it.
///
/// Concurrency: value.
package struct ContentRuns: Sequence, IteratorProtocol {
    private let content: [UInt8]
    private let portion: Int
    private var start = 0
    private var cutter: PartCutter
    private var runs: ArraySlice<PartCutter.Run> = []
    private var isAtEnd = false

    /// Begins before the first octet.
    ///
    /// - Parameters:
    ///   - content: What is cut.
    ///   - runOctets: See ``PartCutter/init(runOctets:bodyOctets:)``.
    ///   - bodyOctets: See there.
    package init(_ content: [UInt8], runOctets: Int, bodyOctets: Int) {
        self.content = content
        portion = runOctets
        cutter = PartCutter(runOctets: runOctets, bodyOctets: bodyOctets)
    }

    /// The next run; nil behind the last one.
    package mutating func next() -> PartCutter.Run? {
        while runs.isEmpty, !isAtEnd {
            if start < content.count {
                let end = Swift.min(start + portion, content.count)
                runs = cutter.add(Array(content[start..<end]))[...]
                start = end
            } else {
                runs = cutter.finish()[...]
                isAtEnd = true
            }
        }
        return runs.popFirst()
    }
}
