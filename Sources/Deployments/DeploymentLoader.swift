package import Checkpoints
import Foundation
package import Inference
package import Logging
package import Models
import Synchronization
package import Tensors
package import Tokenization

/// How a model is to be run.
package struct DeploymentConfiguration: Sendable {
    /// The name requests use.
    package var name: String
    /// Further names that mean the same deployment.
    package var aliases: [String]
    /// GGUF file or Hugging Face folder.
    package var path: String
    /// Most tokens of prompt and answer together; nil takes what the checkpoint was made for.
    package var contextLength: Int?
    /// Bytes of KV cache; nil takes enough for four full contexts, but at most a quarter of the machine's memory.
    package var cacheBytes: Int?
    /// How keys and values are kept: f16, bf16 or f32.
    package var cacheElementType: ElementType
    /// Where blocks outlive the process; nil keeps them in memory only.
    package var diskCache: DiskCacheConfiguration?
    package var limits: StepLimits
    /// How long a running answer should wait for its next token while prompts are read; nil for as long as it takes.
    package var tokenGapLimit: Duration?
    package var instructionSet: InstructionSet
    /// Compute threads, the engine's own included.
    package var threadCount: Int
    /// Where the engine's lines go.
    package var logger: Logger
    /// How tokens are guessed.
    package var speculation: Speculation
    /// Most tokens guessed for an answer in one step, 1 to 64.
    package var draftLimit: Int
    /// How packed weights are kept on the disk; nil keeps them in memory only.
    package var packs: PackSetting?
    /// Told what a user may want to know of how the model is loaded.
    package var notice: @Sendable (String) -> Void
    /// Low-rank adapters that are served as variants of the model.
    package var adapters: [AdapterReference]
    /// An adapter that is folded into the weights; nil leaves them as they are.
    package var mergedAdapter: AdapterReference?
    /// Whether weights of fewer than 8 bits that it changes get 8.
    package var mergesPrecisely: Bool
    /// What float weights are kept as, one of `ElementType.reducedTypes`; nil leaves them as they are.
    package var weightType: ElementType?
    /// Folders whose adapters are variants too, as they come and go.
    package var adapterFolders: [AdapterFolder]
    /// Bytes of adapters in memory above which those that no request uses leave it.
    package var adapterBytes: Int
    /// How their factors are kept.
    package var adapterPrecision: FactorPrecision
    /// Parts of the machine that adapters have as against others and the model itself, by name; 1 for those not named.
    package var adapterWeights: [String: Double]
    /// Whose turn it is among requests of one priority.
    package var scheduling: Scheduling
    /// Whether the model turns texts into vectors even if it could write; encoders always do.
    package var isEmbedder: Bool

    /// A deployment with every setting at its default.
    package init(name: String, path: String) {
        self.name = name
        self.path = path
        aliases = []
        contextLength = nil
        cacheBytes = nil
        cacheElementType = CacheShape.standardElementType(for: .detected)
        limits = .standard
        tokenGapLimit = EngineConfiguration.standardTokenGapLimit
        instructionSet = .detected
        threadCount = ProcessInfo.processInfo.activeProcessorCount
        logger = Engine.silentLogger
        speculation = .off
        draftLimit = EngineConfiguration.standardDraftLimit
        packs = nil
        notice = { _ in }
        adapters = []
        mergedAdapter = nil
        mergesPrecisely = false
        weightType = nil
        adapterFolders = []
        adapterBytes = AdapterRegistry.standardByteBudget
        adapterPrecision = .int5
        adapterWeights = [:]
        scheduling = .fair
        isEmbedder = false
    }
}

extension Deployment {
    /// Opens the checkpoint, packs its weights and starts an engine. Blocks for as long as that takes.
    package static func load(_ configuration: DeploymentConfiguration) throws(DeploymentError) -> Deployment {
        let identity = FileIdentity(of: configuration.path)
        let base = try openCheckpoint(configuration.path)
        let workers = WorkerPool(threadCount: configuration.threadCount)
        let served = try ServedCheckpoint(base, configuration, on: workers)
        let checkpoint = served.checkpoint
        let text = ConcurrentLoad { () throws(DeploymentError) in
            (try loadTokenizer(checkpoint), try parseTemplate(checkpoint))
        }
        let adapters = try loadAdapters(configuration, of: checkpoint)
        let model = try loadDecoder(served, configuration, workers: workers)
        let (tokenizer, template) = try text.value()
        let traits = model.traits
        var details = ModelDetails(
            architecture: traits.architecture,
            parameterCount: traits.parameterCount,
            vocabularySize: traits.vocabularySize,
            contextLength: traits.contextLength,
            path: configuration.path
        )
        details.cacheBytesPerToken = traits.cacheBytesPerToken
        details.costs = traits.costs
        let drafter = try makeDrafter(for: traits, workers: workers, configuration)
        let disk = try openDiskCache(served, openedAs: identity, traits, configuration)
        let engine = try makeEngine(model, drafter, disk, configuration)
        return Deployment(
            identity: DeploymentIdentity(
                name: configuration.name,
                aliases: configuration.aliases,
                samplingDefaults: SamplingDefaults(checkpoint.generationDefaults)
            ),
            details: details,
            tokenizer: tokenizer,
            chatTemplate: template,
            adapters: adapters,
            backend: engine
        )
    }

