import CLinux
import Glibc
import NIOCore
import NIOPosix

/// The place of a Unix socket that only the server's own user reaches.
///
/// It is bound within a directory that nobody else may enter, gets its mode (0600) there, and is then
/// put in its place: at no moment can somebody else connect, and a stale socket of a process that is
/// gone is replaced in one step.
///
/// Concurrency: value; its functions do blocking calls that take microseconds.
struct ControlSocket: Sendable {
    /// Where it is reached.
    let path: String

    /// Where it is bound.
    var staging: String { directory + "/s" }

    private var directory: String { path + ".d" }

    /// Makes room for a socket.
    ///
    /// Throws ``APIError`` when somebody listens there, or something else stands there.
    static func prepare(
        _ path: String, _ eventLoops: any EventLoopGroup
    ) async throws -> ControlSocket {
        var mode: UInt32 = 0
        var owner: UInt32 = 0
        if unsafe waybill_path_status(path, &mode, &owner) == 0 {
            guard waybill_is_socket(mode) == 1 else {
                throw APIError("\(path) is no socket; move it away")
            }
            if let channel = try? await ClientBootstrap(group: eventLoops).connect(
                unixDomainSocketPath: path
            ).get() {
                try? await channel.close()
                throw APIError("another process listens at \(path); stop it first")
            }
        }
        let socket = ControlSocket(path: path)
        socket.clear()
        guard unsafe mkdir(socket.directory, 0o700) == 0 else {
            throw APIError("cannot make \(socket.directory): \(Self.reason())")
        }
        return socket
    }

    /// Puts the socket, which is bound now, in its place.
    func publish() throws(APIError) {
        guard unsafe chmod(staging, 0o600) == 0, unsafe rename(staging, path) == 0 else {
            throw APIError("cannot put the control socket at \(path): \(Self.reason())")
        }
        clear()
    }

    /// Takes it away: nobody is to connect any more.
    func remove() {
        _ = unsafe unlink(path)
        clear()
    }

    private func clear() {
        _ = unsafe unlink(staging)
        _ = unsafe rmdir(directory)
    }

    private static func reason() -> String {
        unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
    }
}
