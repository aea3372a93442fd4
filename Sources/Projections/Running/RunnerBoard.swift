/// What the runner knows of each projection: what decides about phases and rebuilds, without doing
/// anything.
///
/// Concurrency: value; the runner keeps it behind its lock.
struct RunnerBoard: Sendable {
    /// One projection.
    struct Entry: Sendable {
        let definition: AnyProjection
        /// In use; what readers see.
        var host: any ProjectionHost
        /// Being built beside it.
        var beside: (any ProjectionHost)?
        var status: ProjectionStatus
        /// It has reached the log's end since the start: what it says is whole.
        var hasArrived = false
        /// Its file was no good: what is being read is a rebuild.
        var isRebuilt = false
        /// Where it stood when the window of its speed began, and when that was.
        var looked: (sequence: UInt64, milliseconds: UInt64) = (0, 0)
    }

    /// In the registry's order.
    private(set) var entries: [Entry] = []

    mutating func add(_ definition: AnyProjection, host: any ProjectionHost) {
        entries.append(
            Entry(
                definition: definition, host: host,
                status: ProjectionStatus(name: definition.name, version: definition.version)))
    }

    /// The entry of a name.
    subscript(name: String) -> Entry? {
        get { entries.first { $0.definition.name == name } }
        set {
            guard let newValue,
                let index = entries.firstIndex(where: { $0.definition.name == name })
            else { return }
            entries[index] = newValue
        }
    }

    /// Notes something that went wrong.
    mutating func note(setback text: String, of name: String, at time: Int64) {
        self[name]?.status.setbacks.append(ProjectionStatus.Setback(time: time, text: text))
        if let count = self[name]?.status.setbacks.count, count > Limits.setbacksMaximum {
            self[name]?.status.setbacks.removeFirst(count - Limits.setbacksMaximum)
        }
    }

    /// Brings the status up to date. Its speed is that of the last window, however often and by how
    /// many it is asked for.
    mutating func look(logEnd: UInt64, milliseconds: UInt64) {
        for index in entries.indices {
            let host = entries[index].host
            let read = entries[index].beside?.sequence ?? host.sequence
            entries[index].status.sequence = host.sequence
            entries[index].status.rebuildSequence = entries[index].beside?.sequence ?? 0
            entries[index].status.logEnd = max(logEnd, host.sequence)
            entries[index].status.checkpoint = host.written
            entries[index].status.refused = host.refused
            entries[index].status.stoppedBy = host.stoppedBy
            let before = entries[index].looked
            if before.milliseconds == 0
                || milliseconds >= before.milliseconds + Limits.speedWindowMilliseconds
            {
                let events = read > before.sequence ? read - before.sequence : 0
                entries[index].status.eventsPerSecond =
                    before.milliseconds == 0
                    ? 0 : events * 1000 / (milliseconds - before.milliseconds)
                entries[index].looked = (read, max(milliseconds, 1))
            }
            entries[index].status.phase = phase(of: entries[index])
        }
    }

    private func phase(of entry: Entry) -> ProjectionStatus.Phase {
        if entry.beside != nil { return .rebuilding }
        if entry.host.stoppedBy != nil { return .stopped }
        switch entry.status.phase {
        case .live, .waiting: return entry.status.phase
        default: return entry.isRebuilt ? .rebuilding : .catchingUp
        }
    }
}
