import CKernels
import Testing

@testable import Tensors

@Suite struct ProductSplitTests {
    private func weights(outputs: Int, inputs: Int) throws -> PackedMatrix {
        let bytes = [UInt8](repeating: 0, count: outputs * inputs / 32 * 18)
        return try bytes.withUnsafeBytes {
            let source = PackedMatrix.Source(bytes: $0, elementType: .q4_0, outputs: outputs)
            return try PackedMatrix(packing: [source], inputs: inputs, on: WorkerPool(threadCount: 1))
        }
    }

    /// Panels of every task, first panel first.
    private func tasks(_ weights: PackedMatrix, rows: Int, threadCount: Int, isChanged: Bool = false) -> [Range<Int>] {
        withExtendedLifetime(weights) {
            let split = ProductSplit(weights.sections, rows: rows, threadCount: threadCount, isChanged: isChanged)
            return (0..<split.taskCount).map { task in
                var range = 0..<0
                split.forEachRange(of: task) { range = Int($1.first_panel)..<Int($1.panel_end) }
                return range
            }
        }
    }

    @Test(arguments: [16, 576, 592, 960, 1_040, 3_072], [1, 8, 16])
    func `tasks cover every panel once and are whole tiles but for the last`(outputs: Int, rows: Int) throws {
        let weights = try weights(outputs: outputs, inputs: 576)
        for threadCount in 1...4 {
            let tasks = tasks(weights, rows: rows, threadCount: threadCount)
            #expect(tasks.first?.lowerBound == 0 && tasks.last?.upperBound == outputs / 16)
            #expect(zip(tasks, tasks.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(tasks.dropLast().allSatisfy { $0.count % 2 == 0 })
        }
    }

    @Test(arguments: [1, 8, 16])
    func `36 panels leave neither of two threads anything to wait for`(rows: Int) throws {
        for inputs in [576, 1_536] {
            let weights = try weights(outputs: 576, inputs: inputs)
            let tasks = tasks(weights, rows: rows, threadCount: 2)
            #expect(tasks.count % 2 == 0)
            #expect(Set(tasks.map(\.count)).count == 1)
        }
    }

    /// At the end a thread waits for half a task of the other: with 16 of them for 3 % of the product.
    @Test(arguments: [1, 8, 32])
    func `a large matrix has many small tasks`(rows: Int) throws {
        let weights = try weights(outputs: 8_192, inputs: 2_048)
        let tasks = tasks(weights, rows: rows, threadCount: 2)
        #expect((32...256).contains(tasks.count))
        let changed = self.tasks(weights, rows: rows, threadCount: 2, isChanged: true)
        #expect((tasks.count / 3...tasks.count / 2 + 1).contains(changed.count))
    }

    /// Matrices under one another are one product, and either of them may be the one that a thread's share ends in.
    @Test(arguments: [1, 8, 32, 33], 1...4)
    func `what a thread reads ends with its begin in the next product`(rows: Int, threadCount: Int) throws {
        let (weights, next) = (try weights(outputs: [64, 960]), try weights(outputs: [960, 64]))
        withExtendedLifetime((weights, next)) {
            let split = ProductSplit(weights.sections, rows: rows, threadCount: threadCount)
            let following = ProductSplit(next.sections, rows: rows, threadCount: threadCount)
            for thread in 0..<threadCount {
                let start = pieces(following, following.tasks(of: thread)).first.flatMap { section, range in
                    section.address(ofPanel: Int(range.first_panel))
                }
                let pieces = pieces(split, split.tasks(of: thread), before: following)
                for (section, range) in pieces {
                    let sameRows = pieces.filter { $0.range.first_row == range.first_row }
                    let sameMatrix = sameRows.filter { $0.section.firstOutput == section.firstOutput }
                    #expect(range.share_first == sameMatrix.first?.range.first_panel)
                    #expect(range.share_end == sameMatrix.last?.range.panel_end)
                    let isLast = section.firstOutput == pieces.last?.section.firstOutput
                    #expect(range.following == (isLast && rows <= 32 ? start : nil))
                }
            }
        }
    }

    private func weights(outputs: [Int]) throws -> PackedMatrix {
        let bytes = [UInt8](repeating: 0, count: 960 * 576 / 32 * 18)
        return try bytes.withUnsafeBytes { bytes in
            let sources = outputs.map { outputs in
                let rows = UnsafeRawBufferPointer(rebasing: bytes[..<(outputs * 576 / 32 * 18)])
                return PackedMatrix.Source(bytes: rows, elementType: .q4_0, outputs: outputs)
            }
            return try PackedMatrix(packing: sources, inputs: 576, on: WorkerPool(threadCount: 1))
        }
    }

    private func pieces(
        _ split: ProductSplit,
        _ tasks: Range<Int>,
        before following: ProductSplit? = nil
    ) -> [(section: PackedMatrix.Section, range: ck_product_range)] {
        var pieces: [(PackedMatrix.Section, ck_product_range)] = []
        for task in tasks { split.forEachRange(of: task, before: following) { pieces.append(($0, $1)) } }
        return pieces
    }
}
