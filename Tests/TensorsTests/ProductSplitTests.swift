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
    private func tasks(_ split: ProductSplit, _ weights: PackedMatrix) -> [Range<Int>] {
        (0..<split.taskCount).map { task in
            var range = 0..<0
            weights.sections.withUnsafeBufferPointer { sections in
                split.forEachRange(of: task, sections) { range = Int($1.first_panel)..<Int($1.panel_end) }
            }
            return range
        }
    }

    @Test(arguments: [16, 576, 592, 960, 1_040, 3_072], [1, 8, 16])
    func `tasks cover every panel once and are whole tiles but for the last`(outputs: Int, rows: Int) throws {
        let weights = try weights(outputs: outputs, inputs: 576)
        for threadCount in 1...4 {
            let tasks = tasks(ProductSplit(weights, rows: rows, threadCount: threadCount), weights)
            #expect(tasks.first?.lowerBound == 0 && tasks.last?.upperBound == outputs / 16)
            #expect(zip(tasks, tasks.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(tasks.dropLast().allSatisfy { $0.count % 2 == 0 })
        }
    }

    @Test(arguments: [1, 8, 16])
    func `36 panels leave neither of two threads anything to wait for`(rows: Int) throws {
        for inputs in [576, 1_536] {
            let weights = try weights(outputs: 576, inputs: inputs)
            let tasks = tasks(ProductSplit(weights, rows: rows, threadCount: 2), weights)
            #expect(tasks.count % 2 == 0)
            #expect(Set(tasks.map(\.count)).count == 1)
        }
    }

    /// At the end a thread waits for half a task of the other: with 16 of them for 3 % of the product.
    @Test(arguments: [1, 8, 32])
    func `a large matrix has many small tasks`(rows: Int) throws {
        let weights = try weights(outputs: 8_192, inputs: 2_048)
        let tasks = tasks(ProductSplit(weights, rows: rows, threadCount: 2), weights)
        #expect((32...256).contains(tasks.count))
        let changed = ProductSplit(weights, rows: rows, threadCount: 2, isChanged: true)
        #expect((tasks.count / 3...tasks.count / 2 + 1).contains(changed.taskCount))
    }
}
