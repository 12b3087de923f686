import Foundation
import JSON
import Tensors

/// A low-rank adapter on disk: factors by the name of the weight that they change.
///
/// It is a PEFT folder (`adapter_config.json` beside `adapter_model.safetensors`) or a GGUF file of the type `adapter`.
/// Source: Hu et al., *LoRA*, arXiv:2106.09685; the files as `peft` and llama.cpp's `convert_lora_to_gguf.py` write them.
package struct AdapterCheckpoint: Sendable {
    /// How one weight `[outputs, inputs]` is changed: by scale · B A.
    package struct Factors: Sendable {
        /// The weight's name as the format spells it, without an ending: `model.layers.0.self_attn.q_proj`, `blk.0.attn_q`.
        package var name: String
        package var rank: Int
        package var inputs: Int
        package var outputs: Int
        /// A, `[rank, inputs]`.
        package var a: AdapterFactor
        /// B, `[outputs, rank]`.
        package var b: AdapterFactor
        package var scale: Float
    }

    /// A weight that an adapter brings whole, as PEFT's `modules_to_save` has it.
    package enum WholeWeight: String, Sendable, CaseIterable {
        case embedding = "embed_tokens"
        case head = "lm_head"

        /// The weight of a module's name, with or without what stands above it.
        init?(module name: String) {
            guard let last = name.split(separator: ".").last, let weight = WholeWeight(rawValue: String(last)) else {
                return nil
            }
            self = weight
        }
    }

    /// Decides how weights are named, and how rows of queries and keys are ordered.
    package let format: CheckpointFormat
    /// The architecture of the model that it is for, where the file says it.
    package let architecture: String?
    /// Where it was read from.
    package let path: String
    /// The file with the factors.
    package let tensorPath: String
    /// In the order of their names.
    package let factors: [Factors]
    /// Weights that are replaced, `[vocabulary, width]` each.
    package let saved: [WholeWeight: TensorEntry]
    /// Whether a replaced embedding is the output head too, where the base has one matrix for both.
    package let tiesSaved: Bool
    private let file: SafetensorsFile?

    /// Highest rank that is read.
    package static let rankLimit = 256
    /// Bytes that `adapter_config.json` may have; one that names every module of a large model has tens of thousands.
    static let configurationByteLimit = 1 << 20

    /// Reads the folder or file at `path` and checks its factors. Files are copied into memory: adapters come and go
    /// while a server runs, and whoever writes to a file of one meanwhile changes nothing here.
    ///
    /// - Parameter copying: how the file with the factors is.
    package init(path: String, copying: FileCopying = FileCopying()) throws(CheckpointError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .notFound(path: path)
        }
        self.path = path
        if isFolder.boolValue {
            let folder = ModelFolder(path: path)
            let limited = FileCopying(byteLimit: Self.configurationByteLimit)
            guard let settings = try folder.settings("adapter_config.json", copying: limited) else {
                throw .notAnAdapter(path: path, reason: "the folder has no adapter_config.json")
            }
            let configuration = try AdapterConfiguration(settings)
            guard folder.has("adapter_model.safetensors") else {
                throw .notAnAdapter(
                    path: path,
                    reason: "the folder has no adapter_model.safetensors with the factors; a .bin file is not read, so "
                        + "save with safe_serialization"
                )
            }
            tensorPath = folder.path(of: "adapter_model.safetensors")
            let file = try SafetensorsFile(path: tensorPath, copying: copying)
            format = .safetensors
            let tensors = try AdapterTensors(file, configuration)
            self.file = file
            architecture = nil
            saved = tensors.saved
            // What PEFT keeps without being told to is what it loads over the base's own.
            tiesSaved = configuration.tiesWeights || !configuration.savedModules.contains(.embedding)
            factors = try Self.factors(tensors, copying.pace)
        } else {
            tensorPath = path
            let file = try GGUFFile(path: path, copying: copying)
            format = .gguf
            self.file = nil
            architecture = file.metadata["general.architecture"]?.stringValue
            saved = [:]
            tiesSaved = false
            factors = try Self.factors(AdapterTensors(file), copying.pace)
        }
    }

    /// The bytes of a saved weight.
    package func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer {
        guard let file else { preconditionFailure("AdapterCheckpoint: \(tensor.name) is of another file") }
        return file.bytes(of: tensor)
    }

    private static func factors(_ tensors: AdapterTensors, _ pace: WorkPace?) throws(CheckpointError) -> [Factors] {
        var factors: [Factors] = []
        for (name, pair) in tensors.pairs.sorted(by: { $0.key < $1.key }) {
            guard let a = pair.a, let b = pair.b else {
                throw tensors.invalid(name, pair.a == nil ? "has no A" : "has no B")
            }
            guard a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1], a.shape[1] > 0, b.shape[0] > 0
            else {
                throw tensors.invalid(name, "has factors of the shapes \(a.shape) and \(b.shape), which do not fit")
            }
            let rank = a.shape[0]
            guard (1...rankLimit).contains(rank) else {
                throw tensors.invalid(name, "has the rank \(rank); ranks from 1 to \(rankLimit) are read")
            }
            if let expected = tensors.rank(of: name), expected != rank {
                throw tensors.invalid(name, "has the rank \(rank), and the configuration says \(expected)")
            }
            factors.append(
                Factors(
                    name: name,
                    rank: rank,
                    inputs: a.shape[1],
                    outputs: b.shape[0],
                    a: try tensors.factor(a),
                    b: try tensors.factor(b),
                    scale: try tensors.scale(of: name, rank: rank)
                )
            )
            pace?.pause()
        }
        if factors.isEmpty, tensors.saved.isEmpty {
            throw .notAnAdapter(path: tensors.path, reason: "it has no factors")
        }
        return factors
    }
}

