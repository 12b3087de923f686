import Deployments
import Foundation
import JSON
import Logging
import Serving
import Storage
import Synchronization

/// A server's life: listens at once, loads meanwhile, tells when it is ready, stops in good order.
struct ServeSession: Sendable {
    let settings: ServeSettings
    /// Where responses are kept; nil keeps none.
    let storage: (any RecordStore)?
    let configurations: [DeploymentConfiguration]

    /// Returns when the server was stopped; throws when it could not start.
    func run() async throws {
        let directory = DeploymentDirectory(isLoading: true)
        let (ports, portContinuation) = AsyncStream.makeStream(of: Int.self)
        let application = ServingApplication(
            configuration: settings.serving,
            directory: directory,
            storage: storage,
            logger: settings.logger,
            onListening: { portContinuation.yield($0) }
        )
        let failure = Mutex<(any Error)?>(nil)
        let loading = Task {
            do {
                var watches: [AdapterFolderWatch] = []
                for configuration in configurations {
                    let model = try await Loading.model(configuration)
                    watches += await watch(configuration.adapterFolders, of: model)
                    directory.add(model)
                }
                directory.finishLoading()
                for await port in ports {
                    announce(directory, port: port)
                    break
                }
                await withTaskGroup { group in
                    for watch in watches { group.addTask { await watch.run() } }
                }
            } catch {
                failure.withLock { $0 = error }
                application.stop()
            }
        }
        defer {
            portContinuation.finish()
            loading.cancel()
        }
        defer { storage?.shutdown() }
        let outcome = try await application.run()
        if let error = failure.withLock({ $0 }) { throw error }
        Output.note(outcome == .drained ? "stopped; every answer was completed or had its time" : "stopped at once")
    }

    /// Looks into the folders once, so that what is there can be named from the start.
    private func watch(_ folders: [AdapterFolder], of model: LoadedModel) async -> [AdapterFolderWatch] {
        guard case .text(let deployment) = model else { return [] }
        let watches = folders.map { folder in
            AdapterFolderWatch(folder: folder, registry: deployment.adapters, logger: settings.logger)
        }
        for watch in watches { await watch.scan() }
        return watches
    }

    private func announce(_ directory: DeploymentDirectory, port: Int) {
        let names = directory.models.flatMap(\.names).joined(separator: ", ")
        let origin = "http://\(Self.reachableHost(settings.serving.host)):\(port)"
        Output.greet("hearth is serving \(names) on \(origin)")
        let asksForKey = !settings.serving.apiKeys.isEmpty
        if let first = directory.deployments.first {
            Output.greet("\n" + Greeting(model: first, origin: origin, asksForKey: asksForKey).text)
        } else if let first = directory.embedders.first {
            Output.greet("\n" + Greeting.embedding(model: first, origin: origin, asksForKey: asksForKey))
        }
    }

    /// A host that a client on this machine can use for an address that means all of them.
    private static func reachableHost(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::", "[::]": "[::1]"
        default: host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        }
    }
}

/// Lines to paste: a request with curl and one from Python.
struct Greeting {
    let model: Deployment
    let origin: String
    let asksForKey: Bool

    /// The lines start at the margin, so that pasting them into Python works.
    var text: String {
        let name = JSONValue.string(model.name).serialized()
        let key = asksForKey ? "-H \"Authorization: Bearer $HEARTH_API_KEY\" " : ""
        let python = asksForKey ? "__import__(\"os\").environ[\"HEARTH_API_KEY\"]" : "\"none\""
        let chats = canChat
        let path = chats ? "chat/completions" : "completions"
        let question = "Hello! Who are you?"
        let body =
            chats
            ? "{\"model\": \(name), \"messages\": [{\"role\": \"user\", \"content\": \"\(question)\"}]}"
            : "{\"model\": \(name), \"prompt\": \"Once upon a time\", \"max_tokens\": 64}"
        let call =
            chats
            ? "client.chat.completions.create(model=\(name), messages=[{\"role\": \"user\", \"content\": \"\(question)\"}])"
                + ".choices[0].message.content"
            : "client.completions.create(model=\(name), prompt=\"Once upon a time\", max_tokens=64).choices[0].text"
        return """
            curl \(origin)/v1/\(path) \(key)-H 'Content-Type: application/json' -d '\(body)'

            from openai import OpenAI
            client = OpenAI(base_url="\(origin)/v1", api_key=\(python))
            print(\(call))

            """
    }

    /// The same for a model that turns texts into vectors or scores.
    static func embedding(model: EmbeddingDeployment, origin: String, asksForKey: Bool) -> String {
        let name = JSONValue.string(model.name).serialized()
        let key = asksForKey ? "-H \"Authorization: Bearer $HEARTH_API_KEY\" " : ""
        let (path, fields) =
            model.isCrossEncoder
            ? ("rerank", "\"query\": \"Who barks?\", \"documents\": [\"Cats purr.\", \"Dogs bark.\"]")
            : ("embeddings", "\"input\": [\"Hello!\", \"How are you?\"]")
        let body = "{\"model\": \(name), \(fields)}"
        return "curl \(origin)/v1/\(path) \(key)-H 'Content-Type: application/json' -d '\(body)'\n"
    }

    /// Whether the model has a template that takes a plain question.
    private var canChat: Bool {
        let probe = ChatPrompt(messages: [["role": "user", "content": "Hello!"]])
        return (try? model.renderPrompt(probe)) != nil
    }
}
