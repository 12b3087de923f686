/// Sizes around the vector widths of every instruction set.
let sizesAroundVectors = [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 257]

/// Floats that start some floats after a 64-byte boundary, between guards that a kernel must not touch.
final class MisalignedFloats {
    let count: Int
    let pointer: UnsafeMutablePointer<Float>
    private let start: UnsafeMutablePointer<Float>
    private let total: Int
    private static let guardValue = Float(bitPattern: 0x7fc0_dead)

    init(_ values: [Float], offset: Int) {
        count = values.count
        total = values.count + offset + 32
        start = UnsafeMutableRawPointer.allocate(byteCount: 4 * total, alignment: 64).bindMemory(
            to: Float.self,
            capacity: total
        )
        start.initialize(repeating: Self.guardValue, count: total)
        pointer = start + 16 + offset
        pointer.update(from: values, count: values.count)
    }

    deinit { start.deallocate() }

    var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

    /// Whether nothing but the floats was written.
    var guardsStand: Bool {
        let before = pointer - start
        return (0..<total).allSatisfy { index in
            (before..<before + count).contains(index)
                || start[index].bitPattern == Self.guardValue.bitPattern
        }
    }

    /// Between -scale and scale.
    static func random(_ count: Int, offset: Int, seed: UInt64, scale: Float = 1) -> MisalignedFloats {
        var random = SeededGenerator(state: seed)
        return MisalignedFloats((0..<count).map { _ in scale * random.float() }, offset: offset)
    }
}