/// The tensors of an adapter in pairs, whichever format they are stored in.
private struct AdapterTensors {
    let path: String
    private(set) var pairs: [String: (a: TensorEntry?, b: TensorEntry?)] = [:]
    private(set) var saved: [AdapterCheckpoint.WholeWeight: TensorEntry] = [:]
    private let file: any AdapterFile
    /// nil for GGUF, which has one alpha for all.
    private let configuration: AdapterConfiguration?
    private let alpha: Float?

    /// PEFT's names are `base_model.model.` + the weight's + `.lora_A.weight`, with an adapter's name before the ending in
    /// older files.
    init(_ file: SafetensorsFile, _ configuration: AdapterConfiguration) throws(CheckpointError) {
        (path, self.configuration, alpha, self.file) = (file.path, configuration, nil, file)
        for tensor in file.tensors {
            var name = tensor.name
            if name.hasPrefix("base_model.model.") { name.removeFirst("base_model.model.".count) }
            if let end = name.range(of: ".lora_A") {
                try add(tensor, a: true, to: String(name[..<end.lowerBound]))
            } else if let end = name.range(of: ".lora_B") {
                try add(tensor, a: false, to: String(name[..<end.lowerBound]))
            } else if let weight = Self.wholeWeight(name) {
                try save(tensor, as: weight)
            } else {
                throw invalid(tensor.name, Self.reason(tensor.name))
            }
        }
        for weight in configuration.savedModules where saved[weight] == nil {
            throw invalid("\(weight.rawValue).weight", "is missing, though modules_to_save names it")
        }
    }

    /// What `…embed_tokens.weight` and `…lm_head.weight` replace; nil for other names.
    private static func wholeWeight(_ name: String) -> AdapterCheckpoint.WholeWeight? {
        guard name.hasSuffix(".weight") else { return nil }
        var module = String(name.dropLast(".weight".count))
        // Newer files of models with adapters on the embedding itself; a copy of the base's.
        if module.hasSuffix(".base_layer") { module.removeLast(".base_layer".count) }
        return AdapterCheckpoint.WholeWeight(module: module)
    }

