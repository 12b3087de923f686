package import Tokenization

/// Guesses how texts go on. A wrong guess costs time, never a wrong token: every drafted token is compared with the
/// one that is drawn in its place.
///
/// Used by the engine's thread only.
package protocol Drafter: AnyObject {
    /// What a drafted token costs beside its share of the model's step, relative to a step of the model with one
    /// token. 0 means that guesses are free.
    var tokenCost: Double { get }

    /// Appends one draft per wish, in their order; an empty one where it has no guess.
    func appendDrafts(for wishes: [DraftWish], to drafts: inout [Draft])

    /// Drops what it keeps of a request that is over.
    func forget(_ id: RequestID)
}

extension Drafter {
    /// One draft per wish, in their order.
    package func drafts(for wishes: [DraftWish]) -> [Draft] {
        var drafts: [Draft] = []
        appendDrafts(for: wishes, to: &drafts)
        return drafts
    }
}

/// A sequence whose next tokens are to be guessed.
package struct DraftWish {
    /// Whose tokens they are: the text of a request only ever grows.
    package var id: RequestID
    /// Prompt and answer so far.
    package var tokens: [TokenID]
    /// Most tokens to guess; at least 1.
    package var limit: Int
    /// The request's sampler as it stands; drawing from a copy of it leaves the answer as it is.
    package var sampler: Sampler
}

/// Tokens that may follow a text.
package struct Draft: Equatable, Sendable {
    package var tokens: [TokenID]
    /// What the guess rests on.
    package var evidence: DraftEvidence

    /// No guess.
    package static let none = Draft(tokens: [], evidence: .shortMatch)

    package init(tokens: [TokenID], evidence: DraftEvidence) {
        self.tokens = tokens
        self.evidence = evidence
    }
}

/// What a draft rests on; drafts of one kind are about equally often right within one answer.
package enum DraftEvidence: Int, CaseIterable, Sendable {
    /// Up to four tokens stood in the same order before.
    case shortMatch
    /// Five to eight did.
    case match
    /// Nine and more did.
    case longMatch
    /// A smaller model drew the tokens.
    case model

    /// The chance of a token to be right, before anything is known of the answer.
    var prior: Double {
        switch self {
        case .shortMatch: 0.35
        case .match: 0.6
        case .longMatch: 0.8
        case .model: 0.7
        }
    }
}
