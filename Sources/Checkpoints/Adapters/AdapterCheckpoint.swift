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
        package var a: [Float]
        /// B, `[outputs, rank]`.
        package var b: [Float]
        package var scale: Float
    }

    /// Decides how weights are named, and how rows of queries and keys are ordered.
    package let format: CheckpointFormat
    /// Where it was read from.
    package let path: String
    /// The file with the factors.
    package let tensorPath: String
    /// In the order of their names.
    package let factors: [Factors]

    /// Highest rank that is read.
    package static let rankLimit = 256

    /// Reads the folder or file at `path`. All factors are in memory afterwards.
    package init(path: String) throws(CheckpointError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .notFound(path: path)
        }
        self.path = path
        if isFolder.boolValue {
            let folder = ModelFolder(path: path)
            guard let settings = try folder.settings("adapter_config.json") else {
                throw .notAnAdapter(path: path, reason: "the folder has no adapter_config.json")
            }
            let configuration = try AdapterConfiguration(settings)
            guard folder.has("adapter_model.safetensors") else {
                throw .missingFile(
                    path: folder.path(of: "adapter_model.safetensors"),
                    reason: "the adapter's factors are in it; a .bin file is not read, so save with safe_serialization"
                )
            }
            tensorPath = folder.path(of: "adapter_model.safetensors")
            let file = try SafetensorsFile(path: tensorPath)
            format = .safetensors
            factors = try Self.factors(AdapterTensors(file, configuration))
        } else {
            tensorPath = path
            let file = try GGUFFile(path: path)
            format = .gguf
            factors = try Self.factors(AdapterTensors(file))
        }
    }

    private static func factors(_ tensors: AdapterTensors) throws(CheckpointError) -> [Factors] {
        var factors: [Factors] = []
        for (name, pair) in tensors.pairs.sorted(by: { $0.key < $1.key }) {
            guard let a = pair.a, let b = pair.b else {
                throw .missingTensor(name: name + (pair.a == nil ? " (A)" : " (B)"), file: tensors.path)
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
                    a: try tensors.values(a),
                    b: try tensors.values(b),
                    scale: try tensors.scale(of: name, rank: rank)
                )
            )
        }
        if factors.isEmpty { throw .notAnAdapter(path: tensors.path, reason: "it has no factors") }
        return factors
    }
}

/// The tensors of an adapter in pairs, whichever format they are stored in.
private struct AdapterTensors {
    let path: String
    private(set) var pairs: [String: (a: TensorEntry?, b: TensorEntry?)] = [:]
    private let bytes: (TensorEntry) -> UnsafeRawBufferPointer
    /// nil for GGUF, which has one alpha for all.
    private let configuration: AdapterConfiguration?
    private let alpha: Float?

    /// PEFT's names are `base_model.model.` + the weight's + `.lora_A.weight`, with an adapter's name before the ending in
    /// older files.
    init(_ file: SafetensorsFile, _ configuration: AdapterConfiguration) throws(CheckpointError) {
        (path, self.configuration, alpha) = (file.path, configuration, nil)
        bytes = { file.bytes(of: $0) }
        for tensor in file.tensors {
            var name = tensor.name
            if name.hasPrefix("base_model.model.") { name.removeFirst("base_model.model.".count) }
            if let end = name.range(of: ".lora_A") {
                try add(tensor, a: true, to: String(name[..<end.lowerBound]))
            } else if let end = name.range(of: ".lora_B") {
                try add(tensor, a: false, to: String(name[..<end.lowerBound]))
            } else {
                throw invalid(tensor.name, Self.reason(tensor.name))
            }
        }
    }

    /// GGUF's names are the base's, with `.lora_a` or `.lora_b` behind.
    init(_ file: GGUFFile) throws(CheckpointError) {
        (path, configuration) = (file.path, nil)
        bytes = { file.bytes(of: $0) }
        guard file.metadata["general.type"]?.stringValue == "adapter" else {
            throw .notAnAdapter(path: file.path, reason: "it is a GGUF file of another kind")
        }
        let kind = file.metadata["adapter.type"]?.stringValue ?? "none"
        guard kind == "lora" else {
            throw .notAnAdapter(path: file.path, reason: "it is a GGUF adapter of the type \(kind); only lora is read")
        }
        guard let alpha = file.metadata["adapter.lora.alpha"]?.floatValue, alpha.isFinite else {
            throw .missingKey(file: file.path, key: "adapter.lora.alpha")
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
        if name.contains("modules_to_save") || name.hasSuffix("embed_tokens.weight") || name.hasSuffix("lm_head.weight")
        {
            return "replaces a whole weight (modules_to_save), which is not supported"
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

    /// A tensor as floats, all of them finite.
    func values(_ tensor: TensorEntry) throws(CheckpointError) -> [Float] {
        var values = [Float](repeating: 0, count: tensor.elementCount)
        let isRead = values.withUnsafeMutableBufferPointer {
            dequantize(bytes(tensor), as: tensor.elementType, into: $0)
        }
        guard isRead else { throw invalid(tensor.name, "has the element type \(tensor.elementType.name)") }
        guard values.allSatisfy(\.isFinite) else { throw invalid(tensor.name, "has numbers that are not finite") }
        return values
    }
}
