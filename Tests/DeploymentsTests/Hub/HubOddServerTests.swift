import Foundation
import JSON
import Testing

@testable import Deployments

/// Servers between the hub and the user that answer what nobody asked for.
@Suite struct HubOddServerTests {
    private let folder: TemporaryFolder
    private let clock = ImpatientClock()

    init() throws { folder = try TemporaryFolder() }

    private static let size = 300_000

    /// A hub with one file, under which `faults` come one after the other, each so many times.
    private func server(_ faults: [(kind: String, times: Int64)]) throws -> HubServer {
        let all: [JSONValue] = faults.map { fault in
            ["path": ".gguf", "kind": .string(fault.kind), "times": .integer(fault.times), "after": 70_000]
        }
        let file: JSONValue = ["size": .integer(Int64(Self.size)), "seed": 7, "lfs": true]
        return try HubServer(
            ["repositories": ["owner/tiny": ["files": ["tiny-Q4_K_M.gguf": file]]], "faults": .array(all)],
            in: folder
        )
    }

    private func pull(_ server: HubServer, user: String = "") async throws -> LocatedModel {
        let hub = try HubConfiguration(endpoint: "http://\(user)127.0.0.1:\(server.port)", idleTimeout: .seconds(60))
        let library = ModelLibrary(store: ModelStore(root: folder.path + "/home"), hub: hub, clock: clock)
        return try await library.pull(ModelReference(parsing: "hf:owner/tiny"), report: { _ in })
    }

    /// Bytes of the part that is here.
    private var partBytes: Int? {
        let part = folder.files(under: "home/blobs").first { $0.hasSuffix(".partial") }
        return part.flatMap { AtomicFile.byteCount(of: "\(folder.path)/home/blobs/\($0)") }
    }

    /// The first fault meets the hub, which only redirects; the second breaks the file off.
    private static let broken = [(kind: "drop", times: Int64(2))]

    @Test func `heads that only announce are not taken for the answer`() async throws {
        let server = try server(Self.broken + [("hints", 9)])
        #expect(AtomicFile.byteCount(of: try await pull(server).path) == Self.size)
        // What was here stayed: the rest alone was asked for.
        #expect(try server.requests().last?["Range"] == "bytes=70000-")
    }

    @Test func `a range that was not asked for is not glued to what is here`() async throws {
        let server = try server(Self.broken + [("shift", 20)])
        await #expect {
            try await pull(server)
        } throws: { error in
            guard case PullError.hub(.malformedAnswer(_, let reason)) = error else { return false }
            return reason.contains("another range")
        }
        #expect(partBytes == 70_000)
    }

    @Test func `a page in place of the file costs nothing of what is here`() async throws {
        let server = try server(Self.broken + [("page", 2)])
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.store(.sizeMismatch) = error { true } else { false }
        }
        #expect(partBytes == 70_000)
        #expect(AtomicFile.byteCount(of: try await pull(server).path) == Self.size)
    }

    @Test(.timeLimit(.minutes(10))) func `a body that is not wanted is not read to its end`() async throws {
        let server = try server([("endless", 9)])
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.store(.sizeMismatch) = error { true } else { false }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a mirror that asks for a password gets none, and is not waited for`() async throws {
        let server = try server([("basic", 9)])
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.hub(.repositoryNotFound) = error { true } else { false }
        }
    }

    @Test func `a password in the address stands in no message`() async throws {
        let server = try server([("loop", 99)])
        await #expect {
            try await pull(server, user: "me:secret@")
        } throws: { error in
            !"\(error)".contains("secret")
        }
        #expect(URL(string: "https://me:secret@hub.example/a?b=c#d")?.withoutSecrets == "https://hub.example/a")
    }

    @Test func `a large file is asked for in pieces`() async throws {
        let server = try server([])
        var client = HubClient(configuration: try HubConfiguration(endpoint: server.endpoint), clock: clock)
        client.rangeLimit = 128_000
        let listing = try await client.listing(HubReference(repository: "owner/tiny"), report: { _ in })
        let partial = try PartialFile(path: folder.path + "/part")
        let file = listing.files[0]
        try await client.download(file, at: listing.commit, of: "owner/tiny", into: partial, report: { _ in })
        #expect(file.check == .sha256(partial.hash) && clock.sleeps.isEmpty)
        let ranges = try server.requests().filter { $0["port"]?.integerValue == server.contentPort }.map { $0["Range"] }
        #expect(ranges == ["bytes=0-127999", "bytes=128000-255999", "bytes=256000-"])
    }
}
