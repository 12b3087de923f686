package import Foundation
package import Inference
package import Models
import Synchronization
package import Tokenization

/// What a deployment tells of its model.
package struct ModelDetails: Sendable, Equatable {
    /// Architecture as checkpoints name it: `llama`, `qwen2`, …
    package var architecture: String
    package var parameterCount: Int
    package var vocabularySize: Int
    /// Most tokens, prompt and answer together.
    package var contextLength: Int
    /// File or folder the weights came from.
    package var path: String
    /// Bytes of KV cache for one token; 0 where it is not known.
    package var cacheBytesPerToken = 0
    /// What the model's steps compute and read; nil where nobody has counted.
    package var costs: DecoderCosts?

    package init(
        architecture: String,
        parameterCount: Int,
        vocabularySize: Int,
        contextLength: Int,
        path: String
    ) {
        self.architecture = architecture
        self.parameterCount = parameterCount
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.path = path
    }
}

/// A model that runs, with its tokenizer, its chat template and its settings: text in, text events out.
package final class Deployment: Sendable {
    /// The name requests use.
    package let name: String
    /// Further names that mean this deployment.
    package let aliases: [String]
    /// All that mean it, its own first.
    package var names: [String] { [name] + aliases }
    /// When the deployment was made.
    package let created: Date
    package let details: ModelDetails
    /// Sampling settings the model's makers recommend, used where a request is silent.
    package let samplingDefaults: SamplingDefaults
    package let tokenizer: Tokenizer
    /// Variants of the model.
    package let adapters: AdapterRegistry

    private let backend: any GenerationBackend
    private let renderer: PromptRenderer
    let structures: StructureCompiler
    private let nextRequest = Atomic<UInt64>(1)

    /// - Parameters:
    ///   - name: the name requests use.
    ///   - backend: what generates tokens; its context must be `details.contextLength`.
    ///   - chatTemplate: nil for a model that only completes text.
    ///   - adapters: variants of the model; nil for a model that takes none.
    package init(
        identity: DeploymentIdentity,
        details: ModelDetails,
        tokenizer: Tokenizer,
        chatTemplate: ChatTemplate?,
        adapters: AdapterRegistry? = nil,
        backend: any GenerationBackend
    ) {
        self.adapters = adapters ?? AdapterRegistry(model: identity.name, base: nil)
        name = identity.name
        aliases = identity.aliases
        created = identity.created
        samplingDefaults = identity.samplingDefaults
        self.details = details
        self.tokenizer = tokenizer
        self.backend = backend
        renderer = PromptRenderer(tokenizer: tokenizer, template: chatTemplate)
        structures = StructureCompiler(
            tokenizer,
            markers: renderer.tools.markerTokens(in: tokenizer, withTools: true)
        )
    }

    /// Most tokens, prompt and answer together.
    package var contextLength: Int { details.contextLength }

    /// Whether the model can be given conversations.
    package var hasChatTemplate: Bool { renderer.template != nil }

    /// The text that the chat template makes of `chat`.
    package func renderPrompt(_ chat: ChatPrompt) throws(DeploymentError) -> String { try renderer.render(chat) }

    /// The token ids of `prompt`; of a long one, while other tasks go on.
    package func encode(
        _ prompt: PromptSource,
        addsSpecialTokens: Bool = true
    ) async throws(DeploymentError) -> [TokenID] {
        if prompt.byteCount <= Self.shortPromptBytes {
            return try renderer.encode(prompt, addsSpecialTokens: addsSpecialTokens)
        }
        let tokens = await Offload.result { [renderer] () throws(DeploymentError) in
            try renderer.encode(prompt, addsSpecialTokens: addsSpecialTokens)
        }
        return try tokens.get()
    }

    /// What is encoded in a millisecond or two is not worth another thread.
    private static let shortPromptBytes = 32 << 10

    /// What the model does with functions and thoughts.
    package var toolSupport: ToolSupport { renderer.tools }

    /// What the chat template can be told; nil for a model that only completes text.
    package var templateCapabilities: TemplateCapabilities? { renderer.template?.capabilities }

    /// Whether a prompt ends within thoughts, because the template opened them, so that the answer begins there.
    package func startsInReasoning(after prompt: [TokenID]) -> Bool {
        // The mark is the last of the prompt, and longer than these tokens in no vocabulary.
        let end = tokenizer.decode(prompt.suffix(32), skipSpecial: false)
        return toolSupport.reasoning?.isOpen(after: end) ?? false
    }

    /// Starts generating. Returns once every choice is queued; the answers come as events.
    ///
    /// - Parameter executor: runs the short work on every token: detokenising, stop strings; nil takes the shared pool.
    package func generate(
        _ request: TextRequest,
        on executor: (any TaskExecutor)? = nil
    ) async throws(DeploymentError) -> TextGeneration {
        try await generate([request], on: executor)[0]
    }

    /// Starts generating for several prompts of one caller: all are queued at once, or none.
    package func generate(
        _ requests: [TextRequest],
        on executor: (any TaskExecutor)? = nil
    ) async throws(DeploymentError) -> [TextGeneration] {
        var texts: [PreparedText] = []
        for request in requests { texts.append(try await prepare(request)) }
        var streams: ArraySlice<AsyncStream<GenerationEvent>>
        do {
            streams = try await backend.submit(texts.flatMap(\.choices))[...]
        } catch {
            throw DeploymentError(error)
        }
        return texts.map { text in
            let runs = text.choices.map { ChoiceRun(id: $0.id, events: streams.removeFirst(), receipt: $0.receipt) }
            return merge(runs, of: text, on: executor)
        }
    }

    private func prepare(_ request: TextRequest) async throws(DeploymentError) -> PreparedText {
        let prompt = try await encode(request.prompt, addsSpecialTokens: request.parameters.addsSpecialTokens)
        let maxTokens = try await answerLimit(promptTokenCount: prompt.count, request.parameters)
        let interpretation = interpretation(of: request, prompt: prompt)
        let structure = try constraint(for: request, interpretation)
        let constraint = thoughtBudget(for: request, interpretation, within: structure)
        let choices = (0..<request.choiceCount).map { choice in
            var generation = engineRequest(request, prompt: prompt, maxTokens: maxTokens, choice: choice)
            generation.constraint = constraint
            // What is complete can only end.
            if structure != nil { generation.ignoresEndOfSequence = false }
            generation.receipt = UsageReceipt()
            return generation
        }
        return PreparedText(request: request, prompt: prompt, interpretation: interpretation, choices: choices)
    }

    /// A snapshot of the engine's counters.
    package func statistics() async -> EngineStatistics { await backend.statistics() }

    /// Stops taking requests and waits for running ones until `gracePeriod` is over; the rest then end with an error.
    package func shutdown(gracePeriod: Duration) async { await backend.shutdown(gracePeriod: gracePeriod) }

    /// The answer's token limit, once prompt and answer are known to fit the context.
    private func answerLimit(
        promptTokenCount: Int,
        _ parameters: GenerationParameters
    ) async throws(DeploymentError) -> Int {
        if promptTokenCount == 0 { throw .emptyPrompt }
        let room = contextLength - promptTokenCount
        let asked = parameters.cutsMaxTokensToRoom ? nil : parameters.maxTokens
        if asked ?? 1 > room {
            throw .contextLengthExceeded(promptTokens: promptTokenCount, maxTokens: asked ?? 1, limit: contextLength)
        }
        if let asked { return asked }
        // The last token is drawn and never computed. A prompt that does not fit by itself is the engine's to refuse.
        let held = await roomForTokens() - promptTokenCount
        return min(parameters.maxTokens ?? room, max(held, 1))
    }

    /// Tokens that prompt and answer may have together: as many as the context, or as the whole cache, can take.
    package func roomForTokens() async -> Int {
        let statistics = await backend.statistics()
        return min(contextLength, statistics.blockCount * statistics.blockSize + 1)
    }

    private func engineRequest(
        _ request: TextRequest,
        prompt: [TokenID],
        maxTokens: Int,
        choice: Int
    ) -> GenerationRequest {
        let parameters = request.parameters
        let id = RequestID(nextRequest.wrappingAdd(1, ordering: .relaxed).oldValue)
        var sampling = parameters.sampling
        // Choices of one seeded request must differ from each other and still be repeatable.
        if let seed = sampling.seed { sampling.seed = seed &+ UInt64(choice) }
        var generation = GenerationRequest(id: id, prompt: prompt, sampling: sampling, maxTokens: maxTokens)
        generation.name = request.id
        generation.minTokens = parameters.minTokens
        generation.stopTokens = parameters.stopTokenIDs
        generation.endOfSequence = tokenizer.endOfGeneration
        generation.ignoresEndOfSequence = parameters.ignoreEndOfSequence
        generation.logprobCount = parameters.logprobCount
        generation.promptLogprobCount = choice == 0 ? parameters.promptLogprobCount : nil
        generation.cacheSalt = parameters.cacheSalt
        generation.priority = parameters.priority
        generation.adapter = request.adapter?.adapter
        generation.client = ClientKey(project: request.project, adapter: request.adapter?.share.name)
        generation.weight = request.adapter?.share.weight ?? 1
        return generation
    }
}

