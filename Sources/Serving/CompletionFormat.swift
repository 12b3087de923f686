import Deployments
import JSON
import OpenAIAPI
import Tokenization

/// A prompt as completions show it: its tokens with their texts, and its text when it is echoed.
struct PromptEcho: Sendable {
    var tokens: [Int]
    /// The bytes of every token.
    var tokenBytes: [[UInt8]]
    /// nil when the prompt is not echoed.
    var text: String?
}

/// Plain completions. Answers are numbered across prompts: those of the first prompt come first.
struct CompletionFormat: AnswerFormat {
    let header: ResponseHeader
    let options: AnswerOptions
    let prompts: [PromptEcho]
    /// Characters of each answer that have been streamed with log probabilities.
    private var offsets: [Int]

    init(header: ResponseHeader, options: AnswerOptions, prompts: [PromptEcho]) {
        self.header = header
        self.options = options
        self.prompts = prompts
        offsets = Array(repeating: 0, count: prompts.count * options.choiceCount)
    }

    /// The echoed prompts. With log probabilities these must be waited for, and the echo comes with them.
    mutating func opening() -> [JSONValue] {
        if options.reportsLogprobs { return [] }
        return offsets.indices.compactMap { index in
            guard let text = prompts[index / options.choiceCount].text else { return nil }
            return chunk(CompletionChoice(index: index, text: text), prompt: index / options.choiceCount)
        }
    }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        let first = prompt * options.choiceCount
        switch event {
        case .promptLogprobs(let logprobs):
            guard let text = prompts[prompt].text else { return [] }
            var choice = CompletionChoice(index: first, text: text)
            choice.logprobs = columns(Self.entries(logprobs, of: prompts[prompt]), choice: first)
            return [chunk(choice, prompt: prompt)]
        case .text(let index, let delta, let tokens, let logprobs):
            let isSilent = delta.isEmpty && logprobs.isEmpty && (tokens.isEmpty || !options.returnsTokenIDs)
            if isSilent { return [] }
            var choice = CompletionChoice(index: first + index, text: delta)
            if options.reportsLogprobs { choice.logprobs = columns(Self.entries(logprobs), choice: first + index) }
            if options.returnsTokenIDs { choice.tokens = tokens.map { Int($0.rawValue) } }
            return [chunk(choice, prompt: prompt)]
        case .finished(let index, let finish):
            guard let finish = WireFinish(ending: finish) else { return [] }
            return [chunk(CompletionChoice(index: first + index, text: "", finish: finish), prompt: prompt)]
        case .started, .part, .usage, .failed:
            return []
        }
    }

    /// The usage, where it was asked for.
    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        guard options.streaming?.includesUsage == true else { return [] }
        return [CompletionResponse(header: header, choices: [], usage: .counts(answers.usage)).json]
    }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        let choices = answers.answers.enumerated().map { index, answer in
            let prompt = index / options.choiceCount
            let echo = prompts[prompt]
            var choice = CompletionChoice(index: index, text: (echo.text ?? "") + answer.text, finish: answer.finish)
            if options.reportsLogprobs {
                let echoed = echo.text == nil ? [] : Self.entries(answers.promptLogprobs[prompt] ?? [], of: echo)
                let entries = echoed + answer.logprobs.map { CompletionLogprobs.Entry(text: $0.text, logprob: $0) }
                choice.logprobs = CompletionLogprobs(entries: entries)
            }
            if options.returnsTokenIDs {
                choice.tokens = answer.tokens
                choice.promptTokens = echo.tokens
            }
            return choice
        }
        return CompletionResponse(header: header, choices: choices, usage: .counts(answers.usage)).json
    }

    private mutating func columns(_ entries: [CompletionLogprobs.Entry], choice: Int) -> CompletionLogprobs {
        defer { offsets[choice] += entries.reduce(0) { $0 + $1.length } }
        return CompletionLogprobs(entries: entries, firstOffset: offsets[choice])
    }

    private func chunk(_ choice: CompletionChoice, prompt: Int) -> JSONValue {
        let usage: CompletionResponse.UsageReport = options.streaming?.includesUsage == true ? .announced : .none
        return CompletionResponse(header: header, choices: [choice], usage: usage).json
    }

    private static func entries(_ logprobs: [TextLogprob]) -> [CompletionLogprobs.Entry] {
        logprobs.map { logprob in
            let wire = WireLogprob(logprob)
            return CompletionLogprobs.Entry(text: wire.text, logprob: wire)
        }
    }

    /// One entry for each of the prompt's tokens; the first has no log probability.
    private static func entries(_ logprobs: [TextLogprob?], of prompt: PromptEcho) -> [CompletionLogprobs.Entry] {
        zip(prompt.tokenBytes, logprobs).map { bytes, logprob in
            let text = WireLogprob(bytes: bytes, logprob: 0).text
            return CompletionLogprobs.Entry(text: text, logprob: logprob.map(WireLogprob.init))
        }
    }
}
