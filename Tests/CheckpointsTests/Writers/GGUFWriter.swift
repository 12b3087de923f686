import Checkpoints
import Tensors

/// Builds GGUF files in memory, right ones and, where a test says so, wrong ones.
struct GGUFWriter {
    /// A tensor to be written; `shape` is outermost first, as `TensorEntry` has it.
    struct Tensor {
        var name: String
        var typeID: UInt32
        var shape: [UInt64]
        var data: [UInt8]
        /// Offset to claim instead of the true one.
        var offset: UInt64?

        init(_ name: String, _ type: ElementType = .f32, shape: [Int], offset: UInt64? = nil) {
            self.name = name
            typeID = type.rawValue
            self.shape = shape.map { UInt64($0) }
            let count = shape.dropLast().reduce(1, *) * (type.bytes(forElementCount: shape.last ?? 1) ?? 0)
            data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ name.utf8.count) }
            self.offset = offset
        }
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var metadata: [(key: String, value: GGUFValue)] = []
    var tensors: [Tensor] = []
    var alignment = 32
    /// Counts to claim instead of the true ones.
    var metadataCount: UInt64?
    var tensorCount: UInt64?
    /// Bytes of metadata written as they are, after `metadata`.
    var rawMetadata: [UInt8] = []

    /// Where a part of the head begins in the file, for tests and fuzzers that aim at it.
    struct Layout {
        var fields: [Int] = []
        var dataOffset = 0
    }

    func bytes() -> [UInt8] { build().bytes }

    func build() -> (bytes: [UInt8], layout: Layout) {
        var bytes = magic
        var layout = Layout()
        layout.fields.append(bytes.count)
        bytes.append(version)
        layout.fields.append(bytes.count)
        bytes.append(tensorCount ?? UInt64(tensors.count))
        layout.fields.append(bytes.count)
        bytes.append(metadataCount ?? UInt64(metadata.count))
        for (key, value) in metadata {
            layout.fields.append(bytes.count)
            bytes.append(string: key)
            layout.fields.append(bytes.count)
            bytes.append(value.typeID)
            layout.fields.append(bytes.count)
            bytes.append(value: value)
        }
        bytes += rawMetadata
        writeTensors(&bytes, &layout)
        return (bytes, layout)
    }

    private func writeTensors(_ bytes: inout [UInt8], _ layout: inout Layout) {
        var data: [UInt8] = []
        for tensor in tensors {
            data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
            layout.fields.append(bytes.count)
            bytes.append(string: tensor.name)
            layout.fields.append(bytes.count)
            bytes.append(UInt32(tensor.shape.count))
            for length in tensor.shape.reversed() {
                layout.fields.append(bytes.count)
                bytes.append(length)
            }
            layout.fields.append(bytes.count)
            bytes.append(tensor.typeID)
            layout.fields.append(bytes.count)
            bytes.append(tensor.offset ?? UInt64(data.count))
            data += tensor.data
        }
        bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
        layout.dataOffset = bytes.count
        bytes += data
    }
}

extension [UInt8] {
    mutating func append(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    mutating func append(string: String) {
        append(UInt64(string.utf8.count))
        append(contentsOf: string.utf8)
    }

    /// A metadata value without its type.
    mutating func append(value: GGUFValue) {
        switch value {
        case .uint8(let value): append(value)
        case .int8(let value): append(value)
        case .uint16(let value): append(value)
        case .int16(let value): append(value)
        case .uint32(let value): append(value)
        case .int32(let value): append(value)
        case .uint64(let value): append(value)
        case .int64(let value): append(value)
        case .float32(let value): append(value.bitPattern)
        case .float64(let value): append(value.bitPattern)
        case .bool(let value): append(UInt8(value ? 1 : 0))
        case .string(let value): append(string: value)
        case .strings(let values): appendArray(8, values.map { .string($0) })
        case .integers(let values): appendArray(11, values.map { .int64($0) })
        case .floats(let values): appendArray(6, values.map { .float32($0) })
        case .doubles(let values): appendArray(12, values.map { .float64($0) })
        case .bools(let values): appendArray(7, values.map { .bool($0) })
        case .arrays(let values): appendArray(9, values)
        }
    }

    mutating func appendArray(_ elementTypeID: UInt32, _ elements: [GGUFValue]) {
        append(elementTypeID)
        append(UInt64(elements.count))
        for element in elements { append(value: element) }
    }
}

extension GGUFValue {
    var typeID: UInt32 {
        switch self {
        case .uint8: 0
        case .int8: 1
        case .uint16: 2
        case .int16: 3
        case .uint32: 4
        case .int32: 5
        case .float32: 6
        case .bool: 7
        case .string: 8
        case .strings, .integers, .floats, .doubles, .bools, .arrays: 9
        case .uint64: 10
        case .int64: 11
        case .float64: 12
        }
    }
}

extension GGUFWriter {
    /// A complete one-layer llama of width 8 with a vocabulary of 4, small enough to be damaged everywhere.
    static var tinyLlama: GGUFWriter {
        var writer = GGUFWriter()
        writer.metadata = [
            ("general.architecture", .string("llama")), ("llama.context_length", .uint32(16)),
            ("llama.embedding_length", .uint32(8)), ("llama.block_count", .uint32(1)),
            ("llama.feed_forward_length", .uint32(16)), ("llama.attention.head_count", .uint32(2)),
            ("llama.attention.head_count_kv", .uint32(1)), ("llama.rope.dimension_count", .uint32(4)),
            ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)),
            ("tokenizer.ggml.tokens", .strings(["a", "b", "c", "é"])),
            ("tokenizer.ggml.scores", .floats([0, -1, -2, -3])),
            ("tokenizer.ggml.eos_token_id", .uint32(2)), ("tokenizer.ggml.add_bos_token", .bool(true)),
        ]
        writer.tensors = [
            Tensor("token_embd.weight", shape: [4, 8]), Tensor("output_norm.weight", shape: [8]),
            Tensor("blk.0.ffn_up.weight", .q8_0, shape: [2, 32]), Tensor("blk.0.ffn_down.weight", .f16, shape: [3, 5]),
        ]
        return writer
    }

    /// Replaces or adds a metadata value.
    subscript(key: String) -> GGUFValue? {
        get { metadata.first { $0.key == key }?.value }
        set {
            metadata.removeAll { $0.key == key }
            if let newValue { metadata.append((key, newValue)) }
        }
    }
}
