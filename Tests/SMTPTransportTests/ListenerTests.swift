import MailModel
import NIOCore
import NIOPosix
import SMTPTransport
import Testing
import WaybillTesting

@Suite("Listener and dialer")
struct ListenerTests {
    private func dial(
        _ listener: Listener, implicitTLS: Dialer.ImplicitTLS? = nil, peer: Peer
    ) async throws -> any Channel {
        try await Dialer().connect(
            to: SocketAddress(ipAddress: "127.0.0.1", port: listener.port),
            implicitTLS: implicitTLS, on: MultiThreadedEventLoopGroup.singleton.next()
        ) { _ in peer }.get()
    }

    private func listen(
        options: SocketOptions = SocketOptions(), implicitTLS: TLSServerContext? = nil,
        startTLS: TLSServerContext? = nil
    ) async throws -> Listener {
        try await Listener.bind(
            host: "127.0.0.1", port: 0, implicitTLS: implicitTLS, options: options,
            group: MultiThreadedEventLoopGroup.singleton
        ) { _ in EchoHandler(tls: startTLS) }
    }

    @Test("port 0 lets the kernel choose, and octets go both ways")
    func plain() async throws {
        let listener = try await listen()
        #expect(listener.port > 0)
        let peer = Peer()
        let channel = try await dial(listener, peer: peer)
        try await channel.writeAndFlush(ByteBuffer(string: "hello")).get()
        try await eventually("the echo comes") { peer.snapshot.text == "<hello>" }
        #expect(channel.remoteAddress?.ip == IPAddress("127.0.0.1"))
        try await channel.close().get()
        await listener.close()
    }

    @Test("a closed listener's port can be bound again at once, while its connections live on")
    func closing() async throws {
        let listener = try await listen()
        let peer = Peer()
        let channel = try await dial(listener, peer: peer)
        try await channel.writeAndFlush(ByteBuffer(string: "1")).get()
        try await eventually("it is accepted") { peer.snapshot.text == "<1>" }
        await listener.close()
        let again = try await Listener.bind(
            host: "127.0.0.1", port: listener.port, group: MultiThreadedEventLoopGroup.singleton
        ) { _ in EchoHandler() }
        #expect(again.port == listener.port)
        try await channel.writeAndFlush(ByteBuffer(string: "still here")).get()
        try await eventually("the old connection answers") {
            peer.snapshot.text == "<1><still here>"
        }
        await again.close()
    }

