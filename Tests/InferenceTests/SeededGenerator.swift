import Models
import Tokenization

@testable import Inference

/// Repeatable random numbers for tests.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return BitMixer.mix(state)
    }
}

/// Shorthand for token ids in expectations.
func tokens(_ ids: Int...) -> [TokenID] { ids.map { TokenID($0) } }

/// `count` tokens that are all different from those of other `base`s.
func tokens(from base: Int, count: Int) -> [TokenID] { (0..<count).map { TokenID(base + $0) } }

/// Shorthand for block ids in expectations.
func blocks(_ ids: Int32...) -> [BlockID] { ids.map { BlockID(rawValue: $0) } }

/// A greedy request.
func request(_ id: UInt64, _ prompt: [TokenID], maxTokens: Int = 4) -> GenerationRequest {
    GenerationRequest(id: RequestID(id), prompt: prompt, sampling: .greedy, maxTokens: maxTokens)
}
