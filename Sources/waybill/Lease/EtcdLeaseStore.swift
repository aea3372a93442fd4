import ConfigurationFile
import CurlHTTP
import Etcd
import EventLog
import MailEvents
import Replication
import SmallFiles

/// The lease as entries of etcd, below a prefix: `leader` is attached to the holder's lease, `epoch`
/// stays, `candidates/NAME` is what a standby has said. Values are JSON.
///
/// Concurrency: may be shared; requests block.
final class EtcdLeaseStore: LeaseStore {
    private let client: EtcdClient
    private let settings: LeaseSettings

    private static let passwordOctetsMax: Int64 = 4_096

    /// - Parameter settings: Where, and as whom.
    init(_ settings: LeaseSettings) {
        self.settings = settings
        let timing = LeaseTiming(ttlMilliseconds: settings.ttlMilliseconds)
        var etcd = EtcdClient.Settings(
            endpoints: settings.endpoints, requestMilliseconds: Int(timing.request))
        let some: (String) -> String? = { $0.isEmpty ? nil : $0 }
        etcd.identity = TransferIdentity(
            trustedRoots: some(settings.authorityFile),
            certificate: some(settings.certificateFile), key: some(settings.keyFile))
        etcd.user = settings.user
        let path = settings.passwordFile
        etcd.password = {
            let text = try? SmallFile.read(path, octetsMax: Self.passwordOctetsMax).text
            return text.flatMap { SmallFile.lines(of: $0).first.map(String.init) }
        }
        client = EtcdClient(etcd)
    }

    private var leaderKey: String { settings.prefix + "leader" }
    private var epochKey: String { settings.prefix + "epoch" }
    private var candidates: String { settings.prefix + "candidates/" }

    func witnessProblem() throws -> String? {
        if settings.isWitnessTrusted { return nil }
        return LeaseWitness.problem(
            try client.members().map {
                LeaseWitness.Member(isLearner: $0.isLearner, hosts: $0.hosts)
            })
    }

    func carryOut(_ request: LeaseMachine.Request, here: LeaseSite) -> LeaseMachine.Answer {
        do throws(EtcdError) {
            switch request {
            case .look: return .view(try look())
            case .take(let epoch, let holder, let token):
                return try take(epoch, holder, token, here)
            case .renew(let lease, let epoch, let successor):
                return try renew(lease, epoch, successor, here)
            case .publish(let candidate):
                let put = EtcdTransaction.Put(
                    candidates + candidate.site, LeaseJSON.bytes(candidate))
                _ = try client.commit(EtcdTransaction(if: [], put: [put]))
                return .done
            case .release(let lease):
                try client.revoke(lease)
                return .done
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private func look() throws(EtcdError) -> LeaseView {
        var view = LeaseView()
        for entry in try client.entries(prefix: settings.prefix) {
            let value = JSONValue(entry.value) ?? .null
            switch entry.key {
            case leaderKey:
                view.holder = LeaseJSON.holder(value)
                view.holderRevision = entry.revision
            case epochKey:
                guard let token = LeaseJSON.token(value) else {
                    throw EtcdError(.refused, "etcd's entry \(epochKey) is not this server's")
                }
                view.token = token
                view.tokenRevision = entry.revision
            default:
                guard entry.key.hasPrefix(candidates) else { continue }
                if let candidate = LeaseJSON.candidate(value) { view.candidates.append(candidate) }
            }
        }
        return view
    }

    private func take(
        _ epoch: UInt32, _ holderRevision: Int64, _ tokenRevision: Int64, _ here: LeaseSite
    ) throws(EtcdError) -> LeaseMachine.Answer {
        let (lease, seconds) = try client.grant(seconds: settings.ttlMilliseconds / 1_000)
        guard seconds * 1_000 >= settings.ttlMilliseconds else {
            throw EtcdError(.refused, "etcd grants \(seconds) s only")
        }
        let isTaken: Bool
        do throws(EtcdError) {
            isTaken = try client.commit(
                EtcdTransaction(
                    if: [
                        (leaderKey, .revision(holderRevision)),
                        (epochKey, .revision(tokenRevision)),
                    ], put: puts(lease, epoch, "", here)))
        } catch {
            // It may have been carried out all the same; the entry goes with the lease.
            try? client.revoke(lease)
            throw error
        }
        if isTaken { return .taken(lease: lease) }
        try client.revoke(lease)
        return .refused
    }

    private func renew(
        _ lease: Int64, _ epoch: UInt32, _ successor: String, _ here: LeaseSite
    ) throws(EtcdError) -> LeaseMachine.Answer {
        guard try client.keepAlive(lease) else { return .refused }
        do throws(EtcdError) {
            let isOurs = try client.commit(
                EtcdTransaction(
                    if: [(leaderKey, .lease(lease))], put: puts(lease, epoch, successor, here)))
            return isOurs ? .renewed : .refused
        } catch {
            if error.code == .notFound { return .refused }
            throw error
        }
    }

    private func puts(
        _ lease: Int64, _ epoch: UInt32, _ successor: String, _ here: LeaseSite
    ) -> [EtcdTransaction.Put] {
        let holder = LeaseHolder(
            site: here.name, node: here.node, epoch: epoch, successor: successor,
            address: here.address)
        let token = LeaseToken(
            epoch: epoch, site: here.name, sequence: here.sequence, standbys: here.standbys)
        return [
            EtcdTransaction.Put(leaderKey, LeaseJSON.bytes(holder), lease: lease),
            EtcdTransaction.Put(epochKey, LeaseJSON.bytes(token)),
        ]
    }
}
