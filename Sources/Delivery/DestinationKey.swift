/// Names what recipients travel to together: a route, and for MX routes the domain.
package struct DestinationKey: Hashable, Sendable, CustomStringConvertible {
    /// Name of the route.
    package var route: String
    /// Domain of the recipients; empty where the route leads to smarthosts.
    package var domain: String

    /// Creates a key.
    package init(route: String, domain: String) {
        self.route = route
        self.domain = domain
    }

    /// The domain, or the route's name.
    package var description: String { domain.isEmpty ? route : domain }
}
