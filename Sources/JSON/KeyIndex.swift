/// A hash table from the keys of an object to their positions, by open addressing with linear probing.
///
/// `Dictionary<String, Int>` would not do: it takes canonically equivalent keys for one, and vocabularies hold such
/// pairs. The hash is seeded for each process, so that a text cannot be made to collide.
struct KeyIndex: Sendable {
    /// Position of a key plus one; 0 is an empty slot. The count is a power of two, at most half of them in use.
    private var slots: [UInt32]
    private var used = 0

    init(of members: [JSONObject.Element]) {
        slots = Self.emptySlots(for: members.count)
        for position in members.indices { place(members[position].key, at: position) }
        used = members.count
    }

    /// The position of `key`, or nil.
    func find(_ key: String, among members: [JSONObject.Element]) -> Int? {
        let slot = slots[slot(of: key, among: members)]
        return slot == 0 ? nil : Int(slot) - 1
    }

    /// Notes that `key` will stand at `position`; false, and nothing changes, when it is already there.
    mutating func insert(_ key: String, at position: Int, among members: [JSONObject.Element]) -> Bool {
        let found = slot(of: key, among: members)
        guard slots[found] == 0 else { return false }
        precondition(position < Int(UInt32.max), "a JSON object cannot have \(position) members")
        slots[found] = UInt32(position) + 1
        used += 1
        if used * 2 > slots.count { grow(members, adding: key) }
        return true
    }

    static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    }

    /// Feeds the bytes of `key` and their count to `hasher`.
    static func combine(_ key: String, into hasher: inout Hasher) {
        var copy = key
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(key.utf8.count)
    }

    private static func emptySlots(for count: Int) -> [UInt32] {
        var capacity = 64
        while capacity < count * 4 { capacity *= 2 }
        return [UInt32](repeating: 0, count: capacity)
    }

    private func start(of key: String) -> Int {
        var hasher = Hasher()
        Self.combine(key, into: &hasher)
        return hasher.finalize() & (slots.count - 1)
    }

    /// The slot that holds `key`, or the empty one where it belongs.
    private func slot(of key: String, among members: [JSONObject.Element]) -> Int {
        var slot = start(of: key)
        while slots[slot] != 0, !Self.equal(members[Int(slots[slot]) - 1].key, key) {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func place(_ key: String, at position: Int) {
        var slot = start(of: key)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(position) + 1
    }

    private mutating func grow(_ members: [JSONObject.Element], adding key: String) {
        slots = Self.emptySlots(for: used)
        for position in members.indices { place(members[position].key, at: position) }
        place(key, at: members.count)
    }
}
