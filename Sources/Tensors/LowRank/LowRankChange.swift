import CKernels

/// A low-rank change of a matrix `[outputs, inputs]`: W + scale · B A, computed beside the product with W.
///
/// The factors are kept in the narrowest of bf16, f16 and float32 that loses no bit of them.
/// Source: Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, arXiv:2106.09685, eq. 3.
///
/// Unchecked: the factors are written in `init` only.
package final class LowRankChange: @unchecked Sendable {
    package let rank: Int
    package let inputs: Int
    package let outputs: Int
    /// Bytes that the factors take.
    package let byteCount: Int
    /// What kernels read; valid as long as this lives.
    let view: ck_low_rank
    private let memory: UnsafeMutableRawPointer
    /// Whose memory it is; nil for its own.
    private let owner: LowRankChange?

    /// Packs the factors.
    ///
    /// - Parameters:
    ///   - a: A, `[rank, inputs]`.
    ///   - b: B, `[outputs, rank]`.
    ///   - rank: at least 1.
    ///   - scale: what B A is multiplied by.
    package init(a: [Float], b: [Float], rank: Int, scale: Float) {
        precondition(rank > 0 && !a.isEmpty && !b.isEmpty, "LowRankChange: empty factors")
        precondition(a.count % rank == 0 && b.count % rank == 0, "LowRankChange: \(a.count), \(b.count) of \(rank)")
        self.rank = rank
        inputs = a.count / rank
        outputs = b.count / rank
        let type = FactorType.narrowest(for: a, b)
        let rowStride = (inputs + 15) / 16 * 16
        let aBytes = rank * rowStride * type.byteCount
        byteCount = aBytes + (outputs + 15) / 16 * 16 * rank * type.byteCount
        owner = nil
        memory = .allocate(byteCount: byteCount + 64, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + 64)
        let panels = memory + aBytes
        let factors = Factors(a: a, b: b, rank: rank)
        switch type {
        case .float32:
            factors.write(to: memory, panels) { $0 }
        case .float16:
            factors.write(to: memory, panels) { HalfBits.exact($0) ?? 0 }
        case .bfloat16:
            factors.write(to: memory, panels) { UInt16($0.bitPattern >> 16) }
        }
        view = ck_low_rank(
            a: UnsafeRawPointer(memory),
            b: UnsafeRawPointer(panels),
            element: type.kernelType,
            rank: Int32(rank),
            inputs: Int32(inputs),
            outputs: Int32(outputs),
            scale: scale
        )
    }

    /// The same change multiplied by `scale`, with the factors of `other`.
    init(sharing other: LowRankChange, scaledBy scale: Float) {
        (rank, inputs, outputs, byteCount) = (other.rank, other.inputs, other.outputs, 0)
        owner = other.owner ?? other
        memory = other.memory
        var view = other.view
        view.scale *= scale
        self.view = view
    }

    deinit { if owner == nil { memory.deallocate() } }

    /// Both factors as they come.
    private struct Factors {
        let a: [Float]
        let b: [Float]
        let rank: Int

        /// Writes A in padded rows and B in panels, each number as `stored` makes it.
        @inline(__always)
        func write<Stored>(
            to rows: UnsafeMutableRawPointer,
            _ panels: UnsafeMutableRawPointer,
            _ stored: (Float) -> Stored
        ) {
            let (inputs, outputs) = (a.count / rank, b.count / rank)
            let stride = (inputs + 15) / 16 * 16
            a.withUnsafeBufferPointer { a in
                for row in 0..<rank {
                    let target = rows.assumingMemoryBound(to: Stored.self) + row * stride
                    for input in 0..<inputs { target[input] = stored(a[row * inputs + input]) }
                }
            }
            b.withUnsafeBufferPointer { b in
                for output in 0..<outputs {
                    let target = panels.assumingMemoryBound(to: Stored.self) + output / 16 * rank * 16 + output % 16
                    for k in 0..<rank { target[16 * k] = stored(b[output * rank + k]) }
                }
            }
        }
    }
}

/// How factors are kept.
private enum FactorType {
    case float32, float16, bfloat16

    /// bf16 before f16 before float32, as far as every value keeps its bits.
    static func narrowest(for factors: [Float]...) -> FactorType {
        if factors.allSatisfy({ $0.allSatisfy { $0.bitPattern & 0xFFFF == 0 } }) { return .bfloat16 }
        if factors.allSatisfy({ $0.allSatisfy { HalfBits.exact($0) != nil } }) { return .float16 }
        return .float32
    }

    var byteCount: Int { self == .float32 ? 4 : 2 }

    var kernelType: Int32 {
        switch self {
        case .float32: Int32(ck_low_rank_f32)
        case .float16: Int32(ck_low_rank_f16)
        case .bfloat16: Int32(ck_low_rank_bf16)
        }
    }
}
