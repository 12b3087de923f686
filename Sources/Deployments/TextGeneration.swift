package import Inference
import Models
package import Tokenization

/// How an answer is sampled, bounded and reported.
package struct GenerationParameters: Sendable {
    /// Sampler settings; nil fields of a request are filled from the model's own defaults before this is made.
    package var sampling: SamplingParameters
    /// Most tokens of answer; nil means as many as the context and the cache still hold.
    package var maxTokens: Int?
    /// Whether a `maxTokens` beyond what the context and the cache still hold is cut to that rather than refused.
    package var cutsMaxTokensToRoom: Bool
    /// Tokens before which neither an end-of-sequence nor a stop token is drawn.
    package var minTokens: Int
    /// Texts that end the answer when they appear in it.
    package var stopStrings: [String]
    /// Token ids that end the answer.
    package var stopTokenIDs: Set<TokenID>
    /// Whether to go on past end-of-sequence tokens.
    package var ignoreEndOfSequence: Bool
    /// Alternatives to report beside each token's log probability; nil reports none.
    package var logprobCount: Int?
    /// The same for the prompt's own tokens.
    package var promptLogprobCount: Int?
    /// Whether the stop string that ended the answer stays in its text.
    package var includesStopString: Bool
    /// Whether special tokens are left out of the text.
    package var skipsSpecialTokens: Bool
    /// Whether a text prompt gets the tokenizer's leading and trailing special tokens.
    package var addsSpecialTokens: Bool
    /// Separates this request's cached prefixes from others'; nil shares them.
    package var cacheSalt: String?
    /// Order in the waiting queue: lower runs first.
    package var priority: Int
    /// What the answer must be; nil for anything.
    package var structure: AnswerStructure?

    /// Parameters with the defaults of an OpenAI request; see the properties for units.
    package init(sampling: SamplingParameters, maxTokens: Int? = nil) {
        self.sampling = sampling
        self.maxTokens = maxTokens
        cutsMaxTokensToRoom = false
        minTokens = 0
        stopStrings = []
        stopTokenIDs = []
        ignoreEndOfSequence = false
        logprobCount = nil
        promptLogprobCount = nil
        includesStopString = false
        skipsSpecialTokens = true
        addsSpecialTokens = true
        cacheSalt = nil
        priority = 0
        structure = nil
    }
}

/// A request for one or more answers to one prompt.
package struct TextRequest: Sendable {
    /// The caller's name for the request, used in logs.
    package var id: String
    package var prompt: PromptSource
    /// Number of answers, at least 1. They share the prompt's cached blocks.
    package var choiceCount: Int
    package var parameters: GenerationParameters
    /// The functions that the answer may call; nil for an answer without calls.
    package var functions: FunctionCalls?
    /// What changes the model for this request; nil for the model as it is.
    package var adapter: AdapterLease?
    /// Who asks, as the operator knows them; nil where nobody is told apart. Never what a caller may choose.
    package var project: String?

    package init(id: String, prompt: PromptSource, choiceCount: Int = 1, parameters: GenerationParameters) {
        self.id = id
        self.prompt = prompt
        self.choiceCount = choiceCount
        self.parameters = parameters
    }
}

/// A running generation: what was asked, and its events as they come.
package struct TextGeneration: Sendable {
    /// The encoded prompt.
    package let promptTokens: [TokenID]
    /// Events of all choices, merged in the order they happen. Ends after `usage` or `failed`.
    /// Ending the iteration early cancels the generation.
    package let events: AsyncStream<TextEvent>
    private let onCancel: @Sendable () -> Void

    package init(
        promptTokens: [TokenID],
        events: AsyncStream<TextEvent>,
        onCancel: @escaping @Sendable () -> Void
    ) {
        self.promptTokens = promptTokens
        self.events = events
        self.onCancel = onCancel
    }

    /// Stops all choices; the stream then ends.
    package func cancel() { onCancel() }
}

/// One thing that happened to a running generation.
package enum TextEvent: Sendable {
    /// A choice was admitted; `cachedTokenCount` prompt tokens needed no computation.
    case started(choice: Int, cachedTokenCount: Int)
    /// Log probabilities of the prompt's tokens; the first token has none. Once, before any text.
    case promptLogprobs([TextLogprob?])
    /// New text of a choice, whole characters only, with the tokens that became part of the answer in this step.
    /// `delta` can be empty while a character or a possible stop string is still open.
    case text(choice: Int, delta: String, tokens: [TokenID], logprobs: [TextLogprob])
    /// More of an answer that is no text of its own: thoughts or a function call. Tokens and log probabilities come with
    /// `text`.
    case part(choice: Int, AnswerDelta)
    /// A choice ended.
    case finished(choice: Int, TextFinish)
    /// Totals of all choices. The last event of a generation that did not fail.
    case usage(TextUsage)
    /// The generation broke; the sentence may be shown to the caller. The last event.
    case failed(String)
}

/// Why a choice ended.
package enum TextFinish: Sendable, Equatable {
    /// The model ended its turn.
    case endOfSequence
    /// A stop string was met.
    case stopString(String)
    /// A stop token of the request was drawn.
    case stopToken(TokenID)
    /// The token limit or the context's end was reached.
    case length
    /// The caller went away.
    case cancelled
}

/// What one generation came to, whatever its end: the one account of it, made in `Deployment`. The adapter's metrics, the
/// usage in the answer and the line in the log are read from it, and so is whatever bills.
package struct TextUsage: Sendable, Equatable {
    package var promptTokenCount: Int
    /// Prompt tokens found in the prefix cache (of the first choice).
    package var cachedTokenCount: Int
    /// Tokens generated, over all choices.
    package var completionTokenCount: Int
    /// Prompt tokens that were computed, over all choices.
    package var computedPromptTokenCount = 0
    /// Its part of the time of the engine's steps, over all choices.
    package var computeTime = Duration.zero

    package init(promptTokenCount: Int = 0, cachedTokenCount: Int = 0, completionTokenCount: Int = 0) {
        self.promptTokenCount = promptTokenCount
        self.cachedTokenCount = cachedTokenCount
        self.completionTokenCount = completionTokenCount
    }
}

/// A token with its log probability under the model and the likeliest alternatives.
package struct TextLogprob: Sendable, Equatable {
    package var token: TokenID
    /// The token's own text; bytes that are no whole character show as U+FFFD.
    package var text: String
    /// The token's bytes.
    package var bytes: [UInt8]
    /// Natural logarithm of the probability.
    package var logprob: Float
    /// The likeliest tokens, likeliest first, without alternatives of their own.
    package var alternatives: [TextLogprob]

    package init(token: TokenID, text: String, bytes: [UInt8], logprob: Float, alternatives: [TextLogprob] = []) {
        self.token = token
        self.text = text
        self.bytes = bytes
        self.logprob = logprob
        self.alternatives = alternatives
    }
}
