import Checkpoints
import Tensors
import Testing

@Suite struct GGUFFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ bytes: [UInt8]) throws -> GGUFFile {
        try GGUFFile(path: try folder.write(bytes, to: "model.gguf"))
    }

    @Test(arguments: [UInt32(2), 3])
    func `metadata and tensors come back as they were written`(version: UInt32) throws {
        var writer = GGUFWriter.tinyLlama
        writer.version = version
        let file = try open(writer.bytes())
        #expect(file.version == version)
        #expect(file.metadata.count == writer.metadata.count)
        for (key, value) in writer.metadata { #expect(file.metadata[key] == value) }
        #expect(file.tensors.map(\.name) == writer.tensors.map(\.name))
        for (entry, tensor) in zip(file.tensors, writer.tensors) {
            #expect(entry.shape == tensor.shape.map { Int($0) })
            #expect(entry.elementType.rawValue == tensor.typeID)
            #expect(Array(file.bytes(of: entry)) == tensor.data)
        }
    }

    @Test func `every type of metadata is read`() throws {
        var writer = GGUFWriter()
        writer.metadata = [
            ("u8", .uint8(.max)), ("i8", .int8(.min)), ("u16", .uint16(.max)), ("i16", .int16(.min)),
            ("u32", .uint32(.max)), ("i32", .int32(.min)), ("u64", .uint64(.max)), ("i64", .int64(.min)),
            ("f32", .float32(-0.5)), ("f64", .float64(1e300)), ("yes", .bool(true)), ("text", .string("")),
            ("texts", .strings(["", "é"])), ("integers", .integers([.min, 0, .max])),
            ("floats", .floats([1, .infinity])),
            ("doubles", .doubles([2])), ("bools", .bools([true, false])),
            ("arrays", .arrays([.integers([1]), .strings([]), .arrays([.bools([])])])),
        ]
        let file = try open(writer.bytes())
        for (key, value) in writer.metadata { #expect(file.metadata[key] == value) }
    }

    @Test(arguments: [UInt32(0), 1, 2, 3, 4, 5])
    func `integer arrays of every width are widened`(typeID: UInt32) throws {
        var writer = GGUFWriter(metadataCount: 1)
        writer.rawMetadata.append(string: "k")
        writer.rawMetadata.append(UInt32(9))
        let values: [GGUFValue] =
            switch typeID {
            case 0: [.uint8(1), .uint8(.max)]
            case 1: [.int8(1), .int8(.max)]
            case 2: [.uint16(1), .uint16(.max)]
            case 3: [.int16(1), .int16(.max)]
            case 4: [.uint32(1), .uint32(.max)]
            default: [.int32(1), .int32(.max)]
            }
        writer.rawMetadata.appendArray(typeID, values)
        #expect(try open(writer.bytes()).metadata["k"]?.integers == values.compactMap { $0.intValue.map(Int64.init) })
    }

    @Test(arguments: ElementType.allCases)
    func `tensors of every element type are found`(type: ElementType) throws {
        var writer = GGUFWriter()
        writer.tensors = [
            .init("a", type, shape: [3, type.blockSize]), .init("b", type, shape: [2, 1, 2 * type.blockSize]),
        ]
        let file = try open(writer.bytes())
        #expect(file.tensors.map(\.elementType) == [type, type])
        #expect(file.tensors.map(\.byteCount) == [3 * type.blockBytes, 4 * type.blockBytes])
        #expect(file.tensors.map(\.elementCount) == [3 * type.blockSize, 4 * type.blockSize])
        for (entry, tensor) in zip(file.tensors, writer.tensors) {
            #expect(Array(file.bytes(of: entry)) == tensor.data)
        }
    }

    @Test func `tensor data follow the alignment that the file states`() throws {
        var writer = GGUFWriter.tinyLlama
        writer.alignment = 1024
        writer["general.alignment"] = .uint32(1024)
        let file = try open(writer.bytes())
        #expect(file.tensors.allSatisfy { $0.fileOffset % 1024 == 0 })
        #expect(Array(file.bytes(of: file.tensors[3])) == writer.tensors[3].data)
    }

    @Test func `a path that does not exist is named in the error`() {
        #expect(throws: CheckpointError.notFound(path: "/nowhere/model.gguf")) {
            _ = try GGUFFile(path: "/nowhere/model.gguf")
        }
    }

    @Test func `a folder is no file`() {
        #expect(throws: CheckpointError.unreadable(path: folder.path, reason: "it is not a regular file")) {
            _ = try GGUFFile(path: folder.path)
        }
    }

    @Test func `a file cut short anywhere is refused`() throws {
        let bytes = GGUFWriter.tinyLlama.bytes()
        for count in 0..<bytes.count {
            let error = #expect(throws: CheckpointError.self) { _ = try open(Array(bytes[..<count])) }
            guard case .truncated? = error else {
                Issue.record("cut at \(count): \(String(describing: error))")
                continue
            }
        }
    }
}
