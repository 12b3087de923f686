import Checkpoints
import Foundation
import Models
import TestModels
import Testing

@testable import Deployments

@Suite struct AdapterRegistryTests {
    private func registry(
        byteBudget: Int = 1 << 30,
        weights: [String: Double] = [:]
    ) throws -> AdapterRegistry {
        let base = try AdapterBase(Checkpoint.open(path: TestData.tiny("llama-f32.gguf")))
        return AdapterRegistry(model: "tiny", base: base, byteBudget: byteBudget, weights: weights)
    }

    private func reference(_ name: String, _ file: String = "llama-adapter") throws -> AdapterReference {
        AdapterReference(name: name, path: try TestData.tiny(file))
    }

    @Test func `names are given once, and must be tellable from others`() async throws {
        let registry = try registry()
        try await registry.add(reference("a"))
        try await registry.add(reference("b", "llama-adapter.gguf"))
        #expect(registry.names == ["a", "b"] && registry.contains("a") && !registry.contains("c"))
        await #expect(throws: AdapterError.nameTaken(name: "a", model: "tiny")) {
            try await registry.add(reference("a"))
        }
        for name in ["", ".a", "a:b", "a/b", "a\n"] {
            await #expect(throws: AdapterError.invalidName(name)) { try await registry.add(reference(name)) }
        }
        let other = await #expect(throws: AdapterError.self) {
            try await registry.add(reference("g", "gemma3-adapter"))
        }
        #expect(other?.description.contains("model.layers.2.mlp.down_proj") == true)
        await #expect(throws: AdapterError.unknown(name: "c", model: "tiny")) { try await registry.lease("c") }
        let none = AdapterRegistry(model: "m", base: nil)
        await #expect(throws: AdapterError.unsupported(model: "m")) { try await none.add(reference("a")) }
    }

    @Test func `what no request uses leaves when all take too much, the least recently used first`() async throws {
        let size = try await {
            let registry = try self.registry()
            try await registry.add(reference("a"))
            return registry.statistics.residentBytes
        }()
        let registry = try registry(byteBudget: 2 * size + size / 2)
        for name in ["a", "b", "c"] { try await registry.add(reference(name)) }
        #expect(registry.statuses.map(\.residentBytes) == [0, size, size])
        _ = try await registry.lease("b")
        let first = try await registry.lease("a")
        #expect(registry.statuses.map(\.residentBytes) == [size, size, 0])
        #expect(registry.statuses.map(\.useCount) == [1, 0, 0])
        // Those in use stay, whatever they take, until their requests end.
        var held: [AdapterLease] = [first]
        for name in ["b", "c"] { held.append(try await registry.lease(name)) }
        #expect(registry.statistics.residentBytes == 3 * size)
        held.removeAll()
        withExtendedLifetime(first) {}
        #expect(registry.statistics.residentCount == 2 && registry.statistics.residentBytes == 2 * size)
        #expect(registry.statistics.loads == 5 && registry.statistics.evictions == 3)
    }

    @Test func `an adapter that is read again is the same, and is read once for all who wait`() async throws {
        let registry = try registry(byteBudget: 0)
        try await registry.add(reference("a"))
        #expect(registry.statistics.residentCount == 0 && registry.statistics.loads == 1)
        let leases = try await withThrowingTaskGroup(of: AdapterLease.self) { group in
            let first = try await registry.lease("a")
            for _ in 0..<16 { group.addTask { try await registry.lease("a") } }
            var leases = [first]
            for try await lease in group { leases.append(lease) }
            return leases
        }
        #expect(registry.statistics.loads == 2 && registry.statuses[0].useCount == 17)
        #expect(leases.allSatisfy { $0.adapter === leases[0].adapter })
        let hot = try self.registry()
        try await hot.add(reference("a"))
        #expect(try await hot.lease("a").adapter.fingerprint == leases[0].adapter.fingerprint)
    }

    @Test func `a file that nobody has written to since is not hashed again`() throws {
        let base = try AdapterBase(Checkpoint.open(path: TestData.tiny("llama-f32.gguf")))
        let folder = try TemporaryFolder()
        let reference = AdapterReference(name: "a", path: "\(folder.path)/a.gguf")
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: reference.path)
        // What was just written may be written to again without a trace.
        #expect(try base.load(reference).origin == nil)
        while !FileIdentity(of: reference.path).isSettled { usleep(100_000) }
        let (adapter, found) = try base.load(reference)
        let origin = try #require(found)
        #expect(adapter.fingerprint.contains(origin.fingerprint))
        func remembered(_ checksum: UInt64) -> AdapterOrigin {
            AdapterOrigin(identity: origin.identity, checksum: checksum, fingerprint: "remembered")
        }
        let again = try base.load(reference, after: remembered(origin.checksum))
        #expect(again.adapter.fingerprint.contains("remembered") && again.origin?.fingerprint == "remembered")
        // Something was written to it that does not show in its state.
        #expect(try base.load(reference, after: remembered(1)).adapter.fingerprint == adapter.fingerprint)
        // Another file at the same path.
        try FileManager.default.removeItem(atPath: reference.path)
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: reference.path)
        #expect(try base.load(reference, after: remembered(origin.checksum)).adapter.fingerprint == adapter.fingerprint)
    }

    @Test func `removing takes the name at once and waits for the last request`() async throws {
        let registry = try registry()
        try await registry.add(reference("a"))
        var lease: AdapterLease? = try await registry.lease("a")
        let adapter = try #require(lease).adapter
        let removal = Task { try await registry.remove("a") }
        while registry.contains("a") { await Task.yield() }
        await #expect(throws: AdapterError.unknown(name: "a", model: "tiny")) { try await registry.lease("a") }
        #expect(registry.statistics.residentCount == 1)
        // The name is free although the old one is still used.
        try await registry.add(reference("a", "llama-adapter.gguf"))
        #expect(try await registry.lease("a").adapter !== adapter)
        lease = nil
        try await removal.value
        #expect(registry.statistics.residentCount == 1 && registry.names == ["a"])
        await #expect(throws: AdapterError.unknown(name: "x", model: "tiny")) { try await registry.remove("x") }
    }

    @Test func `memory is charged for while it is taken, and tokens to the name that they were made under`()
        async throws
    {
        let registry = try registry()
        try await registry.add(reference("a"))
        let bytes = Double(registry.statistics.residentBytes)
        let start = ContinuousClock.now
        let first = try #require(registry.usages.first).usage.residentByteSeconds
        try await Task.sleep(for: .milliseconds(50))
        let charged = try #require(registry.usages.first).usage.residentByteSeconds - first
        let most = bytes * (start.duration(to: .now) / .seconds(1))
        #expect(charged >= bytes * 0.05 && charged <= most)
        var usage = TextUsage(promptTokenCount: 5, cachedTokenCount: 2, completionTokenCount: 7)
        usage.computedPromptTokenCount = 6
        try await registry.lease("a").count(usage)
        // Nobody pays for a prompt that never left the queue.
        try await registry.lease("a").count(TextUsage(promptTokenCount: 1_000))
        try await registry.remove("a")
        let ended = try #require(registry.usages.first).usage
        #expect(ended.requests == 2 && ended.promptTokens == 5 && ended.cachedTokens == 2)
        #expect(ended.computedPromptTokens == 6)
        try await Task.sleep(for: .milliseconds(5))
        #expect(registry.usages.first?.usage == ended && ended.generatedTokens == 7)
    }

    @Test func `of ever new names only so many are remembered`() {
        var table = AdapterTable()
        for number in 0..<2 * AdapterTable.retiredLimit {
            let reference = AdapterReference(name: "\(number)", path: "")
            guard let id = table.add(AdapterTable.Entry(reference: reference), replaces: .none) else { continue }
            table.count(TextUsage(completionTokenCount: 1), of: id)
            // The first comes back again and again.
            if number > 0 { table.takeName(id) }
        }
        #expect(table.usages.count == AdapterTable.retiredLimit + 1)
        #expect(table.usages["0"]?.requests == 1 && table.usages["1"] == nil)
        #expect(table.usages["\(2 * AdapterTable.retiredLimit - 1)"]?.requests == 1)
    }

    @Test func `what replaces another has its place, so that indices name what they did`() {
        var table = AdapterTable()
        for name in ["a", "b", "a", "c"] {
            let reference = AdapterReference(name: name, path: "")
            _ = table.add(AdapterTable.Entry(reference: reference), replaces: .any)
        }
        #expect(table.named.map(\.name) == ["a", "b", "c"])
        #expect(table.named.map(\.id) == [2, 1, 3])
    }

    @Test func `names cannot hide what has a meaning in them`() {
        for name in ["a", "a b", "ä", "a\"\u{301}"] { #expect(AdapterRegistry.isName(name), "\(name)") }
        for name in [
            "a/b", "a:b", "a/\u{301}b", "a:\u{301}b", "a\r\nb", "a\n", "a\u{2028}b", "", ".a", "a\0", "latest",
        ] {
            #expect(!AdapterRegistry.isName(name), "\(name)")
        }
    }

    @Test func `requests under an adapter have its name and its weight`() async throws {
        let registry = try registry(byteBudget: 0, weights: ["b": 2.5])
        for name in ["a", "b"] { try await registry.add(reference(name)) }
        #expect(try await registry.lease("a").share == AdapterShare(name: "a"))
        #expect(try await registry.lease("b").share == AdapterShare(name: "b", weight: 2.5))
    }

    @Test func `a mix holds its parts, is shared by those who ask for the same, and counts for each`() async throws {
        let registry = try registry()
        try await registry.add(reference("a"))
        try await registry.add(reference("b", "llama-adapter.gguf"))
        func part(_ name: String, _ scale: Float) async throws -> AdapterMix.Part {
            AdapterMix.Part(name: name, lease: try await registry.lease(name), scale: scale)
        }
        let alone = try await part("a", 1)
        let nothing = try await registry.mix([part("b", 0)])
        #expect(try nothing == nil && registry.mix([]) == nil)
        #expect(try await registry.mix([alone, part("b", 0)])?.adapter === alone.lease.adapter)
        var leases = [try await registry.mix([part("a", 0.5), part("b", 2)])]
        leases.append(try await registry.mix([part("b", 2), part("a", 0.5)]))
        leases.append(try await registry.mix([part("a", 0.5), part("b", 1)]))
        let adapters = leases.compactMap { $0?.adapter }
        #expect(adapters[0] === adapters[1] && adapters[0] !== adapters[2])
        #expect(adapters[0].fingerprint != adapters[2].fingerprint)
        leases[0]?.count(TextUsage(promptTokenCount: 5, cachedTokenCount: 2, completionTokenCount: 7))
        #expect(registry.usages.map(\.usage.generatedTokens) == [7, 7])
        #expect(registry.statuses.map(\.useCount) == [4, 3])
        let removal = Task { try await registry.remove("b") }
        while registry.contains("b") { await Task.yield() }
        #expect(registry.statistics.residentCount == 2)
        leases = []
        try await removal.value
        #expect(registry.statistics.residentCount == 1 && registry.statuses[0].useCount == 1)
        withExtendedLifetime(alone) {}
    }

    @Test func `a mix takes the turns of its largest part, by the least of the weights, in any order`() async throws {
        let registry = try registry(weights: ["a": 4, "b": 2])
        for name in ["a", "b", "c"] { try await registry.add(reference(name)) }
        for (scales, expected) in [
            (["a": 0.001, "b": 1], AdapterShare(name: "b", weight: 2)),
            (["a": 0.5, "b": -0.75], AdapterShare(name: "b", weight: 2)),
            (["b": 1, "a": 1], AdapterShare(name: "a", weight: 2)),
            (["a": 1, "c": 0.001], AdapterShare(name: "a", weight: 1)),
            (["a": 0.5, "c": 0], AdapterShare(name: "a", weight: 4)),
        ] as [([String: Float], AdapterShare)] {
            var parts: [AdapterMix.Part] = []
            for (name, scale) in scales {
                parts.append(AdapterMix.Part(name: name, lease: try await registry.lease(name), scale: scale))
            }
            #expect(try registry.mix(parts)?.share == expected)
            #expect(try registry.mix(parts.reversed())?.share == expected)
        }
    }

    @Test func `a mix of more than its limit is refused`() async throws {
        let registry = try registry()
        for index in 0..<33 { try await registry.add(reference("a\(index)")) }
        var parts: [AdapterMix.Part] = []
        for index in 0..<33 {
            parts.append(AdapterMix.Part(name: "a\(index)", lease: try await registry.lease("a\(index)"), scale: 0.5))
        }
        // The widest matrix has the rank 16.
        #expect(try registry.mix(Array(parts.prefix(32))) != nil)
        let error = #expect(throws: AdapterError.self) { try registry.mix(parts) }
        guard case .mixTooWide(_, rank: 528, limit: 512) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `replacing changes what new requests get`() async throws {
        let registry = try registry()
        try await registry.add(reference("a"))
        let old = try await registry.lease("a")
        try await registry.add(reference("a", "llama-adapter.gguf"), replaces: .any)
        let new = try await registry.lease("a")
        #expect(registry.names == ["a"] && old.adapter.fingerprint != new.adapter.fingerprint)
        await #expect(throws: AdapterError.self) {
            try await registry.add(reference("a", "gemma3-adapter"), replaces: .any)
        }
        #expect(try await registry.lease("a").adapter === new.adapter)
    }

    @Test func `an adapter whose files are gone is an error of the request, not of the server`() async throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-" + UUID().uuidString)
        try FileManager.default.copyItem(at: URL(fileURLWithPath: TestData.tiny("llama-adapter")), to: copy)
        let registry = try registry(byteBudget: 0)
        try await registry.add(AdapterReference(name: "a", path: copy.path))
        try FileManager.default.removeItem(at: copy)
        for _ in 0..<2 {
            let error = await #expect(throws: AdapterError.self) { try await registry.lease("a") }
            #expect(error?.description.contains(copy.path) == true)
        }
        #expect(registry.statuses[0].useCount == 0)
        try await registry.remove("a")
    }
}
