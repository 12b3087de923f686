import Deployments
import Foundation
import Hummingbird
import JSON
import OllamaAPI
import OpenAIAPI

extension APIService {
    /// The paths of Ollama's own API.
    func ollama(_ route: OllamaRoute, _ exchange: Exchange) async throws -> Response {
        switch route {
        case .chat: try await ollamaChat(exchange)
        case .generate: try await ollamaGenerate(exchange)
        case .embed: try await ollamaEmbed(exchange, .embed)
        case .embeddings: try await ollamaEmbed(exchange, .legacy)
        case .tags: .json(["models": .array(ollamaModels.map(\.tag))])
        case .processes: .json(["models": .array(ollamaModels.map(\.process))])
        case .show: try await ollamaShow(exchange)
        case .version: .json(["version": .string(OllamaVersion.followed)])
        }
    }

    private func ollamaChat(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaChatRequest(try await bodies.json(exchange.request))
        let deployment = try directory.findTagged(body.fields.model)
        let format = ollamaFormat(.chat, body.fields)
        if body.messages.isEmpty { return loaded(format, body.fields) }
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { _ in format }
    }

    private func ollamaGenerate(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaGenerateRequest(try await bodies.json(exchange.request))
        let deployment = try directory.findTagged(body.fields.model)
        let format = ollamaFormat(.generate, body.fields)
        if body.prompt.isEmpty { return loaded(format, body.fields) }
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { _ in format }
    }

    private func ollamaShow(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaShowRequest(try await bodies.json(exchange.request))
        let model = try directory.findTagged(body.model) { name throws(APIError) in try directory.findModel(name) }
        return .json(model.ollamaModel(name: model.names[0]).show)
    }

    private func ollamaEmbed(_ exchange: Exchange, _ kind: OllamaEmbeddingRequest.Kind) async throws -> Response {
        let body = try OllamaEmbeddingRequest(try await bodies.json(exchange.request), kind: kind)
        let embedder = try directory.findTagged(body.model) { name throws(APIError) in
            try directory.findEmbedder(name)
        }
        try body.options.checkContext(embedder.contextLength)
        var work = EmbeddingWork(
            inputs: body.inputs.map { .text($0) },
            dimensions: body.dimensions,
            parameter: body.parameter
        )
        work.truncates = body.truncates
        let waiting = exchange.start.duration(to: .now)
        let answer = body.inputs.isEmpty ? nil : try await embed(work, with: embedder, for: exchange)
        let response = OllamaEmbeddingResponse(
            body,
            vectors: answer?.vectors ?? [],
            tokenCount: answer?.tokenCount ?? 0,
            total: exchange.start.duration(to: .now),
            waiting: waiting
        )
        return .json(response.json)
    }

    private func ollamaFormat(_ kind: OllamaReply.Kind, _ fields: OllamaFields) -> OllamaFormat {
        OllamaFormat(kind: kind, model: fields.model, now: environment.now, makeID: environment.makeID)
    }

    /// Answers a request that only asks for the model.
    private func loaded(_ format: OllamaFormat, _ fields: OllamaFields) -> Response {
        var response = Response.json(format.loaded)
        if fields.isStreamed { response.headers[.contentType] = format.framing.contentType }
        return response
    }

    private var ollamaModels: [OllamaModel] {
        directory.models.flatMap { model in
            (model.names + model.variantNames).map { model.ollamaModel(name: $0) }
        }
    }
}

/// What Ollama's tools write behind names that have no tag.
enum OllamaTag {
    private static let latest = ":latest"

    /// `name` without the tag.
    static func removed(from name: String) -> String {
        name.hasSuffix(latest) ? String(name.dropLast(latest.count)) : name
    }
}

extension DeploymentDirectory {
    /// What `find` finds called `name`. Ollama's tools write `:latest` behind names that have no tag.
    fileprivate func findTagged<Model>(
        _ name: String,
        _ find: (String) throws(APIError) -> Model
    ) throws(APIError) -> Model {
        try find(models.contains { $0.names.contains(name) } ? name : OllamaTag.removed(from: name))
    }

    /// The model that writes and is called `name`, with Ollama's tag or without.
    fileprivate func findTagged(_ name: String) throws(APIError) -> Deployment {
        try findTagged(name) { name throws(APIError) in try find(name) }
    }
}

extension LoadedModel {
    fileprivate func ollamaModel(name: String) -> OllamaModel {
        switch self {
        case .text(let deployment): deployment.ollamaModel(name: name)
        case .embedding(let embedder): embedder.ollamaModel(name: name)
        }
    }
}

extension OllamaModel {
    fileprivate init(_ details: ModelDetails, name: String, created: Date) {
        self.init(
            name: name,
            modified: created,
            bytes: Deployment.bytesOnDisk(details.path),
            format: details.path.hasSuffix(".gguf") ? "gguf" : "safetensors",
            family: details.architecture
        )
        parameterCount = details.parameterCount
        contextLength = details.contextLength
        vocabularySize = details.vocabularySize
    }
}

extension EmbeddingDeployment {
    fileprivate func ollamaModel(name: String) -> OllamaModel {
        var model = OllamaModel(details, name: name, created: created)
        if isCrossEncoder { return model }
        model.embeddingLength = dimensionCount
        model.capabilities = ["embedding"]
        return model
    }
}

extension Deployment {
    fileprivate func ollamaModel(name: String) -> OllamaModel {
        var model = OllamaModel(details, name: name, created: created)
        model.capabilities = ["completion"]
        if hasChatTemplate { model.capabilities.append("tools") }
        if toolSupport.reasoning != nil { model.capabilities.append("thinking") }
        let defaults = samplingDefaults
        model.defaults = [
            ("temperature", defaults.temperature.map { "\($0)" }),
            ("top_p", defaults.topP.map { "\($0)" }),
            ("top_k", defaults.topK.map { "\($0)" }),
            ("repeat_penalty", defaults.repetitionPenalty.map { "\($0)" }),
        ].compactMap { name, value in value.map { (name: name, value: $0) } }
        return model
    }

    /// Size of the file, or of the files of the folder, at `path`; 0 when there is none.
    static func bytesOnDisk(_ path: String) -> Int {
        let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        // Of a file, Foundation on Linux lists an empty inside rather than none.
        let inside = try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
        return ([url] + (inside ?? [])).reduce(0) { sum, file in
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: file.resolvingSymlinksInPath().path
            )
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        }
    }
}
