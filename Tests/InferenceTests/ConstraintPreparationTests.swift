import Synchronization
import TestModels
import Testing
import Tokenization

@testable import Inference

/// What the engine asks of constraints, in which order, and that answers keep to them with others beside them.
@Suite struct ConstraintPreparationTests {
    /// Allows tokens of one remainder, and notes what it is asked.
    private struct Remainder: TokenConstraint {
        let divisor: Int
        let remainder: Int
        let calls: CallLog
        var isWorthPreparing = true
        var mustEnd: Bool { false }

        mutating func prepare() { calls.append("prepare") }

        mutating func restrict(_ logits: UnsafeMutableBufferPointer<Float>, endingTokens: Set<TokenID>) {
            calls.append("restrict")
            for index in logits.indices where index % divisor != remainder { logits[index] = -.infinity }
        }

        mutating func take(_ token: TokenID) { calls.append("take") }
    }

    private final class CallLog: Sendable {
        private let calls = Mutex<[String]>([])
        var all: [String] { calls.withLock { $0 } }
        func append(_ call: String) { calls.withLock { $0.append(call) } }
    }

    @Test func `a constraint is prepared once before each token that it restricts`() async throws {
        let engine = try EngineTests.engine()
        let log = CallLog()
        var constrained = request(1, tokens(1, 2, 3), maxTokens: 4)
        constrained.constraint = Remainder(divisor: 4, remainder: 1, calls: log)
        let answer = EngineTests.answer(try await EngineTests.events(constrained, on: engine))
        #expect(answer.count == 4 && answer.allSatisfy { $0.rawValue % 4 == 1 })
        #expect(log.all == Array(repeating: ["prepare", "restrict", "take"], count: 4).flatMap { $0 })
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `what is not worth it is not prepared`() async throws {
        let engine = try EngineTests.engine()
        let log = CallLog()
        var constrained = request(1, tokens(1, 2, 3), maxTokens: 2)
        constrained.constraint = Remainder(divisor: 4, remainder: 1, calls: log, isWorthPreparing: false)
        #expect(EngineTests.answer(try await EngineTests.events(constrained, on: engine)).count == 2)
        #expect(log.all == ["restrict", "take", "restrict", "take"])
    }

    @Test func `rows beside each other keep to constraints of their own`() async throws {
        let engine = try EngineTests.engine()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<12 {
                group.addTask {
                    var constrained = request(UInt64(index + 1), tokens(index + 1, 2), maxTokens: 20)
                    let free = EngineTests.reference(constrained)
                    if index % 3 > 0 {
                        constrained.constraint = Remainder(divisor: 3, remainder: index % 3, calls: CallLog())
                    }
                    let answer = EngineTests.answer(try await EngineTests.events(constrained, on: engine))
                    #expect(answer.count == 20)
                    if index % 3 == 0 {
                        #expect(answer == free)
                    } else {
                        #expect(answer.allSatisfy { Int($0.rawValue) % 3 == index % 3 })
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await engine.verifyIdle().isClean)
    }
}
