import EventLog
import MailEvents

/// Where the octets of segments are. The parts add up to the files.
///
/// Concurrency: value.
struct SegmentOctets {
    var events = 0
    var batches = 0
    var contents = 0
    var contentBlocks = 0
    /// Octets of batches: uncompressed, as stored, and of the pages they stand on.
    var batchesRaw = 0
    var batchesStored = 0
    private var eventPages = 0
    var contentRaw = 0
    var contentStored = 0
    private var contentPages = 0
    /// Octets of free pages that are in the files.
    var free = 0
    var file = 0

    init() {}

    init(_ segment: SegmentAnatomy) {
        let page = Int(clamping: segment.pageBytes)
        events = Int(clamping: segment.events)
        batches = Int(clamping: segment.batches)
        contents = Int(clamping: segment.contents)
        contentBlocks = Int(clamping: segment.contentBlocks)
        batchesRaw = Int(clamping: segment.batchesRaw)
        batchesStored = Int(clamping: segment.batchesStored)
        eventPages = Int(clamping: segment.eventPages) * page
        contentRaw = Int(clamping: segment.contentRaw)
        contentStored = Int(clamping: segment.contentStored)
        contentPages = Int(clamping: segment.contentPages) * page
        file = Int(clamping: segment.fileBytes)
        // Free pages at the end may never have been written: then the file is shorter.
        let missing = max(0, Int(clamping: segment.usedPages) * page - file)
        // What a writer has put ready behind the end is as free.
        let ahead = max(0, file - Int(clamping: segment.usedPages) * page)
        free = max(0, Int(clamping: segment.freePages) * page - missing) + ahead
    }

    static func + (left: SegmentOctets, right: SegmentOctets) -> SegmentOctets {
        var sum = left
        sum.events += right.events
        sum.batches += right.batches
        sum.contents += right.contents
        sum.contentBlocks += right.contentBlocks
        sum.batchesRaw += right.batchesRaw
        sum.batchesStored += right.batchesStored
        sum.eventPages += right.eventPages
        sum.contentRaw += right.contentRaw
        sum.contentStored += right.contentStored
        sum.contentPages += right.contentPages
        sum.free += right.free
        sum.file += right.file
        return sum
    }

    /// Octets of the tables' pages that hold no values: LMDB's keys, page headers and rests of pages.
    var tableOverhead: Int {
        max(0, eventPages + contentPages - batchesStored - contentStored)
    }

    /// What is neither in the two tables nor free: meta pages, the table `meta`, the lists.
    var rest: Int { max(0, file - eventPages - contentPages - free) }

    /// The parts of the files, with the uncompressed octets where there are any.
    var parts: [(name: String, octets: Int, raw: Int?)] {
        [
            ("batches of events", batchesStored, batchesRaw),
            ("message contents", contentStored, contents == 0 ? nil : contentRaw),
            ("pages of LMDB's tables", tableOverhead, nil), ("free pages", free, nil),
            ("everything else", rest, nil),
        ]
    }

    /// The members of an object.
    func write(to writer: inout JSONWriter) {
        writer.number(events, "events")
        writer.number(batches, "batches")
        writer.number(contents, "contents")
        writer.number(contentBlocks, "content_blocks")
        writer.number(batchesRaw, "batch_octets_raw")
        writer.number(batchesStored, "batch_octets_stored")
        writer.number(contentRaw, "content_octets_raw")
        writer.number(contentStored, "content_octets_stored")
        writer.number(tableOverhead, "table_overhead_octets")
        writer.number(free, "free_octets")
        writer.number(rest, "other_octets")
        writer.number(file, "file_octets")
    }
}
