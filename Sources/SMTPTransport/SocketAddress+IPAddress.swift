package import MailModel
package import NIOCore

extension SocketAddress {
    /// The IP address; nil for a Unix domain socket. Once for each connection, so by its text.
    package var ip: IPAddress? { ipAddress.flatMap { IPAddress($0) } }
}