    @Test("a port in use is an error that names host and port")
    func portInUse() async throws {
        let listener = try await listen()
        let error = await #expect(throws: TransportError.self) {
            _ = try await Listener.bind(
                host: "127.0.0.1", port: listener.port,
                group: MultiThreadedEventLoopGroup.singleton
            ) { _ in EchoHandler() }
        }
        #expect(error?.code == .bindFailed)
        #expect(error?.message.contains("127.0.0.1 port \(listener.port)") == true)
        await listener.close()
    }

    @Test("above the limit of open connections the next one waits until one has gone")
    func backPressure() async throws {
        var options = SocketOptions()
        options.openConnections = 1
        let listener = try await listen(options: options)
        let first = Peer()
        let firstChannel = try await dial(listener, peer: first)
        try await firstChannel.writeAndFlush(ByteBuffer(string: "1")).get()
        try await eventually("the first is served") { first.snapshot.text == "<1>" }
        let second = Peer()
        let secondChannel = try await dial(listener, peer: second)
        try await secondChannel.writeAndFlush(ByteBuffer(string: "2")).get()
        try await Task.sleep(for: .milliseconds(100))
        #expect(second.snapshot.text.isEmpty)
        try await firstChannel.close().get()
        try await eventually("the second is served") { second.snapshot.text == "<2>" }
        try await secondChannel.close().get()
        await listener.close()
    }

    @Test("a refused connection is told in words")
    func refused() async throws {
        let listener = try await listen()
        await listener.close()
        do {
            _ = try await dial(listener, peer: Peer())
            Issue.record("connected to a closed port")
        } catch {
            #expect(Dialer.describe(error) == "connection refused")
        }
    }

    @Test("a source address is used, one that is not ours fails")
    func sourceAddress() async throws {
        let listener = try await listen()
        let target = try SocketAddress(ipAddress: "127.0.0.1", port: listener.port)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let channel = try await Dialer().connect(
            to: target, from: SocketAddress(ipAddress: "127.0.0.9", port: 0), on: eventLoop
        ) { _ in Peer() }.get()
        #expect(channel.localAddress?.ip == IPAddress("127.0.0.9"))
        try await channel.close().get()
        do {
            _ = try await Dialer().connect(
                to: target, from: SocketAddress(ipAddress: "192.0.2.1", port: 0), on: eventLoop
            ) { _ in Peer() }.get()
            Issue.record("connected from an address that is not ours")
        } catch {
            #expect(Dialer.describe(error) == "source address is not available")
        }
        await listener.close()
    }

    @Test("implicit TLS: the certificate is verified against the name")
    func implicitTLS() async throws {
        let directory = try TemporaryDirectory()
        let certificate = try TestCertificate.make(in: directory.path)
        let server = try TLSServerContext(
            certificateChainFile: certificate.certificateFile, privateKeyFile: certificate.keyFile)
        let listener = try await listen(implicitTLS: server)
        let client = try TLSClientContext(
            verification: .full, trustRootsFile: certificate.certificateFile)
        let peer = Peer()
        let channel = try await dial(
            listener, implicitTLS: .init(context: client, hostname: "localhost."), peer: peer)
        try await channel.writeAndFlush(ByteBuffer(string: "hi ")).get()
        try await eventually("TLS 1.3 is in use") { peer.snapshot.text == "<hi TLSv1.3>" }
        try await channel.close().get()

        let wrongName = Peer()
        _ = try await dial(
            listener, implicitTLS: .init(context: client, hostname: "mx.example.org"),
            peer: wrongName)
        try await eventually("another name is refused") { wrongName.snapshot.isClosed }
        #expect(wrongName.snapshot.errors > 0)
        #expect(!wrongName.snapshot.isSecured)
        await listener.close()
    }

    @Test("STARTTLS: TLS begins in mid-connection, without verification when told so")
    func startTLS() async throws {
        let directory = try TemporaryDirectory()
        let certificate = try TestCertificate.make(in: directory.path)
        let server = try TLSServerContext(
            certificateChainFile: certificate.certificateFile, privateKeyFile: certificate.keyFile)
        let listener = try await listen(startTLS: server)
        let client = try TLSClientContext(verification: .none)
        let peer = Peer()
        let channel = try await dial(listener, peer: peer)
        try await channel.writeAndFlush(ByteBuffer(string: "STARTTLS")).get()
        try await eventually("the plain answer comes") { peer.snapshot.text == "<STARTTLS>" }
        try await channel.eventLoop.submit {
            try TLSPipeline.startClient(on: channel, context: client, hostname: "mx.example.org")
        }.get()
        try await eventually("the handshake is done") { peer.snapshot.isSecured }
        try await channel.writeAndFlush(ByteBuffer(string: "now ")).get()
        try await eventually("what follows is encrypted") {
            peer.snapshot.text == "<STARTTLS><now TLSv1.3>"
        }
        try await channel.close().get()
        await listener.close()
    }

    @Test("a replaced certificate is used for new connections, a broken one is refused and named")
    func reload() async throws {
        let directory = try TemporaryDirectory()
        let first = try TestCertificate.make(in: directory.path)
        let server = try TLSServerContext(
            certificateChainFile: first.certificateFile, privateKeyFile: first.keyFile)
        let listener = try await listen(implicitTLS: server)
        let trustsFirst = try TLSClientContext(
            verification: .full, trustRootsFile: first.certificateFile)
        let old = Peer()
        let oldChannel = try await dial(
            listener, implicitTLS: .init(context: trustsFirst, hostname: "localhost"), peer: old)
        try await eventually("the first certificate works") { old.snapshot.isSecured }

        _ = try TestCertificate.make(in: directory.path)
        try server.reload()
        let stale = Peer()
        _ = try await dial(
            listener, implicitTLS: .init(context: trustsFirst, hostname: "localhost"), peer: stale)
        try await eventually("the first one is no longer shown") { stale.snapshot.isClosed }
        let trustsSecond = try TLSClientContext(
            verification: .full, trustRootsFile: first.certificateFile)
        let fresh = Peer()
        let freshChannel = try await dial(
            listener, implicitTLS: .init(context: trustsSecond, hostname: "localhost"),
            peer: fresh)
        try await eventually("the second one is") { fresh.snapshot.isSecured }
        try await oldChannel.writeAndFlush(ByteBuffer(string: "x")).get()
        try await eventually("the old session lives on") { old.snapshot.text == "<xTLSv1.3>" }

        let other = try TestCertificate.make(in: directory.path, name: "other")
        #expect(throws: TransportError(.certificate, "")) {
            _ = try TLSServerContext(
                certificateChainFile: first.certificateFile, privateKeyFile: other.keyFile)
        }
        let missing = #expect(throws: TransportError.self) {
            _ = try TLSServerContext(
                certificateChainFile: directory.path + "/none", privateKeyFile: other.keyFile)
        }
        #expect(missing?.message.contains(directory.path + "/none") == true)
        try await freshChannel.close().get()
        try await oldChannel.close().get()
        await listener.close()
    }
}
