import Deployments
import Foundation
import Hummingbird
import Inference
import JSON
import Logging
import OpenAIAPI

/// A request for a response that was let in.
private struct ResponseWork: Sendable {
    let body: ResponsesRequest
    let deployment: Deployment
    let chat: ChatRequest
    /// What the request adds to the conversation, every item with a name.
    let input: [ResponseItem]
    /// The response before it has an answer.
    let draft: ModelResponse
    let isKept: Bool
}

extension APIService {
    /// `POST /v1/responses`
    func responses(_ exchange: Exchange) async throws -> Response {
        let body = try ResponsesRequest(try await bodies.json(exchange.request))
        let work = try await work(for: body, exchange)
        if body.isBackground { return try await runInBackground(work, exchange) }
        let keeper: AnswerKeeper = { (response) async throws(APIError) in try await store(response, of: work) }
        let keep = work.isKept ? keeper : nil
        return try await answer([work.chat.text], work.chat.options, on: work.deployment, for: exchange, keep: keep) {
            _ in format(of: work)
        }
    }

    /// `POST /v1/responses/input_tokens`
    func responseTokens(_ exchange: Exchange) async throws -> Response {
        let body = try ResponsesRequest(try await bodies.json(exchange.request), isCounted: true)
        let deployment = try directory.find(body.model)
        let (earlier, input) = try await items(of: body)
        let chat = try await ChatRequest(body, earlier + input, for: deployment, id: exchange.id)
        do {
            return .json(ModelResponse.inputTokens(try await deployment.encode(chat.text.prompt).count))
        } catch {
            throw APIError(error, prompt: "input")
        }
    }

    /// `GET` and `DELETE /v1/responses/{id}`
    func response(_ id: String, _ exchange: Exchange) async throws(APIError) -> Response {
        if exchange.request.method == .delete {
            await background.cancel(id)
            try await archive.remove(id)
            return .json(ModelResponse.deletion(of: id))
        }
        if exchange.request.uri.queryParameters["stream"] == "true" {
            throw .unsupported("stream", "A stored response comes in one piece.")
        }
        // Asked first: once it does not run any more, its end is stored.
        let isRunning = background.isRunning(id)
        let stored = try await archive.response(id)
        return .json(isRunning ? stored : Self.withoutRunner(stored))
    }

    /// `POST /v1/responses/{id}/cancel`
    func cancelResponse(_ id: String) async throws(APIError) -> Response {
        let stored = try await archive.response(id)
        guard stored["background"] == true else {
            throw .invalidValue("id", "only a response that is computed in the background can be cancelled.")
        }
        await background.cancel(id)
        return .json(Self.withoutRunner(try await archive.response(id)))
    }

    /// `GET /v1/responses/{id}/input_items`
    func responseInput(_ id: String, _ exchange: Exchange) async throws(APIError) -> Response {
        let page = try ItemPage(exchange.request.uri.queryParameters.map { (String($0.key), String($0.value)) })
        return .json(try page.json(of: try await archive.input(of: id)))
    }

    /// A response that nobody computes any more and that never ended has failed: its server was stopped, or its end could not
    /// be stored.
    private static func withoutRunner(_ stored: JSONValue) -> JSONValue {
        guard case .object(var object) = stored,
            object["status"] == .string(ModelResponse.Status.inProgress.rawValue)
        else { return stored }
        object["status"] = .string(ModelResponse.Status.failed.rawValue)
        object["error"] = [
            "code": "server_error",
            "message": "The server was stopped before the response was complete, or could not store it.",
        ]
        return .object(object)
    }

    private func format(of work: ResponseWork) -> ResponsesFormat {
        ResponsesFormat(draft: work.draft) { [environment] in Int(environment.now().timeIntervalSince1970) }
    }

    private func store(_ response: JSONValue, of work: ResponseWork) async throws(APIError) {
        try await archive.keep(response, input: work.input, previousID: work.body.previousID)
    }

    /// Stores a response that nobody waits for, and tries again where the storage was busy or full for a moment.
    private func storeEnd(_ response: ModelResponse, of work: ResponseWork) async {
        for pause in [1, 4, 16, nil] {
            do {
                return try await store(response.json, of: work)
            } catch {
                let metadata: Logger.Metadata = ["response.id": "\(response.id)", "error": "\(error)"]
                guard let pause else { return logger.error("response lost", metadata: metadata) }
                logger.warning("response not stored yet", metadata: metadata)
                try? await Task.sleep(for: .seconds(pause))
            }
        }
    }

    private func work(for body: ResponsesRequest, _ exchange: Exchange) async throws(APIError) -> ResponseWork {
        let deployment = try directory.find(body.model)
        let isKept = body.stores ?? (archive.store != nil)
        if archive.store == nil, isKept || body.isBackground {
            throw .unsupported(isKept ? "store" : "background", "This server was started to store nothing.")
        }
        let (earlier, input) = try await items(of: body)
        let chat = try await ChatRequest(body, earlier + input, for: deployment, id: exchange.id)
        var draft = ModelResponse(
            id: ResponsesFormat.prefix + environment.makeID(),
            created: Int(environment.now().timeIntervalSince1970),
            model: body.model,
            echo: body.echo
        )
        let sampling = chat.text.parameters.sampling
        draft.echo["temperature"] = .number(body.fields.temperature ?? Self.plain(sampling.temperature))
        draft.echo["top_p"] = .number(body.fields.topP ?? Self.plain(sampling.topP))
        draft.echo["store"] = .bool(isKept)
        return ResponseWork(
            body: body,
            deployment: deployment,
            chat: chat,
            input: input,
            draft: draft,
            isKept: isKept
        )
    }

    /// The number with the digits a 32-bit float has.
    private static func plain(_ number: Float) -> Double { Double(number.description) ?? Double(number) }

    /// The stored conversation that the request goes on with, and what the request adds: references looked up, each item
    /// with a name.
    private func items(
        of body: ResponsesRequest
    ) async throws(APIError) -> (earlier: [ResponseItem], input: [ResponseItem]) {
        var reading = ArchiveReading(archive)
        var earlier: [ResponseItem] = []
        if let id = body.previousID { earlier = try await reading.conversation(upTo: id) }
        var items: [ResponseItem] = []
        for input in body.input {
            switch input {
            case .item(var item):
                item.id = item.id ?? item.prefix + environment.makeID()
                items.append(item)
            case .reference(let id, let parameter):
                items.append(try await reading.item(id, parameter: parameter))
            }
        }
        return (earlier, items)
    }
}

extension APIService {
    /// Starts the answer and tells at once that it is under way.
    private func runInBackground(_ work: ResponseWork, _ exchange: Exchange) async throws(APIError) -> Response {
        let (run, permit) = try await start([work.chat.text], work.chat.options, on: work.deployment, for: exchange)
        let format = format(of: work)
        let id = work.draft.id
        background.begin(id, run)
        do {
            try await store(work.draft.json, of: work)
        } catch {
            run.abandon()
            background.end(id)
            throw error
        }
        let answering = Answering(
            exchange: exchange,
            deployment: work.deployment,
            run: run,
            format: format,
            options: work.chat.options,
            permit: permit,
            recorder: RunRecorder(start: exchange.start)
        )
        Task {
            let answers = await collect(answering)
            var response = format.response(answers)
            if !answers.isComplete {
                let status = background.isCancelled(id) ? ModelResponse.Status.cancelled : .failed
                response = format.failed(answers, with: answers.error(run.interruptionError), as: status)
            }
            await storeEnd(response, of: work)
            background.end(id)
            permit.leave()
        }
        return .json(work.draft.json)
    }
}
