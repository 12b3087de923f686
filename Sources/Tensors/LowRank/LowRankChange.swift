import CKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the factors of low-rank changes are kept.
package enum FactorPrecision: String, Sendable, CaseIterable {
    /// In 5 bits, with a scale for every 32 inputs of A and 16 ranks of B, where that takes no more memory than every bit. They
    /// are multiplied with activations of 8 bits, which the base's weights have to take.
    case int5
    /// The same with 6 bits: half the error, and a sixth more memory.
    case int6
    /// Every bit, multiplied in float32.
    case exact

    /// The form of codes that kernels know; nil for none.
    var codeForm: Int32? {
        switch self {
        case .int5: Int32(ck_low_rank_i5)
        case .int6: Int32(ck_low_rank_i6)
        case .exact: nil
        }
    }
}

/// What factors take of memory at most, in bytes.
package struct FactorSpace: Sendable {
    var a = 0
    var b = 0

    /// Where B begins.
    var bStart: Int { (a + 63) / 64 * 64 }
    /// Bytes of all.
    package var byteCount: Int { bStart + b }

    package init() {}

    /// Adds what a change of this size takes.
    package mutating func add(rank: Int, inputs: Int, outputs: Int, precision: FactorPrecision) {
        let (ranks, rows) = (Int32(rank), Int32(outputs))
        if let form = precision.codeForm, LowRankChange.canHaveCodes(rank: rank, inputs: inputs) {
            a += Int(ck_low_rank_a_bytes(form, ranks, Int32(inputs))) + 64
            b += Int(ck_low_rank_b_bytes(form, ranks, rows)) + 64
        } else {
            a += 4 * rank * (inputs + 16) + 64
            b += 4 * rank * (outputs + 16) + 64
        }
    }
}

/// Memory for the factors of changes: all A one after the other, then all B, each in the order in which they are made.
///
/// Large ones are in huge pages where the system grants them: a step reads a little of everything.
///
/// Unchecked: who makes changes in it is alone until they are made; then it is only read.
package final class FactorMemory: @unchecked Sendable {
    private let start: UnsafeMutableRawPointer
    private let reserved: ReservedMemory?
    private var used: FactorSpace
    private let space: FactorSpace
    private let spare: SpareMemory?
    /// How many were given huge pages so far.
    private static let count = Atomic<Int>(0)

    /// Zeros; nil where the system gives no memory.
    ///
    /// - Parameter spare: where the memory comes from if it fits, and goes in the end.
    package init?(_ space: FactorSpace, recycling spare: SpareMemory? = nil) {
        (self.space, self.spare) = (space, spare)
        used = FactorSpace()
        used.b = space.bStart
        let byteCount = space.byteCount
        if byteCount >= HugePages.byteCount {
            let kept = spare?.take(bytes: byteCount)
            let memory = kept ?? ReservedMemory(offered: byteCount, hugePageOffset: Self.nextOffset())
            guard let memory else { return nil }
            if kept != nil { memset(memory.start, 0, byteCount) }
            (reserved, start) = (memory, memory.start)
        } else {
            reserved = nil
            start = .allocate(byteCount: byteCount + 64, alignment: 64)
            start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + 64)
        }
    }

    /// Where the next memory begins in its huge page. Rows of several adapters meet the same panel of each B at the same time;
    /// were these to lie alike in their pages, eight would take eight ways of the same few sets of a first cache.
    private static func nextOffset() -> Int { count.add(1, ordering: .relaxed).oldValue % 8 * 576 }

    /// Gives back what no change was made in: exact factors take less than was asked for, and memory that is recycled may be twice as
    /// large. Call once all are made.
    package func trim() {
        guard let reserved else { return }
        reserved.discard(space.bStart - used.a, at: used.a)
        reserved.discard(reserved.capacity - used.b, at: used.b)
    }

    deinit {
        if let reserved {
            spare?.keep(reserved)
        } else {
            start.deallocate()
        }
    }

    /// The next bytes of both, aligned to 64.
    fileprivate func take(a aBytes: Int, b bBytes: Int) -> (a: UnsafeMutableRawPointer, b: UnsafeMutableRawPointer) {
        defer {
            used.a += (aBytes + 63) / 64 * 64
            used.b += (bBytes + 63) / 64 * 64
            precondition(
                used.a <= space.bStart && used.b <= space.byteCount,
                "FactorMemory: more than was asked for"
            )
        }
        return (start + used.a, start + used.b)
    }
}

