import ConfigurationFile
import Logging
import Replication

/// Lets a site that was primary follow another one again.
enum SiteRejoin {
    static func run(
        _ address: SiteAddress, configuration: WaybillConfiguration, desk: SiteDesk, logger: Logger
    ) async {}
}
