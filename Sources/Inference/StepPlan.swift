package import Models
package import Tokenization

/// What one step computes, and what had to be decided on the way.
package struct StepPlan: Sendable, Equatable {
    /// One entry per row of `batch`, in the same order.
    package var rows: [PlannedRow] = []
    /// The step's work, as the model takes it.
    package var batch = ForwardBatch()
    /// Requests that were admitted, in order.
    package var admitted: [Admission] = []
    /// What has to be read from disk for requests that left the queue; they have no rows until it is there.
    package var restores: [BlockRestore] = []
    /// Running requests that lost their blocks to older ones and wait again, in order.
    package var preempted: [RequestID] = []

    package init() {}

    /// Empties the plan and keeps its memory.
    mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        batch.tokens.removeAll(keepingCapacity: true)
        batch.rows.removeAll(keepingCapacity: true)
        admitted.removeAll(keepingCapacity: true)
        restores.removeAll(keepingCapacity: true)
        preempted.removeAll(keepingCapacity: true)
    }

    /// Whether there is nothing to compute.
    package var isEmpty: Bool { rows.isEmpty }

    /// Tokens that are read rather than drawn: those of rows that catch up by more than one.
    var promptTokenCount: Int { rows.reduce(0) { $0 + ($1.tokenCount > 1 ? $1.tokenCount : 0) } }
}

/// One sequence's share of a step.
package struct PlannedRow: Sendable, Equatable {
    package var id: RequestID
    /// What the row's logits are for.
    package var logits: LogitUse
    /// Position of the row's first token.
    package var firstPosition: Int
    /// Tokens of the sequence that are computed.
    package var tokenCount: Int
    /// How many of them are of the prompt and computed for the first time: a preemption makes it necessary again.
    package var newPromptTokenCount = 0
    /// Tokens that may come after the sequence's last one and are computed with it. Only what is drawn counts: at the
    /// first of them that is not, the rest is forgotten.
    package var candidates: [TokenID] = []
}

/// A planned row that draws, and may compute tokens after its own in the same step.
package struct OpenRow: Sendable, Equatable {
    /// Its index in the plan.
    package var rowIndex: Int
    package var id: RequestID
    /// Prompt and answer so far.
    package var tokens: [TokenID]
    /// Most tokens that may come after them, the one that is drawn in any case left out; at least 1.
    package var limit: Int
}

/// What a row's logits are for; says how many rows of them the model must yield.
package enum LogitUse: Sendable, Equatable {
    /// An unfinished prefill: no logits.
    case none
    /// The next token is drawn from the last token's logits: one row.
    case draw
    /// Log probabilities of the prompt's tokens: one row per token. The last chunk's last row also draws, if
    /// `draws` is set.
    case promptLogprobs(draws: Bool)

    /// Whether a token is to be drawn from the row's last logits.
    package var draws: Bool {
        switch self {
        case .none: false
        case .draw: true
        case .promptLogprobs(let draws): draws
        }
    }
}

/// A request that begins, or goes on after a preemption.
package struct Admission: Sendable, Equatable {
    package var id: RequestID
    /// Tokens found in the prefix cache, in memory or on disk, a multiple of the block size.
    package var cachedTokenCount: Int
    /// Those of them that were read from disk.
    package var restoredTokenCount = 0
    /// Whether the request had been admitted before.
    package var isResumption: Bool
}

/// What became of one planned row.
package enum RowOutcome: Sendable, Equatable {
    /// Its tokens are computed; none was to be drawn.
    case computed
    /// This token was drawn.
    case token(TokenID)
    /// These tokens were drawn, one after the other; all but the last are the row's candidates from the first on.
    case tokens([TokenID])
    /// It cannot go on.
    ///
    /// - Parameter isSuspect: whether what it computed must not be reused.
    case failed(isSuspect: Bool)
}

/// A request that came to its end by its own rules.
package struct Ending: Sendable, Equatable {
    package var id: RequestID
    package var reason: FinishReason
}
