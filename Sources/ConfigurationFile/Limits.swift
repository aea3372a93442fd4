/// The bounds of what a configuration may say, where no target that it is for has one.
enum ConfigurationLimits {
    /// Days of a duration: a hundred years, which is for ever, can still be added to any time without
    /// overflow, and counted in nanoseconds. Beyond: the file is refused, with line, key and what was
    /// expected.
    static let durationDays = 36_500
    /// Milliseconds that a stop may take: a day. No operator waits so long for it, and nanoseconds of it
    /// can be counted. Beyond: as above.
    static let stopMilliseconds = 86_400_000
}
