/// The encoding of ENVID and ORCPT: RFC 3461 section 4.
package enum XText {
    /// `+` and `=`, and everything outside `!` to `~`, as `+` and two upper-case hex digits.
    package static func encode(_ text: some Sequence<UInt8>) -> String { "" }

    /// nil when the text is not xtext.
    package static func decode(_ text: String) -> [UInt8]? { nil }
}
