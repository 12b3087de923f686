import Testing

@testable import Inference

@Suite struct DiskIndexTests {
    @Test func `the longest unused blocks go first, and only until the rest fits`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        for number in 1...5 { index.insert(Self.block(number), bytes: 30, lastUse: Self.second(number)) }
        index.touch(Self.block(1), at: Self.second(9))
        #expect(index.evict(at: Self.second(10)).map(\.block) == [Self.block(2), Self.block(3)])
        #expect(index.bytes == 90)
        #expect(index.evict(at: Self.second(10)).isEmpty)
        #expect(index.evict(at: Self.second(10), reserve: 30).map(\.block) == [Self.block(4)])
    }

    @Test func `a block lives for its time after its last use`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: .seconds(10))
        index.insert(Self.block(1), bytes: 1, lastUse: Self.second(0))
        index.insert(Self.block(2), bytes: 1, lastUse: Self.second(0))
        index.touch(Self.block(2), at: Self.second(5))
        #expect(index.contains(Self.block(1), at: Self.second(9)))
        #expect(!index.contains(Self.block(1), at: Self.second(10)))
        #expect(index.contains(Self.block(2), at: Self.second(14)))
        #expect(index.evict(at: Self.second(14)).map(\.block) == [Self.block(1)])
    }

    @Test func `neither age nor room removes what is pinned, until it is unpinned`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: .seconds(10))
        for number in 1...4 { index.insert(Self.block(number), bytes: 40, lastUse: Self.second(number)) }
        index.pin([Self.block(1), Self.block(2)])
        #expect(index.evict(at: Self.second(5)).map(\.block) == [Self.block(3), Self.block(4)])
        #expect(index.contains(Self.block(1), at: Self.second(1_000)))
        #expect(index.evict(at: Self.second(1_000)).isEmpty)
        #expect(index.canHold(20))
        #expect(!index.canHold(21))
        index.pin([Self.block(2)])
        #expect(index.evict(at: Self.second(1_000)).map(\.block) == [Self.block(1)])
    }

    @Test func `a sweep replaces what is known, but not what was used since it began`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: nil)
        index.insert(Self.block(1), bytes: 10, lastUse: Self.second(1))
        index.insert(Self.block(2), bytes: 10, lastUse: Self.second(8))
        let found = FoundBlock(block: Self.block(3), bytes: 7, lastUse: Self.second(2))
        index.replace(with: [found], sweptAt: Self.second(5))
        #expect(!index.contains(Self.block(1), at: Self.second(9)))
        #expect(index.contains(Self.block(2), at: Self.second(9)))
        #expect(index.contains(Self.block(3), at: Self.second(9)))
        #expect(index.bytes == 17)
    }

    /// Against a list that is searched from end to end.
    @Test(arguments: 1...20)
    func `over many random operations the index does what a plain list does`(seed: Int) {
        var random = SeededGenerator(seed)
        var index = DiskIndex(byteLimit: 100, timeToLive: .seconds(50))
        var list: [Int: (bytes: Int, lastUse: Int)] = [:]
        var pinned: Set<Int> = []
        for now in 1...2_000 {
            let number = Int.random(in: 0..<12, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let bytes = Int.random(in: 1...20, using: &random)
                index.insert(Self.block(number), bytes: bytes, lastUse: Self.second(now))
                list[number] = (bytes, now)
            case 3, 4:
                index.touch(Self.block(number), at: Self.second(now))
                list[number]?.lastUse = now
            case 5:
                index.remove(Self.block(number))
                list[number] = nil
            case 6:
                pinned = Set((0..<3).map { _ in Int.random(in: 0..<12, using: &random) })
                index.pin(Set(pinned.map(Self.block)))
            default:
                let victims = Self.evict(from: &list, pinned: pinned, now: now)
                #expect(index.evict(at: Self.second(now)).map(\.block) == victims.map(Self.block))
            }
            #expect(index.invariantViolations() == [])
            #expect(index.count == list.count)
        }
    }

    private static func evict(
        from list: inout [Int: (bytes: Int, lastUse: Int)],
        pinned: Set<Int>,
        now: Int
    ) -> [Int] {
        var victims: [Int] = []
        for (number, entry) in list.sorted(by: { $0.value.lastUse < $1.value.lastUse }) where !pinned.contains(number) {
            let bytes = list.values.reduce(0) { $0 + $1.bytes }
            if bytes <= 100 && entry.lastUse + 50 > now { break }
            list[number] = nil
            victims.append(number)
        }
        return victims
    }

    private static func block(_ number: Int) -> StoredBlock {
        let form = CacheForm(modelName: "test", facts: []).digest
        return StoredBlock(form: form, hash: BlockHash(first: UInt64(number), second: 0))
    }

    private static func second(_ number: Int) -> DiskInstant { DiskInstant(rawValue: Int64(number) * 1_000_000_000) }
}