    private mutating func save(
        _ tensor: TensorEntry,
        as weight: AdapterCheckpoint.WholeWeight
    ) throws(CheckpointError) {
        if let other = saved[weight] {
            throw .duplicateTensor(name: "\(tensor.name) and \(other.name)", file: path, otherFile: path)
        }
        guard tensor.shape.count == 2, [.f32, .f16, .bf16].contains(tensor.elementType) else {
            throw invalid(
                tensor.name,
                "is \(tensor.elementType.name) of the shape \(tensor.shape), and no matrix of floats"
            )
        }
        _ = try factor(tensor)
        saved[weight] = tensor
    }

    /// GGUF's names are the base's, with `.lora_a` or `.lora_b` behind.
    init(_ file: GGUFFile) throws(CheckpointError) {
        (path, configuration, self.file) = (file.path, nil, file)
        guard file.metadata["general.type"]?.stringValue == "adapter" else {
            throw .notAnAdapter(path: file.path, reason: "it is a GGUF file of another kind")
        }
        let kind = file.metadata["adapter.type"]?.stringValue ?? "none"
        guard kind == "lora" else {
            throw .notAnAdapter(path: file.path, reason: "it is a GGUF adapter of the type \(kind); only lora is read")
        }
        // The key that llama.cpp's converter writes beside the same type.
        if let tokens = file.metadata["adapter.alora.invocation_tokens"]?.integers, !tokens.isEmpty {
            throw .notAnAdapter(
                path: file.path,
                reason: "it is an activated LoRA (adapter.alora.invocation_tokens), which changes some tokens only and "
                    + "is not supported"
            )
        }
        guard let alpha = file.metadata["adapter.lora.alpha"]?.floatValue, alpha.isFinite else {
            throw .missingAdapterKey(file: file.path, key: "adapter.lora.alpha")
        }
        self.alpha = alpha
        for tensor in file.tensors {
            let name = tensor.name
            let isA = name.hasSuffix(".lora_a")
            guard isA || name.hasSuffix(".lora_b") else { throw invalid(name, Self.reason(name)) }
            var weight = String(name.dropLast(".lora_a".count))
            if weight.hasSuffix(".weight") { weight.removeLast(".weight".count) }
            try add(tensor, a: isA, to: weight)
        }
    }

    private mutating func add(_ tensor: TensorEntry, a isA: Bool, to name: String) throws(CheckpointError) {
        var pair = pairs[name] ?? (nil, nil)
        if (isA ? pair.a : pair.b) != nil {
            throw .duplicateTensor(name: name + (isA ? " (A)" : " (B)"), file: path, otherFile: path)
        }
        if isA { pair.a = tensor } else { pair.b = tensor }
        pairs[name] = pair
    }

    /// Why a tensor that is no factor of a linear layer is refused.
    private static func reason(_ name: String) -> String {
        if name.contains("lora_magnitude_vector") { return "belongs to DoRA, which is not supported" }
        if name.contains("lora_embedding") { return "changes the embedding, which is not supported" }
        if name.contains("modules_to_save") || name.hasSuffix("norm.weight") {
            return "replaces a whole weight (modules_to_save), which only embed_tokens and lm_head can be"
        }
        return "is no factor of a low-rank change"
    }

    func invalid(_ name: String, _ problem: String) -> CheckpointError {
        .invalidValue(file: path, key: "the tensor \(name)", problem: problem)
    }

    /// The rank that the configuration gives a weight; nil where there is no configuration.
    func rank(of name: String) -> Int? { configuration?.rank(of: name) }

    /// alpha / rank, or alpha / √rank.
    func scale(of name: String, rank: Int) throws(CheckpointError) -> Float {
        if let configuration { return configuration.scale(of: name, rank: rank) }
        // llama.cpp takes an alpha of 0 for none.
        guard let alpha, alpha != 0 else { return 1 }
        return alpha / Float(rank)
    }

    /// A tensor of floats, all of them finite.
    func factor(_ tensor: TensorEntry) throws(CheckpointError) -> AdapterFactor {
        guard let factor = AdapterFactor(tensor, in: file) else {
            throw invalid(tensor.name, "has the element type \(tensor.elementType.name)")
        }
        guard factor.isFinite else { throw invalid(tensor.name, "has numbers that are not finite") }
        return factor
    }
}
