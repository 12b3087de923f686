import AnthropicAPI
import Deployments
import JSON
import OpenAIAPI
import Tokenization

extension ChatRequest {
    /// - Parameter id: the request's name in logs.
    init(_ request: MessagesRequest, for deployment: Deployment, id: String) throws(APIError) {
        var fields = GenerationFields()
        fields.temperature = request.temperature
        fields.topP = request.topP
        fields.topK = request.topK
        fields.stop = request.stopSequences
        fields.adapters = request.adapters
        fields.structure = request.prompt.output.structure
        if request.isStreamed { fields.streaming = GenerationFields.StreamOptions() }
        var parameters = try fields.parameters(upTo: request.maxTokens, for: deployment)
        parameters.cutsMaxTokensToRoom = true
        let prompt = PromptSource.chat(try request.prompt.chat(for: deployment))
        var text = TextRequest(id: id, prompt: prompt, parameters: parameters)
        text.functions = FunctionCalls(request.prompt.tools)
        self.text = text
        options = AnswerOptions(fields, model: request.prompt.model, reportsLogprobs: false)
    }
}

extension MessagesPrompt {
    /// The conversation as chat templates read it.
    func chat(for deployment: Deployment) throws(APIError) -> ChatPrompt {
        var turns = turns
        if turns.first?.role == .system {
            turns[0].blocks = system.map { .text($0) } + turns[0].blocks
        } else if !system.isEmpty {
            turns.insert(Turn(.system, system), at: 0)
        }
        let callable = tools.callable
        var chat = ChatPrompt(
            messages: turns.flatMap(\.templateMessages),
            tools: callable.isEmpty ? nil : callable.map(\.templateValue),
            addGenerationPrompt: !continuesFinalTurn,
            continueFinalMessage: continuesFinalTurn
        )
        chat.reasoning = try ReasoningRequest(self, for: deployment)
        return chat
    }
}

extension MessagesPrompt.Turn {
    /// The turn as chat templates read it: results are messages of their own, before what the user says to them; calls
    /// come after what the assistant says.
    fileprivate var templateMessages: [JSONValue] {
        var results: [JSONValue] = []
        var (thoughts, calls): ([String], [JSONValue]) = ([], [])
        for block in blocks {
            switch block {
            case .text: break
            case .thinking(let thought): thoughts.append(thought)
            case .toolUse(let id, let name, let input):
                calls.append(.templateCall(id: id, name: name, arguments: input))
            case .toolResult(let id, let texts, let isError):
                results.append(
                    Self.result(of: id, isError ? ["Error: " + (texts.first ?? "")] + texts.dropFirst() : texts)
                )
            }
        }
        if !results.isEmpty, texts.isEmpty { return results }
        guard case .object(var message) = JSONValue.templateMessage(role.rawValue, texts) else { return results }
        if !thoughts.isEmpty { message["reasoning_content"] = .string(thoughts.joined(separator: "\n")) }
        if !calls.isEmpty {
            message["tool_calls"] = .array(calls)
            if texts.isEmpty { message["content"] = .null }
        }
        return results + [.object(message)]
    }

    private static func result(of id: String, _ texts: [String]) -> JSONValue {
        guard case .object(var message) = JSONValue.templateMessage("tool", texts) else { return .null }
        message["tool_call_id"] = .string(id)
        return .object(message)
    }
}

extension ReasoningRequest {
    /// nil where nothing is asked that the model would not do anyhow. What cannot be is refused, not ignored.
    fileprivate init?(_ prompt: MessagesPrompt, for deployment: Deployment) throws(APIError) {
        self.init()
        let thinks = deployment.toolSupport.reasoning != nil
        let capabilities = deployment.templateCapabilities
        let hasSwitch = capabilities?.thinkingSwitches.isEmpty == false
        switch prompt.thinking.mode {
        case .unsaid: break
        case .disabled:
            if thinks, !hasSwitch {
                throw .unsupported("thinking", "This model's chat template has no switch for its thoughts.")
            }
            if thinks { isOn = false }
        case .adaptive: if thinks, hasSwitch { isOn = true }
        case .enabled(let tokens):
            if !thinks { throw .unsupported("thinking", "This model does not think before it answers.") }
            if hasSwitch { isOn = true }
            budget = tokens
        }
        if let level = prompt.output.effort {
            // 'high' is what a request that says nothing gets.
            if capabilities?.readsReasoningEffort == true {
                effort = level.rawValue
            } else if level != .high {
                throw .unsupported(
                    "output_config.effort",
                    "This model's chat template cannot be told how hard to try, other than 'high'."
                )
            }
        }
        if self == ReasoningRequest() { return nil }
    }
}

extension JSONValue {
    /// A message as chat templates read it: one text as it stands, several as parts, none as an empty text.
    static func templateMessage(_ role: String, _ texts: [String]) -> JSONValue {
        let content: JSONValue =
            texts.count < 2
            ? .string(texts.first ?? "")
            : .array(texts.map { ["type": "text", "text": .string($0)] })
        return ["role": .string(role), "content": content]
    }

    /// A call of an earlier turn as chat templates read it.
    ///
    /// - Parameter id: nil where the caller gave none.
    static func templateCall(id: String?, name: String, arguments: JSONObject) -> JSONValue {
        var call: JSONObject = [:]
        call["id"] = id.map { .string($0) }
        call["type"] = "function"
        call["function"] = ["name": .string(name), "arguments": .object(arguments)]
        return .object(call)
    }
}
