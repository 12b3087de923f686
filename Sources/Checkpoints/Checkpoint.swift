package import Foundation
import JSON

/// Which of the two formats a checkpoint has.
package enum CheckpointFormat: String, Sendable {
    case gguf
    case safetensors
}

/// A model on disk: its configuration and its named tensors, whichever format they are stored in.
///
/// The files stay mapped as long as the checkpoint lives. Opening checks every size and offset, so reading a tensor
/// cannot fail; but whoever shortens a file in place while it is open ends the process (see `MappedFile`).
package final class Checkpoint: Sendable {
    package let format: CheckpointFormat
    package let configuration: ModelConfiguration
    /// The tensors in file order. Names are the file's; those of the two formats differ.
    package let tensors: [TensorEntry]
    /// The GGUF file, for what is only there, such as the vocabulary; nil for a folder.
    package let gguf: GGUFFile?
    /// The Hugging Face folder; nil for a GGUF file.
    package let folder: URL?
    /// The chat template to use unless another is asked for; nil for a model that only completes text.
    package let chatTemplate: String?
    /// Further chat templates by name, such as `tool_use`.
    package let namedChatTemplates: [String: String]
    package let generationDefaults: GenerationDefaults
    /// The size of all files with tensors, in bytes.
    package let fileBytes: Int

    private let shards: [SafetensorsFile]
    private let replaced: ReplacedTensors
    private let indexOfName: [String: Int]

    /// Opens what is at `path`: a GGUF file (of a split one, any part) or a Hugging Face folder. A folder without a
    /// `config.json` that holds one GGUF model counts as that model.
    package static func open(path: String) throws(CheckpointError) -> Checkpoint {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .notFound(path: path)
        }
        guard isFolder.boolValue else { return try Checkpoint(ggufAt: path) }
        let folder = ModelFolder(path: path)
        if folder.has("config.json") { return try Checkpoint(folder) }
        return try Checkpoint(ggufAt: try ggufPath(in: folder))
    }

    /// The tensor of that name, exactly as the file spells it.
    package func tensor(_ name: String) -> TensorEntry? { indexOfName[name].map { tensors[$0] } }

    /// The bytes of a tensor of this checkpoint. They may start at any address: read them unaligned.
    package func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer {
        if let bytes = replaced.bytes(of: tensor) { return bytes }
        if let gguf { return gguf.bytes(of: tensor) }
        precondition(shards.indices.contains(tensor.fileIndex), "tensor \(tensor.name) is of another checkpoint")
        return shards[tensor.fileIndex].bytes(of: tensor)
    }

    /// Paths of all files with tensors.
    package var tensorPaths: [String] { gguf?.paths ?? shards.map(\.path) }

    /// Whether the files with tensors are those that have these paths now, and none has been put into its place.
    package var isInPlace: Bool { gguf?.isInPlace ?? shards.allSatisfy(\.isInPlace) }

    /// Lets go of the memory that reading tensors has filled; they can be read again.
    package func releasePages() {
        gguf?.releasePages()
        for shard in shards { shard.releasePages() }
        replaced.release()
    }

    /// Lets go of a tensor that was computed when it was read; it can be read again. Its bytes are not valid any more, for nobody:
    /// call it where nobody else reads the tensor.
    package func release(_ tensor: TensorEntry) { replaced.release(tensor) }

    /// The same checkpoint with other tensors in the place of some of its own, or beside them.
    package func replacing(_ replacements: [String: TensorReplacement]) -> Checkpoint {
        Checkpoint(self, replacements)
    }

    private init(_ other: Checkpoint, _ replacements: [String: TensorReplacement]) {
        format = other.format
        configuration = other.configuration
        gguf = other.gguf
        folder = other.folder
        chatTemplate = other.chatTemplate
        namedChatTemplates = other.namedChatTemplates
        generationDefaults = other.generationDefaults
        fileBytes = other.fileBytes
        shards = other.shards
        replaced = ReplacedTensors(other.replaced.replacements.merging(replacements) { $1 })
        let added = replacements.keys.filter { other.tensor($0) == nil }.sorted()
        tensors =
            other.tensors.map { tensor in replacements[tensor.name]?.entry(tensor.name) ?? tensor }
            + added.compactMap { name in replacements[name]?.entry(name) }
        indexOfName = Self.index(tensors)
    }

    private init(ggufAt path: String) throws(CheckpointError) {
        if path.hasSuffix(".safetensors") {
            throw .notACheckpoint(path: path, reason: "name the folder that holds it with its config.json")
        }
        let file = try GGUFFile(path: path)
        try Self.refuseOtherContents(file)
        let templates = try ChatTemplateSources(file)
        format = .gguf
        configuration = try ModelConfiguration(file)
        tensors = file.tensors
        gguf = file
        folder = nil
        chatTemplate = templates.standard
        namedChatTemplates = templates.named
        generationDefaults = try GenerationDefaults(GGUFSettings(file))
        fileBytes = file.fileBytes
        shards = []
        replaced = ReplacedTensors([:])
        indexOfName = Self.index(tensors)
    }

    private init(_ model: ModelFolder) throws(CheckpointError) {
        guard let config = try model.settings("config.json") else {
            throw .notFound(path: model.path(of: "config.json"))
        }
        let templates = try ChatTemplateSources(model)
        format = .safetensors
        configuration = try ModelConfiguration(config: config.object, file: config.file)
        shards = try model.openShards()
        replaced = ReplacedTensors([:])
        tensors = shards.flatMap(\.tensors)
        gguf = nil
        folder = URL(fileURLWithPath: model.path, isDirectory: true)
        chatTemplate = templates.standard
        namedChatTemplates = templates.named
        generationDefaults =
            try model.settings("generation_config.json").map { (settings) throws(CheckpointError) in
                try GenerationDefaults(settings)
            } ?? GenerationDefaults()
        fileBytes = shards.reduce(0) { $0 + $1.fileBytes }
        indexOfName = Self.index(tensors)
    }

    /// GGUF also carries adapters, image encoders and bare vocabularies; each gets its own sentence.
    private static func refuseOtherContents(_ file: GGUFFile) throws(CheckpointError) {
        switch file.metadata["general.type"]?.stringValue {
        case "adapter": throw .notACheckpoint(path: file.path, reason: "it is an adapter for a model")
        case "mmproj": throw .notACheckpoint(path: file.path, reason: "it is the image encoder of a model")
        default: break
        }
        if file.tensors.isEmpty {
            throw .notACheckpoint(path: file.path, reason: "it has metadata but no tensors")
        }
    }

    private static func ggufPath(in folder: ModelFolder) throws(CheckpointError) -> String {
        let names = folder.names().filter { $0.hasSuffix(".gguf") }
        let models = names.filter { !$0.contains("-of-") || $0.contains("-00001-of-") }
        if models.count == 1 { return folder.path(of: models[0]) }
        if models.isEmpty, folder.has("adapter_config.json") {
            throw .notACheckpoint(path: folder.path, reason: "it is an adapter for a model")
        }
        let reason =
            models.isEmpty
            ? "the folder has neither a config.json nor a .gguf file"
            : "the folder has \(models.count) models; name one of them: \(models.prefix(8).joined(separator: ", "))"
        throw .notACheckpoint(path: folder.path, reason: reason)
    }

    private static func index(_ tensors: [TensorEntry]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: zip(tensors.lazy.map(\.name), tensors.indices))
    }
}