/// A request as the engine gets it.
private struct PreparedText {
    let request: TextRequest
    let prompt: [TokenID]
    let interpretation: AnswerInterpretation?
    /// One for every answer.
    let choices: [GenerationRequest]
}

/// One choice's place in the engine.
private struct ChoiceRun {
    let id: RequestID
    let events: AsyncStream<GenerationEvent>
    let receipt: UsageReceipt?
}

extension Deployment {
    /// Runs the choices side by side and merges their events into one stream.
    private func merge(
        _ runs: [ChoiceRun],
        of prepared: PreparedText,
        on executor: (any TaskExecutor)?
    ) -> TextGeneration {
        let (request, prompt, interpretation) = (prepared.request, prepared.prompt, prepared.interpretation)
        let (stream, continuation) = AsyncStream.makeStream(of: TextEvent.self)
        let task = Task(executorPreference: executor) { [backend, tokenizer] in
            var usage = TextUsage(promptTokenCount: prompt.count)
            var hasFailed = false
            await withTaskGroup(of: (choice: Int, text: ChoiceText, failed: Bool).self) { group in
                for (choice, run) in runs.enumerated() {
                    let text = ChoiceText(
                        choice: choice,
                        tokenizer: tokenizer,
                        request: request,
                        interpretation
                    )
                    group.addTask { await Self.follow(run, choice, text, backend: backend, into: continuation) }
                }
                for await result in group {
                    usage.completionTokenCount += result.text.completionTokenCount
                    if result.choice == 0 { usage.cachedTokenCount = result.text.cachedTokenCount }
                    hasFailed = hasFailed || result.failed
                }
            }
            for case let report? in runs.map({ $0.receipt?.report }) {
                usage.computedPromptTokenCount += report.computedPromptTokens
                usage.computeTime += report.computeTime
            }
            request.adapter?.count(usage)
            if !hasFailed { continuation.yield(.usage(usage)) }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return TextGeneration(promptTokens: prompt, events: stream, onCancel: { task.cancel() })
    }

    /// Passes one choice's events on until it ends. Leaving early cancels its request in the engine.
    private static func follow(
        _ run: ChoiceRun,
        _ choice: Int,
        _ initial: ChoiceText,
        backend: any GenerationBackend,
        into continuation: AsyncStream<TextEvent>.Continuation
    ) async -> (choice: Int, text: ChoiceText, failed: Bool) {
        var text = initial
        for await event in run.events {
            let outcome = text.take(event)
            for event in outcome.events { continuation.yield(event) }
            if outcome.cancelsRequest { await backend.complete(run.id) }
            if outcome.isFinished {
                if case .failed = event { return (choice, text, true) }
                return (choice, text, false)
            }
        }
        // Whoever left the stream has cancelled it; once that is so, what it came to is known.
        await backend.cancel(run.id)
        return (choice, text, false)
    }
}
