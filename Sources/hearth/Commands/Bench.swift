import ArgumentParser
import Checkpoints
import Deployments
import Foundation
import Inference
import JSON
import Models
import Tensors
import Tokenization

/// `hearth bench`: how fast a model is here, and how fast it could be.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures prefill and decode rates of a model beside the machine's ceilings.",
        discussion: """
            Requests go through the engine, as a server runs them, --streams of them together. Prefill is prompt tokens \
            by the time to the first token of all; decode is the tokens after it, of all streams, by the time they take. \
            Nothing is guessed, and a warm-up is not counted. Lists are measured one after the other.

            Without --depth every prompt is read anew, and decode goes on from it. With --depth prompts are read one at a \
            time, and decode starts from a context of so many tokens that is in the KV cache already; then the default of \
            --prompt is none.

            Beside the rates stand operations (two for a multiplication and its addition) and bytes a second, counted from \
            the packed weights and the KV cache, each with the share of the time that they alone would take at the ceiling \
            measured between the repetitions: 8-bit and float32 products on registers, and a read of as many bytes as a \
            step reads, by all threads. LIMIT is the lowest ceiling. Print medians with the machine idle, or do not quote \
            them.

            With --adapter the streams take the adapters in turn; operations and bytes stay those of the base.

            Examples:

              hearth bench smollm2-135m
              hearth bench ./model.gguf --prompt 512,2048,8192 --depth 0,4096 --streams 1,8,16 --roofline
              hearth bench smollm2-135m --streams 8 --adapter ./one --adapter ./two
              hearth bench smollm2-135m --prompt 16 --streams 8 --repetitions 3 --json
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Option(help: "Tokens in the prompt; a list (512).")
    var prompt: SizeList?

    @Option(help: "Tokens of context, in the cache already, that decode starts from; a list.")
    var depth: SizeList?

    @Option(help: "Tokens to generate.")
    var generate = 64

    @Option(help: "Measured runs.")
    var repetitions = 5

    @Option(help: "Requests computed together, 1 to 64; a list.")
    var streams = SizeList([1])

    @OptionGroup var compute: ComputeOptions

    @OptionGroup var adapters: ActiveAdapters

    @Flag(help: "Print operations per byte, the bound they imply and the share reached, too.")
    var roofline = false

    @Flag(help: "Print everything as JSON: rows, and prefill and decode of the first of each in tokens a second.")
    var json = false

    func validate() throws {
        let prompts = prompt?.sizes ?? [], depths = depth?.sizes ?? []
        if !prompts.allSatisfy({ $0 >= 1 }) || generate < 2 || repetitions < 1 {
            throw ValidationError("--prompt and --repetitions must be at least 1, --generate at least 2.")
        }
        if !depths.allSatisfy({ $0 >= 0 }) { throw ValidationError("--depth must be at least 0.") }
        if !(prompts + depths + [generate, repetitions]).allSatisfy({ $0 <= Self.largestCount }) {
            throw ValidationError(
                "--prompt, --depth, --generate and --repetitions must be at most \(Self.largestCount)."
            )
        }
        let limit = StepLimits.standard.maxRunning
        if !streams.sizes.allSatisfy({ (1...limit).contains($0) }) {
            throw ValidationError("--streams must be from 1 to \(limit).")
        }
    }

    /// More tokens than any context has.
    private static let largestCount = 1 << 30

    /// What the flags ask for, in order.
    var cases: [BenchmarkCase] {
        BenchmarkCase.all(
            prompts: prompt?.sizes ?? (depth == nil ? [512] : []),
            depths: depth?.sizes,
            streams: streams.sizes,
            generate: generate
        )
    }

    func run() async throws {
        let environment = Environment()
        let access = try ModelAccess(environment)
        let located = try await access.model(model)
        var configuration = try compute.configuration(for: located, environment)
        configuration.tokenGapLimit = nil
        configuration.cacheBytes = try cacheBytes(configuration)
        try adapters.apply(to: &configuration, store: access.library.store, environment)
        let deployment = try await Loading.deployment(configuration)
        var session = try BenchmarkSession(deployment, configuration, repetitionCount: repetitions)
        session.adapters = try await adapters.leases(of: deployment)
        if !json { Output.note(heading(configuration)) }
        var rows: [BenchmarkRow] = []
        for measured in cases { rows += try await session.rows(of: measured) }
        await deployment.shutdown(gracePeriod: .zero)
        let report = BenchmarkReport(rows: rows)
        if json { return Output.line(report.json(configuration).serialized()) }
        Output.line(report.table.text)
        if roofline { Output.line("\n" + report.roofline.text) }
    }

    private func heading(_ configuration: DeploymentConfiguration) -> String {
        let threads = configuration.threadCount == 1 ? "1 thread" : "\(configuration.threadCount) threads"
        let runs = repetitions == 1 ? "1 run" : "\(repetitions) runs"
        let weights = configuration.weightType.map { "float weights as \($0.name), " } ?? ""
        return "\(configuration.name), \(threads), \(configuration.instructionSet.name), \(weights)\(runs)"
    }

    /// Room for the largest case, twice: what a repetition adds must not push out the contexts that the next one needs.
    private func cacheBytes(_ configuration: DeploymentConfiguration) throws -> Int {
        let model = try Deployment.openCheckpoint(configuration.path).configuration
        let shape = CacheShape(
            layerCount: model.layerCount,
            kvHeadCount: model.kvHeadCount,
            headWidth: model.headWidth,
            elementType: configuration.cacheElementType
        )
        let context = configuration.contextLength ?? model.contextLength
        for measured in cases where measured.tokenCount > context {
            throw ValidationError(
                "\(measured.promptCount) tokens and \(measured.generatedCount) more do not fit a context of \(context)."
            )
        }
        let blockSize = EngineConfiguration.standard.blockSize
        let tokens = cases.map { $0.streamCount * ($0.tokenCount + 2 * blockSize) }.max() ?? 0
        let bytes = 2 * tokens * shape.bytesPerToken
        let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        if bytes / 2 > memory {
            throw ValidationError("\(tokens) tokens of context need more memory than there is, \(bytes >> 31) GiB.")
        }
        return min(bytes, memory)
    }
}
