import ArgumentParser
import Deployments
import Foundation
import Inference
import JSON
import Synchronization

/// `hearth run`: a chat, or one answer.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Chats with a model in this terminal, or gives one answer.",
        discussion: """
            Examples:

              hearth run smollm2-135m                             a chat (/help tells more)
              hearth run smollm2-135m "Why is the sky blue?"      one answer
              cat notes.txt | hearth run smollm2-135m             one answer to it
              cat notes.txt | hearth run smollm2-135m -s Translate.   with instructions
              hearth run smollm2-135m --adapter ./pirate-lora     as a LoRA adapter makes it; several add up
              hearth run smollm2-135m --raw "Once upon a time"    no chat template
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Argument(help: "The question; without it a chat begins, or standard input is read when it is no terminal.")
    var prompt: [String] = []

    @Option(name: .shortAndLong, help: "Instructions for the model (the system message).")
    var system: String?

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var compute: ComputeOptions

    @OptionGroup var speculation: SpeculationOptions

    @OptionGroup var adapters: ActiveAdapters

    @Flag(help: "Complete the text as it stands, without the chat template.")
    var raw = false

    @Flag(help: "Print the answer as JSON with token counts (one answer only).")
    var json = false

    func run() async throws {
        let environment = Environment()
        let isChat = prompt.isEmpty && isatty(STDIN_FILENO) == 1
        if isChat && (raw || json) { throw ValidationError("--raw and --json are for one answer: give a prompt.") }
        let question = isChat ? nil : try question()
        let access = try ModelAccess(environment)
        var configuration = try compute.configuration(for: try await access.model(model), environment)
        try await speculation.apply(to: &configuration, environment, access)
        try adapters.apply(to: &configuration, store: access.library.store, environment)
        let deployment = try await Loading.deployment(configuration)
        let adapter = try await adapters.mix(of: deployment)
        let parameters = try sampling.parameters(deployment.samplingDefaults)
        var isInterrupted = false
        if let question {
            isInterrupted = try await answer(question, deployment, parameters, adapter).isInterrupted
        } else {
            var chat = TerminalChat(deployment: deployment, system: system, parameters: parameters)
            chat.adapter = adapter
            try await chat.run()
        }
        await deployment.shutdown(gracePeriod: .zero)
        if isInterrupted { throw ExitCode(130) }
    }

    private func question() throws -> String {
        if prompt.isEmpty || prompt == ["-"] {
            return String(decoding: try TextInput.read(file: nil), as: UTF8.self)
        }
        return prompt.joined(separator: " ")
    }

    private func answer(
        _ question: String,
        _ deployment: Deployment,
        _ parameters: GenerationParameters,
        _ adapter: AdapterLease?
    ) async throws -> AnswerPrinter.Answer {
        var messages: [JSONValue] = system.map { [["role": "system", "content": .string($0)]] } ?? []
        messages.append(["role": "user", "content": .string(question)])
        let prompt: PromptSource = raw ? .text(question) : .chat(ChatPrompt(messages: messages))
        var request = TextRequest(id: "run", prompt: prompt, parameters: parameters)
        request.adapter = adapter
        let answer = try await AnswerPrinter(isSilent: json).print(deployment.generate(request))
        if json {
            let object: JSONValue = [
                "answer": .string(answer.text),
                "prompt_tokens": .integer(Int64(answer.usage.promptTokenCount)),
                "completion_tokens": .integer(Int64(answer.usage.completionTokenCount)),
                "finish_reason": .string(answer.finishReason),
            ]
            Output.line(object.serialized())
        } else if !answer.text.hasSuffix("\n") {
            Output.line()
        }
        return answer
    }
}

/// How answers are drawn, for commands that generate.
struct SamplingOptions: ParsableArguments {
    @Option(help: "Randomness: 0 always takes the likeliest token (what the model's makers say, else 0.7).")
    var temperature: Float?

    @Option(help: "Only the likeliest tokens that make up this probability (the makers', else 0.95).")
    var topP: Float?

    @Option(help: "Only this many of the likeliest tokens (the makers', else all).")
    var topK: Int?

    @Option(help: "Makes answers repeatable.")
    var seed: UInt64?

    @Option(help: "Most tokens of an answer (what the context has room for).")
    var maxTokens: Int?

    func validate() throws {
        let limit = ComputeOptions.tokenLimit
        if let maxTokens, !(0...limit).contains(maxTokens) {
            throw ValidationError("--max-tokens must be from 0 to \(limit).")
        }
        if let topK, !(-1...limit).contains(topK) { throw ValidationError("--top-k must be from -1 to \(limit).") }
    }

    /// Parameters for a model with these recommendations.
    func parameters(_ defaults: SamplingDefaults) throws -> GenerationParameters {
        var settings = SamplingSettings()
        settings.temperature = temperature ?? defaults.temperature ?? 0.7
        settings.topP = topP ?? defaults.topP ?? 0.95
        settings.topK = topK ?? defaults.topK ?? 0
        settings.repetitionPenalty = defaults.repetitionPenalty ?? 1
        settings.seed = seed
        return GenerationParameters(sampling: try SamplingParameters(settings), maxTokens: maxTokens)
    }
}

/// Prints an answer as it comes.
struct AnswerPrinter {
    /// Whether only the result is wanted.
    var isSilent = false

    /// What was said, whole or not.
    struct Answer {
        var text = ""
        var usage = TextUsage()
        /// How it ended: as cancelled where it did not come to an end of its own.
        var finish = TextFinish.cancelled
        /// Whether the user stopped it before its end.
        var isInterrupted = false

        /// The word for scripts: `stop`, `length`, or `interrupted`.
        var finishReason: String {
            switch finish {
            case .endOfSequence, .stopString, .stopToken: "stop"
            case .length: "length"
            case .cancelled: "interrupted"
            }
        }
    }

    /// Prints until the answer ends. An interrupt stops the generation and keeps what was said.
    func print(_ generation: TextGeneration) async throws -> Answer {
        let isStopped = Mutex(false)
        Interrupts.watch {
            isStopped.withLock { $0 = true }
            generation.cancel()
        }
        defer { Interrupts.release() }
        var answer = try await print(generation.events)
        let wasStopped = isStopped.withLock { $0 }
        // An interrupt may come when all has been said.
        answer.isInterrupted = wasStopped && answer.finish == .cancelled
        return answer
    }

    /// Prints what `events` tell, until they end.
    func print(_ events: AsyncStream<TextEvent>) async throws -> Answer {
        var answer = Answer()
        var isThinking = false
        for await event in events {
            switch event {
            case .text(_, let delta, _, _):
                answer.text += delta
                if isSilent || delta.isEmpty { break }
                // What the model thought before stands by itself.
                Output.write(isThinking ? "\n\n" + delta : delta)
                isThinking = false
            case .part(_, .reasoning(let thoughts)):
                if !isSilent { Output.write(thoughts) }
                isThinking = true
            case .part: break
            case .usage(let usage): answer.usage = usage
            case .finished(_, let finish): answer.finish = finish
            case .failed(let reason): throw GenerationFailure.failed(reason)
            case .started, .promptLogprobs: break
            }
        }
        return answer
    }
}
