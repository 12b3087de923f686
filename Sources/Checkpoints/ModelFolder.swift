import Foundation
import JSON

/// A folder as Hugging Face lays models out. Symbolic links are followed: the hub's cache consists of them.
struct ModelFolder {
    let path: String

    /// Bytes that a text or JSON file of a model may have.
    private static let maximumTextBytes = 64 << 20

    func path(of name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

    /// The names in the folder, or in one inside it, sorted; empty when it cannot be listed.
    func names(in subfolder: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(of: subfolder))) ?? []).sorted()
    }

    /// The text of a file; nil when there is none.
    func text(_ name: String) throws(CheckpointError) -> String? {
        guard let file = try open(name) else { return nil }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            throw .damaged(file: file.path, field: "the text", offset: 0, problem: "is not UTF-8")
        }
        return text
    }

    /// The object in a JSON file; nil when there is no such file.
    ///
    /// - Parameter copying: how the file is copied, where others may write to it meanwhile; nil for one that is mapped.
    func settings(_ name: String, copying: FileCopying? = nil) throws(CheckpointError) -> JSONSettings? {
        guard let (value, file) = try json(name, copying: copying) else { return nil }
        guard let object = value.objectValue else {
            throw .invalidValue(file: file, key: "the file", problem: "must hold an object")
        }
        return JSONSettings(object, file: file)
    }

    /// What a JSON file holds, and its path; nil when there is no such file.
    func json(
        _ name: String,
        copying: FileCopying? = nil
    ) throws(CheckpointError) -> (value: JSONValue, file: String)? {
        guard let file = try open(name, copying: copying) else { return nil }
        do {
            let limits = JSONLimits(maximumBytes: Self.maximumTextBytes)
            return (try JSONValue(parsing: file.bytes, limits: limits), file.path)
        } catch {
            throw .invalidJSON(file: file.path, error)
        }
    }

    private func open(_ name: String, copying: FileCopying? = nil) throws(CheckpointError) -> MappedFile? {
        guard has(name) else { return nil }
        let file = try MappedFile(path: path(of: name), copying: copying)
        guard file.count <= Self.maximumTextBytes else {
            throw .tooLarge(
                file: file.path,
                field: "the file's size",
                offset: 0,
                value: UInt64(file.count),
                limit: UInt64(Self.maximumTextBytes)
            )
        }
        return file
    }
}

// MARK: - Weights

extension ModelFolder {
    /// Opens all files that hold the model's tensors and checks that together they are the whole.
    func openShards() throws(CheckpointError) -> [SafetensorsFile] {
        let indexName = "model.safetensors.index.json"
        if let index = try settings(indexName) { return try openIndexed(index) }
        var shards: [SafetensorsFile] = []
        for name in try shardNames() {
            shards.append(try open(shard: name, number: shards.count, reason: "its number is missing"))
        }
        try checkDistinct(shards)
        return shards
    }

    /// The files to open when there is no index.
    private func shardNames() throws(CheckpointError) -> [String] {
        if has("model.safetensors") { return ["model.safetensors"] }
        let names = names().filter { $0.hasSuffix(".safetensors") }
        if let total = names.lazy.compactMap(Self.shardTotal).first {
            return (1...total).map { Self.shardName($0, of: total) }
        }
        if names.count == 1, !names[0].hasPrefix("adapter_") { return names }
        let found = names.isEmpty ? "" : " (found: \(names.prefix(5).joined(separator: ", ")))"
        throw .notACheckpoint(
            path: path,
            reason: "the folder has neither model.safetensors nor model.safetensors.index.json\(found)"
        )
    }

    /// The total in a name like `model-00001-of-00003.safetensors`.
    private static func shardTotal(_ name: String) -> Int? {
        let parts = name.split(separator: "-")
        guard parts.count == 4, parts[0] == "model", parts[2] == "of", parts[3].hasSuffix(".safetensors") else {
            return nil
        }
        guard let total = Int(parts[3].dropLast(".safetensors".count)), (1...9999).contains(total) else { return nil }
        return shardName(1, of: total).count == name.count ? total : nil
    }

    private static func shardName(_ number: Int, of total: Int) -> String {
        func padded(_ number: Int) -> String { String("0000\(number)".suffix(5)) }
        return "model-\(padded(number))-of-\(padded(total)).safetensors"
    }

    private func openIndexed(_ index: JSONSettings) throws(CheckpointError) -> [SafetensorsFile] {
        guard let map = try index.nested("weight_map") else {
            throw .missingKey(file: index.file, key: "weight_map")
        }
        var shards: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        var tensorsOfShard: [Set<String>] = []
        for (tensor, value) in map.object {
            let name = try fileName(value, of: tensor, in: map)
            if numbers[name] == nil {
                numbers[name] = shards.count
                let shard = try open(shard: name, number: shards.count, reason: "\(index.file) names it")
                shards.append(shard)
                tensorsOfShard.append(Set(shard.tensors.map(\.name)))
            }
            if let number = numbers[name], !tensorsOfShard[number].contains(tensor) {
                throw .missingTensor(name: tensor, file: shards[number].path)
            }
        }
        try checkDistinct(shards)
        return shards
    }

    /// The file that the index names for a tensor; it must lie directly in the folder.
    private func fileName(
        _ value: JSONValue,
        of tensor: String,
        in map: JSONSettings
    ) throws(CheckpointError) -> String {
        guard let name = value.stringValue else { throw map.invalid(tensor, "must name a file") }
        let isPlain =
            !name.isEmpty && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
        guard isPlain, name.hasSuffix(".safetensors"), !name.hasPrefix(".") else {
            throw .unsafePath(file: map.file, key: map.prefix + tensor, path: name)
        }
        return name
    }

    private func open(shard name: String, number: Int, reason: String) throws(CheckpointError) -> SafetensorsFile {
        do {
            return try SafetensorsFile(path: path(of: name), fileIndex: number)
        } catch .notFound(let path) {
            throw .missingFile(path: path, reason: reason)
        }
    }

    private func checkDistinct(_ shards: [SafetensorsFile]) throws(CheckpointError) {
        var shardOfTensor: [String: Int] = [:]
        for (number, shard) in shards.enumerated() {
            for tensor in shard.tensors {
                if let other = shardOfTensor.updateValue(number, forKey: tensor.name) {
                    throw .duplicateTensor(name: tensor.name, file: shards[other].path, otherFile: shard.path)
                }
            }
        }
    }
}
