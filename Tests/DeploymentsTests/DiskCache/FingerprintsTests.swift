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
