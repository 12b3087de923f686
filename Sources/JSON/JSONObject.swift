/// The members of a JSON object in the order in which they were written.
///
/// Keys are told apart by their UTF-8 bytes. Lookup takes constant time; objects of up to 16 members, which are most,
/// are searched in order and carry no index. Removing a member takes time in the size of the object.
package struct JSONObject: Sendable {
    package typealias Element = (key: String, value: JSONValue)

    private var members: [Element] = []
    private var index: KeyIndex?

    /// Members from which an index pays.
    private static let indexThreshold = 16

    package init() {}

    /// Members in the order given; a later pair with an equal key replaces the value of the earlier one.
    package init(_ pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs { self[key] = value }
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }
    package var values: [JSONValue] { members.map(\.value) }

    /// The value of `key`. Setting a new key appends it; setting nil removes the member (JSON's null is `.null`).
    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            guard let newValue else {
                remove(key)
                return
            }
            if !append(key, newValue), let position = position(of: key) { members[position].value = newValue }
        }
    }

    /// The value of `key`, or `fallback`; writing through it changes the member in place.
    package subscript(key: String, default fallback: @autoclosure () -> JSONValue) -> JSONValue {
        get { self[key] ?? fallback() }
        set { self[key] = newValue }
    }

    /// Appends a member unless the key is already there; says whether it did.
    mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        if index == nil {
            if scan(for: key) != nil { return false }
            members.append((key, value))
            if members.count > Self.indexThreshold { index = KeyIndex(of: members) }
            return true
        }
        guard index?.insert(key, at: members.count, among: members) == true else { return false }
        members.append((key, value))
        return true
    }

    private mutating func remove(_ key: String) {
        guard let position = position(of: key) else { return }
        members.remove(at: position)
        index = members.count > Self.indexThreshold ? KeyIndex(of: members) : nil
    }

    private func position(of key: String) -> Int? {
        if let index { index.find(key, among: members) } else { scan(for: key) }
    }

    private func scan(for key: String) -> Int? {
        members.firstIndex { KeyIndex.equal($0.key, key) }
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[Element]> { members.makeIterator() }
    package var underestimatedCount: Int { members.count }
}

extension JSONObject: Hashable {
    /// True when both have the same keys with equal values, in any order.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        var sum = 0  // the order of the members must not matter
        for (key, value) in members {
            var member = Hasher()
            KeyIndex.combine(key, into: &member)
            member.combine(value)
            sum &+= member.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
