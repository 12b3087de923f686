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
            Requests go through the engine, as a server runs them: one at a time, or --streams together. Prefill is \
            prompt tokens by the time to the first token of all; decode is the tokens after it, of all streams, by the \
            time they take. Every repetition has prompts of its own, so nothing comes from the cache, and nothing is \
            guessed. A warm-up run is not counted. Print medians with the machine idle, or do not quote them.

            Examples:

              hearth bench smollm2-135m
              hearth bench ./model.gguf --prompt 2048 --generate 128 --repetitions 3 --json
              hearth bench smollm2-135m --prompt 16 --streams 8
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

    @Option(help: "Requests computed together, 1 to 64.")
    var streams = 1

    @OptionGroup var compute: ComputeOptions

    @Flag(help: "Print {\"prefill\": […], \"decode\": […]} in tokens a second.")
    var json = false

    func validate() throws {
        if prompt < 1 || generate < 2 || repetitions < 1 {
            throw ValidationError("--prompt and --repetitions must be at least 1, --generate at least 2.")
        }
        if !(1...StepLimits.standard.maxRunning).contains(streams) {
            throw ValidationError("--streams must be from 1 to \(StepLimits.standard.maxRunning).")
        }
    }

    func run() async throws {
        let environment = Environment()
        let located = try await ModelAccess(environment).model(model)
        let configuration = try compute.configuration(for: located, environment)
        let deployment = try await Loading.deployment(configuration)
        let bench = BenchmarkRun(
            deployment: deployment,
            promptCount: prompt,
            generatedCount: generate,
            streamCount: streams
        )
        _ = try await bench.rates(run: 0)
        var rates: [BenchmarkRates] = []
        for run in 1...repetitions { rates.append(try await bench.rates(run: run)) }
        await deployment.shutdown(gracePeriod: .zero)
        json ? printJSON(rates, configuration) : printTable(rates, configuration)
    }

    private func printJSON(_ rates: [BenchmarkRates], _ configuration: DeploymentConfiguration) {
        let object: JSONValue = [
            "model": .string(configuration.name),
            "threads": .integer(Int64(configuration.threadCount)),
            "isa": .string(configuration.instructionSet.name),
            "prompt": .integer(Int64(prompt)),
            "generate": .integer(Int64(generate)),
            "streams": .integer(Int64(streams)),
            "prefill": .array(rates.map { .number($0.prefill) }),
            "decode": .array(rates.map { .number($0.decode) }),
        ]
        Output.line(object.serialized())
    }

    private func printTable(_ rates: [BenchmarkRates], _ configuration: DeploymentConfiguration) {
        let threads = configuration.threadCount == 1 ? "1 thread" : "\(configuration.threadCount) threads"
        let together = streams == 1 ? "" : ", \(streams) streams"
        Output.note(
            "\(configuration.name), \(threads), \(configuration.instructionSet.name), \(repetitions) runs\(together)"
        )
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
