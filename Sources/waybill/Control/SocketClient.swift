import HTTPAPI
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks the server at a Unix socket, one connection for each request.
///
/// Concurrency: no state.
enum SocketClient {
    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Sends a request; returns the answer's status when its body has been handed over.
    ///
    /// Throws when nobody listens there, or the connection ends early.
    static func call(
        _ path: String, _ request: LocalRequest, onBody: @Sendable (ByteBuffer) -> Void
    ) async throws -> Int {
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        return try await connection.executeThenClose { inbound, outbound in
            do {
                try await send(request, outbound)
            } catch is ChannelError {
                // The server has refused the rest of the body: its answer says why.
            }
            var status: Int?
            for try await part in inbound {
                switch part {
                // 100 Continue comes before the answer.
                case .head(let head): status = head.status.code < 200 ? nil : Int(head.status.code)
                case .body(let buffer): onBody(buffer)
                case .end: if let status { return status }
                }
            }
            throw ChannelError.inputClosed
        }
    }

    private static func send(
        _ request: LocalRequest, _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws {
        var fields: HTTPHeaders = ["host": "localhost", "connection": "close"]
        if !request.accept.isEmpty { fields.add(name: "accept", value: request.accept) }
        if !request.contentType.isEmpty {
            fields.add(name: "content-type", value: request.contentType)
            fields.add(name: "transfer-encoding", value: "chunked")
        }
        try await outbound.write(
            .head(
                HTTPRequestHead(
                    version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue),
                    uri: request.path, headers: fields)))
        if !request.contentType.isEmpty {
            for try await piece in request.body {
                try await outbound.write(.body(.byteBuffer(piece)))
            }
        }
        try await outbound.write(.end(nil))
    }
}
