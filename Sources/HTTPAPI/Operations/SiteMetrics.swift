import EventLog

/// How the site stands to the others, for Prometheus.
enum SiteMetrics {
    private static let roles = ["primary", "standby", "fenced", SiteReport.waiting]

    static func write(_ report: SiteReport, _ text: inout MetricsText) {
        text.family(
            "waybill_site_role", .gauge, "1 for the role that the site has.",
            roles.map { ([("role", $0)], $0 == report.role ? 1 : 0) })
        text.single(
            "waybill_site_epoch", .gauge, "The highest epoch known to be open somewhere.",
            Int(report.epoch))
        if let primary = report.primary { write(primary, &text) }
        write(report.standbys, &text)
        if let drill = report.drill { write(drill, &text) }
        if let lease = report.lease { write(lease, &text) }
        guard let acks = report.acks else { return }
        text.family(
            "waybill_replicated_acks_total", .counter,
            "Messages, and intents to send, for which standbys were asked, by what came of it, since the start.",
            [
                ([("outcome", "replicated")], Int(clamping: acks.replicated)),
                ([("outcome", "degraded")], Int(clamping: acks.degraded)),
                ([("outcome", "refused")], Int(clamping: acks.refused)),
            ])
    }

    private static func write(_ primary: SiteReport.Primary, _ text: inout MetricsText) {
        text.single(
            "waybill_following", .gauge,
            "1 while the site is connected to the one that it follows.",
            primary.isConnected ? 1 : 0)
        text.single(
            "waybill_following_diverged", .gauge,
            "1 when the logs have gone different ways and nothing more is taken over.",
            primary.isDiverged ? 1 : 0)
        text.single(
            "waybill_following_lag_events", .gauge,
            "Events that this site lacks, as far as it knows.",
            Int(clamping: primary.lagEvents))
        if let lag = primary.lagMicroseconds {
            text.single(
                "waybill_following_lag_milliseconds", .gauge,
                "Time since the last event taken over, while something is lacking.",
                Int(clamping: lag / 1_000))
        }
        if let sequence = primary.consistentAsOf {
            text.single(
                "waybill_following_consistent_sequence", .gauge,
                "Up to here both sites' chains were found the same.", Int(clamping: sequence))
        }
    }

    private static func write(_ drill: SiteReport.Drill, _ text: inout MetricsText) {
        text.single(
            "waybill_site_drill_timestamp_seconds", .gauge,
            "When the last drill ended, Unix time.", Int(clamping: drill.time / 1_000_000))
        text.single(
            "waybill_site_drill_passed", .gauge, "1 when the last drill found nothing wrong.",
            drill.isWell ? 1 : 0)
        text.single(
            "waybill_site_drill_recovery_milliseconds", .gauge,
            "From opening the log until delivery could have begun, in the last drill.",
            Int(clamping: drill.recoveryMilliseconds))
    }

    private static func write(_ lease: SiteReport.Lease, _ text: inout MetricsText) {
        text.single(
            "waybill_lease_held", .gauge, "1 while this site holds the lease in etcd.",
            lease.isHeld ? 1 : 0)
        text.single(
            "waybill_lease_epoch", .gauge, "The highest epoch that was opened under the lease.",
            Int(lease.epoch))
        text.single(
            "waybill_lease_etcd_answers", .gauge, "1 while etcd answers this site.",
            lease.isAnswered ? 1 : 0)
        text.family(
            "waybill_lease_promotion", .gauge,
            "1 for how this site, as a standby, becomes the primary.",
            ["automatic", "manual", "refused"].map {
                ([("by", $0)], $0 == lease.promotion.rawValue ? 1 : 0)
            })
        if let seconds = lease.secondsLeft {
            text.single(
                "waybill_lease_left_milliseconds", .gauge,
                "Time until this site stops writing unless it renews the lease.",
                Int(seconds * 1_000))
        }
    }

    private static func write(_ standbys: [SiteReport.Standby], _ text: inout MetricsText) {
        guard !standbys.isEmpty else { return }
        text.family(
            "waybill_standby_connected", .gauge, "1 while the standby follows.",
            standbys.map { ([("site", $0.site)], $0.isConnected ? 1 : 0) })
        text.family(
            "waybill_standby_given_up", .gauge,
            "1 when the standby needed more of the log than is kept for one.",
            standbys.map { ([("site", $0.site)], $0.isGivenUp ? 1 : 0) })
        text.family(
            "waybill_standby_lag_events", .gauge, "Events that the standby lacks.",
            standbys.map { ([("site", $0.site)], Int(clamping: $0.lagEvents)) })
        text.family(
            "waybill_standby_sent_octets_total", .counter,
            "Octets of batches sent to the standby since the start.",
            standbys.map { ([("site", $0.site)], Int(clamping: $0.sentOctets)) })
    }
}
