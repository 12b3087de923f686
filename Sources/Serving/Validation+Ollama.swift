import Deployments
import JSON
import OllamaAPI
import OpenAIAPI
import Tokenization

extension ChatRequest {
    /// - Parameter id: the request's name in logs.
    init(_ request: OllamaChatRequest, for deployment: Deployment, id: String) throws(APIError) {
        let tools = request.tools.callable
        var chat = ChatPrompt(
            messages: request.messages.map(\.templateMessage),
            tools: tools.isEmpty ? nil : tools.map(\.templateValue),
            addGenerationPrompt: !request.continuesFinalMessage,
            continueFinalMessage: request.continuesFinalMessage
        )
        chat.reasoning = try ReasoningRequest(request.fields.thinking, for: deployment)
        try self.init(.chat(chat), request.fields, FunctionCalls(request.tools), for: deployment, id: id)
    }

    /// A prompt of a model without a chat template is plain text, as it is with Ollama.
    ///
    /// - Parameter id: the request's name in logs.
    init(_ request: OllamaGenerateRequest, for deployment: Deployment, id: String) throws(APIError) {
        let isPlain = request.isRaw || (!deployment.hasChatTemplate && request.system == nil)
        var messages = [JSONValue.templateMessage("user", [request.prompt])]
        if let system = request.system { messages.insert(.templateMessage("system", [system]), at: 0) }
        var chat = ChatPrompt(messages: messages)
        chat.reasoning = try ReasoningRequest(request.fields.thinking, for: deployment)
        let prompt: PromptSource = isPlain ? .text(request.prompt) : .chat(chat)
        try self.init(prompt, request.fields, nil, for: deployment, id: id)
    }

    private init(
        _ prompt: PromptSource,
        _ request: OllamaFields,
        _ functions: FunctionCalls?,
        for deployment: Deployment,
        id: String
    ) throws(APIError) {
        try request.options.checkContext(deployment.contextLength)
        let fields = GenerationFields(request)
        var parameters = try fields.parameters(upTo: request.options.maxTokens, for: deployment)
        parameters.cutsMaxTokensToRoom = true
        var text = TextRequest(id: id, prompt: prompt, parameters: parameters)
        text.functions = functions
        self.text = text
        options = AnswerOptions(fields, model: request.model, reportsLogprobs: false)
    }
}

extension OllamaOptions {
    /// Refuses a context that the caller counts on and the model does not have here.
    func checkContext(_ limit: Int) throws(APIError) {
        guard let contextLength, contextLength > limit else { return }
        throw .invalidValue(
            "options.num_ctx",
            "\(contextLength) tokens are more than this model's context holds here (\(limit))."
        )
    }
}

extension OllamaChatRequest.Message {
    /// The message as chat templates read it.
    fileprivate var templateMessage: JSONValue {
        var message: JSONObject = ["role": .string(role.rawValue), "content": .string(content)]
        message["reasoning_content"] = thinking.map { .string($0) }
        message["name"] = toolName.map { .string($0) }
        message["tool_call_id"] = callID.map { .string($0) }
        if !calls.isEmpty {
            if content.isEmpty { message["content"] = .null }
            let calls = calls.map { JSONValue.templateCall(id: $0.id, name: $0.name, arguments: $0.arguments) }
            message["tool_calls"] = .array(calls)
        }
        return .object(message)
    }
}

extension ReasoningRequest {
    /// nil where nothing is asked that the model would not do anyhow. What its template cannot be told is refused, not
    /// ignored.
    fileprivate init?(_ thinking: OllamaFields.Thinking?, for deployment: Deployment) throws(APIError) {
        guard let thinking else { return nil }
        let thinks = deployment.toolSupport.reasoning != nil
        let capabilities = deployment.templateCapabilities
        let hasSwitch = capabilities?.thinkingSwitches.isEmpty == false
        switch thinking {
        case .off:
            if !thinks { return nil }
            self.init(isOn: false)
            if !hasSwitch { throw .unsupported("think", "This model's chat template has no switch for its thoughts.") }
        case .on:
            if !thinks { throw .unsupported("think", "This model does not think before it answers.") }
            if !hasSwitch { return nil }
            self.init(isOn: true)
        case .level(let level):
            guard capabilities?.readsReasoningEffort == true else {
                throw .unsupported("think", "This model's chat template knows no levels of thinking.")
            }
            self.init(isOn: hasSwitch ? true : nil, effort: level)
        }
    }
}

extension GenerationFields {
    /// The same settings under OpenAI's names.
    fileprivate init(_ request: OllamaFields) {
        self.init()
        let options = request.options
        temperature = options.temperature
        topK = options.topK
        topP = options.topP
        minP = options.minP
        typicalP = options.typicalP
        repetitionPenalty = options.repeatPenalty
        presencePenalty = options.presencePenalty
        frequencyPenalty = options.frequencyPenalty
        seed = options.seed
        stop = options.stop
        structure = request.structure
        adapters = request.adapters
        if request.isStreamed { streaming = StreamOptions() }
    }
}
