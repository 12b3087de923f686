import Testing

@testable import Inference

@Suite struct DiskIndexTests {
    @Test func `the longest unused blocks go first, and only until the rest fits`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        for number in 1...5 { index.insert(Self.block(number), bytes: 30, lastUse: Self.second(number)) }
        index.touch(Self.block(1), at: Self.second(9))
        #expect(index.evict(at: Self.second(10), downTo: 100).victims.map(\.block) == [Self.block(2), Self.block(3)])
        #expect(index.bytes == 90)
        #expect(index.evict(at: Self.second(10), downTo: 100).victims.isEmpty)
        #expect(index.evict(at: Self.second(10), downTo: 70).victims.map(\.block) == [Self.block(4)])
    }

    @Test func `what has to go may be taken out in pieces`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        for number in 1...5 { index.insert(Self.block(number), bytes: 30, lastUse: Self.second(number)) }
        index.touch(Self.block(1), at: Self.second(9))
        let first = index.evict(at: Self.second(10), downTo: 60, steps: 2)
        // The first step finds that block 1 was used since.
        #expect(first.victims.map(\.block) == [Self.block(2)] && !first.isDone)
        let second = index.evict(at: Self.second(10), downTo: 60, steps: 10)
        #expect(second.victims.map(\.block) == [Self.block(3), Self.block(4)] && second.isDone)
    }

    @Test func `an index is in order as long as it has room and nothing can have expired`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: .seconds(10))
        index.insert(Self.block(1), bytes: 30, lastUse: Self.second(1))
        #expect(index.isInOrder(at: Self.second(10), downTo: 30))
        #expect(!index.isInOrder(at: Self.second(10), downTo: 29))
        #expect(!index.isInOrder(at: Self.second(11), downTo: 30))
    }

    @Test func `a block lives for its time after its last use`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: .seconds(10))
        index.insert(Self.block(1), bytes: 1, lastUse: Self.second(0))
        index.insert(Self.block(2), bytes: 1, lastUse: Self.second(0))
        index.touch(Self.block(2), at: Self.second(5))
        #expect(index.contains(Self.block(1), at: Self.second(9)))
        #expect(!index.contains(Self.block(1), at: Self.second(10)))
        #expect(index.contains(Self.block(2), at: Self.second(14)))
        #expect(index.evict(at: Self.second(14), downTo: 1_000).victims.map(\.block) == [Self.block(1)])
    }

    @Test func `neither age nor room removes what is pinned, until it is unpinned`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: .seconds(10))
        for number in 1...4 { index.insert(Self.block(number), bytes: 40, lastUse: Self.second(number)) }
        index.pin([Self.block(1), Self.block(2)])
        #expect(index.evict(at: Self.second(5), downTo: 100).victims.map(\.block) == [Self.block(3), Self.block(4)])
        #expect(index.contains(Self.block(1), at: Self.second(1_000)))
        #expect(index.evict(at: Self.second(1_000), downTo: 100).victims.isEmpty)
        #expect(index.canHold(20))
        #expect(!index.canHold(21))
        index.pin([Self.block(2)])
        #expect(index.evict(at: Self.second(1_000), downTo: 100).victims.map(\.block) == [Self.block(1)])
    }

    @Test func `a sweep replaces what is known, but not what was used since it began`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: nil)
        index.insert(Self.block(1), bytes: 10, lastUse: Self.second(1))
        index.insert(Self.block(2), bytes: 10, lastUse: Self.second(8))
        let changes = index.changes(to: [Self.found(3, bytes: 7, at: 2)], since: Self.second(5), until: Self.second(9))
        index.apply(changes)
        #expect(!index.contains(Self.block(1), at: Self.second(9)))
        #expect(index.contains(Self.block(2), at: Self.second(9)))
        #expect(index.contains(Self.block(3), at: Self.second(9)))
        #expect(index.bytes == 17)
    }

    @Test func `uses that are still to come end with the sweep, and keep nothing that is gone`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: .seconds(10))
        for number in 1...3 { index.insert(Self.block(number), bytes: 10, lastUse: Self.second(500)) }
        let found = [Self.found(1, at: 500), Self.found(2, at: 3), Self.found(4, at: 700)]
        let changes = index.changes(to: found, since: Self.second(4), until: Self.second(5))
        index.apply(changes)
        let uses = (1...4).map { index.lastUse(of: Self.block($0)) }
        #expect(uses == [Self.second(5), Self.second(5), nil, Self.second(5)])
        #expect(index.invariantViolations() == [])
        #expect(index.evict(at: Self.second(15), downTo: 1_000).victims.count == 3)
    }

    @Test func `changes that are taken in one by one leave alone what happens in between`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: nil)
        for number in 1...4 { index.insert(Self.block(number), bytes: 10, lastUse: Self.second(1)) }
        let found = [3, 4, 5, 6].map { Self.found($0, at: 3) }
        let changes = index.changes(to: found, since: Self.second(5), until: Self.second(6))
        #expect(changes.count == 6)
        #expect(index.count == 4)
        index.touch(Self.block(1), at: Self.second(9))
        index.remove(Self.block(3))
        index.insert(Self.block(5), bytes: 7, lastUse: Self.second(9))
        for change in changes {
            index.apply([change])
            #expect(index.invariantViolations() == [])
        }
        let uses = (1...6).map { index.lastUse(of: Self.block($0)) }
        #expect(uses == [Self.second(9), nil, nil, Self.second(3), Self.second(9), Self.second(3)])
        #expect(index.bytes == 37)
    }

    @Test func `a sweep that finds what is known changes nothing`() {
        var index = DiskIndex(byteLimit: 1_000, timeToLive: nil)
        for (number, second) in [(1, 1), (2, 1), (3, 3)] {
            index.insert(Self.block(number), bytes: 10, lastUse: Self.second(second))
        }
        // The disk's note may be older than what the index knows.
        index.touch(Self.block(2), at: Self.second(2))
        let found = [Self.found(1, at: 1), Self.found(2, at: 1), Self.found(3, at: 3)]
        #expect(index.changes(to: found, since: Self.second(5), until: Self.second(6)) == [])
    }

    @Test func `the file of a block that is used all the time is dated anew after each minute`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        index.insert(Self.block(1), bytes: 10, lastUse: Self.second(0))
        var dates: [DiskInstant] = []
        for second in stride(from: 10, through: 200, by: 10) where index.touch(Self.block(1), at: Self.second(second)) {
            if let date = index.dateFile(of: Self.block(1)) { dates.append(date) }
        }
        #expect(dates == [Self.second(70), Self.second(140)])
    }

    @Test func `what a sweep finds in a file is what the file tells`() {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        index.insert(Self.block(1), bytes: 10, lastUse: Self.second(100))
        let found = [Self.found(1, at: 20)]
        index.apply(index.changes(to: found, since: Self.second(101), until: Self.second(102)))
        #expect(index.lastUse(of: Self.block(1)) == Self.second(100))
        #expect(index.changes(to: found, since: Self.second(103), until: Self.second(104)) == [])
        let isStale = index.touch(Self.block(1), at: Self.second(105))
        #expect(isStale)
    }

    @Test func `a block that is written behind another goes before it, and its file tells so`() {
        var index = Self.chain(of: 3)
        index.touch(Self.block(3), at: Self.second(30))
        let noted = index.insert(Self.block(4), bytes: 10, lastUse: Self.second(40), after: Self.block(3).hash)
        // The file of the block before it still tells the older use.
        #expect(noted < Self.second(1))
        #expect(index.lastUse(of: Self.block(4)) == Self.second(30).advanced(by: .microseconds(-1)))
        index = Self.chain(of: 3)
        #expect(index.evict(at: Self.second(9), downTo: 10).victims.map(\.block) == [3, 2].map(Self.block))
    }

    @Test func `a chain is known as far as somebody has said what comes before`() {
        var index = Self.chain(of: 3)
        #expect(index.chain(to: Self.block(3)) == (1...3).map(Self.block))
        #expect(index.idleChain(to: Self.block(3), at: Self.second(10)) == [])
        #expect(index.idleChain(to: Self.block(3), at: Self.second(12)) == (1...3).map(Self.block))
        index.apply(index.changes(to: [Self.found(5, at: 4)], since: Self.second(0), until: Self.second(5)))
        index.insert(Self.block(6), bytes: 10, lastUse: Self.second(6), after: Self.block(5).hash)
        #expect(index.chain(to: Self.block(6)) == nil)
        index.link(Self.block(5), to: Self.block(3).hash)
        #expect(index.chain(to: Self.block(6)) == [1, 2, 3, 5, 6].map(Self.block))
    }

    @Test func `room is made of what was used before, and what had to go is known to be missing`() {
        var index = Self.chain(of: 3)
        index.insert(Self.block(7), bytes: 10, lastUse: Self.second(0))
        let limit = index.lastUse(of: Self.block(3))
        let eviction = index.evict(at: Self.second(9), downTo: 0, usedBefore: limit ?? .distantFuture)
        #expect(eviction.victims.map(\.block) == [Self.block(7)] && eviction.isDone)
        #expect(index.isLost(Self.block(7)) && !index.isLost(Self.block(3)) && !index.isLost(Self.block(8)))
        index.lose(Self.block(8))
        #expect(index.isLost(Self.block(8)))
        index.insert(Self.block(8), bytes: 10, lastUse: Self.second(9))
        #expect(!index.isLost(Self.block(8)))
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
                #expect(index.evict(at: Self.second(now), downTo: 100).victims.map(\.block) == victims.map(Self.block))
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

    /// Blocks from 1 on, each behind the one before it, all written in the first second.
    private static func chain(of count: Int) -> DiskIndex {
        var index = DiskIndex(byteLimit: 100, timeToLive: nil)
        for number in 1...count {
            index.insert(block(number), bytes: 10, lastUse: second(1), after: block(number - 1).hash)
        }
        return index
    }

    private static func block(_ number: Int) -> StoredBlock {
        let form = CacheForm(modelName: "test", facts: []).digest
        return StoredBlock(form: form, hash: BlockHash(first: UInt64(number), second: 0))
    }

    private static func found(_ number: Int, bytes: Int = 10, at second: Int) -> FoundBlock {
        FoundBlock(block: block(number), bytes: bytes, lastUse: Self.second(second))
    }

    private static func second(_ number: Int) -> DiskInstant { DiskInstant(rawValue: Int64(number) * 1_000_000_000) }
}
