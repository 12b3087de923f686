import Models
import Testing

@testable import Inference

@Suite struct BlockPoolTests {
    @Test func `a new pool hands out its blocks in order and then none`() {
        var pool = BlockPool(blockCount: 3)
        #expect(pool.nextFree == BlockID(rawValue: 0))
        #expect(pool.allocate() == BlockID(rawValue: 0))
        #expect(pool.allocate() == BlockID(rawValue: 1))
        #expect(pool.allocate() == BlockID(rawValue: 2))
        #expect(pool.nextFree == nil)
        #expect(pool.allocate() == nil)
        #expect(pool.usedCount == 3)
    }

    @Test func `worthless blocks are reused before cached ones and the oldest cached one first`() {
        var pool = BlockPool(blockCount: 4)
        for _ in 0..<4 { _ = pool.allocate() }
        pool.release(BlockID(rawValue: 1), keepsContent: true)
        pool.release(BlockID(rawValue: 3), keepsContent: true)
        pool.release(BlockID(rawValue: 0), keepsContent: false)
        pool.release(BlockID(rawValue: 2), keepsContent: false)
        #expect(pool.freeBlocks == blocks(2, 0, 1, 3))
    }

    @Test func `a block is free only when its last holder lets go`() {
        var pool = BlockPool(blockCount: 2)
        let block = pool.allocate()!
        pool.retain(block)
        pool.release(block, keepsContent: true)
        #expect(pool.freeCount == 1)
        #expect(pool.holderCount(of: block) == 1)
        pool.release(block, keepsContent: true)
        #expect(pool.freeBlocks == blocks(1, 0))
    }

    @Test func `retaining a free block takes it out of the middle of the list`() {
        var pool = BlockPool(blockCount: 3)
        pool.retain(BlockID(rawValue: 1))
        #expect(pool.freeBlocks == blocks(0, 2))
        pool.release(BlockID(rawValue: 1), keepsContent: true)
        #expect(pool.freeBlocks == blocks(0, 2, 1))
    }

    @Test(arguments: 1...20)
    func `no block leaks over many random operations`(seed: Int) {
        var random = SeededGenerator(seed)
        var pool = BlockPool(blockCount: 7)
        var held: [BlockID] = []
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                if let block = pool.allocate() { held.append(block) } else { #expect(Set(held).count == 7) }
            case 1:
                let block = BlockID(rawValue: Int32.random(in: 0..<7, using: &random))
                pool.retain(block)
                held.append(block)
            default:
                guard let index = held.indices.randomElement(using: &random) else { continue }
                pool.release(held.remove(at: index), keepsContent: Bool.random(using: &random))
            }
            #expect(pool.invariantViolations() == [])
            #expect(pool.usedCount == Set(held).count)
        }
    }
}
