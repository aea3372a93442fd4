import MailModel
import Testing

@testable import Delivery

@Suite("Host memory")
struct HostMemoryTests {
    private let targets = (1...3).map {
        DeliveryTarget(host: "h\($0)", address: IPAddress(ipv4: UInt32($0)), port: 25)
    }

    @Test("An address that failed is tried last for a while")
    func dead() {
        var memory = HostMemory()
        #expect(memory.sorted(targets, now: 0) == targets)
        memory.addressFailed(targets[0], now: 0)
        #expect(memory.sorted(targets, now: 1).map(\.host) == ["h2", "h3", "h1"])
        #expect(memory.sorted(targets, now: Limits.deadAddressMicroseconds) == targets)
        memory.addressWorked(targets[0])
        #expect(memory.sorted(targets, now: 1) == targets)
    }

    @Test("Another port at the address of one that failed is another server")
    func ports() {
        var memory = HostMemory()
        let ports = [25, 26].map {
            DeliveryTarget(host: "h", address: IPAddress(ipv4: 1), port: $0)
        }
        memory.addressFailed(ports[0], now: 0)
        #expect(memory.sorted(ports, now: 1).map(\.port) == [26, 25])
        memory.addressWorked(ports[1])
        #expect(memory.sorted(ports, now: 1).map(\.port) == [26, 25])
    }

    @Test("A failed handshake is remembered for its host alone, and not for ever")
    func tls() {
        var memory = HostMemory()
        memory.handshakeFailed("h1", now: 10)
        #expect(memory.isTLSBroken("h1", now: 11))
        #expect(!memory.isTLSBroken("h2", now: 11))
        #expect(!memory.isTLSBroken("h1", now: 10 + Limits.brokenTLSMicroseconds))
    }

    @Test("The memory is bounded")
    func bounded() {
        var memory = HostMemory()
        for number in 0..<(2 * Limits.rememberedHosts) {
            let address = IPAddress(ipv4: UInt32(number))
            memory.addressFailed(
                DeliveryTarget(host: "h", address: address, port: 25), now: Int64(number))
        }
        #expect(memory.count <= Limits.rememberedHosts)
    }
}
