import Deployments
import JSON
import OllamaAPI
import OpenAIAPI

extension ChatRequest {
    /// - Parameter id: the request's name in logs.
    init(_ request: OllamaChatRequest, for deployment: Deployment, id: String) throws(APIError) {
        let messages = request.messages.map { JSONValue.templateMessage($0.role.rawValue, [$0.content]) }
        // As Ollama's templates do: an answer that has begun is gone on with.
        let continues = request.messages.last.map { $0.role == .assistant && !$0.content.isEmpty } ?? false
        var chat = ChatPrompt(
            messages: messages,
            addGenerationPrompt: !continues,
            continueFinalMessage: continues
        )
        chat.reasoning = try ReasoningRequest(isOff: request.fields.isThinkingOff, parameter: "think", for: deployment)
        try self.init(.chat(chat), request.fields, for: deployment, id: id)
    }

    /// A prompt of a model without a chat template is plain text, as it is with Ollama.
    ///
    /// - Parameter id: the request's name in logs.
    init(_ request: OllamaGenerateRequest, for deployment: Deployment, id: String) throws(APIError) {
        let isPlain = request.isRaw || (!deployment.hasChatTemplate && request.system == nil)
        var messages = [JSONValue.templateMessage("user", [request.prompt])]
        if let system = request.system { messages.insert(.templateMessage("system", [system]), at: 0) }
        var chat = ChatPrompt(messages: messages)
        chat.reasoning = try ReasoningRequest(isOff: request.fields.isThinkingOff, parameter: "think", for: deployment)
        let prompt: PromptSource = isPlain ? .text(request.prompt) : .chat(chat)
        try self.init(prompt, request.fields, for: deployment, id: id)
    }

    private init(
        _ prompt: PromptSource,
        _ request: OllamaFields,
        for deployment: Deployment,
        id: String
    ) throws(APIError) {
        if let length = request.options.contextLength, length > deployment.contextLength {
            throw .invalidValue(
                "options.num_ctx",
                "\(length) tokens are more than this model's context holds here (\(deployment.contextLength))."
            )
        }
        let fields = GenerationFields(request)
        var parameters = try fields.parameters(upTo: request.options.maxTokens, for: deployment)
        parameters.cutsMaxTokensToRoom = true
        text = TextRequest(id: id, prompt: prompt, parameters: parameters)
        options = AnswerOptions(fields, model: request.model, reportsLogprobs: false)
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
        if request.isStreamed { streaming = StreamOptions() }
    }
}
