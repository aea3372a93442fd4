/// Who gives an order.
///
/// Concurrency: value.
package struct OrderGiver: Hashable, Sendable {
    /// The name of a key, or `cli`; without blanks.
    package var name: String
    /// The one tenant for which it may act; empty: for all.
    package var tenant: String

    /// Creates a giver.
    package init(name: String, tenant: String = "") {
        self.name = name
        self.tenant = tenant
    }

    /// As events name it. One that is bound to a tenant is told from any other: a name has no blank.
    package var actor: String { tenant.isEmpty ? name : name + mark }

    private var mark: String { " (tenant \(tenant))" }

    /// Whether the giver may undo what this actor ordered: a tenant does not lift what an operator
    /// has put on it.
    package func mayUndo(_ actor: String) -> Bool { tenant.isEmpty || actor.hasSuffix(mark) }

    /// Whether the giver may know of what is a tenant's.
    package func sees(tenant: String) -> Bool { self.tenant.isEmpty || self.tenant == tenant }

    /// The tenant that an order is about, given the one that it names.
    ///
    /// Throws `forbidden` when that is another than the giver's.
    package func tenant(naming named: String) throws(OrderError) -> String {
        guard tenant.isEmpty || named.isEmpty || named == tenant else {
            throw .forbidden("The key is for another tenant.")
        }
        return tenant.isEmpty ? named : tenant
    }
}
