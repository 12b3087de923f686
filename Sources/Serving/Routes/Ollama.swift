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
        case .tags: .json(["models": .array(ollamaModels.map(\.tag))])
        case .processes: .json(["models": .array(ollamaModels.map(\.process))])
        case .show: try await ollamaShow(exchange)
        case .version: .json(["version": .string(OllamaVersion.followed)])
        }
    }

    private func ollamaChat(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaChatRequest(try await bodies.json(exchange.request))
        let deployment = try directory.findTagged(body.fields.model)
        let format = OllamaFormat(kind: .chat, model: body.fields.model, now: environment.now)
        if body.messages.isEmpty { return loaded(format, body.fields) }
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { _ in format }
    }

    private func ollamaGenerate(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaGenerateRequest(try await bodies.json(exchange.request))
        let deployment = try directory.findTagged(body.fields.model)
        let format = OllamaFormat(kind: .generate, model: body.fields.model, now: environment.now)
        if body.prompt.isEmpty { return loaded(format, body.fields) }
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { _ in format }
    }

    private func ollamaShow(_ exchange: Exchange) async throws -> Response {
        let body = try OllamaShowRequest(try await bodies.json(exchange.request))
        let deployment = try directory.findTagged(body.model)
        return .json(deployment.ollamaModel(name: deployment.name).show)
    }

    /// Answers a request that only asks for the model.
    private func loaded(_ format: OllamaFormat, _ fields: OllamaFields) -> Response {
        var response = Response.json(format.loaded)
        if fields.isStreamed { response.headers[.contentType] = format.framing.contentType }
        return response
    }

    private var ollamaModels: [OllamaModel] {
        directory.deployments.flatMap { deployment in
            ([deployment.name] + deployment.aliases).map { deployment.ollamaModel(name: $0) }
        }
    }
}

extension DeploymentDirectory {
    /// The deployment called `name`. Ollama's tools write `:latest` behind names that have no tag.
    fileprivate func findTagged(_ name: String) throws(APIError) -> Deployment {
        let tag = ":latest"
        if name.hasSuffix(tag), let found = try? find(String(name.dropLast(tag.count))) { return found }
        return try find(name)
    }
}

extension Deployment {
    fileprivate func ollamaModel(name: String) -> OllamaModel {
        var model = OllamaModel(
            name: name,
            modified: created,
            bytes: Self.bytesOnDisk(details.path),
            format: details.path.hasSuffix(".gguf") ? "gguf" : "safetensors",
            family: details.architecture
        )
        model.parameterCount = details.parameterCount
        model.contextLength = contextLength
        model.vocabularySize = details.vocabularySize
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
