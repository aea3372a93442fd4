/// What to make of the times in a segment's meta table: when it was created and sealed. They are under
/// no checksum, so a damaged one may be any number.
enum UncheckedTime {
    /// The time that is counted from.
    ///
    /// A time before the last event's is not believed: what was created or sealed behind an event has a
    /// time that is not before the event's. Neither is one that lies too far ahead.
    ///
    /// - Parameters:
    ///   - time: As it stands there.
    ///   - event: Time of the last event before it, which is under a checksum; nil when there is none.
    ///   - now: By the machine's clock.
    /// - Returns: The time, or else that of the event, or else the machine's.
    static func believed(_ time: Int64, event: Int64?, now: Int64) -> Int64 {
        guard !isTooFarAhead(time, of: max(now, event ?? now)) else { return event ?? now }
        return max(time, event ?? time)
    }

    /// Whether no clock can have told a time that was written down by now.
    static func isTooFarAhead(_ time: Int64, of latest: Int64) -> Bool {
        time > latest.addingClamping(EventLogLimits.uncheckedTimeAheadMax)
    }
}

extension SegmentFile {
    /// Time of the segment's last event, which is under a checksum; nil when there is none.
    func lastEventTime() throws(EventLogError) -> Int64? {
        guard let run = try batches(floor: .max) else { return nil }
        return try BatchReader().batches(of: run).last?.lastTime
    }
}

extension LogRecovery {
    /// Time from which a log goes on whose state is known.
    ///
    /// A last segment without a batch tells no time under a checksum. What it says of its creation counts
    /// only between the time of the log's last event and the limit ahead of the machine's clock; when that
    /// event cannot be read, which is no reason to refuse the log here, only the limit does.
    ///
    /// - Parameters:
    ///   - state: As ``state()`` gave it.
    ///   - now: By the machine's clock.
    /// - Returns: Microseconds since the Unix epoch.
    func lastTime(of state: State, now: Int64) -> Int64 {
        guard let last = state.lastSegment, state.position.sequence < last else {
            return state.lastTime
        }
        return UncheckedTime.believed(
            state.lastTime, event: lastEventTime(before: last), now: now)
    }

    /// Time of the last event before a segment; nil when there is none, or it cannot be read.
    private func lastEventTime(before segment: UInt64) -> Int64? {
        let pruned = try? directory.pruned()
        if let pruned, pruned.firstSequence == segment { return pruned.cutTime }
        guard let before = try? directory.list().segments.last(where: { $0 < segment }),
            let file = try? SegmentFile(path: directory.segmentPath(before), first: before)
        else { return nil }
        return try? file.lastEventTime()
    }
}
