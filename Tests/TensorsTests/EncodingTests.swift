import Testing

@testable import Tensors

@Suite struct EncodingTests {
    private static let types: [ElementType] = [.f32, .f16, .bf16, .q8_0, .q5_1, .q5_0, .q4_1, .q4_0]

    private func encoded(_ values: [Float], as type: ElementType) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: try #require(type.bytes(forElementCount: values.count)))
        values.withUnsafeBufferPointer { values in
            bytes.withUnsafeMutableBytes { encode(values, as: type, into: $0) }
        }
        return bytes
    }

    private func roundTrip(_ values: [Float], as type: ElementType) throws -> [Float] {
        let bytes = try encoded(values, as: type)
        var read = [Float](repeating: .nan, count: values.count)
        let isRead = bytes.withUnsafeBytes { bytes in
            read.withUnsafeMutableBufferPointer { dequantize(bytes, as: type, into: $0) }
        }
        #expect(isRead)
        return read
    }

    @Test(arguments: types)
    func `what is decoded is as near as the type's steps are`(type: ElementType) throws {
        let values = (0..<64).map { Float(($0 * 37) % 64) / 16 - 1.9 }
        let step: Float =
            switch type {
            case .f32: 0
            case .f16: 0.001
            case .bf16: 1 / 64
            case .q8_0: 2.1 / 127
            case .q5_1: 4 / 31
            case .q5_0: 2.1 / 16
            case .q4_1: 4 / 15
            default: 2.1 / 8
            }
        // The end opposite to the largest magnitude has no step of its own in the symmetric types.
        let limit = [.q5_0, .q4_0].contains(type) ? step * 1.01 : step * 0.51
        for (value, read) in zip(values, try roundTrip(values, as: type)) { #expect(abs(value - read) <= limit) }
    }

    @Test(arguments: types)
    func `numbers too small for a block's scale become zeros`(type: ElementType) throws {
        for tiny in [Float.leastNonzeroMagnitude, -.leastNormalMagnitude / 16, .leastNormalMagnitude, 1e-37] {
            var values = [Float](repeating: 0, count: 32)
            values[5] = tiny
            for (value, read) in zip(values, try roundTrip(values, as: type)) { #expect(abs(value - read) < 1e-7) }
        }
    }

    @Test(arguments: types)
    func `numbers that are not finite or too large stop nothing, and other blocks are what they were`(
        type: ElementType
    ) throws {
        let sound = (0..<32).map { Float($0) / 8 - 2 }
        let alone = try encoded(sound, as: type)
        for wrong in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
            for place in [0, 17, 31] {
                var values = sound + sound
                values[place] = wrong
                values[(place + 3) % 32] = -wrong
                #expect(Array(try encoded(values, as: type).suffix(alone.count)) == alone)
            }
        }
    }
}
