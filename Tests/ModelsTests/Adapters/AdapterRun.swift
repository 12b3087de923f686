import Checkpoints
import Foundation
import Tensors
import TestModels
import Tokenization

@testable import Models

/// Steps of a tiny checkpoint under adapters.
enum AdapterRun {
    static func adapter(_ form: String, on base: String) throws -> Adapter {
        let checkpoint = try AdapterCheckpoint(path: TestData.tiny(form))
        return try AdapterBase(Checkpoint.open(path: TestData.tiny(base))).adapter(checkpoint, fingerprint: form)
    }

    /// The last `logitCount` logits of every row, computed in one step after steps of `chunk` tokens of each.
    static func logits(
        of path: String,
        _ rows: [([TokenID], Adapter?)],
        _ set: InstructionSet,
        chunk: Int = 0,
        logitCount: Int = 1
    ) throws -> [[Float]] {
        try logits(of: Checkpoint.open(path: path), rows, set, chunk: chunk, logitCount: logitCount)
    }

    /// The same of a checkpoint that is open.
    static func logits(
        of checkpoint: Checkpoint,
        _ rows: [([TokenID], Adapter?)],
        _ set: InstructionSet,
        chunk: Int = 0,
        logitCount: Int = 1
    ) throws -> [[Float]] {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let decoder = try Decoder(checkpoint, compute: compute, cacheElementType: .f32)
        decoder.allocateCache(blockCount: 16, blockSize: 32)
        if chunk > 0 { _ = decoder.forward(batch(rows, 0..<chunk, logitCount: 0)) }
        let logits = decoder.forward(batch(rows, chunk..<Int.max, logitCount: logitCount))
        return rows.indices.map { row in
            (row * logitCount..<(row + 1) * logitCount).flatMap { Array(logits.row($0)) }
        }
    }

    /// The last logits of every row that wants any, all tokens in one step.
    static func logits(
        of path: String,
        _ rows: [([TokenID], Adapter?)],
        _ set: InstructionSet,
        logitCounts: [Int]
    ) throws -> [[Float]] {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let decoder = try Decoder(Checkpoint.open(path: path), compute: compute, cacheElementType: .f32)
        decoder.allocateCache(blockCount: 16, blockSize: 32)
        var batch = batch(rows, 0..<Int.max, logitCount: 0)
        for (index, count) in logitCounts.enumerated() { batch.rows[index].logitCount = count }
        let logits = decoder.forward(batch)
        var end = 0
        return logitCounts.filter { $0 > 0 }.map { count in
            end += count
            return Array(logits.row(end - 1))
        }
    }

    /// The tokens of every row at the positions given, as far as it has them.
    static func batch(_ rows: [([TokenID], Adapter?)], _ positions: Range<Int>, logitCount: Int) -> ForwardBatch {
        var batch = ForwardBatch()
        for (index, (tokens, adapter)) in rows.enumerated() {
            let end = min(tokens.count, positions.upperBound)
            let table = [2 * index, 2 * index + 1].map { BlockID(rawValue: Int32($0)) }
            var row = ForwardRow(
                firstPosition: positions.lowerBound,
                tokenCount: end - positions.lowerBound,
                blockTable: Array(table.prefix((end + 31) / 32)),
                logitCount: logitCount
            )
            row.adapter = adapter
            batch.tokens += tokens[positions.lowerBound..<end]
            batch.rows.append(row)
        }
        return batch
    }

    static func tokens() throws -> [TokenID] {
        let data = try Data(contentsOf: URL(fileURLWithPath: TestData.tiny("tokens.json")))
        return try JSONDecoder().decode([Int32].self, from: data).map { TokenID(rawValue: $0) }
    }

    static func floats(_ path: String) throws -> [Float] {
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// ‖found − expected‖ / ‖expected‖.
    static func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
        guard found.count == expected.count else { return .infinity }
        var (difference, size) = (0.0, 0.0)
        for (a, b) in zip(found, expected) {
            difference += Double(a - b) * Double(a - b)
            size += Double(b) * Double(b)
        }
        return (difference / size).squareRoot()
    }
}
