import Checkpoints
import Synchronization
import Tensors
import TestModels
import Testing

@testable import Models

/// Float weights that are kept in fewer bits, beside files that the reference writer made of the same numbers.
@Suite struct ReducedWeightsTests {
    private let workers = WorkerPool(threadCount: 2)

    private func open(_ name: String) throws -> Checkpoint { try Checkpoint.open(path: TestData.tiny(name)) }

    @Test(arguments: ElementType.reducedTypes)
    func `float matrices are those of the reference writer's file, and the vocabulary's have 8 bits at least`(
        type: ElementType
    ) throws {
        let reduced = try open("llama-f32.gguf").reduced(to: type, on: workers)
        let (expected, bytes) = try (open("llama-\(type.name.lowercased()).gguf"), open("llama-q8_0.gguf"))
        var count = 0
        for tensor in reduced.tensors where tensor.shape.count == 2 {
            let isVocabulary = ["token_embd.weight", "output.weight"].contains(tensor.name)
            let source = isVocabulary ? bytes : expected
            let original = try #require(source.tensor(tensor.name))
            #expect(tensor.elementType == original.elementType)
            #expect(Array(reduced.bytes(of: tensor)) == Array(source.bytes(of: original)), "\(tensor.name)")
            reduced.release(tensor)
            count += 1
        }
        #expect(count > 10)
        #expect(reduced.tensors.filter { $0.shape.count == 1 }.allSatisfy { $0.elementType == .f32 })
    }

    @Test(arguments: InstructionSet.available)
    func `in 8 bits a model has the logits of a file in 8 bits, to the bit`(set: InstructionSet) throws {
        let tokens = try AdapterRun.tokens()
        func logits(_ checkpoint: Checkpoint) throws -> [Float] {
            try AdapterRun.logits(of: checkpoint, [(tokens, nil)], set, logitCount: tokens.count)[0]
        }
        let reduced = try open("llama-f32.gguf").reduced(to: .q8_0, on: workers)
        #expect(try logits(reduced) == logits(open("llama-q8_0.gguf")))
    }

    @Test(arguments: ["llama-f16.gguf", "llama-bf16.gguf", "llama-folder", "gemma3-f32.gguf"])
    func `halves and folders are reduced too, and logits stay close`(name: String) throws {
        let tokens = try AdapterRun.tokens()
        let whole = try open(name)
        let expected = try AdapterRun.logits(of: whole, [(tokens, nil)], .detected, logitCount: tokens.count)[0]
        let reduced = whole.reduced(to: .q8_0, on: workers)
        #expect(Set(reduced.tensors.filter { $0.shape.count == 2 }.map(\.elementType)) == [.q8_0])
        let found = try AdapterRun.logits(of: reduced, [(tokens, nil)], .detected, logitCount: tokens.count)[0]
        let error = AdapterRun.relativeError(found, expected)
        print("\(name) in 8 bits: relative error \(error)")
        #expect(error > 0 && error < 0.05)
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-q6_k.gguf"])
    func `weights in blocks stay as they are`(name: String) throws {
        let whole = try open(name)
        #expect(whole.reduced(to: .q8_0, on: workers).tensors == whole.tensors)
    }

    @Test func `what is computed to be read is computed once until it is released`() throws {
        let count = Counter()
        let whole = try open("llama-f32.gguf")
        let tensor = try #require(whole.tensor("output_norm.weight"))
        let replaced = whole.replacing([
            tensor.name: TensorReplacement(elementType: .f32, shape: tensor.shape) { bytes in
                bytes.initializeMemory(as: UInt8.self, repeating: count.next())
            }
        ])
        let entry = try #require(replaced.tensor(tensor.name))
        #expect((0..<2).map { _ in replaced.bytes(of: entry)[0] } == [1, 1])
        replaced.release(entry)
        #expect((0..<2).map { _ in replaced.bytes(of: entry)[0] } == [2, 2])
    }

    @Test func `changed weights are rounded once with what is folded in, in 8 bits where that is asked for`() throws {
        let adapter = try AdapterCheckpoint(path: TestData.tiny("llama-adapter"))
        func merged(_ name: String, as type: ElementType?, isPrecise: Bool = false) throws -> Checkpoint {
            let base = try open(name)
            return try AdapterBase(base).merged(adapter, into: base, isPrecise: isPrecise, floatsAs: type, on: workers)
        }
        let name = "blk.0.attn_q.weight"
        func bytes(_ checkpoint: Checkpoint) throws -> [UInt8] {
            Array(checkpoint.bytes(of: try #require(checkpoint.tensor(name))))
        }
        let (once, floats) = try (merged("llama-f32.gguf", as: .q4_0), merged("llama-f32.gguf", as: nil))
        #expect(try bytes(once) == bytes(floats.reduced(to: .q4_0, on: workers)))
        let halves = try merged("llama-bf16.gguf", as: nil).reduced(to: .q8_0, on: workers)
        #expect(try bytes(merged("llama-bf16.gguf", as: .q8_0)) != bytes(halves))
        let precise = try merged("llama-f16.gguf", as: .q4_0, isPrecise: true).reduced(to: .q4_0, on: workers)
        #expect(precise.tensor(name)?.elementType == .q8_0)
        #expect(try merged("llama-f16.gguf", as: .q4_0).tensor(name)?.elementType == .q4_0)
    }

    @Test func `an adapter is folded in as weights are reduced, and served on top of them`() throws {
        let tokens = try AdapterRun.tokens()
        let whole = try open("llama-f32.gguf")
        let adapter = try AdapterCheckpoint(path: TestData.tiny("llama-adapter"))
        let merged = try AdapterBase(whole).merged(adapter, into: whole, on: workers)
        let expected = try AdapterRun.logits(of: merged, [(tokens, nil)], .detected, logitCount: tokens.count)[0]
        let folded = merged.reduced(to: .q8_0, on: workers)
        let plain = whole.reduced(to: .q8_0, on: workers)
        let variant = try AdapterBase(plain).adapter(adapter, fingerprint: "a")
        let found = try [(folded, nil), (plain, variant)].map { checkpoint, adapter in
            try AdapterRun.logits(of: checkpoint, [(tokens, adapter)], .detected, logitCount: tokens.count)[0]
        }
        for logits in found { #expect(AdapterRun.relativeError(logits, expected) < 0.06) }
    }
}

/// Counts calls, from whatever thread.
private final class Counter: Sendable {
    private let count = Mutex<UInt8>(0)

    func next() -> UInt8 {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
