extension MetricsRoutes {
    /// How the continuous backup stands.
    static func write(_ backup: BackupFigures, _ text: inout MetricsText) {
        if let sequence = backup.sequence {
            text.single(
                "waybill_backup_sequence", .gauge, "Last event that is archived.",
                Int(clamping: sequence))
        }
        text.single(
            "waybill_backup_lag_events", .gauge, "Events of the log that are not archived.",
            Int(clamping: backup.lagEvents))
        text.single(
            "waybill_backup_lag_seconds", .gauge,
            "How long the oldest event that is not archived has waited.",
            Int(backup.lagMilliseconds / 1000))
        text.single(
            "waybill_backup_failures_total", .counter,
            "Tries to archive that failed since the start.", backup.failures)
        text.single(
            "waybill_backup_working", .gauge, "1 when the last try to archive went well.",
            backup.problem.isEmpty ? 1 : 0)
        guard let verification = backup.verification else { return }
        text.single(
            "waybill_backup_verified_timestamp_seconds", .gauge,
            "When the backup was verified last.", Int(verification.time / 1_000_000))
        text.single(
            "waybill_backup_verified_well", .gauge,
            "1 when that restored the log and gave the live node's digests.",
            verification.isWell ? 1 : 0)
        text.single(
            "waybill_backup_verified_sequence", .gauge, "Up to where it restored the log.",
            Int(clamping: verification.sequence))
    }
}
