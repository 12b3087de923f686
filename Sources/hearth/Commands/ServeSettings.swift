import ArgumentParser
import Deployments
import Foundation
import Inference
import Logging
import Serving
import Tensors

/// What `hearth serve` runs with, decided from flags, environment and defaults.
struct ServeSettings: Sendable {
    let environment: Environment
    let serving: ServingConfiguration
    let logger: Logger
    /// One line per thing that was decided.
    let announcement: String

    private let base: DeploymentConfiguration
    private let compute: ComputeOptions

    init(_ command: Serve, _ environment: Environment) throws {
        self.environment = environment
        let serving = try Self.serving(command, environment)
        self.serving = serving
        logger = try Self.logger(command, environment)
        let threads = try command.compute.threadCount(environment)
        let instructionSet = try command.compute.instructionSet(environment)
        let limits = try Self.limits(command, environment)
        var base = DeploymentConfiguration(name: "", path: "")
        base.threadCount = threads.value
        base.instructionSet = instructionSet.value
        base.cacheElementType = try command.compute.cacheElementType(environment)
        base.contextLength = try command.compute.contextLength(environment)
        base.weightType = try command.compute.weightType(environment)
        let weightType = try command.compute.weightTypeSentence(environment)
        base.cacheBytes = try Self.cacheBytes(command, environment)
        base.diskCache = try command.diskCache.configuration(environment)
        base.limits = limits
        base.tokenGapLimit = try Self.tokenGapLimit(command, environment)
        base.scheduling = try Self.scheduling(command, environment)
        base.logger = logger
        self.base = base
        compute = command.compute
        announcement = """
            hearth \(HearthCommand.version): threads \(threads.sentence), instruction set \
            \(Setting(instructionSet.value.name, from: .init(instructionSet.origin)).sentence), \
            \(weightType)\
            store \(environment.home.sentence), keys \(serving.apiKeys.isEmpty ? "not asked for" : "asked for"), \
            steps of \(limits.tokensPerStep) tokens, \(limits.maxRunning) sequences at a time, \
            scheduling \(base.scheduling.rawValue), \
            speculation \(command.speculation.method(environment).sentence), \
            disk cache \(DiskCacheOptions.sentence(base.diskCache)), \
            storage \(command.storage.setting(environment).sentence)
            """
    }

    /// Settings of the deployment of `model`.
    func configuration(for model: LocatedModel) throws -> DeploymentConfiguration {
        var configuration = base
        configuration.name = model.servedName
        configuration.path = model.path
        configuration.packs = compute.packs(for: model, environment)
        configuration.notice = { Output.note($0) }
        return configuration
    }

    private static func serving(_ command: Serve, _ environment: Environment) throws -> ServingConfiguration {
        var serving = ServingConfiguration()
        serving.host = command.host ?? environment["HEARTH_HOST"] ?? serving.host
        serving.port = try command.port ?? environment.integer("HEARTH_PORT") ?? serving.port
        if !(0...65_535).contains(serving.port) { throw ValidationError("The port must be from 0 to 65535.") }
        serving.apiKeys = try apiKeys(command.apiKey, variable: environment.unfiltered("HEARTH_API_KEY"))
        serving.allowsAdapterChanges = command.adapters.allowsUpdates(environment)
        serving.allowedOrigin = try (command.allowedOrigin ?? environment["HEARTH_ALLOWED_ORIGIN"]).map(origin)
        let hosts = environment["HEARTH_ALLOWED_HOST"]?.split(separator: ",").map { String($0) } ?? []
        serving.allowedHosts = (command.allowedHost.isEmpty ? hosts : command.allowedHost)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        if let seconds = try command.gracePeriod ?? environment.integer("HEARTH_GRACE_PERIOD") {
            let day = 86_400
            if !(0...day).contains(seconds) {
                throw ValidationError("The grace period must be from 0 to \(day) seconds, a day.")
            }
            serving.gracePeriod = .seconds(seconds)
        }
        return serving
    }

