import Checkpoints
import Tensors

/// Where a decoder's weights come from.
package enum WeightSource: Sendable {
    /// Packed in memory from the checkpoint's tensors.
    case checkpoint
    /// Mapped from a pack that was made before. The checkpoint's tensors are not read.
    case pack(PackFile)
    /// Packed from the checkpoint and kept in a new pack, from which they are mapped.
    case writing(PackWriter)
}

/// Fetches a decoder's tensors by name, checks their shapes, and remembers which were used.
struct WeightLoader {
    private let checkpoint: Checkpoint
    private let workers: WorkerPool
    private let source: WeightSource
    private let architecture: String
    /// Folders of models that also see images nest the text model under a prefix.
    private let folderPrefix: String
    private var used: Set<String> = []

    init(_ checkpoint: Checkpoint, source: WeightSource, workers: WorkerPool) {
        self.checkpoint = checkpoint
        self.source = source
        self.workers = workers
        architecture = checkpoint.configuration.architecture
        folderPrefix = checkpoint.textModelPrefix
    }

    /// A tensor's name as this checkpoint spells it.
    func spell(_ name: TensorName, layer: Int? = nil, ending: String = ".weight") -> String {
        switch checkpoint.format {
        case .gguf: (layer.map { "blk.\($0)." } ?? "") + name.gguf + ending
        case .safetensors: folderPrefix + (layer.map { "model.layers.\($0)." } ?? "") + name.huggingFace + ending
        }
    }

    /// Whether the checkpoint has the tensor.
    func has(_ name: String) -> Bool { checkpoint.tensor(name) != nil }

    /// A vector as float32, `[count]`; nil when the checkpoint has none of that name.
    mutating func optionalVector(_ name: String, count: Int) throws(ModelError) -> [Float]? {
        guard let entry = checkpoint.tensor(name) else { return nil }
        if entry.shape != [count] { throw .wrongShape(tensor: name, expected: [count], found: entry.shape) }
        used.insert(name)
        if case .pack(let pack) = source {
            return try Self.usable { () throws(PackError) in try pack.vector(name, count: count) }
        }
        let values = try dequantized(entry, count: count)
        if case .writing(let writer) = source {
            try Self.usable { () throws(PackError) in try writer.keep(values, name: name) }
        }
        return values
    }

    private func dequantized(_ entry: TensorEntry, count: Int) throws(ModelError) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        let bytes = checkpoint.bytes(of: entry)
        let isRead = values.withUnsafeMutableBufferPointer { dequantize(bytes, as: entry.elementType, into: $0) }
        if !isRead { throw .unsupportedType(tensor: entry.name, type: entry.elementType.name) }
        return values
    }

    /// A vector that must be there.
    mutating func vector(_ name: String, count: Int) throws(ModelError) -> [Float] {
        guard let values = try optionalVector(name, count: count) else { throw .missingTensor(name: name) }
        return values
    }

    /// One or more matrices `[outputs, inputs]` packed as one, outputs one after the other.
    mutating func matrix(_ parts: [(name: String, outputs: Int)], inputs: Int) throws(ModelError) -> PackedMatrix {
        let entries = try tensors(parts, inputs: inputs)
        let name = parts.map(\.name).joined(separator: ",")
        let shapes = entries.map { PackedMatrix.Part(elementType: $0.elementType, outputs: $0.shape[0]) }
        if case .pack(let pack) = source {
            return try Self.usable { () throws(PackError) in try pack.matrix(name, parts: shapes, inputs: inputs) }
        }
        let sources = entries.map {
            PackedMatrix.Source(bytes: checkpoint.bytes(of: $0), elementType: $0.elementType, outputs: $0.shape[0])
        }
        let matrix: PackedMatrix
        do {
            matrix = try PackedMatrix(packing: sources, inputs: inputs, on: workers)
        } catch {
            throw .notPackable(tensors: parts.map(\.name).joined(separator: ", "), reason: error.description)
        }
        // What was computed to be read would stay beside its packed form until the last is.
        for entry in entries { checkpoint.release(entry) }
        guard case .writing(let writer) = source else { return matrix }
        return try Self.usable { () throws(PackError) in try writer.keep(matrix, name: name, parts: shapes) }
    }

    /// The matrices `[outputs, inputs]` of those names, shapes checked.
    private mutating func tensors(
        _ parts: [(name: String, outputs: Int)],
        inputs: Int
    ) throws(ModelError) -> [TensorEntry] {
        var entries: [TensorEntry] = []
        for part in parts {
            guard let entry = checkpoint.tensor(part.name) else { throw .missingTensor(name: part.name) }
            let expected = [part.outputs, inputs]
            if entry.shape != expected {
                throw .wrongShape(tensor: part.name, expected: expected, found: entry.shape)
            }
            used.insert(part.name)
            entries.append(entry)
        }
        return entries
    }

    /// What a pack gives or takes. Where it does not fit the checkpoint, or cannot be written, it is given up whole.
    private static func usable<Value>(_ body: () throws(PackError) -> Value) throws(ModelError) -> Value {
        do {
            return try body()
        } catch {
            throw .unusablePack(error)
        }
    }

    /// Marks a tensor as known though not needed.
    mutating func ignore(_ name: String) { used.insert(name) }

    /// Refuses a checkpoint with tensors of the text model that nothing used: it is a variant we would run wrongly.
    func requireAllUsed() throws(ModelError) {
        let otherParts = [
            "vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector.",
        ]
        for entry in checkpoint.tensors where !used.contains(entry.name) {
            if otherParts.contains(where: entry.name.hasPrefix) { continue }
            if entry.name.hasSuffix("rotary_emb.inv_freq") { continue }
            throw .unexpectedTensor(name: entry.name, architecture: architecture)
        }
    }
}
