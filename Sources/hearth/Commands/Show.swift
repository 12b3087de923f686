import ArgumentParser
import Checkpoints
import Deployments
import Foundation
import JSON
import Tensors

/// `hearth show`: what a model is.
struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a model is: architecture, size, licence, files.",
        discussion: """
            Examples:

              hearth show smollm2-135m
              hearth show ./model.gguf --json
              hearth show smollm2-135m --template     its chat template
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print the chat template and nothing else.")
    var template = false

    func run() async throws {
        let access = try ModelAccess()
        let reference = try ModelAccess.reference(model)
        guard let located = try access.library.find(reference) else {
            throw InputError.modelMissing(name: model)
        }
        let checkpoint = try Deployment.openCheckpoint(located.path)
        if template {
            guard let source = checkpoint.chatTemplate else { throw DeploymentError.chatTemplateMissing }
            return Output.line(source)
        }
        let identity = try? PackStore.identity(of: checkpoint, stored: located.stored)
        let packBytes = identity.flatMap(access.library.store.packs.byteCount)
        let report = ModelReport(model: located, checkpoint: checkpoint, packBytes: packBytes)
        if json {
            Output.line(JSONValue.object(report.json).serialized(.pretty()))
        } else {
            Output.line(report.text)
        }
    }
}

/// What is told of a model.
struct ModelReport {
    let model: LocatedModel
    let checkpoint: Checkpoint
    /// Size of its packed weights on the disk; nil when they are not there.
    var packBytes: Int?

    /// A stored model without looking into its files.
    static func json(_ model: StoredModel) -> JSONValue {
        let manifest = model.manifest
        let files = manifest.files.map { file -> JSONValue in
            [
                "path": .string(file.path),
                "size": .integer(Int64(file.byteCount)),
                "sha256": .string(file.hash.hex),
            ]
        }
        return [
            "name": .string(manifest.name),
            "path": .string(model.path),
            "size": .integer(Int64(manifest.byteCount)),
            "source": .string(manifest.source),
            "licence": manifest.licence.map { .string($0) } ?? .null,
            "pulled": .integer(Int64(manifest.created.timeIntervalSince1970)),
            "files": .array(files),
        ]
    }

    /// Everything, for scripts.
    var json: JSONObject {
        var object: JSONObject = [:]
        if let stored = model.stored, case .object(let known) = Self.json(stored) { object = known }
        object["name"] = .string(model.stored?.name ?? model.servedName)
        object["path"] = .string(model.path)
        let configuration = checkpoint.configuration
        object["format"] = .string(formatName)
        object["architecture"] = .string(configuration.architecture)
        object["parameters"] = .integer(Int64(parameterCount))
        object["context_length"] = .integer(Int64(configuration.contextLength))
        object["vocabulary_size"] = .integer(Int64(configuration.vocabularySize))
        object["layers"] = .integer(Int64(configuration.layerCount))
        object["heads"] = .integer(Int64(configuration.headCount))
        object["kv_heads"] = .integer(Int64(configuration.kvHeadCount))
        object["width"] = .integer(Int64(configuration.width))
        object["tensor_types"] = .object(JSONObject(typeShares.map { ($0.name, .integer(Int64($0.bytes))) }))
        object["pack_size"] = packBytes.map { .integer(Int64($0)) } ?? .null
        object["chat_template"] = .bool(checkpoint.chatTemplate != nil)
        return object
    }

    /// The same for people.
    var text: String {
        let configuration = checkpoint.configuration
        let kinds = typeShares.map { "\($0.name) (\(ByteCount($0.bytes)))" }.joined(separator: ", ")
        var rows = [
            ["name", model.stored?.name ?? model.servedName],
            ["architecture", configuration.architecture],
            ["parameters", Self.millions(parameterCount)],
            ["context", "\(configuration.contextLength) tokens"],
            ["vocabulary", "\(configuration.vocabularySize) tokens"],
            [
                "shape",
                "\(configuration.layerCount) layers of width \(configuration.width), \(configuration.headCount) heads, "
                    + "\(configuration.kvHeadCount) of them with keys and values",
            ],
            ["format", "\(formatName): \(kinds)"],
            ["chat template", checkpoint.chatTemplate == nil ? "none: completions only" : "yes"],
        ]
        if let manifest = model.stored?.manifest {
            rows.append(["licence", manifest.licence ?? "not told by its makers"])
            rows.append(["source", manifest.source])
            rows.append(["size", ByteCount(manifest.byteCount).description])
            for file in manifest.files { rows.append(["file", "\(file.path)  sha256:\(file.hash.hex)"]) }
        }
        rows.append(["packed weights", packBytes.map { ByteCount($0).description } ?? "made at the first start"])
        rows.append(["path", model.path])
        return Table(rows: rows).text
    }

    private var formatName: String {
        switch checkpoint.format {
        case .gguf: "GGUF"
        case .safetensors: "safetensors"
        }
    }

    private var parameterCount: Int {
        checkpoint.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    /// Bytes per element type, the largest first.
    private var typeShares: [(name: String, bytes: Int)] {
        var bytes: [String: Int] = [:]
        for tensor in checkpoint.tensors {
            let count = tensor.shape.reduce(1, *)
            bytes[tensor.elementType.name, default: 0] += tensor.elementType.bytes(forElementCount: count) ?? 0
        }
        return bytes.map { ($0.key, $0.value) }.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
    }

    private static func millions(_ count: Int) -> String {
        if count < 1_000_000 { return "\(count)" }
        let tenths = Int((Double(count) / 100_000).rounded())
        return count < 1_000_000_000
            ? "\(tenths / 10).\(tenths % 10) million" : "\(tenths / 10_000).\(tenths / 1000 % 10) billion"
    }
}
