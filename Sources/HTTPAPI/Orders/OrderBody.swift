import MailEvents
import MailModel
import Orders

/// Orders as requests carry them: an object of JSON.
enum OrderBody {
    /// Reads an order for the queue.
    ///
    /// Throws 400 when it is no JSON, 415 when it does not say that it is, 422 with every mistake.
    static func read(
        _ action: QueueOrder.Action, _ call: APICall, _ services: APIServices
    ) async throws -> QueueOrder {
        let notes = JSONObject.Notes()
        let object = try await object(call, services, notes)
        var order = QueueOrder(action, scope(object))
        order.reason = object.string("reason") ?? ""
        order.isDryRun = object.bool("dry_run") ?? false
        if action == .suspend {
            order.until = end(object, "until", "duration_seconds", now: services.now())
        }
        object.finish()
        try notes.check(.invalidOrder)
        return order
    }

    /// What the members of an order say of its scope.
    static func scope(_ object: JSONObject) -> OrderScope {
        var scope = OrderScope()
        scope.campaign = object.string("campaign") ?? ""
        scope.tenant = object.string("tenant") ?? ""
        scope.domain = object.string("domain") ?? ""
        scope.queue = object.string("queue") ?? ""
        scope.isEverything = object.bool("all") ?? false
        if let text = object.string("message_id") {
            scope.message = MessageID(text)
            if scope.message == nil {
                object.note("message_id", "is no message id; one looks like 1-3k9")
            }
        }
        return scope
    }

    /// The object that a request's body is.
    static func object(
        _ call: APICall, _ services: APIServices, _ notes: JSONObject.Notes
    ) async throws -> JSONObject {
        try call.query.allow([])
        guard call.mediaType == "application/json" else {
            throw Problem(.unsupportedMediaType, "Content-Type should be application/json.")
        }
        let body = try await BodyReader.read(
            call.request, limit: APILimits.orderOctets, share: services.memory.share())
        return try JSONObject.top(body, notes: notes)
    }

    /// When something is over: an instant, or so many seconds from now.
    static func end(
        _ object: JSONObject, _ instant: String, _ duration: String, now: EventTime
    ) -> EventTime? {
        let time = object.instant(instant)
        guard let seconds = object.integer(duration, in: 1...APILimits.orderSeconds) else {
            return time
        }
        if time != nil { object.note(duration, "stands beside \(instant); give one of them") }
        return now.adding(seconds: seconds)
    }
}
