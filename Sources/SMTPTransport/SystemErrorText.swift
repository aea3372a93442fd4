import Glibc

/// What an errno means, in words.
enum SystemErrorText {
    static func text(_ code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ETIMEDOUT: "connection timed out"
        case EHOSTUNREACH: "no route to host"
        case ENETUNREACH: "network is unreachable"
        case ECONNRESET: "connection reset by peer"
        case EPIPE: "connection closed by peer"
        case EADDRNOTAVAIL: "source address is not available"
        default: "error \(code) of the operating system"
        }
    }
}
