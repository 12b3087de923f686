import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// What a row yields does not depend, to the bit, on how its tokens were brought to the model.
@Suite struct EquivalenceTests {
    static let models = ["llama-q4_0.gguf", "llama-q6_k.gguf", "llama-f32.gguf", "qwen3-f32.gguf", "gemma3-f32.gguf"]

    @Test(arguments: models)
    func `chunked prefill, single decode steps and one whole step give equal logits`(name: String) throws {
        let tokens = try testTokens()
        for set in InstructionSet.available {
            for threadCount in [1, 2] {
                let whole = try run(name, tokens, chunks: [tokens.count], set, threadCount)
                #expect(try run(name, tokens, chunks: [5, 32, 1, 10], set, threadCount) == whole)
                #expect(try run(name, tokens, chunks: Array(repeating: 1, count: tokens.count), set, 2) == whole)
            }
        }
    }

    /// The last layer computes only tokens whose logits are wanted.
    @Test(arguments: models)
    func `logits are equal whether those of the tokens before are wanted or not`(name: String) throws {
        let tokens = try testTokens()
        for set in InstructionSet.available {
            let all = try run(name, tokens, chunks: [tokens.count], logitCount: .max, set, 2)
            for chunks in [[tokens.count], [5, 32, 1, 10]] {
                #expect(try run(name, tokens, chunks: chunks, logitCount: 1, set, 2) == all)
                #expect(try run(name, tokens, chunks: chunks, logitCount: 7, set, 2) == all)
                #expect(try run(name, tokens, chunks: chunks, logitCount: 0, set, 2) == all)
            }
        }
    }

    @Test(arguments: models)
    func `a row in a batch of unequal rows gives the logits it gives alone`(name: String) throws {
        let tokens = try testTokens()
        let others = [Array(tokens.reversed().prefix(33)), Array(tokens.dropFirst(7).prefix(17)), [tokens[3]]]
        for set in InstructionSet.available {
            let alone = try run(name, tokens, chunks: [tokens.count], set, 2)
            let decoder = try makeDecoder(name, set, threadCount: 2)
            var batch = ForwardBatch()
            var nextBlock: Int32 = 7
            for row in [others[0], tokens, others[1], others[2]] {
                let blockCount = (row.count + 31) / 32
                let table = (0..<blockCount).map { BlockID(rawValue: nextBlock - Int32($0)) }
                nextBlock -= Int32(blockCount)
                batch.tokens += row
                batch.rows.append(
                    ForwardRow(firstPosition: 0, tokenCount: row.count, blockTable: table, logitCount: 1)
                )
            }
            let logits = decoder.forward(batch)
            #expect(Array(logits.row(1)) == alone)
        }
    }

    /// Logits of the last token after the tokens came in chunks of the sizes given.
    ///
    /// - Parameter logitCount: how many of a chunk's tokens want logits at most; of the last chunk's, one at least.
    private func run(
        _ name: String,
        _ tokens: [TokenID],
        chunks: [Int],
        logitCount: Int = 1,
        _ set: InstructionSet,
        _ threadCount: Int
    ) throws -> [Float] {
        let decoder = try makeDecoder(name, set, threadCount: threadCount)
        let table = [5, 0].map { BlockID(rawValue: $0) }
        var position = 0
        var last: [Float] = []
        for chunk in chunks {
            let end = position + chunk
            let row = ForwardRow(
                firstPosition: position,
                tokenCount: chunk,
                blockTable: Array(table.prefix((end + 31) / 32)),
                logitCount: max(min(logitCount, chunk), end == tokens.count ? 1 : 0)
            )
            let logits = decoder.forward(ForwardBatch(tokens: Array(tokens[position..<end]), rows: [row]))
            #expect(logits.rowCount == row.logitCount)
            if row.logitCount > 0 { last = Array(logits.row(row.logitCount - 1)) }
            position = end
        }
        #expect(position == tokens.count)
        return last
    }

    private func makeDecoder(_ name: String, _ set: InstructionSet, threadCount: Int) throws -> Decoder {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(name))
        let decoder = try Decoder(
            checkpoint,
            compute: Compute(instructionSet: set, workers: WorkerPool(threadCount: threadCount))
        )
        decoder.allocateCache(blockCount: 8, blockSize: 32)
        return decoder
    }

    private func testTokens() throws -> [TokenID] {
        let data = try Data(contentsOf: URL(fileURLWithPath: TestData.tiny("tokens.json")))
        return try JSONDecoder().decode([Int32].self, from: data).map { TokenID(rawValue: $0) }
    }
}
