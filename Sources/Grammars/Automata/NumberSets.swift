/// Numbers sets of numbers in the order in which they come: equal sets have one number.
///
/// All sets are stored one after the other; an open hash table finds them.
struct NumberSets {
    private var elements: [Int32] = []
    private var offsets: [Int] = [0]
    private var places = [Int32](repeating: -1, count: 256)

    var count: Int { offsets.count - 1 }

    subscript(number: Int) -> ArraySlice<Int32> { elements[offsets[number]..<offsets[number + 1]] }

    /// The number of a set, given in ascending order, and whether it is new.
    mutating func insert(_ set: [Int32]) -> (number: Int32, isNew: Bool) {
        var place = Self.hash(set[...]) & (places.count - 1)
        while places[place] != -1 {
            if self[Int(places[place])].elementsEqual(set) { return (places[place], false) }
            place = (place + 1) & (places.count - 1)
        }
        places[place] = Int32(count)
        elements += set
        offsets.append(elements.count)
        if count * 2 > places.count { grow() }
        return (Int32(count - 1), true)
    }

    private static func hash(_ set: ArraySlice<Int32>) -> Int {
        var value: UInt64 = 0x9E37_79B9_7F4A_7C15
        for element in set {
            value = (value ^ UInt64(UInt32(bitPattern: element))) &* 0xBF58_476D_1CE4_E5B9
            value ^= value >> 29
        }
        return Int(truncatingIfNeeded: value >> 8)
    }

    private mutating func grow() {
        places = [Int32](repeating: -1, count: places.count * 2)
        for number in 0..<count {
            var place = Self.hash(self[number]) & (places.count - 1)
            while places[place] != -1 { place = (place + 1) & (places.count - 1) }
            places[place] = Int32(number)
        }
    }
}