    /// Opens the checkpoint at `path`.
    package static func openCheckpoint(_ path: String) throws(DeploymentError) -> Checkpoint {
        do {
            return try Checkpoint.open(path: path)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }

    /// The tokenizer that comes with `checkpoint`.
    package static func loadTokenizer(_ checkpoint: Checkpoint) throws(DeploymentError) -> Tokenizer {
        do {
            if let gguf = checkpoint.gguf { return try Tokenizer(gguf: gguf) }
            if let folder = checkpoint.folder {
                // As in transformers: the older place counts where there is nothing in the newer.
                let ends = checkpoint.generationDefaults.eosTokenIDs
                let older = checkpoint.configuration.eosTokenIDs
                return try Tokenizer(huggingFaceFolder: folder, ends: ends.isEmpty ? older : ends)
            }
        } catch {
            throw .modelUnavailable(message: error.description)
        }
        throw .modelUnavailable(message: "The checkpoint has no place where a tokenizer could be.")
    }

    /// The decoder of a checkpoint, its weights packed.
    ///
    /// - Parameter workers: those that `served` was made with.
    package static func loadDecoder(
        _ served: ServedCheckpoint,
        _ configuration: DeploymentConfiguration,
        workers: WorkerPool
    ) throws(DeploymentError) -> sending Decoder {
        let checkpoint = served.checkpoint
        if checkpoint.isEncoder {
            throw .modelUnavailable(
                message: "\(configuration.name) turns texts into vectors and writes none. "
                    + "Serve it with `hearth serve` and ask /v1/embeddings."
            )
        }
        let trained = checkpoint.configuration.contextLength
        if let asked = configuration.contextLength, asked > trained || asked < 1 {
            throw .modelUnavailable(
                message: "A context of \(asked) tokens was asked for; \(configuration.name) reaches 1 to \(trained)."
            )
        }
        do throws(ModelError) {
            let set = configuration.instructionSet
            let context = configuration.contextLength
            let cacheType = configuration.cacheElementType
            let (packs, notice) = (configuration.packs, configuration.notice)
            return try PackedLoading.decoder(of: served, packs, notice: notice, on: workers) {
                (source) throws(ModelError) in
                try Decoder(
                    checkpoint,
                    compute: Compute(instructionSet: set, workers: workers),
                    contextLength: context,
                    cacheElementType: cacheType,
                    source: source
                )
            }
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }

    static func parseTemplate(_ checkpoint: Checkpoint) throws(DeploymentError) -> ChatTemplate? {
        guard let source = checkpoint.chatTemplate else { return nil }
        do {
            return try ChatTemplate(source: source)
        } catch {
            throw .modelUnavailable(message: "The model's chat template cannot be read: \(error)")
        }
    }

    private static func makeEngine(
        _ model: sending Decoder,
        _ drafter: sending (any Drafter)?,
        _ disk: DiskCache?,
        _ configuration: DeploymentConfiguration
    ) throws(DeploymentError) -> Engine {
        let traits = model.traits
        let contextBytes = traits.contextLength * traits.cacheBytesPerToken
        let memoryBytes = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let bytes = configuration.cacheBytes ?? min(4 * contextBytes, memoryBytes / 4)
        do {
            var settings = try EngineConfiguration(
                cacheSize: .bytes(bytes),
                limits: configuration.limits,
                draftLimit: configuration.draftLimit
            )
            settings.tokenGapLimit = configuration.tokenGapLimit
            settings.scheduling = configuration.scheduling
            return try Engine(
                model: model,
                drafter: drafter,
                configuration: settings,
                disk: disk,
                logger: configuration.logger
            )
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }
}

/// Something that is loaded on a thread of its own.
private final class ConcurrentLoad<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, DeploymentError>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ load: @escaping @Sendable () throws(DeploymentError) -> Value) {
        Thread.detachNewThread { [self] in
            let loaded = Result(catching: load)
            result.withLock { $0 = loaded }
            done.signal()
        }
    }

    /// The value, once it is there. Ask once.
    func value() throws(DeploymentError) -> Value {
        done.wait()
        guard let loaded = result.withLock({ $0 }) else { preconditionFailure("ConcurrentLoad: asked twice") }
        return try loaded.get()
    }
}

extension SamplingDefaults {
    init(_ defaults: GenerationDefaults) {
        self.init(
            temperature: defaults.temperature,
            topP: defaults.topP,
            topK: defaults.topK,
            minP: defaults.minP,
            repetitionPenalty: defaults.repetitionPenalty
        )
    }
}
