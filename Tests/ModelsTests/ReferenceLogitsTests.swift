import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// Every architecture, format and tensor type beside the numpy reference.
@Suite struct ReferenceLogitsTests {
    /// Checkpoint and the largest relative error allowed: float32 rounding for float32, with keys and values kept in
    /// float32 too; for integer products the error of rounding activations, to 12 bits beside halves and to 8 beside block
    /// types, through two layers of random weights.
    static let checkpoints: [(name: String, limit: Float)] =
        [
            "llama-f32.gguf", "qwen2-f32.gguf", "qwen3-f32.gguf", "gemma3-f32.gguf", "llama-scaled-f32.gguf",
        ].map { ($0, 1e-5) }
        + [
            "llama-folder", "qwen2-folder", "qwen3-folder", "gemma3-folder", "llama-scaled-folder", "llama-f16.gguf",
            "llama-bf16.gguf",
        ].map { ($0, 3e-3) }
        + [
            "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "mxfp4",
        ].map { ("llama-\($0).gguf", 0.04) }

    @Test(arguments: checkpoints)
    func `logits equal the independent reference's`(name: String, limit: Float) throws {
        let path = try TestData.tiny(name)
        let stem = name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name
        let expected = try floats(TestData.tiny(stem + ".logits"))
        let tokens = try JSONDecoder().decode(
            [Int32].self,
            from: Data(contentsOf: URL(fileURLWithPath: TestData.tiny("tokens.json")))
        )
        for set in InstructionSet.available {
            let found = try allLogits(of: path, tokens: tokens, instructionSet: set)
            let error = relativeError(found, expected)
            let agreement = topAgreement(found, expected, rows: tokens.count)
            print("\(name) on \(set.name): relative error \(error), top-1 agreement \(agreement)")
            #expect(error < limit)
            #expect(agreement > (limit < 1e-3 ? 0.999 : limit < 1e-2 ? 0.98 : 0.85))
        }
    }

    /// File, its oracle's name, and the largest relative error and smallest agreement allowed. llama.cpp, which rounds
    /// activations too, is 0.05 and 0.10 away from the float32 reference on the same tokens.
    static let realModels: [(file: String, oracle: String, error: Float, agreement: Double)] = [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "real/smollm2", 0.04, 0.9),
        ("gemma-3-270m-q4_k_m.gguf", "real/gemma3", 0.1, 0.8),
    ]

    @Test(arguments: realModels)
    func `a real model's logits equal the reference's but for the rounding of activations`(
        model: (file: String, oracle: String, error: Float, agreement: Double)
    ) throws {
        let path = try TestData.path(model.file)
        let expected = try floats(TestData.path(model.oracle + ".logits"))
        let tokens = try Data(contentsOf: URL(fileURLWithPath: TestData.path(model.oracle + ".tokens")))
            .withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
        let found = try allLogits(of: path, tokens: tokens, instructionSet: .detected)
        let error = relativeError(found, expected)
        let agreement = topAgreement(found, expected, rows: tokens.count)
        print("\(model.file): relative error \(error), top-1 agreement \(agreement)")
        #expect(error < model.error)
        #expect(agreement >= model.agreement)
        let peer = try floats(TestData.path(model.oracle + ".peer"))
        let distance = distanceToPeer(found, peer, width: expected.count / tokens.count)
        print("\(model.file): beside llama.cpp: log probabilities \(distance) apart, relative to their spread")
        // llama.cpp rounds activations in its own way, so this is the sum of two roundings.
        #expect(distance < 2 * Double(model.error) + 0.1)
    }

    /// Root mean square difference of log probabilities after the prefixes of `real_models.py`, relative to the spread
    /// of the peer's; tokens it gives no probability are left out.
    private func distanceToPeer(_ found: [Float], _ peer: [Float], width: Int) -> Double {
        let prefixes = [4, 9, 16, 25, 33, 40, 48, 64]
        var (difference, sum, squares, count) = (0.0, 0.0, 0.0, 0.0)
        for (row, prefix) in prefixes.enumerated() {
            let logits = found[(prefix - 1) * width..<prefix * width]
            let largest = Double(logits.max() ?? 0)
            let total = largest + log(logits.reduce(0) { $0 + exp(Double($1) - largest) })
            for (logit, theirs) in zip(logits, peer[row * width..<(row + 1) * width]) where theirs.isFinite {
                let gap = Double(logit) - total - Double(theirs)
                difference += gap * gap
                sum += Double(theirs)
                squares += Double(theirs) * Double(theirs)
                count += 1
            }
        }
        guard count > 0 else { return .infinity }
        return (difference / (squares - sum * sum / count)).squareRoot()
    }

    private func allLogits(of path: String, tokens: [Int32], instructionSet: InstructionSet) throws -> [Float] {
        let compute = Compute(instructionSet: instructionSet, workers: WorkerPool(threadCount: 2))
        let decoder = try Decoder(Checkpoint.open(path: path), compute: compute, cacheElementType: .f32)
        decoder.allocateCache(blockCount: 4, blockSize: 32)
        let blocks = [3, 1, 2, 0].map { BlockID(rawValue: $0) }
        let row = ForwardRow(
            firstPosition: 0,
            tokenCount: tokens.count,
            blockTable: Array(blocks.prefix((tokens.count + 31) / 32)),
            logitCount: tokens.count
        )
        let logits = decoder.forward(ForwardBatch(tokens: tokens.map { TokenID(rawValue: $0) }, rows: [row]))
        return (0..<logits.rowCount).flatMap { Array(logits.row($0)) }
    }

    private func floats(_ path: String) throws -> [Float] {
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// ‖found − expected‖ / ‖expected‖.
    private func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
        guard found.count == expected.count else { return .infinity }
        var difference = 0.0
        var size = 0.0
        for (a, b) in zip(found, expected) {
            difference += Double(a - b) * Double(a - b)
            size += Double(b) * Double(b)
        }
        return Float((difference / size).squareRoot())
    }

    /// Share of rows whose largest logit is the same token.
    private func topAgreement(_ found: [Float], _ expected: [Float], rows: Int) -> Double {
        let width = expected.count / rows
        let same = (0..<rows).count { row in
            let range = row * width..<(row + 1) * width
            return largest(found[range]) == largest(expected[range])
        }
        return Double(same) / Double(rows)
    }

    private func largest(_ values: ArraySlice<Float>) -> Int? {
        values.indices.max { values[$0] < values[$1] }.map { $0 - values.startIndex }
    }
}
