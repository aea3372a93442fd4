/// Which of the extensions that a server offers are used: some servers offer what they get wrong.
///
/// Concurrency: value.
package struct ExtensionUse: Hashable, Sendable {
    /// How content goes by BDAT instead of DATA (RFC 3030).
    package enum Chunking: Hashable, Sendable, CaseIterable {
        /// Only what cannot go by DATA: BINARYMIME.
        case whenNeeded
        /// Whenever it is offered.
        case preferred
        /// Never: what cannot go by DATA bounces.
        case never
    }

    /// How 8-bit content is sent (RFC 6152).
    package enum EightBit: Hashable, Sendable, CaseIterable {
        /// Declared; it bounces where 8BITMIME is not offered.
        case declared
        /// Declared where 8BITMIME is offered, as it is elsewhere.
        case sendAsIs
        /// As it is, never declared.
        case undeclared
    }

    /// Whether commands are sent in groups where PIPELINING is offered (RFC 2920).
    package var pipelining: Bool
    package var chunking: Chunking
    package var eightBit: EightBit

    /// Creates the use of everything that is offered, as far as it is of use.
    package init(
        pipelining: Bool = true, chunking: Chunking = .whenNeeded, eightBit: EightBit = .declared
    ) {
        self.pipelining = pipelining
        self.chunking = chunking
        self.eightBit = eightBit
    }
}
