import Checkpoints
import JSON
import Tensors
import Testing

@Suite struct SafetensorsFileTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/m.safetensors"
    }

    private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(path: try folder.write(bytes, to: "m.safetensors"))
    }

    /// What opening says of the sample after one tensor's entry was changed.
    private func failure(_ name: String, _ key: String, _ value: JSONValue?) throws -> String {
        var header = SafetensorsWriter.sample.header()
        var entry = try #require(header[name]?.objectValue)
        entry[key] = value
        header[name] = .object(entry)
        return try failure(header: JSONValue.object(header).serialized())
    }

    private func failure(header: String) throws -> String {
        let bytes = SafetensorsWriter.sample.bytes(header: header)
        let error = #expect(throws: CheckpointError.self) { _ = try open(bytes) }
        return error?.description ?? ""
    }

    @Test func `tensors and metadata come back as they were written`() throws {
        let writer = SafetensorsWriter.sample
        let file = try open(writer.bytes())
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors.map(\.name) == writer.tensors.map(\.name))
        #expect(file.tensors.map(\.shape) == writer.tensors.map(\.shape))
        #expect(file.tensors.map(\.elementType) == [.f32, .bf16, .f64, .i8, .i8, .f16])
        for (entry, tensor) in zip(file.tensors, writer.tensors) {
            #expect(Array(file.bytes(of: entry)) == tensor.data)
        }
    }

    @Test func `spaces around the header are allowed`() throws {
        let header = JSONValue.object(SafetensorsWriter.sample.header()).serialized() + "     "
        #expect(try open(SafetensorsWriter.sample.bytes(header: header)).tensors.count == 6)
    }

    @Test func `a file cut short or grown anywhere is refused`() throws {
        let bytes = SafetensorsWriter.sample.bytes()
        for count in 0..<bytes.count {
            let error = #expect(throws: CheckpointError.self) { _ = try open(Array(bytes[..<count])) }
            guard case .truncated? = error else {
                Issue.record("cut at \(count): \(String(describing: error))")
                continue
            }
        }
        let error = #expect(throws: CheckpointError.self) { _ = try open(bytes + [0]) }
        #expect(error?.description.contains("1 bytes that belong to no tensor") == true)
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 40, (32 << 20) + 1] as [UInt64])
    func `a header longer than any real one is refused unread`(length: UInt64) throws {
        var bytes: [UInt8] = []
        bytes.append(length)
        let limit: UInt64 = 32 << 20
        #expect(
            throws: CheckpointError.tooLarge(
                file: path,
                field: "the header's length",
                offset: 0,
                value: length,
                limit: limit
            )
        ) { _ = try open(bytes + Array("{}".utf8)) }
    }

    @Test func `a header that is no object of tensors is refused with its offset`() throws {
        #expect(try failure(header: "[]").contains("byte 8 does not begin with '{'"))
        #expect(try failure(header: " {}").contains("byte 8 does not begin with '{'"))
        #expect(try failure(header: "").contains("the header at byte 8"))
        #expect(try failure(header: "{\"a\":").contains("ends at byte 5"))
        #expect(try failure(header: "{\"a\":1}").contains("a at byte 9 must be an object"))
        #expect(try failure(header: "{\"a\":1,\"a\":1}").contains("the key \"a\" twice"))
        #expect(try failure(header: "{\"a\":[[[[[]]]]]}").contains("nested deeper"))
        #expect(try failure(header: #"{"__metadata__":{"a":1}}"#).contains("more than strings"))
        #expect(try failure(header: "{}").contains("belong to no tensor"))
    }

    @Test func `an entry that cannot be right is refused by name and offset`() throws {
        #expect(try failure("odd", "dtype", nil).contains("odd at byte"))
        #expect(try failure("odd", "dtype", "F8_E4M3").contains("the element type F8_E4M3"))
        #expect(try failure("odd", "shape", nil).contains("no list shape"))
        for value in [[-1], [1.5], ["3"], [1e300], [nil]] as [JSONValue] {
            #expect(try failure("odd", "shape", value).contains("whole numbers"))
        }
        #expect(try failure("odd", "shape", [4]).contains("are 4 bytes"))
        #expect(try failure("odd", "shape", [1, 1, 1, 1, 1, 1, 1, 1, 3]).contains("9 dimensions"))
        #expect(try failure("odd", "shape", [4_611_686_018_427_387_904, 4]).contains("no file can have"))
        #expect(try failure("odd", "data_offsets", nil).contains("no list data_offsets"))
        #expect(try failure("odd", "data_offsets", [1]).contains("two data_offsets"))
        #expect(try failure("odd", "data_offsets", [9, 6]).contains("two data_offsets"))
        #expect(try failure("odd", "data_offsets", [9_000_000, 9_000_003]).contains("cut short"))
        let far: JSONValue = [9_223_372_036_854_775_804, 9_223_372_036_854_775_807]
        #expect(try failure("odd", "data_offsets", far).contains("cut short"))
        #expect(try failure("odd", "data_offsets", [0, 3]).contains("overlaps"))
        #expect(try failure("empty", "data_offsets", [3, 3]).contains("should begin at byte"))
        var header = SafetensorsWriter.sample.header()
        header["odd"] = nil
        #expect(try failure(header: JSONValue.object(header).serialized()).contains("late at byte"))
    }
}
