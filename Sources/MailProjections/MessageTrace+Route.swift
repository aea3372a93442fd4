package import MailEvents

extension MessageTrace {
    /// Which way the deliveries of recipients went, by recipient's number: what `complained` and
    /// `bounced_later` are to say. A recipient that was not delivered is not there.
    package var routes: [Int: DeliveryRoute] {
        var routes: [Int: DeliveryRoute] = [:]
        for event in events {
            guard case .delivered(let fact) = event.event.fact else { continue }
            routes[fact.recipient.number] = DeliveryRoute(
                host: fact.attempt.peer?.host ?? "",
                sourceAddress: fact.attempt.peer?.sourceAddress ?? "")
        }
        return routes
    }
}
