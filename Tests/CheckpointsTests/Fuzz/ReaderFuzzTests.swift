import Checkpoints
import Foundation
import JSON
import Testing

/// Feeds damaged files to both readers: each must open with every byte readable, or throw `CheckpointError`. Whatever
/// else happens ends the test process. `HEARTH_FUZZ_SECONDS` sets for how long each reader is tried; a failure prints
/// the seed, and `HEARTH_FUZZ_SEED` starts there.
@Suite(.serialized) struct ReaderFuzzTests {
    private let folder: TemporaryFolder
    private let seconds: Double
    private let firstSeed: UInt64
    /// Growth of the process's memory over a run that is no accident. The files have some 2 kB.
    private let memoryBound = 256 << 20

    init() throws {
        folder = try TemporaryFolder()
        let environment = ProcessInfo.processInfo.environment
        seconds = environment["HEARTH_FUZZ_SECONDS"].flatMap(Double.init) ?? 5
        firstSeed = environment["HEARTH_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    }

    @Test func `a damaged GGUF file opens or is refused, at no cost in memory`() throws {
        var writer = GGUFWriter.tinyLlama
        writer["nested"] = .arrays([.strings(["x", "yy"]), .arrays([.integers([1, 2, 3])]), .bools([true])])
        writer["general.alignment"] = .uint32(32)
        writer["split.count"] = .uint16(1)
        let (bytes, layout) = writer.build()
        try fuzz(bytes, fields: layout.fields, name: "m.gguf") { path in
            let file = try GGUFFile(path: path)
            read(file.tensors, file.bytes(of:))
            let checkpoint = try Checkpoint.open(path: path)
            read(checkpoint.tensors, checkpoint.bytes(of:))
        }
    }

    @Test func `a damaged safetensors file opens or is refused, at no cost in memory`() throws {
        let bytes = SafetensorsWriter.sample.bytes()
        let marks = Set("{}[]:,\"0123456789".utf8)
        let header = bytes.indices.filter { $0 < 600 && marks.contains(bytes[$0]) }
        try fuzz(bytes, fields: [0, 7] + header, name: "m.safetensors") { path in
            let file = try SafetensorsFile(path: path)
            read(file.tensors, file.bytes(of:))
        }
    }

    @Test func `a damaged configuration opens or is refused`() throws {
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
        var config = try #require(HuggingFaceConfigurationTests.llama.objectValue)
        config["rope_scaling"] = ["rope_type": "yarn", "factor": 2.0, "mscale": 1.0, "mscale_all_dim": 1.0]
        config["layer_types"] = .array(Array(repeating: "sliding_attention", count: 4))
        config["sliding_window"] = 16
        let bytes = JSONValue.object(config).serializedBytes()
        try fuzz(bytes, fields: Array(bytes.indices), name: "config.json") { _ in
            _ = try Checkpoint.open(path: folder.path)
        }
    }

    /// Opens damaged copies of `bytes` for as long as asked, at least 500.
    private func fuzz(_ bytes: [UInt8], fields: [Int], name: String, open: (String) throws -> Void) throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        let memoryBefore = Self.residentBytes()
        let path = try folder.write(bytes, to: name)
        var (seed, opened, refused) = (firstSeed, 0, 0)
        while clock.now < end || opened + refused < 500 {
            var mutator = Mutator(seed: seed)
            try overwrite(path, with: mutator.mutate(bytes, fields: fields))
            do {
                try open(path)
                opened += 1
            } catch let error as CheckpointError {
                refused += 1
                if error.description.isEmpty { Issue.record("seed \(seed): an error without words") }
            }
            seed += 1
        }
        if let memoryBefore, let memoryAfter = Self.residentBytes() {
            #expect(memoryAfter - memoryBefore < memoryBound, "seeds \(firstSeed)..<\(seed)")
        }
        #expect(opened > 0 && refused > 0, "the mutations are too weak or too strong: \(opened), \(refused)")
        print("\(name): \(opened) damaged files opened, \(refused) refused, seeds \(firstSeed)..<\(seed)")
    }

    /// Twenty times faster than writing anew: ext4 waits for the disk when a file that was emptied is closed.
    /// Nothing has the file mapped any more when its contents change.
    private func overwrite(_ path: String, with bytes: [UInt8]) throws {
        let file = try #require(fopen(path, "r+b"), "cannot write \(path)")
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count && fflush(file) == 0)
        try #require(ftruncate(fileno(file), off_t(bytes.count)) == 0)
    }

    private func read(_ tensors: [TensorEntry], _ bytes: (TensorEntry) -> UnsafeRawBufferPointer) {
        var sum: UInt8 = 0
        for tensor in tensors {
            for byte in bytes(tensor) { sum &+= byte }
        }
        withExtendedLifetime(sum) {}
    }

    /// The memory that the process has in use, the peak included; nil where the system does not say.
    private static func residentBytes() -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
