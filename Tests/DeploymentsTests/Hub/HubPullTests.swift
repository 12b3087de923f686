import Foundation
import JSON
import Testing

@testable import Deployments

/// Pulls from a local hub, with and without its faults.
@Suite struct HubPullTests {
    private let folder: TemporaryFolder
    private let clock = ImpatientClock()
    private let recorder = PullRecorder()

    init() throws { folder = try TemporaryFolder() }

    private static let size = 300_000

    /// A repository with one GGUF and what a scenario adds.
    private func scenario(faults: [JSONValue] = [], file: JSONObject = [:], repository: JSONObject = [:]) -> JSONValue {
        var model: JSONObject = ["size": .integer(Int64(Self.size)), "seed": 7, "lfs": true]
        for (key, value) in file { model[key] = value }
        var contents: JSONObject = ["licence": "mit", "files": ["tiny-Q4_K_M.gguf": .object(model)]]
        for (key, value) in repository { contents[key] = value }
        return ["token": "secret", "repositories": ["owner/tiny": .object(contents)], "faults": .array(faults)]
    }

    private func library(_ server: HubServer, token: String? = nil) throws -> ModelLibrary {
        let hub = try HubConfiguration(endpoint: server.endpoint, token: token, idleTimeout: .seconds(60))
        return ModelLibrary(store: ModelStore(root: folder.path + "/home"), hub: hub, clock: clock)
    }

    private func pull(_ server: HubServer, _ text: String = "hf:owner/tiny", token: String? = nil) async throws
        -> LocatedModel
    {
        try await library(server, token: token).pull(ModelReference(parsing: text), report: recorder.report)
    }

    private func fault(_ kind: String, _ more: JSONObject = [:], path: String = ".gguf") -> JSONValue {
        var fault: JSONObject = ["path": .string(path), "kind": .string(kind)]
        for (key, value) in more { fault[key] = value }
        return .object(fault)
    }

    @Test func `a model arrives whole, with its manifest, and is found without the network afterwards`() async throws {
        let server = try HubServer(scenario(), in: folder)
        let model = try await pull(server)
        let data = try Data(contentsOf: URL(fileURLWithPath: model.path))
        #expect(data.count == Self.size)
        #expect(model.path.hasSuffix("tiny-Q4_K_M.gguf"))
        #expect(model.stored?.manifest.licence == "mit")
        #expect(model.stored?.manifest.source == "owner/tiny at commit c0ffee")
        #expect(folder.files(under: "home/blobs").count == 1)
        let requestCount = try server.requests().count
        #expect(try await pull(server) == model)
        #expect(try server.requests().count == requestCount)
    }

    @Test func `a connection that drops is gone on with where it stopped`() async throws {
        let server = try HubServer(scenario(faults: [fault("drop", ["after": 70_000, "times": 3])]), in: folder)
        // The redirecting server sees the path first and has no body to drop, so faults hit the content server only.
        let model = try await pull(server)
        #expect(AtomicFile.byteCount(of: model.path) == Self.size)
        let ranges = try server.requests().compactMap { $0["Range"]?.stringValue }
        #expect(!ranges.isEmpty)
        #expect(Set(ranges).allSatisfy { $0 != "bytes=0-" })
        #expect(recorder.events.contains { if case .retrying = $0 { true } else { false } })
    }

    @Test func `an interrupted pull goes on in the next process`() async throws {
        let broken = try HubServer(scenario(faults: [fault("drop", ["after": 50_000])]), in: folder)
        let hub = try HubConfiguration(endpoint: broken.endpoint)
        let store = ModelStore(root: folder.path + "/home")
        let first = ModelLibrary(store: store, hub: hub, clock: GivingUpClock())
        await #expect(throws: PullError.store(.cancelled)) {
            try await first.pull(ModelReference(parsing: "hf:owner/tiny"), report: { _ in })
        }
        let left = folder.files(under: "home/blobs").filter { $0.hasSuffix(".partial") }
        #expect(left.count == 1)
        let present = try #require(AtomicFile.byteCount(of: "\(folder.path)/home/blobs/\(left.first ?? "")"))
        #expect(present == 50_000)
        #expect(try store.models().isEmpty)

