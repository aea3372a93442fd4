package import MailEvents

extension MessageTrace {
    /// Which way the delivery of a recipient went: what `complained` and `bounced_later` are to say.
    ///
    /// - Parameter number: The recipient's, within the message.
    /// - Returns: MX host and source address; empty when it was not delivered, or nobody knows.
    package func route(of number: Int) -> DeliveryRoute {
        for event in events.reversed() {
            guard case .delivered(let fact) = event.event.fact, fact.recipient.number == number
            else { continue }
            return DeliveryRoute(
                host: fact.attempt.peer?.host ?? "",
                sourceAddress: fact.attempt.peer?.sourceAddress ?? "")
        }
        return DeliveryRoute()
    }
}
