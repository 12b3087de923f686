import Checkpoints
import Testing

@Suite struct GGUFSplitTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Three parts: the first has all metadata, and each has tensors.
    private func parts() -> [GGUFWriter] {
        let whole = GGUFWriter.tinyLlama
        return [whole.tensors[0..<2], whole.tensors[2..<3], whole.tensors[3..<4]].enumerated().map { number, tensors in
            var part = GGUFWriter(metadata: number == 0 ? whole.metadata : [], tensors: Array(tensors))
            part["split.no"] = .uint16(UInt16(number))
            part["split.count"] = .uint16(3)
            part["split.tensors.count"] = .int32(4)
            return part
        }
    }

    private func path(_ number: Int) -> String { "\(folder.path)/m-0000\(number)-of-00003.gguf" }

    private func write(_ parts: [GGUFWriter]) throws {
        for (number, part) in parts.enumerated() {
            try folder.write(part.bytes(), to: "m-0000\(number + 1)-of-00003.gguf")
        }
    }

    @Test(arguments: 1...3)
    func `any part opens the whole`(number: Int) throws {
        try write(parts())
        let file = try GGUFFile(path: path(number))
        let whole = GGUFWriter.tinyLlama
        #expect(file.path == path(1))
        #expect(file.metadata["general.architecture"] == .string("llama"))
        #expect(file.tensors.map(\.fileIndex) == [0, 0, 1, 2])
        for (entry, tensor) in zip(file.tensors, whole.tensors) { #expect(Array(file.bytes(of: entry)) == tensor.data) }
        #expect(try Checkpoint.open(path: path(number)).tensors.count == 4)
        #expect(try Checkpoint.open(path: folder.path).tensors.count == 4)
    }

    @Test func `a part that is missing, renamed or of another model is named`() throws {
        try write(Array(parts().prefix(2)))
        #expect(
            throws: CheckpointError.missingFile(
                path: path(3),
                reason: "the model is split into 3 files, and this is one of them"
            )
        ) { _ = try GGUFFile(path: path(1)) }
        try folder.write(parts()[0].bytes(), to: "other.gguf")
        guard case .invalidValue(_, "split.no", let problem)? = failure(folder.path + "/other.gguf") else {
            Issue.record("a renamed part was not refused")
            return
        }
        #expect(problem.contains("-00001-of-00003.gguf"))
        try folder.write(parts()[1].bytes(), to: "m-00003-of-00003.gguf")
        guard case .invalidValue(path(3), "split.no", _)? = failure(path(1)) else {
            Issue.record("the second part in place of the third was not refused")
            return
        }
    }

    @Test func `tensors that are missing or there twice are named`() throws {
        var parts = parts()
        parts[2].tensors[0].name = "token_embd.weight"
        try write(parts)
        #expect(
            failure(path(1)) == .duplicateTensor(name: "token_embd.weight", file: path(1), otherFile: path(3))
        )
        parts[2].tensors = []
        try write(parts)
        guard case .invalidValue(path(1), "split.tensors.count", _)? = failure(path(1)) else {
            Issue.record("a missing tensor was not noticed")
            return
        }
    }

    @Test(arguments: [
        ("split.count", GGUFValue.string("3")), ("split.count", .int32(-1)), ("split.count", .uint32(1 << 20)),
        ("split.no", .uint16(3)), ("split.no", .int16(-1)), ("split.no", .bool(true)),
    ])
    func `numbers of parts that make no sense are refused`(key: String, value: GGUFValue) throws {
        var parts = parts()
        parts[0][key] = value
        try write(parts)
        guard case .invalidValue(path(1), key, _)? = failure(path(1)) else {
            Issue.record("\(key) = \(value) was not refused")
            return
        }
    }

    private func failure(_ path: String) -> CheckpointError? {
        #expect(throws: CheckpointError.self) { _ = try GGUFFile(path: path) }
    }
}
