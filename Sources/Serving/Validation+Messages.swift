import AnthropicAPI
import Deployments
import JSON
import OpenAIAPI

extension ChatRequest {
    /// - Parameter id: the request's name in logs.
    init(_ request: MessagesRequest, for deployment: Deployment, id: String) throws(APIError) {
        var fields = GenerationFields()
        fields.temperature = request.temperature
        fields.topP = request.topP
        fields.topK = request.topK
        fields.stop = request.stopSequences
        if request.isStreamed { fields.streaming = GenerationFields.StreamOptions() }
        var parameters = try fields.parameters(upTo: request.maxTokens, for: deployment)
        parameters.cutsMaxTokensToRoom = true
        text = TextRequest(id: id, prompt: .chat(try request.prompt.chat(for: deployment)), parameters: parameters)
        options = AnswerOptions(fields, model: request.prompt.model, reportsLogprobs: false)
    }
}

extension MessagesPrompt {
    /// The conversation as chat templates read it.
    func chat(for deployment: Deployment) throws(APIError) -> ChatPrompt {
        var turns = turns
        if turns.first?.role == .system {
            turns[0].texts = system + turns[0].texts
        } else if !system.isEmpty {
            turns.insert(Turn(.system, system), at: 0)
        }
        var chat = ChatPrompt(
            messages: turns.map { JSONValue.templateMessage($0.role.rawValue, $0.texts) },
            addGenerationPrompt: !continuesFinalTurn,
            continueFinalMessage: continuesFinalTurn
        )
        chat.reasoning = try ReasoningRequest(isOff: isThinkingOff, parameter: "thinking", for: deployment)
        return chat
    }
}

extension ReasoningRequest {
    /// nil where nothing is asked, or a model that never thinks is asked not to. What its template cannot be told is
    /// refused, not ignored.
    init?(isOff: Bool, parameter: String, for deployment: Deployment) throws(APIError) {
        guard isOff, deployment.toolSupport.reasoning != nil else { return nil }
        self.init(isOn: false)
        guard let capabilities = deployment.templateCapabilities, !isHeard(by: capabilities) else { return }
        throw .unsupported(parameter, "This model's chat template has no switch for its thoughts.")
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
}
