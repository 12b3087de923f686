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
        let expected = try AdapterRun.floats(TestData.tiny(stem + ".adapted.logits"))
        let plain = try AdapterRun.floats(TestData.tiny(stem + ".logits"))
        for set in InstructionSet.available {
            let found = try Self.forms.map { form in
                let adapter = try AdapterRun.adapter(architecture + form, on: name)
                let tokens = try AdapterRun.tokens()
                return try AdapterRun.logits(
                    of: TestData.tiny(name),
                    [(tokens, adapter)],
                    set,
                    logitCount: tokens.count
                )[0]
            }
            #expect(found[0] == found[1])
            let error = AdapterRun.relativeError(found[0], expected)
            let change = AdapterRun.relativeError(plain, expected)
            print("\(name) under an adapter on \(set.name): relative error \(error), the change is \(change)")
            #expect(error < limit && change > 0.1)
        }
    }

    @Test func `factors in codes are for bases of blocks, change little and have a name of their own`() throws {
        let checkpoint = try AdapterCheckpoint(path: TestData.tiny("llama-adapter"))
        func adapter(_ precision: FactorPrecision, on name: String) throws -> Adapter {
            var base = try AdapterBase(Checkpoint.open(path: TestData.tiny(name)))
            base.precision = precision
            return try base.adapter(checkpoint, fingerprint: "a")
        }
        let codes = try [FactorPrecision.int5, .int6].map { try adapter($0, on: "llama-q4_0.gguf") }
        let exact = try adapter(.exact, on: "llama-q4_0.gguf")
        #expect(codes[0].byteCount < codes[1].byteCount && codes[1].byteCount < exact.byteCount)
        #expect(Set(codes.map(\.fingerprint) + ["a"]).count == 3 && exact.fingerprint == "a")
        let (path, tokens) = try (TestData.tiny("llama-q4_0.gguf"), AdapterRun.tokens())
        for set in InstructionSet.available {
            let adapters: [Adapter?] = [exact, nil] + codes
            let logits = try adapters.map {
                try AdapterRun.logits(of: path, [(tokens, $0)], set, logitCount: tokens.count)[0]
            }
            for coded in logits[2...] {
                let error = AdapterRun.relativeError(coded, logits[0])
                #expect(error > 0 && error < 0.05, "\(set) \(error)")
            }
            #expect(AdapterRun.relativeError(logits[1], logits[0]) > 0.1)
        }
        for name in ["llama-f32.gguf", "llama-f16.gguf"] {
            let counts = try FactorPrecision.allCases.map { try adapter($0, on: name).byteCount }
            #expect(Set(counts).count == 1)
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-f16.gguf", "llama-f32.gguf"])
    func `rows of two adapters and of none have the logits that they have alone, however they are cut`(
        name: String
    ) throws {
        let tokens = try AdapterRun.tokens()
        let first = try AdapterRun.adapter("llama-adapter", on: name)
        let second = try AdapterRun.adapter("llama-adapter.gguf", on: name)
        let third = try halved(on: name)
        let rows: [([TokenID], Adapter?)] = [
            (tokens, first), (Array(tokens.reversed().prefix(33)), nil), (Array(tokens.dropFirst(7)), second),
            (Array(tokens.prefix(9)), third), (Array(tokens.prefix(9)), nil), (Array(tokens.suffix(5)), third),
        ]
        for set in InstructionSet.available {
            let together = try AdapterRun.logits(of: TestData.tiny(name), rows, set)
            for (index, row) in rows.enumerated() {
                let alone = try AdapterRun.logits(of: TestData.tiny(name), [row], set)[0]
                #expect(together[index] == alone, "\(set) row \(index)")
                #expect(try AdapterRun.logits(of: TestData.tiny(name), [row], set, chunk: 3)[0] == together[index])
            }
            #expect(together[3] != together[4])
            let some = try AdapterRun.logits(of: TestData.tiny(name), rows, set, logitCounts: [1, 0, 3, 0, 9, 1])
            #expect(some == [0, 2, 4, 5].map { together[$0] })
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-f32.gguf"])
    func `steps under the same adapters have the logits of steps that nothing is kept for`(name: String) throws {
        let tokens = try AdapterRun.tokens()
        let (first, second) = (try AdapterRun.adapter("llama-adapter", on: name), try halved(on: name))
        func decoder() throws -> Decoder {
            let checkpoint = try Checkpoint.open(path: TestData.tiny(name))
            let decoder = try Decoder(checkpoint, compute: Compute(workers: WorkerPool(threadCount: 2)))
            decoder.allocateCache(blockCount: 16, blockSize: 32)
            return decoder
        }
        func step(_ decoder: Decoder, _ adapters: [Adapter?], _ positions: Range<Int>, logitCount: Int) -> [Float] {
            let batch = AdapterRun.batch(adapters.map { (tokens, $0) }, positions, logitCount: logitCount)
            let logits = decoder.forward(batch)
            return (0..<logitCount * adapters.count).flatMap { Array(logits.row($0)) }
        }
        let (kept, fresh) = (try decoder(), try decoder())
        let orders: [[Adapter?]] = [[first, nil, second], [second, nil, first], [first, first, second]]
        var position = 0
        for index in [0, 0, 0, 1, 1, 0, 2, 2, 0] {
            // A step without adapters in between forgets everything; its fourth row writes to blocks that no other reads.
            var other = AdapterRun.batch((0..<4).map { _ in (tokens, nil) }, 0..<1, logitCount: 0)
            other.rows.removeFirst(3)
            other.tokens.removeFirst(3)
            _ = fresh.forward(other)
            // The last layer drops tokens of the longer steps.
            let positions = position..<position + (index == 2 ? 3 : 1)
            let results = [kept, fresh].map { step($0, orders[index], positions, logitCount: 1) }
            let isEqual = results[0] == results[1]
            #expect(isEqual, "at \(position)")
            position = positions.upperBound
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-f32.gguf"])
    func `a mix is the sum of its parts, alone and beside others, in whatever order they are given`(
        name: String
    ) throws {
        let tokens = try AdapterRun.tokens()
        let (first, third) = (try AdapterRun.adapter("llama-adapter", on: name), try halved(on: name))
        let same = try AdapterRun.adapter("llama-adapter.gguf", on: name)
        let mix = Adapter(mixing: [(first, 0.75), (third, -0.5)])
        let turned = Adapter(mixing: [(third, -0.5), (first, 0.75)])
        let sum = Adapter(mixing: [(first, 0.25), (same, 0.75)])
        #expect(mix.fingerprint == turned.fingerprint && mix.fingerprint != sum.fingerprint && mix.byteCount == 0)
        let ranks = Adapter.rank(mixing: [(first, 1), (third, 1)])
        #expect(ranks == 32)
        let rows: [([TokenID], Adapter?)] = [
            (tokens, mix), (Array(tokens.prefix(9)), third), (tokens, sum), (Array(tokens.suffix(5)), nil),
        ]
        for set in InstructionSet.available {
            let together = try AdapterRun.logits(of: TestData.tiny(name), rows, set)
            for (index, row) in rows.enumerated() {
                #expect(try AdapterRun.logits(of: TestData.tiny(name), [row], set)[0] == together[index])
            }
            #expect(try AdapterRun.logits(of: TestData.tiny(name), [(tokens, turned)], set)[0] == together[0])
            let whole = try AdapterRun.logits(of: TestData.tiny(name), [(tokens, first)], set)[0]
            #expect(AdapterRun.relativeError(together[2], whole) < (name.contains("f32") ? 1e-5 : 0.02))
            #expect(AdapterRun.relativeError(together[0], whole) > 0.1)
        }
    }

    @Test func `an adapter of another model is refused with the name of what does not fit`() throws {
        let file = #expect(throws: ModelError.self) {
            try AdapterRun.adapter("gemma3-adapter.gguf", on: "llama-f32.gguf")
        }
        guard case .adapterUnfit("general.architecture", _) = file else {
            Issue.record("\(String(describing: file))")
            return
        }
        let error = #expect(throws: ModelError.self) { try AdapterRun.adapter("gemma3-adapter", on: "llama-f32.gguf") }
        guard case .adapterUnfit(let weight, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(weight == "model.layers.2.mlp.down_proj")
    }

    @Test(arguments: [[], [256], [4, 64, 256]] as [[Int]])
    func `a projection that is no matrix is for the loader of the weights to refuse`(shape: [Int]) throws {
        let name = "blk.0.attn_q.weight"
        let replacement = TensorReplacement(elementType: .f32, shape: shape) { _ in }
        let checkpoint = try Checkpoint.open(path: TestData.tiny("llama-q4_0.gguf")).replacing([name: replacement])
        let adapter = try AdapterCheckpoint(path: TestData.tiny("llama-adapter"))
        #expect(try AdapterBase(checkpoint).adapter(adapter, fingerprint: "a").byteCount > 0)
        #expect(throws: ModelError.wrongShape(tensor: name, expected: [256, 256], found: shape)) {
            try Decoder(checkpoint, compute: Compute(workers: WorkerPool(threadCount: 1)))
        }
    }

    @Test func `factors take their own bytes and no more`() throws {
        let adapter = try AdapterRun.adapter("llama-adapter", on: "llama-f32.gguf")
        let file = try TestData.tiny("llama-adapter/adapter_model.safetensors")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
        #expect(adapter.byteCount <= size && adapter.byteCount > size * 9 / 10)
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
}
