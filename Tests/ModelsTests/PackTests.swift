import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// Packs: the same numbers as from memory, and refused when one byte is not what was written.
@Suite final class PackTests {
    private let folder: URL
    private var path: String { folder.appendingPathComponent("model.pack").path }
    private let identity = PackIdentity(digest: [UInt8](repeating: 7, count: 32), origins: ["a test"])

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("hearth-pack-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    @Test(arguments: EquivalenceTests.models)
    func `a decoder over a pack gives the logits of one over memory, to the bit`(name: String) throws {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(name))
        let inMemory = try logits(checkpoint, .checkpoint)
        let writer = try PackWriter(path: path, identity: identity)
        #expect(try logits(checkpoint, .writing(writer)) == inMemory)
        #expect(throws: PackError.missing) { try PackFile(path: path) }
        try writer.finish()
        let pack = try PackFile(path: path, digest: identity.digest)
        try pack.verify(on: WorkerPool(threadCount: 2))
        #expect(pack.identity == identity)
        #expect(try logits(checkpoint, .pack(pack)) == inMemory)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.pack"])
    }

    @Test func `a part of a file is mapped where the system's pages are larger than a pack's`() throws {
        let bytes = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 * 7 >> 3) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        for offset in [0, 16_384, 49_152, 65_536] {
            let mapping = try PackMapping(
                descriptor: descriptor,
                offset: offset,
                byteCount: 1_000,
                path: path,
                pageBytes: 65_536
            )
            #expect(mapping.bytes.elementsEqual(bytes[offset..<offset + 1_000]))
        }
    }

    @Test(
        arguments: ElementType.allCases.filter {
            (try? PackedMatrix.byteCount(of: [.init(elementType: $0, outputs: 1)], inputs: 256)) != nil
        }
    )
    func `a matrix of every type comes back with its bytes`(type: ElementType) throws {
        let parts = [17, 3].map { PackedMatrix.Part(elementType: type, outputs: $0) }
        let matrix = try Self.matrix(parts, inputs: 512)
        let writer = try PackWriter(path: path, identity: identity)
        let kept = try writer.keep(matrix, name: "a,b", parts: parts)
        try writer.keep([1, -0.0, .infinity], name: "v")
        try writer.finish()
        let pack = try PackFile(path: path)
        let read = try pack.matrix("a,b", parts: parts, inputs: 512)
        #expect(Array(kept.panelBytes) == Array(matrix.panelBytes))
        #expect(Array(read.panelBytes) == Array(matrix.panelBytes))
        #expect(
            try pack.vector("v", count: 3).map(\.bitPattern) == [1, -0.0, .infinity].map { (x: Float) in x.bitPattern }
        )
        #expect(throws: PackError.self) { try pack.vector("v", count: 2) }
        #expect(throws: PackError.self) { try pack.matrix("a,b", parts: parts.reversed(), inputs: 512) }
    }

    @Test func `a file that grows by huge pages holds what was written, and no more`() throws {
        let page = HugePages.byteCount / MemoryLayout<Float>.size
        let writer = try PackWriter(path: path, identity: identity)
        var expected = 16_384
        // Ends within a page, in the next, three pages on, at a page's end; then whole pages from one on, and a little more.
        let counts = [page / 2, page, 3 * page + 5, page / 2 - 8_192, 2 * page, 1]
        func values(_ index: Int) -> [Float] { (0..<counts[index]).map { Float(index * 1_000_003 + $0 * 7) } }
        for index in counts.indices {
            try writer.keep(values(index), name: "v\(index)")
            expected += (4 * counts[index] + 16_383) / 16_384 * 16_384
        }
        try writer.finish()
        let pack = try PackFile(path: path)
        try pack.verify(on: WorkerPool(threadCount: 2))
        for index in counts.indices { #expect(try pack.vector("v\(index)", count: counts[index]) == values(index)) }
        #expect(pack.byteCount > expected && pack.byteCount < expected + 16_384)
    }

    @Test func `a pack that is shortened anywhere is refused`() throws {
        let whole = try smallPack()
        let edges = [0, 1, 8, 95, 96, 103, 104, 4096, 16_383, 16_384, 16_385, 32_768, 49_151, 49_152, whole.count - 1]
        for count in edges where count < whole.count {
            try Data(whole.prefix(count)).write(to: URL(fileURLWithPath: path))
            #expect(throws: PackError.self, "\(count) bytes") { try PackFile(path: path) }
        }
        try Data(whole + [0]).write(to: URL(fileURLWithPath: path))
        #expect(throws: PackError.self) { try PackFile(path: path) }
    }

    @Test func `every flipped bit of header, data and table is noticed`() throws {
        let whole = try smallPack()
        let workers = WorkerPool(threadCount: 1)
        let last = Array(stride(from: whole.count - 200, to: whole.count, by: 7))
        for index in Array(0..<104) + [200, 16_383] + Array(stride(from: 16_384, to: 60_000, by: 1999)) + last {
            var bytes = whole
            bytes[index] ^= 1 << UInt8(index % 8)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(throws: PackError.self, "byte \(index)") { try PackFile(path: path).verify(on: workers) }
        }
    }

    @Test func `a table of random bytes is refused, never followed`() throws {
        var random = SystemRandomNumberGenerator()
        let bytes = try #require(PackTableBytes.sample)
        for _ in 0..<20_000 {
            var table = bytes
            for _ in 0..<3 {
                table[Int.random(in: table.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let end = Int.random(in: 0...table.count, using: &random)
            table.withUnsafeBytes { _ = try? PackTable(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        }
        #expect(try bytes.withUnsafeBytes { try PackTable($0) }.bytes == bytes)
    }

    @Test func `a pack of another checkpoint is out of date`() throws {
        _ = try smallPack()
        let other = [UInt8](repeating: 8, count: 32)
        #expect(throws: PackError.stale(reason: "it is of another checkpoint")) {
            try PackFile(path: path, digest: other)
        }
    }

    @Test func `another version's header is out of date rather than damaged`() throws {
        var whole = try smallPack()
        whole[8] += 1
        try Data(whole).write(to: URL(fileURLWithPath: path))
        #expect(throws: PackError.stale(reason: "another version of Hearth wrote it")) { try PackFile(path: path) }
    }

    @Test func `an abandoned writer leaves nothing, and what a killed one left does not matter`() throws {
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path + ".partial"))
        let kept: PackedMatrix
        let parts = [PackedMatrix.Part(elementType: .q4_0, outputs: 33)]
        let matrix = try Self.matrix(parts, inputs: 256)
        do {
            let writer = try PackWriter(path: path, identity: identity)
            kept = try writer.keep(matrix, name: "a", parts: parts)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        #expect(Array(kept.panelBytes) == Array(matrix.panelBytes))
    }

    @Test func `a folder that cannot be written is an error, not a crash`() {
        #expect(throws: PackError.self) { try PackWriter(path: "/proc/hearth.pack", identity: identity) }
    }

    /// Bytes of a pack with one matrix and one vector.
    private func smallPack() throws -> [UInt8] {
        let parts = [PackedMatrix.Part(elementType: .q4_K, outputs: 40)]
        let writer = try PackWriter(path: path, identity: identity)
        _ = try writer.keep(Self.matrix(parts, inputs: 1024), name: "a", parts: parts)
        try writer.keep([1, 2, 3], name: "v")
        try writer.finish()
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func matrix(_ parts: [PackedMatrix.Part], inputs: Int) throws -> PackedMatrix {
        var random = SystemRandomNumberGenerator()
        let buffers = try parts.map { part in
            let count = try #require(part.elementType.bytes(forElementCount: part.outputs * inputs))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
            for index in 0..<count { buffer[index] = UInt8.random(in: 0...255, using: &random) }
            return buffer
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        let sources = zip(parts, buffers).map {
            PackedMatrix.Source(bytes: UnsafeRawBufferPointer($1), elementType: $0.elementType, outputs: $0.outputs)
        }
        return try PackedMatrix(packing: sources, inputs: inputs, on: WorkerPool(threadCount: 1))
    }

    private func logits(_ checkpoint: Checkpoint, _ source: WeightSource) throws -> [UInt32] {
        let compute = Compute(workers: WorkerPool(threadCount: 2))
        let decoder = try Decoder(checkpoint, compute: compute, source: source)
        decoder.allocateCache(blockCount: 2, blockSize: 32)
        let row = ForwardRow(
            firstPosition: 0,
            tokenCount: 9,
            blockTable: [BlockID(rawValue: 1)],
            logitCount: 1
        )
        let tokens = (1...9).map { TokenID(rawValue: $0 * 7) }
        return decoder.forward(ForwardBatch(tokens: tokens, rows: [row])).row(0).map(\.bitPattern)
    }
}

private enum PackTableBytes {
    static let sample: [UInt8]? = {
        var table = PackTable(origins: ["model x", "/a/b"])
        let parts = [PackedMatrix.Part(elementType: .q6_K, outputs: 5), .init(elementType: .f16, outputs: 2)]
        table.entries = [PackEntry(name: "a,b", parts: parts, inputs: 256, offset: 16_384, byteCount: 999)]
        table.checksums = [1, .max]
        return table.bytes
    }()
}
