/// The files of a damaged log while its values are read again: opened when they are needed, and not
/// more of them at a time than ``EventLogLimits/openFilesMax``, however many segments a log has.
///
/// Concurrency: bound to its owner.
final class SalvagedSources {
    private let files: [SalvagedFile]
    private var open: [Int: PageFile] = [:]
    /// Least recently used first.
    private var order: [Int] = []

    init(_ files: [SalvagedFile]) { self.files = files }

    /// A file that could be opened before.
    ///
    /// - Parameter index: In the order of the names.
    /// - Returns: The file, open.
    /// - Throws: `inaccessible`, `notFound` when it cannot be opened any more.
    func file(_ index: Int) throws(EventLogError) -> PageFile {
        if order.last != index, let place = order.lastIndex(of: index) {
            order.append(order.remove(at: place))
        }
        if let known = open[index] { return known }
        let file = try PageFile.openForSalvage(path: files[index].path)
        open[index] = file
        order.append(index)
        if order.count > EventLogLimits.openFilesMax { open[order.removeFirst()] = nil }
        return file
    }
}
