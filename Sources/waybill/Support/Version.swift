/// Waybill's version, in `configuration_applied`, `--version` and greetings.
enum Version {
    static let text = "0.1.0"
}
