import Foundation
import Tensors
import TestModels
import Testing

@testable import Checkpoints

@Suite struct AdapterCheckpointTests {
    /// The adapter of the tiny llama with some of its settings replaced.
    private func adapter(_ changes: [(String, String)]) throws -> AdapterCheckpoint {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)")
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter"), toPath: folder.path)
        defer { try? FileManager.default.removeItem(at: folder) }
        let settings = folder.appendingPathComponent("adapter_config.json")
        var text = try String(contentsOf: settings, encoding: .utf8)
        for (old, new) in changes {
            #expect(text.contains(old))
            text = text.replacingOccurrences(of: old, with: new)
        }
        try Data(text.utf8).write(to: settings)
        return try AdapterCheckpoint(path: folder.path)
    }

    private func scale(_ name: String, _ changes: [(String, String)]) throws -> Float? {
        try adapter(changes).factors.first { $0.name == name }?.scale
    }

    /// Why a GGUF adapter with those parts of a pair is refused; nil where it is not.
    private func refusal(
        _ settings: [(key: String, value: GGUFValue)],
        parts: [String] = ["a", "b"],
        rank: Int = 4
    ) throws -> CheckpointError? {
        let folder = try TemporaryFolder()
        var writer = GGUFWriter()
        writer.metadata = [("general.type", .string("adapter")), ("adapter.type", .string("lora"))]
        writer.metadata += settings
        writer.tensors = parts.map { part in
            let shape = part == "a" ? [rank, 4] : [4, rank]
            var tensor = GGUFWriter.Tensor("blk.0.attn_q.weight.lora_\(part)", shape: shape)
            tensor.data = [UInt8](repeating: 0, count: tensor.data.count)
            return tensor
        }
        let path = try folder.write(writer.bytes(), to: "a.gguf")
        do {
            _ = try AdapterCheckpoint(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func `ranks and alphas go by patterns, and both formats agree`() throws {
        let folder = try adapter([])
        let query = try #require(folder.factors.first { $0.name == "model.layers.0.self_attn.q_proj" })
        #expect((query.rank, query.inputs, query.outputs, query.scale) == (16, 256, 256, 12.0 / 16))
        let up = try #require(folder.factors.first { $0.name == "model.layers.1.mlp.up_proj" })
        #expect((up.rank, up.scale) == (1, 12))
        let file = try AdapterCheckpoint(path: TestData.tiny("llama-adapter.gguf"))
        #expect(file.factors.count == folder.factors.count && file.format == .gguf)
        #expect(file.factors.first { $0.name == "blk.1.ffn_up" }?.b.values == up.b.values)
    }

    @Test func `alpha may differ by module, and be divided by the root of the rank`() throws {
        let pattern = (#""alpha_pattern": {}"#, #""alpha_pattern": {"v_proj": 3}"#)
        #expect(try scale("model.layers.0.self_attn.v_proj", [pattern]) == 3.0 / 5)
        #expect(try scale("model.layers.0.self_attn.o_proj", [pattern]) == 12.0 / 5)
        let root = (#""use_rslora": false"#, #""use_rslora": true"#)
        #expect(try scale("model.layers.0.self_attn.q_proj", [root]) == 3)
    }

    @Test(arguments: [
        (#""use_dora": false"#, #""use_dora": true"#, "use_dora"), (#""bias": "none""#, #""bias": "all""#, "bias"),
        (#""modules_to_save": null"#, #""modules_to_save": ["score"]"#, "modules_to_save"),
        (#""peft_type": "LORA""#, #""peft_type": "IA3""#, "peft_type"), (#""r": 5"#, #""r": "many""#, "r"),
        (#""rank_pattern": {"#, #""rank_pattern": {"(": 3, "#, "rank_pattern"),
        (#""r": 5"#, #""r": 6"#, "the tensor model.layers.0.mlp.down_proj"),
        (#""r": 5"#, #""use_qalora": true, "r": 5"#, "use_qalora"),
        (#""r": 5"#, #""alora_invocation_tokens": [1, 2], "r": 5"#, "alora_invocation_tokens"),
        (#""r": 5"#, #""kasa_config": {"beta": 1}, "r": 5"#, "kasa_config"),
        (#""r": 5"#, #""init_lora_weights": "pissa_niter_4", "r": 5"#, "init_lora_weights"),
        (#""r": 5"#, #""init_lora_weights": "OLoRA", "r": 5"#, "init_lora_weights"),
    ])
    func `what cannot be done is refused by name`(old: String, new: String, key: String) throws {
        let error = #expect(throws: CheckpointError.self) { try adapter([(old, new)]) }
        guard case .invalidValue(_, let found, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found == key)
    }

    @Test(arguments: ["true", "false", #""gaussian""#, #""eva""#, #""orthogonal""#, "null"])
    func `how a training began does not matter where the base stayed as it was`(kind: String) throws {
        let plain = try adapter([]).factors.count
        let new = #""init_lora_weights": \#(kind), "alora_invocation_tokens": null, "r": 5"#
        #expect(try adapter([(#""r": 5"#, new)]).factors.count == plain)
    }

    @Test func `a pattern is a name's end from a dot on, and the first that matches counts`() throws {
        func scale(_ patterns: String) throws -> Float? {
            let name = "model.layers.0.self_attn.v_proj"
            return try self.scale(name, [(#""alpha_pattern": {}"#, #""alpha_pattern": {\#(patterns)}"#)]).map { $0 * 5 }
        }
        let standard = try scale("")
        #expect(try scale(#""self_attn.v_proj": 3, "v_proj": 4"#) == 3)
        #expect(try scale(#""v_proj": 4, "model.layers.0.self_attn.v_proj": 3"#) == 4)
        #expect(try scale(#""model.layers.0.self_attn.v_proj": 3"#) == 3)
        for none in ["proj", "attn.v_proj", "layers.0", "x.model.layers.0.self_attn.v_proj"] {
            #expect(try scale(#""\#(none)": 3"#) == standard)
        }
        // A dot stands for any character, as in every other expression.
        #expect(try scale(#""self.attn.v.proj": 3"#) == 3)
        #expect(try scale(#""layers\\.0\\..*": 3, "v_proj": 4"#) == 3)
        #expect(try scale(#""[kv]_proj": 3, "v_proj": 4"#) == 3)
    }

    @Test func `whoever writes to an adapter's file meanwhile changes nothing`() throws {
        let folder = try TemporaryFolder()
        for name in ["adapter", "adapter.gguf"] {
            let path = "\(folder.path)/\(name)"
            try FileManager.default.copyItem(atPath: TestData.tiny("llama-\(name)"), toPath: path)
            let checkpoint = try AdapterCheckpoint(path: path)
            let before = checkpoint.factors.map(\.b.values)
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: checkpoint.tensorPath))
            try file.truncate(atOffset: 0)
            try file.close()
            #expect(checkpoint.factors.map(\.b.values) == before)
        }
    }

    @Test func `a file larger than any adapter of the model is not read`() throws {
        let path = try TestData.tiny("llama-adapter.gguf")
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(try AdapterCheckpoint(path: path, copying: FileCopying(byteLimit: size)).factors.isEmpty == false)
        let error = #expect(throws: CheckpointError.self) {
            try AdapterCheckpoint(path: path, copying: FileCopying(byteLimit: size - 1))
        }
        #expect(error?.description.contains("the limit is \(size - 1)") == true)
    }

    @Test func `a configuration that is copied has a limit of its own`() throws {
        func padded(by count: Int) throws -> AdapterCheckpoint {
            try adapter([(#""r": 5"#, String(repeating: " ", count: count) + #""r": 5"#)])
        }
        let limit = AdapterCheckpoint.configurationByteLimit
        #expect(try padded(by: limit - 4096).factors.isEmpty == false)
        let error = #expect(throws: CheckpointError.self) { try padded(by: limit) }
        #expect(error?.description.contains("adapter_config.json") == true)
        #expect(error?.description.contains("the limit is \(limit)") == true)
    }

    @Test func `a file is copied to the memory of the one before, and is what it would be elsewhere`() throws {
        let folder = try TemporaryFolder()
        let spare = SpareMemory(byteLimit: 1 << 20)
        func copy(
            _ count: Int,
            _ byte: UInt8,
            to spare: SpareMemory?
        ) throws -> (at: UnsafeRawPointer?, bytes: [UInt8]) {
            let path = "\(folder.path)/\(byte)"
            try Data(repeating: byte, count: count).write(to: URL(fileURLWithPath: path))
            let file = try MappedFile(path: path, copying: FileCopying(spare: spare))
            return withExtendedLifetime(file) { (file.bytes.baseAddress, Array(file.bytes)) }
        }
        let first = try copy(700_000, 1, to: spare)
        // Another file has the place meanwhile.
        let kept = try #require(spare.take(bytes: 600_000))
        #expect(UnsafeRawPointer(kept.start) == first.at)
        spare.keep(kept)
        let second = try copy(600_000, 2, to: spare)
        #expect(second.at == first.at && second.bytes == [UInt8](repeating: 2, count: 600_000))
        // What is too small for it or too large gets its own.
        #expect(try copy(10_000, 3, to: spare).bytes == [UInt8](repeating: 3, count: 10_000))
        #expect(try copy(2_000_000, 4, to: spare).bytes == [UInt8](repeating: 4, count: 2_000_000))
        #expect(spare.take(bytes: 2_000_000) == nil)
    }

    @Test func `half of a pair and missing settings are told by name, as an adapter's`() throws {
        for (half, missing) in [("a", "B"), ("b", "A")] {
            let error = try refusal([("adapter.lora.alpha", .float32(8))], parts: [half])
            #expect(error?.description.contains("the tensor blk.0.attn_q has no \(missing)") == true)
        }
        let alpha = try refusal([])
        #expect(alpha?.description.contains("does not say adapter.lora.alpha, which the adapter needs") == true)
        let rank = #expect(throws: CheckpointError.self) { try adapter([(#""r": 5"#, #""s": 5"#)]) }
        #expect(rank?.description.contains("does not say r, which the adapter needs") == true)
    }

    @Test func `ranks go up to 256`() throws {
        let alpha: [(key: String, value: GGUFValue)] = [("adapter.lora.alpha", .float32(8))]
        #expect(try refusal(alpha, rank: 256) == nil)
        let error = try refusal(alpha, rank: 257)
        #expect(error?.description.contains("blk.0.attn_q has the rank 257; ranks from 1 to 256 are read") == true)
    }

    @Test func `an activated adapter is refused in both formats`() throws {
        func refusal(_ tokens: [Int64]) throws -> CheckpointError? {
            try self.refusal([
                ("adapter.lora.alpha", .float32(8)), ("adapter.alora.invocation_tokens", .integers(tokens)),
            ])
        }
        #expect(try refusal([1, 2])?.description.contains("alora") == true)
        #expect(try refusal([])?.description.contains("alora") != true)
        let inFolder = (#""r": 5"#, #""alora_invocation_tokens": [1, 2], "r": 5"#)
        #expect(throws: CheckpointError.self) { try adapter([inFolder]) }
    }

    @Test func `what is no adapter is told so`() throws {
        for name in ["llama-folder", "llama-f32.gguf"] {
            let error = #expect(throws: CheckpointError.self) { try AdapterCheckpoint(path: TestData.tiny(name)) }
            guard case .notAnAdapter = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(throws: CheckpointError.notFound(path: "/nowhere")) { try AdapterCheckpoint(path: "/nowhere") }
    }
}
