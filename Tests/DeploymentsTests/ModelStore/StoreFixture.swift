import Crypto
import Foundation
import Testing

@testable import Deployments

/// A store in a folder of its own, and short ways to fill it.
struct StoreFixture: Sendable {
    let folder: TemporaryFolder
    let store: ModelStore

    init() throws {
        folder = try TemporaryFolder()
        store = ModelStore(root: folder.path + "/home")
    }

    /// Brings `text` into the store as a blob.
    ///
    /// - Parameters:
    ///   - path: of the file in its model; `<text>.gguf` where none is given.
    ///   - model: whose lock the caller holds.
    func blob(_ text: String, as path: String? = nil, for model: String? = nil) async throws -> ModelManifest.File {
        let hash = ContentHash(SHA256.hash(data: Data(text.utf8)))
        let request = BlobRequest(name: text, byteCount: text.utf8.count, check: .sha256(hash), model: model)
        let stored = try await store.fetchBlob(request, report: { _ in }) { (partial) async throws(PullError) in
            try Self.append(text, to: partial)
        }
        #expect(stored == hash)
        return .init(path: path ?? text + ".gguf", hash: hash, byteCount: text.utf8.count)
    }

    static func append(_ text: String, to partial: PartialFile) throws(PullError) {
        do {
            try partial.append(Data(text.utf8))
        } catch {
            throw .store(error)
        }
    }

    func commit(_ name: String, _ files: [ModelManifest.File]) async throws -> StoredModel? {
        let manifest = ModelManifest(name: name, source: "test", licence: nil, created: Date(), files: files)
        return try await store.commit(manifest)
    }

    /// Puts `text` where the manifest of that model is.
    func writeManifest(_ name: String, _ text: String) throws {
        try AtomicFile.makeFolder(store.root + "/models")
        let path = "\(store.root)/models/\(StoredPath.component(name)).json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Sets the time at which the blob was written to two days ago.
    func age(_ file: ModelManifest.File) throws {
        let date = Date(timeIntervalSinceNow: -2 * 86_400)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: store.blobPath(file.hash))
    }

    /// Contents of the blobs that are there, sorted.
    func blobTexts() throws -> [String] {
        try folder.files(under: "home/blobs").map {
            try String(contentsOfFile: "\(store.root)/blobs/\($0)", encoding: .utf8)
        }.sorted()
    }
}
