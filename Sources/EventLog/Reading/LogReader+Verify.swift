extension LogReader {
    /// Checks everything from the batch that contains `from`: sizes, every page of every segment,
    /// the segments' records, each batch's checksum, its place in sequence, chain, epoch and
    /// time, each content block's checksum, and each message against what its event says.
    ///
    /// Never throws, never changes a file, never leaves a damage out. Works beside a running
    /// writer; the pages of the segment that is being written are then checked as far as its
    /// batches need them.
    package func verify(
        codec: some BatchCodec, from: UInt64 = 1, progress: (VerifyProgress) -> Void = { _ in }
    ) -> VerifyReport {
        var verifier = LogVerifier(codec: codec, files: SegmentFiles(directory: files.directory))
        return verifier.run(from: from, progress: progress)
    }
}
