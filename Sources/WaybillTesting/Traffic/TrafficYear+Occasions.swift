import MailEvents
import MailModel

// What happens beside deliveries: orders, complaints, late bounces, suppressed addresses.
extension TrafficYear {
    /// Days between two suspensions of a large domain, and hours that they last.
    private static let suspensionDays = 15
    private static let suspensionHours: Int64 = 3
    private static let hour: Int64 = 3_600_000_000

    /// Plans what happens by the calendar.
    mutating func planOccasions() {
        for day in 0..<plan.days {
            let noon = plan.start.microseconds + Int64(day) * 24 * Self.hour + 12 * Self.hour
            if day % 7 == 3 { heap.push(.configure, 0, at: noon) }
            if day % Self.suspensionDays == 7 {
                let domain = Int32(day / Self.suspensionDays % 8)
                heap.push(.suspend, domain, at: noon + 1)
                heap.push(.resume, domain, at: noon + 1 + Self.suspensionHours * Self.hour)
            }
        }
    }

    private func order(_ domain: Int32) -> ControlOrder {
        ControlOrder(
            selector: RecipientSelector(domain: domains.all[Int(domain)].name),
            reason: "the provider has an outage", actor: "cli")
    }

    mutating func suspend(_ entry: TrafficHeap.Entry) {
        suspendedDomain = entry.index
        suspendedUntil = entry.time + Self.suspensionHours * Self.hour
        emit(entry.time, .suspended(DeliverySuspended(order: order(entry.index))))
    }

    mutating func resume(_ entry: TrafficHeap.Entry) {
        suspendedDomain = -1
        emit(entry.time, .resumed(order(entry.index)))
    }

    mutating func complain(_ entry: TrafficHeap.Entry) {
        let recipient = recipients[entry.index]
        recipients.remove(entry.index)
        emit(
            entry.time,
            .complained(
                RecipientComplained(
                    recipient: reference(recipient), feedbackType: "abuse",
                    reporter: "fbl.\(domains.all[Int(recipient.domain)].name)")))
        suppress(recipient, "complaint", at: entry.time)
    }

    mutating func bounceLater(_ entry: TrafficHeap.Entry) {
        let recipient = recipients[entry.index]
        recipients.remove(entry.index)
        emit(
            entry.time,
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: reference(recipient),
                    reporter: domains.all[Int(recipient.domain)].hosts[0],
                    text: "smtp; 550 5.1.1 no such user \(TrafficNames.token(8, &random))",
                    class: .invalidRecipient, saidBy: .remote)))
    }

    /// The tenant wants nothing sent there any more. One in fifty changes its mind at once.
    mutating func suppress(_ recipient: TrafficRecipient, _ reason: String, at time: Int64) {
        let mailbox = mailbox(recipient)
        let address = SuppressedAddress(
            tenant: senders.tenants[Int(recipient.tenant)].name, localPart: mailbox.localPart,
            domain: mailbox.domain)
        let message = MessageID(epoch: 1, sequence: recipient.message)
        emit(
            time,
            .suppressed(
                AddressSuppressed(
                    address: address, reason: reason, actor: "bounces", message: message)))
        suppressed.insert(Self.key(recipient))
        guard random.oneIn(50) else { return }
        emit(
            time,
            .unsuppressed(
                AddressUnsuppressed(address: address, reason: "by mistake", actor: "cli")))
        suppressed.remove(Self.key(recipient))
    }

    static func key(_ recipient: TrafficRecipient) -> UInt64 {
        TrafficNames.mixed(recipient.person ^ UInt64(recipient.tenant + 1) << 56)
    }
}
