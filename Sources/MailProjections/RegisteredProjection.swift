package import Projections

/// A projection that the server keeps and commands can name.
///
/// Concurrency: value.
package struct RegisteredProjection: Sendable {
    /// The projection itself.
    package let type: any Projection.Type
    /// What it answers, in one line.
    package let summary: String

    /// Its name, as in ``Projections/Projection/name``.
    package var name: String { type.name }
    /// The version of its rows.
    package var version: UInt32 { type.version }

    /// Every projection of mail.
    package static let all: [RegisteredProjection] = [
        RegisteredProjection(
            type: Queue.self, summary: "what waits for delivery, and when it is due"),
        RegisteredProjection(
            type: Statistics.self,
            summary: "campaigns, clients, domains, providers and source addresses: "
                + "counts, bounce classes, times to delivery"),
    ]
}
