import Checkpoints
import Tensors
import TestModels
import Testing

/// Written weights beside those that the reference writer made of the same numbers.
@Suite struct EncodingTests {
    @Test(arguments: [
        (ElementType.f16, "f16"), (.bf16, "bf16"), (.q8_0, "q8_0"), (.q4_0, "q4_0"), (.q4_1, "q4_1"), (.q5_0, "q5_0"),
        (.q5_1, "q5_1"),
    ])
    func `weights are written as the reference writer does, bit for bit`(type: ElementType, name: String) throws {
        let source = try Checkpoint.open(path: TestData.tiny("llama-f32.gguf"))
        let expected = try Checkpoint.open(path: TestData.tiny("llama-\(name).gguf"))
        var count = 0
        for tensor in expected.tensors where tensor.elementType == type {
            let original = try #require(source.tensor(tensor.name))
            let values = source.bytes(of: original)
            var floats = [Float](repeating: 0, count: original.elementCount)
            floats.withUnsafeMutableBytes { $0.copyMemory(from: values) }
            #expect(Self.encoded(floats, type) == Array(expected.bytes(of: tensor)), "\(tensor.name)")
            count += 1
        }
        #expect(count > 10)
    }

    @Test(arguments: ElementType.allCases.filter(\.isEncodable))
    func `zeros and single numbers come back`(type: ElementType) {
        for value in [0, -0.5, 1] as [Float] {
            var values = [Float](repeating: 0, count: 64)
            values[37] = value
            var back = [Float](repeating: .nan, count: 64)
            let bytes = Self.encoded(values, type)
            let isRead = bytes.withUnsafeBytes { bytes in
                back.withUnsafeMutableBufferPointer { dequantize(bytes, as: type, into: $0) }
            }
            #expect(isRead && zip(back, values).allSatisfy { abs($0 - $1) <= 0.01 * abs(value) })
        }
    }

    @Test func `types that are read only become Q8_0, and what is no weight's becomes nothing`() {
        for type in ElementType.allCases {
            let counterpart = type.encodableCounterpart
            #expect(type.isEncodable ? counterpart == type : counterpart == .q8_0 || counterpart == nil)
        }
        #expect(ElementType.q4_K.encodableCounterpart == .q8_0 && ElementType.i32.encodableCounterpart == nil)
    }

    private static func encoded(_ values: [Float], _ type: ElementType) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xA5, count: type.bytes(forElementCount: values.count) ?? 0)
        values.withUnsafeBufferPointer { values in
            bytes.withUnsafeMutableBytes { encode(values, as: type, into: $0) }
        }
        return bytes
    }
}