    /// The keys of the flags, else those of the variable; none when neither is there.
    ///
    /// Empty keys are refused: an empty header would show one, and whoever sets the variable to nothing hardly means to
    /// let everybody in.
    ///
    /// - Parameter variable: `HEARTH_API_KEY` as it is set; nil when it is not.
    static func apiKeys(_ flags: [String], variable: String?) throws -> [String] {
        let texts = variable?.split(separator: ",", omittingEmptySubsequences: false).map { String($0) } ?? []
        let keys = (flags.isEmpty ? texts : flags).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        guard keys.contains("") else { return keys }
        if !flags.isEmpty {
            throw ValidationError("--api-key is empty. Give a key, or leave the flag out to ask for none.")
        }
        if keys.allSatisfy(\.isEmpty) {
            throw ValidationError("HEARTH_API_KEY is set and holds no key. Give it one, or unset it to ask for none.")
        }
        throw ValidationError("HEARTH_API_KEY has an empty key. Commas stand between keys, not before or behind them.")
    }

    /// An origin as browsers spell it: in small letters, without a path.
    static func origin(_ text: String) throws -> String {
        if text == "*" { return text }
        let lower = text.lowercased()
        let bare = lower.hasSuffix("/") ? String(lower.dropLast()) : lower
        let parts = bare.components(separatedBy: "://")
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !parts[1].contains("/") else {
            throw ValidationError("'\(text)' is no origin. Give one as https://app.example, or * for all.")
        }
        return bare
    }

    private static func limits(_ command: Serve, _ environment: Environment) throws -> StepLimits {
        let standard = StepLimits.standard
        return try StepLimits(
            tokensPerStep: command.tokensPerStep ?? environment.integer("HEARTH_TOKENS_PER_STEP")
                ?? standard.tokensPerStep,
            maxRunning: command.maxRunning ?? environment.integer("HEARTH_MAX_RUNNING") ?? standard.maxRunning
        )
    }

    private static func tokenGapLimit(_ command: Serve, _ environment: Environment) throws -> Duration? {
        guard let milliseconds = try command.tokenGap ?? environment.integer("HEARTH_TOKEN_GAP") else {
            return EngineConfiguration.standardTokenGapLimit
        }
        if milliseconds < 0 { throw ValidationError("The token gap must not be negative.") }
        return milliseconds == 0 ? nil : .milliseconds(milliseconds)
    }

    static func scheduling(_ command: Serve, _ environment: Environment) throws -> Scheduling {
        guard let name = command.scheduling ?? environment["HEARTH_SCHEDULING"] else { return .fair }
        guard let scheduling = Scheduling(rawValue: name) else {
            throw ValidationError("There is no scheduling \"\(name)\": use fair or arrival.")
        }
        return scheduling
    }

    private static func cacheBytes(_ command: Serve, _ environment: Environment) throws -> Int? {
        if let size = command.cacheBytes { return size.bytes }
        guard let text = environment["HEARTH_CACHE_BYTES"] else { return nil }
        guard let size = ByteSize(argument: text) else {
            throw ValidationError("HEARTH_CACHE_BYTES is \"\(text)\", which is no size such as 512M or 2G.")
        }
        return size.bytes
    }

    private static func logger(_ command: Serve, _ environment: Environment) throws -> Logger {
        let name = command.logLevel ?? environment["HEARTH_LOG_LEVEL"] ?? "info"
        guard let level = Logger.Level(rawValue: name.lowercased()) else {
            throw ValidationError(
                "There is no log level \"\(name)\": use trace, debug, info, notice, warning or error."
            )
        }
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "hearth")
        logger.logLevel = level
        return logger
    }
}

extension Setting<String>.Origin {
    /// The same origin of another value's setting.
    init(_ origin: Setting<InstructionSet>.Origin) {
        switch origin {
        case .flag(let name): self = .flag(name)
        case .environment(let name): self = .environment(name)
        case .default: self = .default
        }
    }
}
