import ArgumentParser
import Deployments
import Foundation
import Inference
import JSON
import Tokenization

/// `hearth perplexity`: how well a model predicts a text.
struct PerplexityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measures how well a model predicts a text.",
        discussion: """
            The text is tokenised without special tokens and cut into chunks. Each chunk is read on its own; its first \
            token is not scored. The figure is the exponential of the mean negative log probability: lower is better, \
            and only figures with the same tokenizer, text and chunks compare.

            Examples:

              hearth perplexity smollm2-135m book.txt --chunk 256 --chunks 4 --json
              hearth perplexity smollm2-135m book.txt --adapter ./pirate-lora
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Argument(help: "The text to predict.", completion: .file())
    var file: String

    @Option(help: "Tokens in a chunk.")
    var chunk = 256

    @Option(help: "Most chunks to read; 0 reads the whole text.")
    var chunks = 4

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var adapters: ActiveAdapters

    @Flag(help: "Print {\"perplexity\": x, \"tokens\": n}.")
    var json = false

    func validate() throws {
        let limit = ComputeOptions.tokenLimit
        if !(2...limit).contains(chunk) { throw ValidationError("--chunk must be from 2 to \(limit).") }
        if !(0...limit).contains(chunks) { throw ValidationError("--chunks must be from 0 to \(limit).") }
    }

    func run() async throws {
        let text = try TextInput.read(file: file)
        let environment = Environment()
        let access = try ModelAccess(environment)
        var configuration = try compute.configuration(for: try await access.model(model), environment)
        try adapters.apply(to: &configuration, store: access.library.store, environment)
        let deployment = try await Loading.deployment(configuration)
        let adapter = try await adapters.mix(of: deployment)
        let tokens = deployment.tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        let available = tokens.count / chunk
        let count = chunks == 0 ? available : min(chunks, available)
        if count == 0 {
            throw ValidationError("\(file) has \(tokens.count) tokens, fewer than one chunk of \(chunk).")
        }
        var sum = 0.0
        var scored = 0
        for index in 0..<count {
            let part = Array(tokens[(index * chunk)..<((index + 1) * chunk)])
            let logprobs = try await score(part, deployment, adapter, index)
            sum += logprobs.reduce(0) { $0 + Double($1) }
            scored += logprobs.count
            if !json && Output.hasTerminal { Output.noteRaw("\rchunk \(index + 1) of \(count)\u{1B}[K") }
        }
        if !json && Output.hasTerminal { Output.noteRaw("\r\u{1B}[K") }
        await deployment.shutdown(gracePeriod: .zero)
        let perplexity = exp(-sum / Double(scored))
        if json {
            let object: JSONValue = ["perplexity": .number(perplexity), "tokens": .integer(Int64(scored))]
            Output.line(object.serialized())
        } else {
            Output.line(String(format: "perplexity %.4f over %d tokens", perplexity, scored))
        }
    }

    /// Log probabilities of the chunk's tokens but the first.
    private func score(
        _ tokens: [TokenID],
        _ deployment: Deployment,
        _ adapter: AdapterLease?,
        _ index: Int
    ) async throws -> [Float] {
        var parameters = GenerationParameters(sampling: .greedy, maxTokens: 1)
        parameters.promptLogprobCount = 0
        var request = TextRequest(id: "perplexity-\(index)", prompt: .tokens(tokens), parameters: parameters)
        request.adapter = adapter
        let generation = try await deployment.generate(request)
        var logprobs: [Float] = []
        for await event in generation.events {
            switch event {
            case .promptLogprobs(let list): logprobs = list.dropFirst().compactMap { $0?.logprob }
            case .failed(let reason): throw GenerationFailure.failed(reason)
            default: break
            }
        }
        if logprobs.count != tokens.count - 1 {
            throw GenerationFailure.failed("\(logprobs.count) of \(tokens.count - 1) tokens were scored")
        }
        return logprobs
    }
}
