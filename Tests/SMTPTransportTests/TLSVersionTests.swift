import NIOCore
import NIOPosix
import NIOSSL
import SMTPTransport
import Testing
import WaybillTesting

/// The other end speaks TLS by NIOSSL as it comes, which takes every version from 1.0 on.
@Suite("RFC 8996: TLS 1.2 and 1.3, and no older one")
struct TLSVersionTests {
    private let directory: TemporaryDirectory
    private let certificate: TestCertificate

    init() throws {
        directory = try TemporaryDirectory()
        certificate = try TestCertificate.make(in: directory.path)
    }

    private static func name(_ version: TLSVersion) -> String {
        switch version {
        case .tlsv1: "TLSv1"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }

    /// A client that offers this version and older ones.
    private func anyClient(upTo version: TLSVersion) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = version
        configuration.certificateVerification = .none
        return try NIOSSLContext(configuration: configuration)
    }

    /// A server that takes this version and older ones.
    private func anyServer(upTo version: TLSVersion) async throws -> Listener {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate.certificateFile)
        let key = try NIOSSLPrivateKey(file: certificate.keyFile, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = version
        configuration.certificateVerification = .none
        let context = try NIOSSLContext(configuration: configuration)
        return try await Listener.bind(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
        ) { channel in
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
            return EchoHandler()
        }
    }

    private func ourServer(startTLS: Bool) async throws -> Listener {
        let context = try TLSServerContext(
            certificateChainFile: certificate.certificateFile, privateKeyFile: certificate.keyFile)
        return try await Listener.bind(
            host: "127.0.0.1", port: 0, implicitTLS: startTLS ? nil : context,
            group: MultiThreadedEventLoopGroup.singleton
        ) { _ in EchoHandler(tls: startTLS ? context : nil) }
    }

    /// Dials with a client of any version, by STARTTLS or with TLS from the first octet.
    private func dial(
        _ listener: Listener, _ client: NIOSSLContext, startTLS: Bool, peer: Peer
    ) async throws -> any Channel {
        let channel = try await Dialer().connect(
            to: SocketAddress(ipAddress: "127.0.0.1", port: listener.port),
            on: MultiThreadedEventLoopGroup.singleton.next()
        ) { channel in
            if !startTLS {
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLClientHandler(context: client, serverHostname: "localhost"))
            }
            return peer
        }.get()
        guard startTLS else { return channel }
        try await channel.writeAndFlush(ByteBuffer(string: "STARTTLS")).get()
        try await eventually("the plain answer comes") { peer.snapshot.text == "<STARTTLS>" }
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: client, serverHostname: "localhost"),
                position: .first)
        }.get()
        return channel
    }

    private func dialOurs(_ listener: Listener, peer: Peer) async throws -> any Channel {
        let context = try TLSClientContext(verification: .none)
        return try await Dialer().connect(
            to: SocketAddress(ipAddress: "127.0.0.1", port: listener.port),
            implicitTLS: Dialer.ImplicitTLS(context: context, hostname: "localhost"),
            on: MultiThreadedEventLoopGroup.singleton.next()
        ) { _ in peer }.get()
    }

    /// What the server says it speaks.
    private func expect(
        _ version: TLSVersion, over channel: any Channel, to peer: Peer
    ) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: "hi ")).get()
        try await eventually("\(Self.name(version)) is in use") {
            peer.snapshot.text.hasSuffix("<hi \(Self.name(version))>")
        }
        try await channel.close().get()
    }

    private func expectRefusal(_ peer: Peer) async throws {
        try await eventually("the handshake fails") { peer.snapshot.isClosed }
        #expect(peer.snapshot.errors > 0 && !peer.snapshot.isSecured)
    }

    @Test(
        "A client is served by the newest version that it has",
        arguments: [TLSVersion.tlsv12, .tlsv13], [false, true])
    func served(version: TLSVersion, startTLS: Bool) async throws {
        let listener = try await ourServer(startTLS: startTLS)
        let peer = Peer()
        let channel = try await dial(
            listener, try anyClient(upTo: version), startTLS: startTLS, peer: peer)
        try await expect(version, over: channel, to: peer)
        await listener.close()
    }

    @Test(
        "A client that has older versions alone is refused",
        arguments: [TLSVersion.tlsv1, .tlsv11], [false, true])
    func refused(version: TLSVersion, startTLS: Bool) async throws {
        let listener = try await ourServer(startTLS: startTLS)
        let peer = Peer()
        _ = try await dial(
            listener, try anyClient(upTo: version), startTLS: startTLS, peer: peer)
        try await expectRefusal(peer)
        await listener.close()
    }

    @Test(
        "A server is spoken to by the newest version that it has",
        arguments: [
            TLSVersion.tlsv12, .tlsv13,
        ])
    func spokenTo(version: TLSVersion) async throws {
        let listener = try await anyServer(upTo: version)
        let peer = Peer()
        let channel = try await dialOurs(listener, peer: peer)
        try await expect(version, over: channel, to: peer)
        await listener.close()
    }

    @Test(
        "A server that has older versions alone is refused",
        arguments: [
            TLSVersion.tlsv1, .tlsv11,
        ])
    func refusedServer(version: TLSVersion) async throws {
        let listener = try await anyServer(upTo: version)
        let peer = Peer()
        _ = try await dialOurs(listener, peer: peer)
        try await expectRefusal(peer)
        // It is the version that is refused: somebody else is served by it.
        let other = Peer()
        let channel = try await dial(
            listener, try anyClient(upTo: version), startTLS: false, peer: other)
        try await expect(version, over: channel, to: other)
        await listener.close()
    }
}
