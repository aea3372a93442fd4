import MailModel

/// Picks the route of a domain: its own, that of the closest domain above it with a `*.` rule, or
/// the default.
///
/// Concurrency: value.
package struct Router: Hashable, Sendable {
    /// For domains without a route of their own.
    package var defaultRoute: Route
    /// Routes of single domains, lower case.
    package private(set) var exact: [String: Route]
    /// Routes of everything below a domain, lower case.
    package private(set) var below: [String: Route]

    /// Creates a router that sends everything one way.
    package init(defaultRoute: Route = Route(name: "default", nextHop: .mx)) {
        self.defaultRoute = defaultRoute
        self.exact = [:]
        self.below = [:]
    }

    /// Gives the domains of the pattern a route of their own; a later call wins.
    package mutating func set(_ route: Route, for pattern: DomainPattern) {
        switch pattern {
        case .exactly(let name): exact[name] = route
        case .below(let name): below[name] = route
        }
    }

    /// The route for recipients of the domain (lower case, as in ``Mailbox``).
    package func route(for domain: String) -> Route {
        if let route = exact[domain] { return route }
        guard !below.isEmpty else { return defaultRoute }
        var rest = Substring(domain)
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            if let route = below[String(rest)] { return route }
        }
        return defaultRoute
    }

    /// The route with this name, if there is one.
    package func route(named name: String) -> Route? {
        if defaultRoute.name == name { return defaultRoute }
        return exact.values.first { $0.name == name } ?? below.values.first { $0.name == name }
    }

    /// The destination that recipients of the domain share with others: connections, limits and
    /// backoff are kept for each destination.
    package func destination(for domain: String) -> DestinationKey {
        let route = route(for: domain)
        return switch route.nextHop {
        case .mx: DestinationKey(route: route.name, domain: domain)
        case .smarthosts: DestinationKey(route: route.name, domain: "")
        }
    }
}
