import HTTPTypes
import Hummingbird
import MailEvents
import NIOCore

extension Response {
    /// A response with octets of a type.
    static func octets(
        _ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// `application/json` as `body` writes it.
    static func json(
        status: HTTPResponse.Status = .ok, _ body: (inout JSONWriter) -> Void
    ) -> Response {
        var writer = JSONWriter()
        body(&writer)
        return octets(writer.bytes, type: "application/json", status: status)
    }
}
