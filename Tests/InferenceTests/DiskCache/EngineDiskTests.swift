import Foundation
import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

/// What is computed once is found on disk by the next process, and whatever is there, tokens stay what they are.
@Suite struct EngineDiskTests {
    let folder = TemporaryFolder()

    @Test func `after a restart a prompt comes from disk and the answer is the same`() async throws {
        let prompt = tokens(from: 0, count: 50)
        let first = try await run(request(1, prompt, maxTokens: 6))
        #expect(first.cached == 0)
        let second = try await run(request(1, prompt, maxTokens: 6))
        // Whole blocks of 4; the last token is computed in any case.
        #expect(second.cached == 48)
        #expect(second.answer == first.answer)
        #expect(second.statistics.restoredPromptTokens == 48)
        #expect(second.statistics.disk?.restoredBlocks == 12)
        #expect(second.answer == EngineTests.reference(request(1, prompt, maxTokens: 6)))
    }

    @Test func `an answer's blocks are kept as well, for the next turn of a conversation`() async throws {
        let prompt = tokens(from: 0, count: 10)
        let first = try await run(request(1, prompt, maxTokens: 20))
        let turn = prompt + first.answer + tokens(1, 2, 3)
        let second = try await run(request(2, turn, maxTokens: 5))
        // The last token drawn was never computed.
        #expect(second.cached == (10 + 19) / 4 * 4)
        #expect(second.answer == EngineTests.reference(request(2, turn, maxTokens: 5)))
    }

    @Test func `requests of different salts share nothing on disk`() async throws {
        var salted = request(1, tokens(from: 0, count: 30))
        salted.cacheSalt = "one"
        _ = try await run(salted)
        #expect(try await run(salted).cached == 28)
        salted.cacheSalt = "two"
        #expect(try await run(salted).cached == 0)
        salted.cacheSalt = nil
        #expect(try await run(salted).cached == 0)
    }

    @Test func `blocks of another form are not found`() async throws {
        let wanted = request(1, tokens(from: 0, count: 30))
        _ = try await run(wanted, form: "weights=1")
        #expect(try await run(wanted, form: "weights=2").cached == 0)
        #expect(try await run(wanted, form: "weights=1").cached == 28)
    }

