extension PageFile {
    /// Opens a file of which neither meta page may be readable, to save what else is in it.
    ///
    /// - Parameters:
    ///   - path: Of the file.
    ///   - unreadable: Octets that the disk is taken not to give, for tests.
    /// - Returns: The file.
    /// - Throws: When the file cannot be opened at all.
    static func openForSalvage(
        path: String, unreadable: Range<UInt64>? = nil
    ) throws(EventLogError) -> PageFile {
        let descriptor = try openDescriptor(path)
        let file = PageFile(
            path: path, descriptor: descriptor, pageBytes: usualPageBytes, unreadable: unreadable)
        guard let pageBytes = file.salvagedPageBytes(), pageBytes != usualPageBytes else {
            return file
        }
        return file.with(pageBytes: pageBytes)
    }

    /// The page size that one of the meta pages names: the second one stands wherever it says that it
    /// does.
    private func salvagedPageBytes() -> Int? {
        if let head = try? bytes(at: 0, count: PageMeta.octets),
            let pageBytes = PageMeta.pageBytes(inPage: head)
        {
            return pageBytes
        }
        return (9...15).map { 1 << $0 }.first { size in
            guard let head = try? bytes(at: UInt64(size), count: PageMeta.octets) else {
                return false
            }
            return PageMeta.pageBytes(inPage: head) == size
        }
    }

    /// Both meta pages, each read by itself; nil for one that is none.
    ///
    /// - Parameter note: Told of a page that cannot be read.
    /// - Returns: The pages.
    func salvagedMetas(_ note: (String) -> Void) -> (PageMeta?, PageMeta?) {
        (salvagedMeta(0, note), salvagedMeta(1, note))
    }

    private func salvagedMeta(_ index: Int, _ note: (String) -> Void) -> PageMeta? {
        do throws(EventLogError) {
            let head = try bytes(
                at: UInt64(index * pageBytes), count: PageMeta.octets, orFewer: true)
            return PageMeta(bytes: head, index: index, pageBytes: pageBytes)
        } catch {
            note("meta page \(index) cannot be read: \(error.message)")
            return nil
        }
    }
}
