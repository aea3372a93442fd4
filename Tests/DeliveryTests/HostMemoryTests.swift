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
        memory.addressFailed(targets[0].address, now: 0)
        #expect(memory.sorted(targets, now: 1).map(\.host) == ["h2", "h3", "h1"])
        #expect(memory.sorted(targets, now: Limits.deadAddressMicroseconds) == targets)
        memory.addressWorked(targets[0].address)
        #expect(memory.sorted(targets, now: 1) == targets)
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
            memory.addressFailed(IPAddress(ipv4: UInt32(number)), now: Int64(number))
        }
        #expect(memory.count <= Limits.rememberedHosts)
    }
}
