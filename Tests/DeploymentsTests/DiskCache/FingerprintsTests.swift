import Foundation
import TestModels
import Testing

@testable import Deployments

/// What names a checkpoint's content, so that blocks of one are never taken for blocks of another.
@Suite struct FingerprintsTests {
    let folder = NSTemporaryDirectory() + "hearth-fingerprints-" + UUID().uuidString

    @Test func `a copy elsewhere has the same fingerprint, and every changed weight another`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.makeFolder(folder)
        let original = try TestData.tiny("llama-q4_0.gguf")
        let copy = folder + "/copy.gguf"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: original))
        try bytes.write(to: URL(fileURLWithPath: copy))
        #expect(try fingerprint(copy) == fingerprint(original))
        bytes[bytes.count - 40] ^= 1
        try bytes.write(to: URL(fileURLWithPath: copy))
        #expect(try fingerprint(copy) != fingerprint(original))
        #expect(try fingerprint(TestData.tiny("llama-q8_0.gguf")) != fingerprint(original))
    }

    @Test func `a remembered fingerprint is used for the same state of the files only`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try TestData.tiny("llama-q4_0.gguf")
        let computed = try fingerprint(path)
        let notes = try FileManager.default.contentsOfDirectory(atPath: folder + "/notes")
        #expect(notes.count == 1)
        // A note is believed, and only by who has the identity that stands in it.
        let note = folder + "/notes/" + notes[0]
        let text = try String(contentsOfFile: note, encoding: .utf8)
        try text.replacingOccurrences(of: computed, with: "noted").write(
            toFile: note,
            atomically: true,
            encoding: .utf8
        )
        #expect(try fingerprint(path) == "noted")
        try text.replacingOccurrences(of: path, with: "elsewhere").write(
            toFile: note,
            atomically: true,
            encoding: .utf8
        )
        #expect(try fingerprint(path) == computed)
    }

    @Test func `a file that has just changed is not remembered, for its next change might look the same`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.makeFolder(folder)
        let path = folder + "/young.gguf"
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-q4_0.gguf"), toPath: path)
        _ = try fingerprint(path)
        #expect(!FileManager.default.fileExists(atPath: folder + "/notes"))
    }

    @Test func `files that change after they were opened get a fingerprint that nothing else has`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.makeFolder(folder)
        let path = folder + "/changing.gguf"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: TestData.tiny("llama-q4_0.gguf")))
        try bytes.write(to: URL(fileURLWithPath: path))
        // So that the change cannot hide behind the grain of the time.
        let past = Date(timeIntervalSinceNow: -3_600)
        try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
        let identity = FileIdentity(of: path)
        let checkpoint = try Deployment.openCheckpoint(path)
        bytes[bytes.count - 40] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let fingerprints = Fingerprints(folder: folder + "/notes")
        let names = (0..<2).map { _ in fingerprints.fingerprint(of: checkpoint, at: path, openedAs: identity) }
        #expect(names[0] != names[1])
        #expect(!FileManager.default.fileExists(atPath: folder + "/notes"))
        let present = try fingerprint(path)
        #expect(!names.contains(present))
    }

    #if os(Linux)
        @Test func `a program keeps its fingerprint when another file is put in its place`() throws {
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try AtomicFile.makeFolder(folder)
            let path = folder + "/program"
            try AtomicFile.write(Data("old".utf8), to: path)
            let fingerprints = Fingerprints(folder: folder + "/notes")
            let before = fingerprints.ofProgram(at: path)
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(descriptor) }
            try AtomicFile.write(Data("new".utf8), to: path)
            // Leads to a file as the link does by which a program reads itself.
            #expect(fingerprints.ofProgram(at: "/proc/self/fd/\(descriptor)") == before)
            #expect(fingerprints.ofProgram(at: path) != before)
        }
    #endif

    @Test func `this program has one fingerprint`() {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let fingerprints = Fingerprints(folder: folder + "/notes")
        #expect(fingerprints.ofThisProgram() == fingerprints.ofThisProgram())
    }

    private func fingerprint(_ path: String) throws -> String {
        let identity = FileIdentity(of: path)
        let checkpoint = try Deployment.openCheckpoint(path)
        return Fingerprints(folder: folder + "/notes").fingerprint(of: checkpoint, at: path, openedAs: identity)
    }
}
