import Hummingbird
import JSON
import OpenAIAPI

extension APIService {
    /// `GET /`: names the API for whoever finds it.
    func index() -> Response {
        .json([
            "name": "hearth",
            "apis": ["OpenAI", "Anthropic", "Ollama"],
            "paths": .array(Route.paths.map { .string($0) }),
        ])
    }

    /// `GET /health`: the process answers.
    func health() -> Response { .json(["status": "ok"]) }

    /// `GET /ready`: requests are taken. 503 while models are loaded and once the server is told to stop.
    func ready() -> Response {
        if gate.isDraining { return notReady("draining") }
        return directory.isReady ? .json(["status": "ready"]) : notReady("loading")
    }

    private func notReady(_ status: String) -> Response {
        var response = Response.json(["status": .string(status)], status: 503)
        response.headers[.retryAfter] = "5"
        return response
    }
}
