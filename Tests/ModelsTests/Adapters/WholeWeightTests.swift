import Checkpoints
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// Adapters with an embedding or a head of their own, beside checkpoints that hold the same tensors.
@Suite struct WholeWeightTests {
    private func adapter(_ weights: WholeWeights, on base: String, fingerprint: String = "w") throws -> Adapter {
        let checkpoint = try AdapterCheckpoint(path: weights.path)
        return try AdapterBase(Checkpoint.open(path: TestData.tiny(base))).adapter(checkpoint, fingerprint: fingerprint)
    }

    /// The last logits of the test's tokens under no adapter, with other tensors in a checkpoint.
    private func expected(_ base: String, _ tensors: [String: TensorReplacement]) throws -> [Float] {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(base)).replacing(tensors)
        return try AdapterRun.logits(of: checkpoint, [(AdapterRun.tokens(), nil)], .detected)[0]
    }

    @Test(arguments: ["llama-f32.gguf", "llama-q4_0.gguf"])
    func `rows look their tokens up in their adapter's embedding and get their logits from its head`(
        base: String
    ) throws {
        let both = try WholeWeights(["embed_tokens", "lm_head"], saved: #"["embed_tokens","lm_head"]"#)
        let head = try WholeWeights(["lm_head"], saved: #"["lm_head"]"#, seed: 9)
        defer { for weights in [both, head] { weights.remove() } }
        let first = try adapter(both, on: base)
        let second = try adapter(head, on: base, fingerprint: "h")
        let third = try AdapterRun.adapter("llama-adapter", on: base)
        #expect(first.byteCount >= 2 * 4 * 320 * 256 && first.replacesWeights && !third.replacesWeights)
        let tokens = try AdapterRun.tokens()
        let replaced = try expected(
            base,
            ["token_embd.weight": both.replacement("embed_tokens"), "output.weight": both.replacement("lm_head")]
        )
        let other = try expected(base, ["output.weight": head.replacement("lm_head")])
        let rows: [([TokenID], Adapter?)] = [
            (tokens, first), (tokens, nil), (tokens, second), (Array(tokens.prefix(9)), first), (tokens, third),
            (Array(tokens.prefix(9)), second), (tokens, first),
        ]
        let together = try AdapterRun.logits(of: TestData.tiny(base), rows, .detected)
        #expect(together[0] == replaced && together[6] == replaced && together[2] == other)
        #expect(try together[1] == expected(base, [:]))
        for set in InstructionSet.available {
            let together = try AdapterRun.logits(of: TestData.tiny(base), rows, set)
            for (index, row) in rows.enumerated() {
                #expect(try AdapterRun.logits(of: TestData.tiny(base), [row], set)[0] == together[index])
            }
            let cut = try AdapterRun.logits(of: TestData.tiny(base), rows, set, chunk: 3)
            #expect(cut == together)
            // Rows of one head only, and several logits of each.
            let own = try AdapterRun.logits(of: TestData.tiny(base), [rows[0], rows[6]], set, logitCount: 2)
            #expect(own[0] == own[1] && Array(own[0].suffix(320)) == together[0])
        }
    }

    @Test(arguments: [
        (["embed_tokens"], #"["embed_tokens"]"#, "", false), (["embed_tokens"], "null", "", true),
        (["embed_tokens"], #"["embed_tokens"]"#, #","ensure_weight_tying":true"#, true),
        (["embed_tokens", "lm_head"], #"["model.embed_tokens","lm_head"]"#, "", false),
        (["lm_head"], #"["lm_head"]"#, "", false),
    ])
    func `where the base ties both, the head follows the embedding only if the adapter says so`(
        modules: [String],
        saved: String,
        more: String,
        isTied: Bool
    ) throws {
        let base = "gemma3-f32.gguf"
        let weights = try WholeWeights(modules, saved: saved, more: more)
        defer { weights.remove() }
        var tensors: [String: TensorReplacement] = [:]
        if modules.contains("embed_tokens") { tensors["token_embd.weight"] = weights.replacement("embed_tokens") }
        if modules.contains("lm_head") {
            tensors["output.weight"] = weights.replacement("lm_head")
        } else if !isTied {
            let checkpoint = try Checkpoint.open(path: TestData.tiny(base))
            let old = try #require(checkpoint.tensor("token_embd.weight"))
            tensors["output.weight"] = TensorReplacement(elementType: .f32, shape: old.shape) {
                $0.copyMemory(from: checkpoint.bytes(of: old))
            }
        }
        let tokens = try AdapterRun.tokens()
        let adapter = try adapter(weights, on: base)
        let found = try AdapterRun.logits(of: TestData.tiny(base), [(tokens, adapter)], .detected)[0]
        #expect(try found == expected(base, tensors))
        let memory = isTied || modules.count == 1 ? 1 : 2
        #expect(adapter.byteCount < (memory * 4 + 1) * 320 * 256)
        // Merged it is the same again.
        let checkpoint = try Checkpoint.open(path: TestData.tiny(base))
        let merged = try AdapterBase(checkpoint).merged(
            AdapterCheckpoint(path: weights.path),
            into: checkpoint,
            on: WorkerPool(threadCount: 2)
        )
        #expect(try AdapterRun.logits(of: merged, [(tokens, nil)], .detected)[0] == found)
    }

    @Test func `added tokens and other modules are refused by name`() throws {
        let added = try WholeWeights(["embed_tokens"], saved: #"["embed_tokens"]"#, shape: (321, 256))
        defer { added.remove() }
        let unfit = #expect(throws: ModelError.self) { try adapter(added, on: "llama-f32.gguf") }
        #expect(unfit?.description.contains("base_model.model.model.embed_tokens.weight") == true)
        #expect(unfit?.description.contains("added tokens") == true)
        let absent = try WholeWeights(["embed_tokens"], saved: #"["lm_head"]"#)
        defer { absent.remove() }
        let missing = #expect(throws: CheckpointError.self) { try AdapterCheckpoint(path: absent.path) }
        #expect(missing?.description.contains("lm_head.weight is missing") == true)
        let other = try WholeWeights(["score"], saved: #"["score"]"#)
        defer { other.remove() }
        let refused = #expect(throws: CheckpointError.self) { try AdapterCheckpoint(path: other.path) }
        #expect(refused?.description.contains("names score") == true)
    }
}