/// A low-rank change of a matrix `[outputs, inputs]`: W + scale · B A, computed beside the product with W.
///
/// Source: Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, arXiv:2106.09685, eq. 3.
///
/// Unchecked: the factors are written in `init` only.
package final class LowRankChange: @unchecked Sendable {
    package let rank: Int
    package let inputs: Int
    package let outputs: Int
    /// Bytes that the factors take.
    package let byteCount: Int
    /// Columns of A x: the ranks in whole groups of 16.
    var columnCount: Int { (rank + 15) / 16 * 16 }
    /// How they are kept.
    package let precision: FactorPrecision
    /// What kernels read; valid as long as this lives.
    let view: ck_low_rank
    private let memory: FactorMemory

    /// Packs the factors.
    ///
    /// - Parameters:
    ///   - a: A, `[rank, inputs]`, finite.
    ///   - b: B, `[outputs, rank]`, finite.
    ///   - rank: at least 1.
    ///   - scale: what B A is multiplied by.
    ///   - precision: how they are kept; exact where codes are not possible or save nothing.
    ///   - memory: where, if it is shared with other changes.
    ///   - set: what packs them; the result is the same.
    package init(
        a: StoredFactor,
        b: StoredFactor,
        rank: Int,
        scale: Float,
        precision: FactorPrecision = .exact,
        in memory: FactorMemory? = nil,
        on set: InstructionSet = .detected
    ) {
        precondition(rank > 0 && a.count > 0 && b.count > 0, "LowRankChange: empty factors")
        precondition(a.count % rank == 0 && b.count % rank == 0, "LowRankChange: \(a.count), \(b.count) of \(rank)")
        let source = FactorSource(a: a, b: b, rank: rank)
        (self.rank, inputs, outputs) = (rank, source.inputs, source.outputs)
        var space = FactorSpace()
        space.add(rank: rank, inputs: inputs, outputs: outputs, precision: precision)
        guard let memory = memory ?? FactorMemory(space) else {
            preconditionFailure("LowRankChange: no memory for \(space.byteCount) bytes")
        }
        self.memory = memory
        if let form = precision.codeForm, Self.canHaveCodes(rank: rank, inputs: inputs) {
            (view, byteCount) = source.quantized(form, scale: scale, in: self.memory, on: set)
            self.precision = precision
        } else {
            (view, byteCount) = source.exact(scale: scale, in: self.memory)
            self.precision = .exact
        }
    }

    /// The same change multiplied by `scale`, with the factors of `other`.
    init(sharing other: LowRankChange, scaledBy scale: Float) {
        (rank, inputs, outputs, byteCount) = (other.rank, other.inputs, other.outputs, 0)
        (memory, precision) = (other.memory, other.precision)
        var view = other.view
        view.scale *= scale
        self.view = view
    }

    /// Whether codes are possible, and take clearly less than 16 bits a number: panels hold 16 ranks.
    static func canHaveCodes(rank: Int, inputs: Int) -> Bool { rank >= 8 && inputs % Int(ck_group_size) == 0 }
}

/// Both factors as they come.
private struct FactorSource {
    let a: StoredFactor
    let b: StoredFactor
    let rank: Int
    var inputs: Int { a.count / rank }
    var outputs: Int { b.count / rank }

    func quantized(
        _ form: Int32,
        scale: Float,
        in memory: FactorMemory,
        on set: InstructionSet
    ) -> (ck_low_rank, byteCount: Int) {
        let (set, rank, inputs, outputs) = (set.rawValue, Int32(rank), Int32(inputs), Int32(outputs))
        let aBytes = Int(ck_low_rank_a_bytes(form, rank, inputs))
        let bBytes = Int(ck_low_rank_b_bytes(form, rank, outputs))
        let (first, second) = memory.take(a: aBytes, b: bBytes)
        ck_low_rank_pack_a(set, form, a.kernelView, rank, inputs, first)
        ck_low_rank_pack_b(set, form, b.kernelView, rank, outputs, second)
        return (view(first, second, form, scale), aBytes + bBytes)
    }

    private func view(
        _ a: UnsafeMutableRawPointer,
        _ b: UnsafeMutableRawPointer,
        _ element: Int32,
        _ scale: Float
    ) -> ck_low_rank {
        ck_low_rank(
            a: UnsafeRawPointer(a),
            b: UnsafeRawPointer(b),
            element: element,
            rank: Int32(rank),
            inputs: Int32(inputs),
            outputs: Int32(outputs),
            scale: scale,
            ahead: 0
        )
    }

    func exact(scale: Float, in memory: FactorMemory) -> (ck_low_rank, byteCount: Int) {
        a.withFloats { a in b.withFloats { b in exact(a, b, scale: scale, in: memory) } }
    }

    private func exact(
        _ a: UnsafeBufferPointer<Float>,
        _ b: UnsafeBufferPointer<Float>,
        scale: Float,
        in memory: FactorMemory
    ) -> (ck_low_rank, byteCount: Int) {
        let type = ExactType.narrowest(for: a, b)
        let aBytes = rank * ((inputs + 15) / 16 * 16) * type.byteCount
        let bBytes = (outputs + 15) / 16 * 16 * rank * type.byteCount
        let (rows, panels) = memory.take(a: aBytes, b: bBytes)
        switch type {
        case .float32: write(a, b, to: rows, panels) { $0 }
        case .float16: write(a, b, to: rows, panels) { HalfBits.exact($0) ?? 0 }
        case .bfloat16: write(a, b, to: rows, panels) { UInt16($0.bitPattern >> 16) }
        }
        return (view(rows, panels, type.kernelType, scale), aBytes + bBytes)
    }

    /// Writes A in padded rows and B in panels, each number as `stored` makes it.
    @inline(__always)
    private func write<Stored>(
        _ a: UnsafeBufferPointer<Float>,
        _ b: UnsafeBufferPointer<Float>,
        to rows: UnsafeMutableRawPointer,
        _ panels: UnsafeMutableRawPointer,
        _ stored: (Float) -> Stored
    ) {
        let stride = (inputs + 15) / 16 * 16
        for row in 0..<rank {
            let target = rows.assumingMemoryBound(to: Stored.self) + row * stride
            for input in 0..<inputs { target[input] = stored(a[row * inputs + input]) }
        }
        for output in 0..<outputs {
            let target = panels.assumingMemoryBound(to: Stored.self) + output / 16 * rank * 16 + output % 16
            for k in 0..<rank { target[16 * k] = stored(b[output * rank + k]) }
        }
    }
}

/// The narrowest of bf16, f16 and float32 that loses no bit of the factors.
private enum ExactType {
    case float32, float16, bfloat16

    /// bf16 before f16 before float32, as far as every value keeps its bits.
    static func narrowest(for factors: UnsafeBufferPointer<Float>...) -> ExactType {
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
