package import MailModel
package import NIOCore

extension IPAddress {
    /// The address with a port, ready to connect to.
    package func socketAddress(port: Int) throws -> SocketAddress {
        try SocketAddress(packedIPAddress: ByteBuffer(bytes: octets), port: port)
    }
}
