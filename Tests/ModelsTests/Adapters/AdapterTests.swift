import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// Adapters beside the numpy reference with merged weights, and rows under several of them in one step.
@Suite struct AdapterTests {
    private static let forms = ["-adapter", "-adapter.gguf"]

    @Test(arguments: [
        ("llama-f32.gguf", "llama", 1e-5), ("llama-folder", "llama", 3e-3), ("qwen3-f32.gguf", "qwen3", 1e-5),
        ("gemma3-f32.gguf", "gemma3", 1e-5),
    ])
    func `logits equal those of the merged reference, from both formats to the bit`(
        name: String,
        architecture: String,
        limit: Double
    ) throws {
        let stem = name.replacingOccurrences(of: ".gguf", with: "")
        let expected = try floats(TestData.tiny(stem + ".adapted.logits"))
        let plain = try floats(TestData.tiny(stem + ".logits"))
        for set in InstructionSet.available {
            let found = try Self.forms.map { form in
                let adapter = try adapter(architecture + form, on: name)
                let tokens = try testTokens()
                return try logits(of: name, [(tokens, adapter)], set, logitCount: tokens.count)[0]
            }
            #expect(found[0] == found[1])
            let error = relativeError(found[0], expected)
            let change = relativeError(plain, expected)
            print("\(name) under an adapter on \(set.name): relative error \(error), the change is \(change)")
            #expect(error < limit && change > 0.1)
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-f16.gguf", "llama-f32.gguf"])
    func `rows of two adapters and of none have the logits that they have alone, however they are cut`(
        name: String
    ) throws {
        let tokens = try testTokens()
        let first = try adapter("llama-adapter", on: name)
        let second = try adapter("llama-adapter.gguf", on: name)
        let third = try halved(on: name)
        let rows: [([TokenID], Adapter?)] = [
            (tokens, first), (Array(tokens.reversed().prefix(33)), nil), (Array(tokens.dropFirst(7)), second),
            (Array(tokens.prefix(9)), third), (Array(tokens.prefix(9)), nil), (Array(tokens.suffix(5)), third),
        ]
        for set in InstructionSet.available {
            let together = try logits(of: name, rows, set)
            for (index, row) in rows.enumerated() {
                let alone = try logits(of: name, [row], set)[0]
                #expect(together[index] == alone, "\(set) row \(index)")
                #expect(try logits(of: name, [row], set, chunk: 3)[0] == together[index])
            }
            #expect(together[3] != together[4])
        }
    }

    @Test func `an adapter of another model is refused with the name of what does not fit`() throws {
        let error = #expect(throws: ModelError.self) { try adapter("gemma3-adapter", on: "llama-f32.gguf") }
        guard case .adapterUnfit(let weight, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(weight == "model.layers.2.mlp.down_proj")
    }

    @Test func `factors take their own bytes and no more`() throws {
        let adapter = try adapter("llama-adapter", on: "llama-f32.gguf")
        let file = try TestData.tiny("llama-adapter/adapter_model.safetensors")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
        #expect(adapter.byteCount <= size && adapter.byteCount > size * 9 / 10)
    }

    private func adapter(_ form: String, on base: String) throws -> Adapter {
        let checkpoint = try AdapterCheckpoint(path: TestData.tiny(form))
        return try AdapterBase(Checkpoint.open(path: TestData.tiny(base))).adapter(checkpoint, fingerprint: form)
    }

    /// An adapter of some layers, of a rank of its own.
    private func halved(on base: String) throws -> Adapter {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)")
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter"), toPath: path.path)
        defer { try? FileManager.default.removeItem(at: path) }
        let settings = path.appendingPathComponent("adapter_config.json")
        let text = try String(contentsOf: settings, encoding: .utf8)
        try Data(text.replacingOccurrences(of: "\"use_rslora\": false", with: "\"use_rslora\": true").utf8)
            .write(to: settings)
        let checkpoint = try AdapterCheckpoint(path: path.path)
        return try AdapterBase(Checkpoint.open(path: TestData.tiny(base))).adapter(checkpoint, fingerprint: "other")
    }

    /// The last `logitCount` logits of every row, computed in one step after steps of `chunk` tokens of each.
    private func logits(
        of name: String,
        _ rows: [([TokenID], Adapter?)],
        _ set: InstructionSet,
        chunk: Int = 0,
        logitCount: Int = 1
    ) throws -> [[Float]] {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let checkpoint = try Checkpoint.open(path: TestData.tiny(name))
        let decoder = try Decoder(checkpoint, compute: compute, cacheElementType: .f32)
        decoder.allocateCache(blockCount: 16, blockSize: 32)
        if chunk > 0 { _ = decoder.forward(batch(rows, 0..<chunk, logitCount: 0)) }
        let logits = decoder.forward(batch(rows, chunk..<Int.max, logitCount: logitCount))
        return rows.indices.map { row in
            (row * logitCount..<(row + 1) * logitCount).flatMap { Array(logits.row($0)) }
        }
    }

    /// The tokens of every row at the positions given, as far as it has them.
    private func batch(_ rows: [([TokenID], Adapter?)], _ positions: Range<Int>, logitCount: Int) -> ForwardBatch {
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

    private func testTokens() throws -> [TokenID] {
        let data = try Data(contentsOf: URL(fileURLWithPath: TestData.tiny("tokens.json")))
        return try JSONDecoder().decode([Int32].self, from: data).map { TokenID(rawValue: $0) }
    }

    private func floats(_ path: String) throws -> [Float] {
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// ‖found − expected‖ / ‖expected‖.
    private func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
        guard found.count == expected.count else { return .infinity }
        var (difference, size) = (0.0, 0.0)
        for (a, b) in zip(found, expected) {
            difference += Double(a - b) * Double(a - b)
            size += Double(b) * Double(b)
        }
        return (difference / size).squareRoot()
    }
}
