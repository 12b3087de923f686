import Checkpoints
import Tensors
import Testing

/// What the reader refuses, and that the error names the field and its offset.
@Suite struct GGUFReaderTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/model.gguf"
    }

    private func failure(_ writer: GGUFWriter) throws -> CheckpointError? {
        try folder.write(writer.bytes(), to: "model.gguf")
        return #expect(throws: CheckpointError.self) { _ = try GGUFFile(path: path) }
    }

    /// The file with one metadata value given as type and bytes.
    private func failure(typeID: UInt32, _ value: [UInt8]) throws -> CheckpointError? {
        var writer = GGUFWriter(metadataCount: 1)
        writer.rawMetadata.append(string: "k")
        writer.rawMetadata.append(typeID)
        writer.rawMetadata += value
        return try failure(writer)
    }

    @Test func `other files, versions and byte orders are named`() throws {
        var writer = GGUFWriter.tinyLlama
        writer.magic = Array("GGML".utf8)
        #expect(try failure(writer) == .notACheckpoint(path: path, reason: "it does not begin with \"GGUF\""))
        writer.magic = Array("GGUF".utf8)
        for (version, words) in [
            (1, "version 1"), (4, "version 4"), (0, "version 0"), (UInt32(3).byteSwapped, "big-endian"),
        ] as [(UInt32, String)] {
            writer.version = version
            #expect(try #require(try failure(writer)).description.contains(words))
        }
        try folder.write("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", to: "model.gguf")
        let error = #expect(throws: CheckpointError.self) { _ = try GGUFFile(path: path) }
        #expect(try #require(error).description.contains("Git LFS"))
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 40, 1 << 20, 100])
    func `counts that the file cannot hold are refused before anything is allocated`(count: UInt64) throws {
        for keyPath in [\GGUFWriter.metadataCount, \.tensorCount] {
            var writer = GGUFWriter.tinyLlama
            writer[keyPath: keyPath] = count
            switch try failure(writer) {
            case .truncated(_, _, let offset, _, _), .tooLarge(_, _, let offset, _, _):
                #expect((8...16).contains(offset))
            case let error: #expect(count == 100, "\(String(describing: error))")
            }
        }
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 62, 1 << 40, 100])
    func `lengths beyond the file are refused`(length: UInt64) throws {
        var bytes: [UInt8] = []
        bytes.append(length)
        let inString = try failure(typeID: 8, bytes)
        #expect(inString == .truncated(file: path, field: "k", offset: 45, needed: length, available: 32 - (45 - 32)))
        for elementType in UInt32(0)...12 {
            var array: [UInt8] = []
            array.append(elementType)
            array.append(length)
            guard case .truncated? = try failure(typeID: 9, array) else {
                Issue.record("an array of \(length) elements of type \(elementType) was not refused")
                continue
            }
        }
    }

    @Test func `metadata that cannot be right are refused with their key and offset`() throws {
        #expect(
            try failure(typeID: 13, [])
                == .damaged(file: path, field: "the type of k", offset: 33, problem: "is 13; types are 0 to 12")
        )
        #expect(
            try failure(typeID: 7, [2])
                == .damaged(file: path, field: "k", offset: 37, problem: "is 2; a truth value is 0 or 1")
        )
        var big: [UInt8] = []
        big.appendArray(10, [.uint64(.max)])
        #expect(
            try failure(typeID: 9, big)
                == .damaged(
                    file: path,
                    field: "k",
                    offset: 49,
                    problem: "holds \(UInt64.max), which does not fit 63 bits"
                )
        )
        var writer = GGUFWriter.tinyLlama
        writer.metadata.append(("llama.block_count", .uint32(2)))
        guard case .damaged(_, "metadata key 13", _, let problem)? = try failure(writer) else {
            Issue.record("a key that is there twice was not refused")
            return
        }
        #expect(problem.contains("llama.block_count"))
    }

    @Test func `arrays in arrays are bounded in depth`() throws {
        var value = GGUFValue.arrays([.bools([true])])
        for _ in 0..<2 { value = .arrays([value]) }
        var writer = GGUFWriter()
        writer.metadata = [("k", value)]
        _ = try GGUFFile(path: try folder.write(writer.bytes(), to: "model.gguf"))
        writer.metadata = [("k", .arrays([value]))]
        #expect(try #require(try failure(writer)).description.contains("nested deeper than 4 arrays"))
    }

    @Test func `a key that is not UTF-8 or far too long is refused`() throws {
        var writer = GGUFWriter(metadataCount: 1)
        writer.rawMetadata.append(UInt64(2))
        writer.rawMetadata += [0xC3, 0x28, 0, 0, 0, 0, 0]
        #expect(
            try failure(writer) == .damaged(file: path, field: "metadata key 0", offset: 24, problem: "is not UTF-8")
        )
        writer = GGUFWriter(metadata: [(String(repeating: "k", count: 70_000), .bool(true))])
        guard case .tooLarge(_, "the length of metadata key 0", 24, 70_000, 65_536)? = try failure(writer) else {
            Issue.record("a key of 70,000 bytes was not refused")
            return
        }
    }

    @Test func `tensors with impossible shapes, types and places are refused by name`() throws {
        func failure(_ change: (inout GGUFWriter.Tensor) -> Void) throws -> String {
            var writer = GGUFWriter(tensors: [.init("a", shape: [8]), .init("b", shape: [2, 4])])
            change(&writer.tensors[1])
            return try #require(try self.failure(writer)).description
        }
        #expect(try failure { $0.shape = [1 << 62, 4] }.contains("shape of tensor b"))
        #expect(try failure { $0.shape = [1 << 32, 1 << 32] }.contains("shape of tensor b"))
        #expect(try failure { $0.shape = [0, 1 << 62, 1 << 62] }.contains("shape of tensor b"))
        #expect(try failure { $0.shape = [0, 1 << 40, 1 << 40] }.contains("shape of tensor b"))
        #expect(try failure { $0.shape = [.max] }.contains("dimension 0 of tensor b"))
        #expect(try failure { $0.shape = [1, 1, 1, 1, 1] }.contains("dimension count of tensor b"))
        #expect(try failure { $0.typeID = ElementType.q8_0.rawValue }.contains("Q8_0 elements cannot have"))
        #expect(try failure { $0.typeID = 16 }.contains("IQ2_XXS"))
        #expect(try failure { $0.typeID = 4 }.contains("number 4"))
        #expect(try failure { $0.shape = [1 << 20, 4] }.contains("cut short"))
        #expect(try failure { $0.offset = 64 }.contains("cut short"))
        #expect(try failure { $0.offset = .max - 31 }.contains("cut short"))
        #expect(try failure { $0.offset = 33 }.contains("no multiple of 32"))
        #expect(try failure { $0.offset = 0 }.contains("overlaps the data of tensor"))
        #expect(try failure { $0.name = "a" }.contains("two tensors named a"))
        #expect(try failure { $0.name = String(repeating: "n", count: 2000) }.contains("the limit is 1024"))
    }

    @Test(arguments: [GGUFValue.uint32(0), .uint32(3), .uint32(4), .uint32(1 << 20), .string("32"), .int32(-32)])
    func `an alignment that is none is refused`(value: GGUFValue) throws {
        var writer = GGUFWriter.tinyLlama
        writer["general.alignment"] = value
        guard case .invalidValue(_, "general.alignment", _)? = try failure(writer) else {
            Issue.record("alignment \(value) was not refused")
            return
        }
    }
}
