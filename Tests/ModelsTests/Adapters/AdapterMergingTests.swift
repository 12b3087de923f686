import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// Adapters folded into the weights, beside the same computed on top of them.
@Suite struct AdapterMergingTests {
    private func merged(_ adapter: String, into base: String, isPrecise: Bool = false) throws -> Checkpoint {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(base))
        return try AdapterBase(checkpoint).merged(
            AdapterCheckpoint(path: TestData.tiny(adapter)),
            into: checkpoint,
            isPrecise: isPrecise,
            on: WorkerPool(threadCount: 2)
        )
    }

    /// Bounds stand some way above what was found: float32 differs by the order of sums, the others by one rounding of the
    /// weights, and by the adapter's part meeting rounded activations, in a small random model that forgives nothing.
    @Test(arguments: [
        ("llama-f32.gguf", "llama", 5e-6), ("qwen3-f32.gguf", "qwen3", 5e-6), ("gemma3-f32.gguf", "gemma3", 5e-6),
        ("llama-f16.gguf", "llama", 4e-3), ("llama-bf16.gguf", "llama", 0.015), ("llama-folder", "llama", 0.015),
        ("llama-q8_0.gguf", "llama", 0.06), ("llama-q5_1.gguf", "llama", 0.25), ("llama-q4_0.gguf", "llama", 0.5),
        ("llama-q4_1.gguf", "llama", 0.5), ("llama-q4_k.gguf", "llama", 0.04), ("llama-q6_k.gguf", "llama", 0.06),
    ])
    func `merged logits are the unmerged ones but for the rounding of the weights, from both formats to the bit`(
        base: String,
        architecture: String,
        limit: Double
    ) throws {
        let tokens = try AdapterRun.tokens()
        let adapter = try AdapterRun.adapter(architecture + "-adapter", on: base)
        let plain = try AdapterRun.logits(of: TestData.tiny(base), [(tokens, nil)], .detected, logitCount: 48)[0]
        let expected = try AdapterRun.logits(of: TestData.tiny(base), [(tokens, adapter)], .detected, logitCount: 48)[0]
        let found = try ["-adapter", "-adapter.gguf"].map { form in
            let merged = try merged(architecture + form, into: base)
            return try AdapterRun.logits(of: merged, [(tokens, nil)], .detected, logitCount: 48)[0]
        }
        #expect(found[0] == found[1])
        let error = AdapterRun.relativeError(found[0], expected)
        let change = AdapterRun.relativeError(plain, expected)
        print("\(base) with an adapter in it: relative error \(error), the change is \(change)")
        #expect(error < limit && change > 0.2)
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-q5_1.gguf", "llama-f16.gguf"])
    func `merged precisely, changed weights of few bits have 8, and logits are truer`(base: String) throws {
        let tokens = try AdapterRun.tokens()
        let adapter = try AdapterRun.adapter("llama-adapter", on: base)
        let expected = try AdapterRun.logits(of: TestData.tiny(base), [(tokens, adapter)], .detected, logitCount: 48)[0]
        let precise = try merged("llama-adapter", into: base, isPrecise: true)
        let found = try AdapterRun.logits(of: precise, [(tokens, nil)], .detected, logitCount: 48)[0]
        let error = AdapterRun.relativeError(found, expected)
        print("\(base) with an adapter in it, precisely: relative error \(error)")
        #expect(error < 0.06)
        let types = Set(precise.tensors.filter { $0.fileIndex < 0 }.map(\.elementType))
        #expect(types == [base.contains("f16") ? .f16 : .q8_0])
    }

    @Test func `weights keep their type, or become Q8_0 where that cannot be written`() throws {
        for (base, type) in [
            ("llama-q4_0.gguf", ElementType.q4_0), ("llama-q4_k.gguf", .q8_0), ("llama-folder", .bf16),
        ] {
            let old = try Checkpoint.open(path: TestData.tiny(base))
            let new = try merged("llama-adapter", into: base)
            #expect(new.tensors.map(\.name) == old.tensors.map(\.name))
            let changed = zip(old.tensors, new.tensors).filter { $0 != $1 }.map(\.1)
            // Two layers of seven matrices, two of which are not changed.
            #expect(changed.count == 12 && changed.allSatisfy { $0.elementType == type })
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-q4_k.gguf", "llama-folder", "gemma3-f32.gguf"])
    func `a merged model that is written and opened again is the same to the bit`(base: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("merged-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let merged = try merged(base.hasPrefix("gemma3") ? "gemma3-adapter" : "llama-adapter", into: base)
        try CheckpointWriter(merged).write(to: path)
        let opened = try Checkpoint.open(path: path)
        #expect(opened.configuration == merged.configuration && opened.chatTemplate == merged.chatTemplate)
        #expect(opened.tensors.count == merged.tensors.count)
        for tensor in merged.tensors {
            let read = try #require(opened.tensor(tensor.name))
            #expect(read.shape == tensor.shape && read.elementType == tensor.elementType)
            #expect(Array(opened.bytes(of: read)) == Array(merged.bytes(of: tensor)))
        }
        let tokens = try AdapterRun.tokens()
        let expected = try AdapterRun.logits(of: merged, [(tokens, nil)], .detected)
        #expect(try AdapterRun.logits(of: opened, [(tokens, nil)], .detected) == expected)
        let twice = #expect(throws: CheckpointError.self) { try CheckpointWriter(merged).write(to: path) }
        guard case .unwritable(path, _) = twice else {
            Issue.record("\(String(describing: twice))")
            return
        }
        let folder = (path as NSString).deletingLastPathComponent
        let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasPrefix((path as NSString).lastPathComponent + ".")
        }
        #expect(left.isEmpty)
        #expect(throws: CheckpointError.self) { try CheckpointWriter(merged).write(to: "/nowhere/at/all") }
    }

    @Test func `an adapter of another model is refused with the name of what does not fit`() throws {
        for (form, name) in [
            ("gemma3-adapter", "model.layers.2.mlp.down_proj"), ("gemma3-adapter.gguf", "general.architecture"),
        ] {
            let error = #expect(throws: ModelError.self) { try merged(form, into: "llama-q4_0.gguf") }
            guard case .adapterUnfit(name, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    /// An adapter of the tiny model with factors of rank 1 for query projections of those names, `value` throughout.
    private func adapter(_ settings: String, _ names: [String], value: Float) throws -> AdapterCheckpoint {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: path) }
        let base = try Checkpoint.open(path: TestData.tiny("llama-folder")).configuration
        let width = base.width
        var (entries, data) = ([String](), Data())
        for name in names {
            for (part, shape) in [("A", [1, width]), ("B", [base.headCount * base.headWidth, 1])] {
                let count = shape[0] * shape[1]
                entries.append(
                    "\"\(name).lora_\(part).weight\": {\"dtype\": \"F32\", \"shape\": \(shape), "
                        + "\"data_offsets\": [\(data.count), \(data.count + 4 * count)]}"
                )
                for _ in 0..<count { withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
            }
        }
        let header = Data("{\(entries.joined(separator: ", "))}".utf8)
        var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        file += header + data
        try file.write(to: path.appendingPathComponent("adapter_model.safetensors"))
        try Data(settings.utf8).write(to: path.appendingPathComponent("adapter_config.json"))
        return try AdapterCheckpoint(path: path.path)
    }

    @Test func `a change that no merged weight could hold is refused by name, and one that is large is not`() throws {
        let base = try Checkpoint.open(path: TestData.tiny("llama-q4_0.gguf"))
        let name = "model.layers.1.self_attn.q_proj"
        for (alpha, isRefused) in [("1e38", true), ("-1e6", true), ("1e4", false)] {
            let adapter = try adapter(#"{"r": 1, "lora_alpha": \#(alpha)}"#, ["base_model.model." + name], value: 1)
            let merge = { () throws(ModelError) in
                try AdapterBase(base).merged(adapter, into: base, on: WorkerPool(threadCount: 1))
            }
            if !isRefused {
                let merged = try merge()
                for tensor in merged.tensors { #expect(merged.bytes(of: tensor).count == tensor.byteCount) }
                continue
            }
            let error = #expect(throws: ModelError.self) { try merge() }
            guard case .adapterUnfit(name, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `factors that change one weight under two names are refused`() throws {
        let base = try AdapterBase(Checkpoint.open(path: TestData.tiny("llama-f32.gguf")))
        let names = ["model.layers.0.self_attn.q_proj", "language_model.model.layers.0.self_attn.q_proj"]
        let twice = try adapter(#"{"r": 1}"#, names, value: 0.1)
        let error = #expect(throws: ModelError.self) { try base.adapter(twice, fingerprint: "twice") }
        #expect(error?.description.contains(names[0]) == true)
        let once = try adapter(#"{"r": 1}"#, [names[1]], value: 0.1)
        #expect(try base.adapter(once, fingerprint: "once").byteCount > 0)
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-folder"])
    func `writing that is interrupted leaves nothing, and a slash behind the name does not matter`(
        base: String
    ) async throws {
        let merged = try merged("llama-adapter", into: base)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("merges-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writing = Task {
            while !Task.isCancelled { await Task.yield() }
            try CheckpointWriter(merged).write(to: folder + "/interrupted")
        }
        writing.cancel()
        let error = await #expect(throws: CheckpointError.self) { try await writing.value }
        #expect(error == .unwritable(path: folder + "/interrupted", reason: "it was interrupted"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        try CheckpointWriter(merged).write(to: folder + "/slash/")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["slash"])
        _ = try Checkpoint.open(path: folder + "/slash")
    }
}
