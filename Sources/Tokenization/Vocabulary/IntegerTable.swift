/// A hash table from 64-bit keys to 64-bit values with open addressing; the first value of a key stays.
///
/// Key and value lie side by side, so that a look-up touches one cache line mostly. The hash is seeded for each table:
/// a vocabulary cannot be made to collide.
struct IntegerTable: Sendable {
    private struct Slot {
        var key: UInt64
        var value: UInt64
    }

    private static let empty = UInt64.max
    private var slots: [Slot]
    private var shift: UInt64
    private(set) var count = 0
    private let multiplier: UInt64

    /// A table with room for `capacity` keys; it grows when there are more.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while (1 << bits) < capacity * 2 { bits += 1 }
        slots = Array(repeating: Slot(key: Self.empty, value: 0), count: 1 << bits)
        shift = 64 - bits
        multiplier = UInt64.random(in: .min ... .max) | 1
    }

    /// The value of `key`.
    @inline(__always)
    subscript(key: UInt64) -> UInt64? {
        slots.withUnsafeBufferPointer { slots in
            var index = start(of: key)
            while true {
                let slot = slots[index]
                if slot.key == key { return slot.value }
                if slot.key == Self.empty { return nil }
                index = (index &+ 1) & (slots.count &- 1)
            }
        }
    }

    /// Adds a key; false when it is there already, and then nothing changes.
    @discardableResult
    mutating func insert(_ key: UInt64, _ value: UInt64) -> Bool {
        precondition(key != Self.empty, "the key \(key) marks an empty slot")
        if (count + 1) * 2 > slots.count { grow() }
        var index = start(of: key)
        while slots[index].key != Self.empty {
            if slots[index].key == key { return false }
            index = (index + 1) & (slots.count - 1)
        }
        slots[index] = Slot(key: key, value: value)
        count += 1
        return true
    }

    @inline(__always)
    private func start(of key: UInt64) -> Int {
        let product = (key ^ key >> 29).multipliedFullWidth(by: multiplier)
        return Int(truncatingIfNeeded: ((product.high ^ product.low) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(key: Self.empty, value: 0), count: old.count * 2)
        shift -= 1
        for slot in old where slot.key != Self.empty {
            var index = start(of: slot.key)
            while slots[index].key != Self.empty { index = (index + 1) & (slots.count - 1) }
            slots[index] = slot
        }
    }
}
