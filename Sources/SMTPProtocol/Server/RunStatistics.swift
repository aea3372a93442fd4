/// What stands in a run of content, found in one pass, 32 octets a step.
struct RunStatistics: Equatable {
    /// Octets that are CR.
    var carriageReturns = 0
    var hasNUL = false
    /// Whether an octet is above 127.
    var hasEightBit = false

    init(_ run: UnsafeBufferPointer<UInt8>) {
        let raw = UnsafeRawBufferPointer(run)
        let count = run.count
        let zero = SIMD32<UInt8>(repeating: 0)
        let one = SIMD32<UInt8>(repeating: 1)
        let carriageReturn = SIMD32<UInt8>(repeating: 0x0D)
        var all = zero
        var nuls = zero
        var index = 0
        while index + 32 <= count {
            // A lane counts to 255 at most.
            let blockEnd = min(count, index + 255 * 32)
            var counts = zero
            while index + 32 <= blockEnd {
                let octets = unsafe raw.loadUnaligned(
                    fromByteOffset: index, as: SIMD32<UInt8>.self)
                counts &+= zero.replacing(with: one, where: octets .== carriageReturn)
                nuls |= zero.replacing(with: one, where: octets .== zero)
                all |= octets
                index += 32
            }
            for lane in 0..<32 { carriageReturns += Int(counts[lane]) }
        }
        for lane in 0..<32 {
            if nuls[lane] != 0 { hasNUL = true }
            if all[lane] >= 0x80 { hasEightBit = true }
        }
        while index < count {
            let octet = unsafe run[index]
            if octet == 0x0D { carriageReturns += 1 }
            if octet == 0 { hasNUL = true }
            if octet >= 0x80 { hasEightBit = true }
            index += 1
        }
    }
}
