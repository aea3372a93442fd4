import MailEvents
import Replication

/// The entries of the lease as JSON. Members are only ever added.
enum LeaseJSON {
    static func bytes(_ holder: LeaseHolder) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(holder.site, "site")
        writer.string(holder.node, "node")
        writer.number(holder.epoch, "epoch")
        writer.string(holder.successor, "successor")
        if !holder.address.isEmpty { writer.string(holder.address, "address") }
        writer.endObject()
        return writer.bytes
    }

    static func bytes(_ token: LeaseToken) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(token.epoch, "epoch")
        writer.string(token.site, "site")
        writer.number(token.sequence, "sequence")
        writer.beginArray("standbys")
        for name in token.standbys { writer.string(name) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    static func bytes(_ candidate: LeaseCandidate) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(candidate.site, "site")
        writer.number(candidate.epoch, "epoch")
        writer.number(candidate.sequence, "sequence")
        writer.number(candidate.campaign, "campaign")
        writer.bool(candidate.stands, "stands")
        writer.endObject()
        return writer.bytes
    }

    /// Whoever it is: what cannot be read is held by somebody unknown.
    static func holder(_ value: JSONValue) -> LeaseHolder {
        LeaseHolder(
            site: value["site"].text, node: value["node"].text,
            epoch: UInt32(value["epoch"].text) ?? 0, successor: value["successor"].text,
            address: value["address"].text)
    }

    static func token(_ value: JSONValue) -> LeaseToken? {
        guard let epoch = UInt32(value["epoch"].text),
            let sequence = UInt64(value["sequence"].text)
        else { return nil }
        return LeaseToken(
            epoch: epoch, site: value["site"].text, sequence: sequence,
            standbys: value["standbys"].elements.map(\.text))
    }

    static func candidate(_ value: JSONValue) -> LeaseCandidate? {
        guard let epoch = UInt32(value["epoch"].text),
            let sequence = UInt64(value["sequence"].text),
            let campaign = Int64(value["campaign"].text)
        else { return nil }
        return LeaseCandidate(
            site: value["site"].text, epoch: epoch, sequence: sequence, campaign: campaign,
            stands: value["stands"].isTrue)
    }
}
