/// One object for each distinct key.
///
/// The key used last is tried first: events of one session stand together.
///
/// Concurrency: value.
struct Interned<Key: Hashable, Value: AnyObject> {
    private var values: [Key: Value] = [:]
    private var last: (key: Key, value: Value)?

    /// The object that was kept with an equal key.
    @inline(__always)
    mutating func value(of key: Key) -> Value? {
        if let last, last.key == key { return last.value }
        guard let value = values[key] else { return nil }
        last = (key, value)
        return value
    }

    /// Keeps an object for its key.
    mutating func keep(_ value: Value, as key: Key) {
        values[key] = value
        last = (key, value)
    }
}

/// What makes an ``IngressSession``: numbers of the string table and a number.
struct SessionKey: Hashable {
    var listener: UInt32
    var serverName: UInt32
    /// Larger numbers are unknown to this version and read as 0.
    var transmissionType: UInt8
    var clientAddress: UInt32
    var clientName: UInt32
    var identity: UInt32
    var sessionID: UInt32
    var tlsVersion: UInt32
    var tlsCipher: UInt32
}

/// What makes a ``DeliveryPeer``: numbers of the string table and the port.
struct PeerKey: Hashable {
    var host: UInt32 = 0
    var address: UInt32 = 0
    var port: UInt32 = 0
    var sourceAddress: UInt32 = 0
    var tlsVersion: UInt32 = 0
    var tlsCipher: UInt32 = 0
}