        let server = try HubServer(scenario(), in: try TemporaryFolder())
        let model = try await pull(server)
        #expect(AtomicFile.byteCount(of: model.path) == Self.size)
        #expect(try server.requests().compactMap { $0["Range"]?.stringValue }.contains("bytes=50000-"))
        #expect(
            recorder.events.contains(.started(file: "tiny-Q4_K_M.gguf", presentBytes: 50_000, byteCount: Self.size))
        )
    }

    @Test func `a server that ignores ranges starts over and still arrives`() async throws {
        let faults = [
            fault("drop", ["after": 0, "times": 1]), fault("drop", ["after": 90_000, "times": 1]),
            fault("ignore_range"),
        ]
        let server = try HubServer(scenario(faults: faults), in: folder)
        let model = try await pull(server)
        #expect(AtomicFile.byteCount(of: model.path) == Self.size)
    }

    @Test func `another version behind the same address is not glued to the old part`() async throws {
        let other = fault("new_version", ["seed": 8])
        let drops = [fault("drop", ["after": 0, "times": 1]), fault("drop", ["after": 90_000, "times": 1])]
        let server = try HubServer(
            scenario(faults: drops + [other], file: ["lfs": false, "no_hash": true]),
            in: folder
        )
        let model = try await pull(server)
        let data = try Data(contentsOf: URL(fileURLWithPath: model.path))
        #expect(data.count == Self.size)
        let clean = try HubServer(
            scenario(file: ["lfs": false, "no_hash": true, "seed": 8]),
            in: try TemporaryFolder()
        )
        let second = ModelLibrary(
            store: ModelStore(root: folder.path + "/other"),
            hub: try HubConfiguration(endpoint: clean.endpoint),
            clock: clock
        )
        let expected = try await second.pull(ModelReference(parsing: "hf:owner/tiny"), report: { _ in })
        #expect(try Data(contentsOf: URL(fileURLWithPath: expected.path)) == data)
    }

    @Test func `a wrong hash is refused and nothing stays`() async throws {
        let lie = JSONValue.string(String(repeating: "ab", count: 32))
        let server = try HubServer(scenario(file: ["claim_sha256": lie]), in: folder)
        await #expect {
            try await pull(server)
        } throws: { error in
            guard case PullError.store(.hashMismatch(let file, let expected, _)) = error else { return false }
            return file == "tiny-Q4_K_M.gguf" && expected.hasPrefix("abab")
        }
        #expect(folder.files(under: "home/blobs").isEmpty)
        #expect(try ModelStore(root: folder.path + "/home").models().isEmpty)
    }

    @Test func `a small file is checked by its git id`() async throws {
        let lie = JSONValue.string(String(repeating: "0", count: 40))
        let server = try HubServer(scenario(file: ["lfs": false, "claim_git": lie]), in: folder)
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.store(.hashMismatch) = error { true } else { false }
        }
        let honest = try HubServer(scenario(file: ["lfs": false]), in: try TemporaryFolder())
        #expect(AtomicFile.byteCount(of: try await pull(honest).path) == Self.size)
    }

    @Test(arguments: [250_000, 350_000])
    func `a wrong size is refused without trying for ever`(claimed: Int) async throws {
        let server = try HubServer(scenario(file: ["claim_size": .integer(Int64(claimed))]), in: folder)
        let expected = PullError.store(.sizeMismatch(file: "tiny-Q4_K_M.gguf", expected: claimed, actual: Self.size))
        await #expect(throws: expected) { try await pull(server) }
        #expect(folder.files(under: "home/blobs").isEmpty)
    }

    @Test func `a part that turns out bad is read again from its first byte`() async throws {
        let server = try HubServer(scenario(), in: folder)
        let digest = try await HubClient(configuration: HubConfiguration(endpoint: server.endpoint))
            .listing(HubReference(repository: "owner/tiny"), report: { _ in }).files[0].check.key
        try FileManager.default.createDirectory(atPath: folder.path + "/home/blobs", withIntermediateDirectories: true)
        let partial = "\(folder.path)/home/blobs/\(digest).partial"
        try Data(repeating: 1, count: 1000).write(to: URL(fileURLWithPath: partial))
        let model = try await pull(server)
        #expect(AtomicFile.byteCount(of: model.path) == Self.size)
        #expect(try server.requests().compactMap { $0["Range"]?.stringValue }.contains("bytes=1000-"))
    }

    @Test func `a busy hub is left alone for as long as it asks`() async throws {
        let busy = fault("status", ["status": 429, "retry_after": 7, "times": 2], path: "/main")
        let server = try HubServer(scenario(faults: [busy]), in: folder)
        _ = try await pull(server)
        #expect(clock.sleeps == [.seconds(7), .seconds(7)])
    }

    @Test func `a hub that asks for an hour is not waited for`() async throws {
        let busy = fault("status", ["status": 429, "retry_after": 3600], path: "/main")
        let server = try HubServer(scenario(faults: [busy]), in: folder)
        await #expect(throws: PullError.hub(.rateLimited(retryAfterSeconds: 3600))) { try await pull(server) }
        #expect(clock.sleeps.isEmpty)
    }

    @Test func `a failing hub is tried five times with growing waits`() async throws {
        let server = try HubServer(scenario(faults: [fault("status", ["status": 503], path: "/main")]), in: folder)
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.hub(.serverFailure(503, _)) = error { true } else { false }
        }
        #expect(clock.sleeps == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
        #expect(try server.requests().count == 5)
    }

    @Test func `a server that drops without progress is given up on`() async throws {
        let server = try HubServer(scenario(faults: [fault("drop", ["after": 0])]), in: folder)
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.hub(.unreachable) = error { true } else { false }
        }
    }

    @Test func `a silent server is given up on after the idle time`() async throws {
        let silent = fault("slow", ["seconds": 3], path: "/main")
        let server = try HubServer(scenario(faults: [silent]), in: folder)
        let hub = try HubConfiguration(endpoint: server.endpoint, idleTimeout: .seconds(1))
        let library = ModelLibrary(store: ModelStore(root: folder.path + "/home"), hub: hub, clock: GivingUpClock())
        await #expect(throws: PullError.store(.cancelled)) {
            try await library.pull(ModelReference(parsing: "hf:owner/tiny"), report: recorder.report)
        }
        let reasons = recorder.events.compactMap { if case .retrying(let reason, _) = $0 { reason } else { nil } }
        #expect(reasons.count == 1)
        #expect(reasons.first?.contains("silent") ?? false)
    }

    @Test func `the token goes to the hub and never to the host it redirects to`() async throws {
        let server = try HubServer(scenario(repository: ["private": true]), in: folder)
        _ = try await pull(server, token: "secret")
        let requests = try server.requests()
        let hubRequests = requests.filter { $0["port"]?.integerValue == server.port }
        let contentRequests = requests.filter { $0["port"]?.integerValue == server.contentPort }
        #expect(hubRequests.count == 2 && contentRequests.count == 1)
        #expect(hubRequests.allSatisfy { $0["Authorization"] == "Bearer secret" })
        #expect(contentRequests.allSatisfy { $0["Authorization"]?.isNull ?? false })
    }

    @Test func `refusals say what to do`() async throws {
        let server = try HubServer(scenario(repository: ["gated": true]), in: folder)
        let gated = HubError.gated(repository: "owner/tiny", page: "\(server.endpoint)/owner/tiny", hasToken: false)
        await #expect(throws: PullError.hub(gated)) { try await pull(server) }
        #expect(gated.description.contains("HF_TOKEN"))
        await #expect(throws: PullError.hub(.tokenRefused)) { try await pull(server, token: "wrong") }
        let missing = HubError.repositoryNotFound(repository: "owner/none", hasToken: false)
        await #expect(throws: PullError.hub(missing)) { try await pull(server, "hf:owner/none") }
        let revision = HubError.revisionNotFound(repository: "owner/tiny", revision: "v9")
        await #expect(throws: PullError.hub(revision)) { try await pull(server, "hf:owner/tiny@v9", token: "secret") }
        #expect(clock.sleeps.isEmpty)
    }

    @Test func `a file that vanished after the listing is named`() async throws {
        let gone = fault("status", ["status": 404, "error_code": "EntryNotFound"])
        let server = try HubServer(scenario(faults: [gone]), in: folder)
        let error = HubError.fileNotFound(repository: "owner/tiny", file: "tiny-Q4_K_M.gguf")
        await #expect(throws: PullError.hub(error)) { try await pull(server) }
    }

    @Test func `redirects in a circle end`() async throws {
        let server = try HubServer(scenario(faults: [fault("loop")]), in: folder)
        await #expect {
            try await pull(server)
        } throws: { error in
            if case PullError.hub(.badRedirect) = error { true } else { false }
        }
    }

    @Test(arguments: ["../evil.gguf", "/etc/evil.gguf", "a/../../evil.gguf", "a//b.gguf", "a\\b.gguf", "a\nb.gguf"])
    func `a file name that would leave the folder is refused`(name: String) async throws {
        let evil: JSONValue = ["size": 10, "lfs": true]
        let server = try HubServer(
            ["repositories": ["owner/tiny": ["files": .object(JSONObject([(name, evil)]))]]],
            in: folder
        )
        await #expect(throws: PullError.hub(.unsafePath(repository: "owner/tiny", file: name))) {
            try await pull(server)
        }
        #expect(folder.files(under: "home/blobs").isEmpty)
    }

    @Test func `a safetensors folder comes with its tokenizer and in its own layout`() async throws {
        let files: JSONValue = [
            "config.json": ["text": "{\"model_type\": \"llama\"}"],
            "tokenizer.json": ["text": "{}"],
            "additional_chat_templates/rag.jinja": ["text": "hello"],
            "model-00001-of-00002.safetensors": ["size": 5000, "lfs": true, "seed": 1],
            "model-00002-of-00002.safetensors": ["size": 6000, "lfs": true, "seed": 2],
            "model.safetensors.index.json": ["text": "{}"],
            "README.md": ["text": "no"],
            "original/consolidated.safetensors": ["size": 7000, "lfs": true],
        ]
        let server = try HubServer(["repositories": ["owner/tiny": ["files": files]]], in: folder)
        let model = try await pull(server)
        #expect(model.path.hasSuffix("/hf%3aowner%2ftiny"))
        let snapshot = String(model.path.dropFirst(folder.path.count + 1))
        let expected = [
            "additional_chat_templates/rag.jinja", "config.json", "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
        ]
        #expect(folder.files(under: snapshot) == expected)
        // Two files of equal content are one blob.
        #expect(folder.files(under: "home/blobs").count == 5)
    }

    @Test func `two pulls at once fetch every file once`() async throws {
        let slow = fault("slow", ["seconds": 1, "times": 1])
        let server = try HubServer(scenario(faults: [slow]), in: folder)
        let hub = try HubConfiguration(endpoint: server.endpoint)
        let library = ModelLibrary(store: ModelStore(root: folder.path + "/home"), hub: hub)
        let reference = try ModelReference(parsing: "hf:owner/tiny")
        async let first = library.pull(reference, report: recorder.report)
        async let second = library.pull(reference, report: recorder.report)
        let (left, right) = try await (first, second)
        #expect(left == right)
        #expect(try server.requests().filter { $0["port"]?.integerValue == server.contentPort }.count == 1)
        #expect(recorder.events.contains(.waiting("hf:owner/tiny")))
        #expect(folder.files(under: "home/locks").isEmpty)
    }

    @Test func `refreshing asks the hub again and fetches only what changed`() async throws {
        let server = try HubServer(scenario(), in: folder)
        let library = try library(server)
        let reference = try ModelReference(parsing: "hf:owner/tiny")
        _ = try await library.pull(reference, report: { _ in })
        _ = try await library.pull(reference, refreshes: true, report: { _ in })
        let requests = try server.requests()
        #expect(requests.filter { $0["port"]?.integerValue == server.contentPort }.count == 1)
        #expect(requests.count == 4)
    }

    @Test func `refreshing leaves nothing of shards that one file has replaced`() async throws {
        let reference = try ModelReference(parsing: "hf:owner/tiny")
        let before: JSONValue = [
            "config.json": ["text": "{\"model_type\": \"llama\"}"],
            "tokenizer.json": ["text": "{}"],
            "chat_template.jinja": ["text": "hello"],
            "1_Pooling/config.json": ["text": "{\"pooling_mode_mean_tokens\": true}"],
            "model-00001-of-00002.safetensors": ["size": 5000, "lfs": true, "seed": 1],
            "model-00002-of-00002.safetensors": ["size": 6000, "lfs": true, "seed": 2],
            "model.safetensors.index.json": ["text": "{\"weight_map\": {}}"],
        ]
        let first = try HubServer(["repositories": ["owner/tiny": ["files": before]]], in: folder)
        let old = try await library(first).pull(reference, report: { _ in })
        let after: JSONValue = [
            "config.json": ["text": "{\"model_type\": \"llama\"}"],
            "tokenizer.json": ["text": "{}"],
            "model.safetensors": ["size": 11_000, "lfs": true, "seed": 3],
        ]
        let second = try HubServer(["repositories": ["owner/tiny": ["files": after]]], in: try TemporaryFolder())
        let new = try await library(second).pull(reference, refreshes: true, report: { _ in })
        #expect(new.path == old.path)
        let snapshot = String(new.path.dropFirst(folder.path.count + 1))
        #expect(folder.files(under: snapshot) == ["config.json", "model.safetensors", "tokenizer.json"])
        #expect(folder.files(under: "home/blobs").count == 3)
        #expect(folder.files(under: "home/locks").isEmpty)
    }

    @Test func `nobody at the address is said plainly`() async throws {
        let hub = try HubConfiguration(endpoint: "http://127.0.0.1:1")
        let library = ModelLibrary(store: ModelStore(root: folder.path + "/home"), hub: hub, clock: clock)
        await #expect(throws: PullError.hub(.unreachable(host: "127.0.0.1", reason: "it refuses the connection"))) {
            try await library.pull(ModelReference(parsing: "hf:owner/tiny"), report: { _ in })
        }
        #expect(throws: HubError.badEndpoint("hub")) { try HubConfiguration(endpoint: "hub") }
        #expect(throws: HubError.badEndpoint("ftp://hub")) { try HubConfiguration(endpoint: "ftp://me:secret@hub") }
    }
}

/// A clock on which nobody wants to wait: what an interruption during a wait looks like.
struct GivingUpClock: Clock {
    var now: ContinuousClock.Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws { throw CancellationError() }
}
