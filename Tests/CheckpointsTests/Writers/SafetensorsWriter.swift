import JSON

/// Builds safetensors files in memory.
struct SafetensorsWriter {
    struct Tensor {
        var name: String
        var type: String
        var shape: [Int]
        var data: [UInt8]

        init(_ name: String, _ type: String = "F32", shape: [Int], elementBytes: Int = 4) {
            self.name = name
            self.type = type
            self.shape = shape
            data = (0..<(shape.reduce(1, *) * elementBytes)).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ 3) }
        }
    }

    var tensors: [Tensor] = []
    var metadata: JSONValue?

    /// The header as a value, to be changed by a test before it is written.
    func header() -> JSONObject {
        var header = JSONObject()
        if let metadata { header["__metadata__"] = metadata }
        var offset = 0
        for tensor in tensors {
            header[tensor.name] = [
                "dtype": .string(tensor.type), "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
                "data_offsets": [.integer(Int64(offset)), .integer(Int64(offset + tensor.data.count))],
            ]
            offset += tensor.data.count
        }
        return header
    }

    func bytes() -> [UInt8] { bytes(header: JSONValue.object(header()).serialized()) }

    /// The file with another header's text.
    func bytes(header: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(string: header)
        for tensor in tensors { bytes += tensor.data }
        return bytes
    }

    static var sample: SafetensorsWriter {
        SafetensorsWriter(
            tensors: [
                Tensor("model.embed_tokens.weight", shape: [4, 8]),
                Tensor("model.norm.weight", "BF16", shape: [8], elementBytes: 2),
                Tensor("scalar", "F64", shape: [], elementBytes: 8),
                Tensor("empty", "I8", shape: [0, 3], elementBytes: 1),
                Tensor("odd", "I8", shape: [3], elementBytes: 1),
                Tensor("late", "F16", shape: [2, 2], elementBytes: 2),
            ],
            metadata: ["format": "pt"]
        )
    }
}