    @Test(arguments: Damage.allCases)
    func `a damaged block is a miss and never a wrong token`(damage: Damage) async throws {
        let wanted = request(1, tokens(from: 0, count: 50), maxTokens: 6)
        let expected = EngineTests.reference(wanted)
        _ = try await run(wanted)
        let files = folder.blockFiles
        #expect(files.count >= 12)
        for file in files { try damage.apply(to: file, others: files) }
        let damaged = try await run(wanted)
        #expect(damaged.answer == expected)
        #expect(damaged.cached == 0)
        // A sweep does not see what is no file.
        if damage != .removed && damage != .unreadable { #expect((damaged.statistics.disk?.damagedBlocks ?? 0) > 0) }
        // What was computed again has taken its place.
        let healed = try await run(wanted)
        #expect(healed.answer == expected)
        if damage != .unreadable { #expect(healed.cached == 48) }
    }

    @Test func `a chain is used up to its first damaged block`() async throws {
        let wanted = request(1, tokens(from: 0, count: 50), maxTokens: 6)
        _ = try await run(wanted)
        let hasher = try DiskCache(try configuration(), form: Self.form("weights=1")).hasher
        var hash = hasher.root(salt: nil)
        for block in 0..<6 { hash = hasher.hash(wanted.prompt[block * 4..<block * 4 + 4], after: hash) }
        let file = try #require(folder.blockFiles.first { $0.hasSuffix(hash.name) })
        try Damage.flipped.apply(to: file, others: [])
        let second = try await run(wanted)
        #expect(second.cached == 20)
        #expect(second.answer == EngineTests.reference(wanted))
    }

    @Test func `requests that share a prefix wait for one restore`() async throws {
        let prompt = tokens(from: 0, count: 41)
        _ = try await run(request(1, prompt))
        let engine = try engine()
        let answers = try await withThrowingTaskGroup(of: [GenerationEvent].self) { group in
            for id in 1...6 { group.addTask { try await EngineTests.events(request(UInt64(id), prompt), on: engine) } }
            var answers: [[TokenID]] = []
            for try await events in group { answers.append(EngineTests.answer(events)) }
            return answers
        }
        #expect(answers.allSatisfy { $0 == EngineTests.reference(request(1, prompt)) })
        #expect(engine.statistics().cachedPromptTokens == 240)
        #expect(engine.statistics().disk?.restoredBlocks == 10)
        await engine.shutdown(gracePeriod: .zero)
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `cancelling while blocks are read leaves nothing behind`() async throws {
        let prompt = tokens(from: 0, count: 60) + tokens(from: 0, count: 60)
        _ = try await run(request(1, prompt, maxTokens: 1))
        let engine = try engine()
        for id in 1...40 {
            let stream = try await engine.submit(request(UInt64(id), prompt, maxTokens: 3))
            await engine.cancel(RequestID(UInt64(id)))
            for await _ in stream {}
        }
        #expect(
            EngineTests.answer(try await EngineTests.events(request(99, prompt), on: engine))
                == EngineTests.reference(request(99, prompt))
        )
        await engine.shutdown(gracePeriod: .seconds(10))
        #expect(await engine.verifyIdle().isClean)
    }

    @Test(arguments: [12, 20, 40], 1...4)
    func `small pools, preemption, restarts and two processes at once change no token`(
        blockCount: Int,
        seed: Int
    ) async throws {
        var random = SeededGenerator(seed)
        for _ in 0..<4 {
            let engines = [try engine(blockCount: blockCount), try engine(blockCount: blockCount)]
            let requests = (1...24).map { id in
                // A vocabulary of two and few lengths, so that prefixes meet.
                let prompt = (0..<Int.random(in: 1...24, using: &random)).map { _ in
                    TokenID(Int.random(in: 0...1, using: &random))
                }
                let common = tokens(from: 0, count: Int.random(in: 0...4, using: &random) * 4)
                return request(UInt64(id), common + prompt, maxTokens: Int.random(in: 1...8, using: &random))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, request) in requests.enumerated() {
                    group.addTask {
                        let events = try await EngineTests.events(request, on: engines[index % 2])
                        #expect(EngineTests.answer(events) == EngineTests.reference(request))
                    }
                }
                try await group.waitForAll()
            }
            for engine in engines {
                await engine.shutdown(gracePeriod: .seconds(10))
                #expect(await engine.verifyIdle().isClean)
                #expect(engine.statistics().disk?.damagedBlocks == 0)
            }
        }
    }
}

/// Ways in which a file is not what was written.
enum Damage: CaseIterable {
    case flipped, headFlipped, truncated, emptied, extended, zeroed, swapped, unreadable, removed

    func apply(to file: String, others: [String]) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        switch self {
        case .flipped: bytes[bytes.count - 5] ^= 1
        case .headFlipped: bytes[30] ^= 0x80
        case .truncated: bytes.removeLast()
        case .emptied: bytes = []
        case .extended: bytes.append(0)
        case .zeroed: bytes = Array(repeating: 0, count: bytes.count)
        case .swapped:
            let other = others[((others.firstIndex(of: file) ?? 0) + 1) % others.count]
            bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: other)))
        case .unreadable:
            // A folder in the place of the file.
            unlink(file)
            mkdir(file, 0o700)
            return
        case .removed:
            unlink(file)
            return
        }
        try Data(bytes).write(to: URL(fileURLWithPath: file))
    }
}

extension EngineDiskTests {
    static func form(_ fact: String) -> CacheForm { CacheForm(modelName: "scripted", facts: [fact]) }

    func configuration() throws -> DiskCacheConfiguration {
        try DiskCacheConfiguration(folder: folder.path, byteLimit: 1 << 20)
    }

    func engine(blockCount: Int = 128, form: String = "weights=1") throws -> Engine {
        try Engine(
            model: ScriptedModel(vocabularySize: 64, contextLength: 256),
            configuration: EngineConfiguration(
                cacheSize: .blocks(blockCount),
                blockSize: 4,
                limits: StepLimits(tokensPerStep: 16, maxRunning: 6)
            ),
            disk: DiskCache(configuration(), form: Self.form(form))
        )
    }

    /// Runs one request in an engine of its own, from start to graceful end.
    func run(
        _ request: GenerationRequest,
        form: String = "weights=1"
    ) async throws -> (answer: [TokenID], cached: Int?, statistics: EngineStatistics) {
        let engine = try engine(form: form)
        let events = try await EngineTests.events(request, on: engine)
        await engine.shutdown(gracePeriod: .seconds(10))
        #expect(await engine.verifyIdle().isClean)
        guard case .started(let cached) = events.first else {
            return (EngineTests.answer(events), nil, engine.statistics())
        }
        return (EngineTests.answer(events), cached, engine.statistics())
    }
}
