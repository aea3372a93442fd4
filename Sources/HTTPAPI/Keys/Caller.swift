import Orders

/// Who asks: the key of a request, and what it may see.
///
/// Concurrency: value.
struct Caller: Hashable, Sendable {
    /// The id of the key.
    var keyID: String
    var name: String
    var roles: [APIRole]
    /// The one tenant it is for; empty: all.
    var tenant: String

    /// Who reaches the control socket: the server's own user, who may do everything.
    static let administrator = Caller(name: "cli")

    private init(name: String) {
        keyID = ""
        self.name = name
        roles = [.admin]
        tenant = ""
    }

    init(_ key: APIKey) {
        keyID = key.id
        name = key.name
        roles = key.roles
        tenant = key.tenant
    }

    /// Whether it may do what needs a role.
    func may(_ role: APIRole) -> Bool { roles.contains { $0.includes(role) } }

    /// As it gives orders.
    var giver: OrderGiver { OrderGiver(name: name, tenant: tenant) }

    /// Whether it is for every tenant.
    var seesAll: Bool { tenant.isEmpty }

    /// Whether it may see what belongs to a tenant.
    func sees(tenant other: String) -> Bool { tenant.isEmpty || tenant == other }
}
