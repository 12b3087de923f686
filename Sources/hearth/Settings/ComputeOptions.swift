import ArgumentParser
import Deployments
import Foundation
import Inference
import Tensors

/// How a model is computed: flags that every command with arithmetic shares.
struct ComputeOptions: ParsableArguments {
    @Option(help: "Compute threads (HEARTH_THREADS; all cores).")
    var threads: Int?

    @Option(
        name: .customLong("isa"),
        help: ArgumentHelp(
            "Instruction set: portable, avx2, avx512, avx512vnni or neon (HEARTH_ISA; the fastest there is).",
            valueName: "set"
        )
    )
    var instructionSet: String?

    @Option(help: "Most tokens of prompt and answer together (HEARTH_CONTEXT_LENGTH; what the model was made for).")
    var contextLength: Int?

    @Option(
        help: ArgumentHelp(
            "How keys and values are kept: int16, f16, bf16, f32, int8 (HEARTH_CACHE_TYPE; by the instruction set).",
            valueName: "type"
        )
    )
    var cacheType: String?

    @Option(
        help: ArgumentHelp(
            "Keep weights that are floats in the file (F32, F16, BF16) as q8_0, q5_1, q5_0, q4_1 or q4_0: smaller and faster "
                + "(HEARTH_WEIGHT_TYPE; as they are).",
            valueName: "type"
        )
    )
    var weightType: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Keep the packed weights in a file for the next start (HEARTH_PACK=0 for not)."
    )
    var pack: Bool?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be from 1 to 1024.") }
        if let contextLength { try Self.requireContextLength(contextLength, from: "--context-length") }
    }

    /// More tokens than any context has, and few enough to be added up.
    static let tokenLimit = Int(Int32.max)

    /// Compute threads.
    func threadCount(_ environment: Environment) throws -> Setting<Int> {
        let setting = Setting(
            flag: ("--threads", threads),
            variable: ("HEARTH_THREADS", try environment.integer("HEARTH_THREADS")),
            default: ProcessInfo.processInfo.activeProcessorCount
        )
        if !(1...1024).contains(setting.value) { throw ValidationError("HEARTH_THREADS must be from 1 to 1024.") }
        return setting
    }

    /// Most tokens of prompt and answer together; nil for what the model was made for.
    func contextLength(_ environment: Environment) throws -> Int? {
        if let length = contextLength { return length }
        guard let length = try environment.integer("HEARTH_CONTEXT_LENGTH") else { return nil }
        try Self.requireContextLength(length, from: "HEARTH_CONTEXT_LENGTH")
        return length
    }

    private static func requireContextLength(_ length: Int, from name: String) throws {
        if !(1...tokenLimit).contains(length) {
            throw ValidationError("\(name) must be from 1 to \(tokenLimit).")
        }
    }

    /// The instruction set, one this machine has.
    func instructionSet(_ environment: Environment) throws -> Setting<InstructionSet> {
        guard let wanted = instructionSet ?? environment["HEARTH_ISA"] else {
            return Setting(.detected, from: .default)
        }
        let available = InstructionSet.available.map(\.name).joined(separator: ", ")
        guard let set = InstructionSet(named: wanted) else {
            throw ValidationError("There is no instruction set \"\(wanted)\". This machine has \(available).")
        }
        guard set.isAvailable else {
            throw ValidationError("This machine cannot execute \(set.name). It has \(available).")
        }
        return Setting(set, from: instructionSet == nil ? .environment("HEARTH_ISA") : .flag("--isa"))
    }

    /// How keys and values are kept.
    func cacheElementType(_ environment: Environment) throws -> ElementType {
        guard let wanted = cacheType ?? environment["HEARTH_CACHE_TYPE"] else {
            return CacheShape.standardElementType(for: try instructionSet(environment).value)
        }
        guard let type = CacheShape.elementTypes.first(where: { CacheShape.name(of: $0) == wanted.lowercased() }) else {
            let known = CacheShape.elementTypes.map(CacheShape.name).joined(separator: ", ")
            throw ValidationError("There is no cache of type \"\(wanted)\". Keys and values are kept as \(known).")
        }
        return type
    }

    /// What float weights are kept as; nil leaves them as they are.
    func weightType(_ environment: Environment) throws -> ElementType? {
        guard let wanted = weightType ?? environment["HEARTH_WEIGHT_TYPE"] else { return nil }
        let types = ElementType.reducedTypes
        guard let type = types.first(where: { $0.name.lowercased() == wanted.lowercased() }) else {
            let known = types.map { $0.name.lowercased() }.joined(separator: ", ")
            throw ValidationError("Weights cannot be kept as \"\(wanted)\". Float weights can be kept as \(known).")
        }
        return type
    }

    /// What `serve` tells of it, with who decided; nothing where float weights stay as they are.
    func weightTypeSentence(_ environment: Environment) throws -> String {
        guard let type = try weightType(environment) else { return "" }
        return "float weights as \(type.name) (\(weightType == nil ? "HEARTH_WEIGHT_TYPE" : "--weight-type")), "
    }

    /// How packed weights of `model` are kept; nil for in memory only.
    func packs(for model: LocatedModel, _ environment: Environment) -> PackSetting? {
        guard pack ?? (environment["HEARTH_PACK"] != "0") else { return nil }
        let store = PackStore(home: environment.home.value)
        return PackSetting(store: store, stored: model.stored)
    }

    /// Settings for `model`, and a line that tells them.
    func configuration(
        for model: LocatedModel,
        _ environment: Environment
    ) throws -> DeploymentConfiguration {
        var configuration = DeploymentConfiguration(name: model.servedName, path: model.path)
        configuration.threadCount = try threadCount(environment).value
        configuration.instructionSet = try instructionSet(environment).value
        configuration.cacheElementType = try cacheElementType(environment)
        configuration.contextLength = try contextLength(environment)
        configuration.weightType = try weightType(environment)
        configuration.packs = packs(for: model, environment)
        configuration.notice = { Output.note($0) }
        return configuration
    }
}

/// Opens models away from the threads that answer requests: loading blocks for seconds.
enum Loading {
    /// The deployment that `configuration` describes.
    static func deployment(_ configuration: DeploymentConfiguration) async throws -> Deployment {
        try await away { try Deployment.load(configuration) }
    }

    /// What `configuration` describes, whether it writes or embeds.
    static func model(_ configuration: DeploymentConfiguration) async throws -> LoadedModel {
        try await away { try LoadedModel.load(configuration) }
    }

    private static func away<Value: Sendable>(_ load: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try load() })
            }
        }
    }
}
