import ArgumentParser
import Deployments
import Foundation
import Inference
import Logging
import Serving

/// `hearth serve`: the HTTP server.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves models over the HTTP APIs of OpenAI, Anthropic and Ollama.",
        discussion: """
            Examples:

              hearth serve smollm2-135m
              hearth serve ./model.gguf --port 9000 --alias gpt-4o-mini
              hearth serve smollm2-135m all-minilm-l6-v2
              hearth serve smollm2-135m --adapter pirate=./pirate-lora
              hearth serve smollm2-135m hf:owner/model --host 0.0.0.0 --api-key "$KEY"

            Models that are not here are pulled first. The server listens on this machine only unless --host says \
            otherwise. SIGTERM and Ctrl-C let running answers end within --grace-period; a second one ends at once.
            """
    )

    @Argument(help: .model, completion: .models)
    var models: [String] = []

    @Option(help: "Address to listen on (HEARTH_HOST; 127.0.0.1).")
    var host: String?

    @Option(help: "Port to listen on; 0 takes any free one (HEARTH_PORT; 8080).")
    var port: Int?

    @OptionGroup var compute: ComputeOptions

    @Option(
        name: [.customLong("cache-bytes"), .customLong("kv-cache")],
        help: ArgumentHelp(
            "KV cache per model, such as 512M or 2G (HEARTH_CACHE_BYTES; four full contexts).",
            valueName: "size"
        )
    )
    var cacheBytes: ByteSize?

    @OptionGroup var diskCache: DiskCacheOptions

    @OptionGroup var storage: StorageOptions

    @OptionGroup var adapters: AdapterOptions

    @Option(help: "Most sequences computed at a time (HEARTH_MAX_RUNNING; 64).")
    var maxRunning: Int?

    @Option(
        help:
            "Most tokens in one step: smaller answers sooner under load, larger reads prompts faster (HEARTH_TOKENS_PER_STEP; 512)."
    )
    var tokensPerStep: Int?

    @Option(
        help: ArgumentHelp(
            "Milliseconds that running answers should wait at most for their next token while prompts are read; 0 for no bound (HEARTH_TOKEN_GAP; 100).",
            valueName: "ms"
        )
    )
    var tokenGap: Int?

    @Option(
        help: ArgumentHelp(
            "Whose turn it is when requests wait: fair, the key's and adapter's that was served least, or arrival, that of who came first (HEARTH_SCHEDULING; fair).",
            valueName: "fair|arrival"
        )
    )
    var scheduling: String?

    @OptionGroup var speculation: SpeculationOptions

    @Option(
        help: ArgumentHelp(
            "A model that answers /v1/embeddings, though it could write; may be repeated. Encoders do so without this.",
            valueName: "model"
        ),
        completion: .models
    )
    var embed: [String] = []

    @Option(help: "Another name for the first model; may be repeated.")
    var alias: [String] = []

    @Option(help: "A key that requests must show; may be repeated (HEARTH_API_KEY, with commas between several).")
    var apiKey: [String] = []

    @Option(help: "Origin whose browser scripts may call, or * (HEARTH_ALLOWED_ORIGIN; none).")
    var allowedOrigin: String?

    @Option(
        help:
            "A name that a server without keys on this machine may be called by, as in a proxy's Host; * for any; may be repeated (HEARTH_ALLOWED_HOST, with commas between several)."
    )
    var allowedHost: [String] = []

    @Option(help: "Seconds that running answers have to end (HEARTH_GRACE_PERIOD; 30).")
    var gracePeriod: Int?

    @Option(help: "trace, debug, info, notice, warning or error (HEARTH_LOG_LEVEL; info).")
    var logLevel: String?

    func validate() throws {
        if models.isEmpty && embed.isEmpty {
            throw ValidationError("Name a model, for instance `hearth serve \(Catalogue.defaultName)`.")
        }
    }

    func run() async throws {
        let settings = try ServeSettings(self, Environment())
        Output.note(settings.announcement)
        let storage = try storage.open(settings.environment)
        let access = try ModelAccess(settings.environment)
        var configurations: [DeploymentConfiguration] = []
        for (index, text) in (models + embed).enumerated() {
            let located = try await access.model(text)
            var configuration = try settings.configuration(for: located)
            if index == 0 { configuration.aliases = alias }
            configuration.isEmbedder = index >= models.count
            try await speculation.apply(to: &configuration, settings.environment, access)
            configurations.append(configuration)
        }
        try adapters.apply(to: &configurations, store: access.library.store, settings.environment)
        try Self.requireDistinctNames(configurations)
        try await ServeSession(settings: settings, storage: storage, configurations: configurations).run()
    }

    private static func requireDistinctNames(_ configurations: [DeploymentConfiguration]) throws {
        var seen: Set<String> = []
        for name in configurations.flatMap({ [$0.name] + $0.aliases }) where !seen.insert(name).inserted {
            throw ValidationError("Two models would be called \"\(name)\". Serve them from two processes.")
        }
    }
}

/// A number of bytes as typed: `536870912`, `512M`, `2G`.
struct ByteSize: ExpressibleByArgument, Sendable, CustomStringConvertible {
    let bytes: Int

    init?(argument: String) {
        let units: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40]
        var digits = argument.lowercased()[...]
        if digits.hasSuffix("ib") {
            digits = digits.dropLast(2)
        } else if digits.hasSuffix("b") {
            digits = digits.dropLast()
        }
        var unit = 1
        if let last = digits.last, let known = units[last] {
            unit = known
            digits = digits.dropLast()
        }
        guard let number = Double(digits), number > 0, number * Double(unit) < 1e17 else { return nil }
        bytes = Int(number * Double(unit))
    }

    var description: String { ByteCount(bytes).description }
}
