import ArgumentParser
import Deployments
import Foundation
import Inference
import JSON
import Tensors
import Tokenization

/// `hearth bench`: how fast a model is here.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures prefill and decode rates of a model on this machine.",
        discussion: """
            One request at a time through the engine, as a server runs it. Prefill is prompt tokens by the time to \
            the first token; decode is the tokens after it by the time they take. Every repetition has a prompt of \
            its own, so nothing comes from the cache. A warm-up run is not counted. Print medians with the machine \
            idle, or do not quote them.

            Examples:

              hearth bench smollm2-135m
              hearth bench ./model.gguf --prompt 2048 --generate 128 --repetitions 3 --json
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Option(help: "Tokens in the prompt.")
    var prompt = 512

    @Option(help: "Tokens to generate.")
    var generate = 64

    @Option(help: "Measured runs.")
    var repetitions = 5

    @OptionGroup var compute: ComputeOptions

    @Flag(help: "Print {\"prefill\": […], \"decode\": […]} in tokens a second.")
    var json = false

    func validate() throws {
        if prompt < 1 || generate < 2 || repetitions < 1 {
            throw ValidationError("--prompt and --repetitions must be at least 1, --generate at least 2.")
        }
    }

    func run() async throws {
        let environment = Environment()
        let located = try await ModelAccess(environment).model(model)
        let configuration = try compute.configuration(for: located, environment)
        let deployment = try await Loading.deployment(configuration)
        _ = try await measure(deployment, run: 0)
        var rates: [Rates] = []
        for run in 1...repetitions { rates.append(try await measure(deployment, run: run)) }
        await deployment.shutdown(gracePeriod: .zero)
        json ? printJSON(rates, configuration) : printTable(rates, configuration)
    }

    /// Tokens a second.
    private struct Rates {
        var prefill: Double
        var decode: Double
    }

    private func measure(_ deployment: Deployment, run: Int) async throws -> Rates {
        var generator = BenchmarkGenerator(state: UInt64(run) &+ 1)
        let vocabularySize = UInt64(deployment.details.vocabularySize)
        let tokens = (0..<prompt).map { _ in TokenID(rawValue: Int32(generator.next() % vocabularySize)) }
        var parameters = GenerationParameters(sampling: .greedy, maxTokens: generate)
        parameters.ignoreEndOfSequence = true
        parameters.cacheSalt = "bench-\(run)"
        let clock = ContinuousClock()
        let start = clock.now
        let request = TextRequest(id: "bench-\(run)", prompt: .tokens(tokens), parameters: parameters)
        let generation = try await deployment.generate(request)
        var first: ContinuousClock.Instant?
        var last = start
        var count = 0
        for await event in generation.events {
            switch event {
            case .text(_, _, let tokens, _) where !tokens.isEmpty:
                last = clock.now
                first = first ?? last
                count += tokens.count
            case .failed(let reason): throw BenchmarkError.failed(reason)
            default: break
            }
        }
        guard let first, count > 1 else { throw BenchmarkError.failed("the model generated \(count) tokens") }
        return Rates(
            prefill: Double(prompt) / ((first - start) / .seconds(1)),
            decode: Double(count - 1) / max((last - first) / .seconds(1), 1e-9)
        )
    }

    private func printJSON(_ rates: [Rates], _ configuration: DeploymentConfiguration) {
        let object: JSONValue = [
            "model": .string(configuration.name),
            "threads": .integer(Int64(configuration.threadCount)),
            "isa": .string(configuration.instructionSet.name),
            "prompt": .integer(Int64(prompt)),
            "generate": .integer(Int64(generate)),
            "prefill": .array(rates.map { .number($0.prefill) }),
            "decode": .array(rates.map { .number($0.decode) }),
        ]
        Output.line(object.serialized())
    }

    private func printTable(_ rates: [Rates], _ configuration: DeploymentConfiguration) {
        let threads = configuration.threadCount == 1 ? "1 thread" : "\(configuration.threadCount) threads"
        Output.note("\(configuration.name), \(threads), \(configuration.instructionSet.name), \(repetitions) runs")
        let rows = [
            ["TOKENS/S", "MEDIAN", "LOWEST", "HIGHEST"],
            ["prefill \(prompt)"] + Self.summary(rates.map(\.prefill)),
            ["decode \(generate)"] + Self.summary(rates.map(\.decode)),
        ]
        Output.line(Table(rows: rows).text)
    }

    private static func summary(_ values: [Double]) -> [String] {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        let median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        return [median, sorted[0], sorted[sorted.count - 1]].map { String(format: "%.1f", $0) }
    }
}

/// Why there is no figure.
enum BenchmarkError: Error, CustomStringConvertible {
    case failed(String)

    var description: String {
        switch self {
        case .failed(let reason): "The run failed: \(reason)"
        }
    }
}

/// Repeatable prompts: SplitMix64 (Steele, Lea & Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
struct BenchmarkGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
