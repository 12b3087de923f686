import Tensors

/// Measures attention against the machine in the same run: prefill against fused multiply-adds on registers, decode
/// against a plain read of memory, for the heads of known models over an f16 cache.
///
///     swift run -c release kernel-bench [threads] attention
struct AttentionBench {
    private struct Heads {
        var model: String
        var queries: Int
        var keyValues: Int
        var width: Int
    }

    private static let models = [
        Heads(model: "Llama-1B", queries: 32, keyValues: 8, width: 64),
        Heads(model: "SmolLM2-135M", queries: 9, keyValues: 3, width: 64),
        Heads(model: "Gemma-3-270M", queries: 4, keyValues: 1, width: 256),
    ]
    /// One after the other, so that together they leave the caches.
    private static let layerCount = 16
    private static let contextLength = 8192

    private let compute: Compute
    private let ceilings: MachineCeilings
    private let repeats = 9

    init(threadCount: Int) {
        compute = Compute(workers: WorkerPool(threadCount: threadCount))
        ceilings = MachineCeilings(instructionSet: compute.instructionSet, workers: compute.workers) {
            benchmarkClock(threadCount: threadCount)
        }
    }

    func run() {
        for heads in Self.models {
            for type in CacheShape.elementTypes { run(heads, type) }
        }
    }

    private func run(_ heads: Heads, _ type: ElementType) {
        let shape = CacheShape(
            layerCount: Self.layerCount,
            kvHeadCount: heads.keyValues,
            headWidth: heads.width,
            elementType: type
        )
        let cache = KVStore(shape, blockCount: Self.contextLength / 32)
        let table = (0..<Int32(cache.blockCount)).map { $0 &* 37 % Int32(cache.blockCount) }
        let tokens = FloatMatrix(rows: 512, width: (heads.queries + 2 * heads.keyValues) * heads.width)
        for index in tokens.elements.indices { tokens.elements[index] = Float((index &* 7919) % 255 - 127) / 128 }
        fill(cache, heads, tokens, table)
        for first in [0, 1536, 7680] { prefill(heads, cache, tokens, table, first: first) }
        for context in [1024, 4096, 8192] { decode(heads, cache, tokens, table, context: context) }
    }

    private func fill(_ cache: KVStore, _ heads: Heads, _ tokens: FloatMatrix, _ table: [Int32]) {
        for layer in 0..<Self.layerCount {
            for first in stride(from: 0, to: Self.contextLength, by: 512) {
                let row = AttentionRow(firstToken: 0, tokenCount: 512, firstPosition: first, blockTable: table)
                let rows = AttentionRows([row])
                compute.store(Attention(rows: rows, layer: layer, headCount: heads.queries, scale: 1), tokens, in: cache)
            }
        }
    }

    private func prefill(_ heads: Heads, _ cache: KVStore, _ tokens: FloatMatrix, _ table: [Int32], first: Int) {
        let row = AttentionRow(firstToken: 0, tokenCount: 512, firstPosition: first, blockTable: table)
        let attention = Attention(rows: AttentionRows([row]), layer: 0, headCount: heads.queries, scale: 0.125)
        let output = FloatMatrix()
        let seconds = best { compute.attend(attention, cache: cache, queries: tokens, into: output) }
        let keys = 512.0 * (Double(first) + 256.5)
        let rate = 4 * keys * Double(heads.queries * heads.width) / seconds
        let ceiling = ceilings.multiplyAddRate()
        print("\(name(heads, cache)) prefill of 512 at \(first): \(share(rate, of: ceiling, "GFLOP/s"))")
    }

    private func decode(_ heads: Heads, _ cache: KVStore, _ tokens: FloatMatrix, _ table: [Int32], context: Int) {
        let row = AttentionRow(firstToken: 0, tokenCount: 1, firstPosition: context - 1, blockTable: table)
        let rows = AttentionRows([row])
        let output = FloatMatrix()
        let seconds = best {
            for layer in 0..<Self.layerCount {
                let attention = Attention(rows: rows, layer: layer, headCount: heads.queries, scale: 0.125)
                compute.attend(attention, cache: cache, queries: tokens, into: output)
            }
        }
        let rate = Double(context * cache.shape.bytesPerToken) / seconds
        print("\(name(heads, cache)) decode at \(context): \(share(rate, of: ceilings.readRate(), "GB/s"))")
    }

    private func name(_ heads: Heads, _ cache: KVStore) -> String {
        "\(heads.model), \(CacheShape.name(of: cache.shape.elementType)):"
    }

    private func share(_ rate: Double, of ceiling: Double, _ unit: String) -> String {
        let tenths = (rate / 1e8).rounded() / 10
        return "\(tenths) \(unit), \(Int((100 * rate / ceiling).rounded())) % of \((ceiling / 1e8).rounded() / 10)"
    }

    /// The best of several runs; with one thread of the processor's time, so that other work counts for less.
    private func best(_ work: () -> Void) -> Double {
        work()
        var least = Double.infinity
        for _ in 0..<repeats {
            let start = now()
            work()
            least = min(least, now() - start)
        }
        return least
    }

    private func now() -> Double { benchmarkClock(threadCount: compute.workers.threadCount) }
}
