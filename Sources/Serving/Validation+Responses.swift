import Deployments
import OpenAIAPI

extension ChatRequest {
    /// - Parameters:
    ///   - items: the whole conversation: what was stored, then what the request adds.
    ///   - id: the request's name in logs.
    init(
        _ request: ResponsesRequest,
        _ items: [ResponseItem],
        for deployment: Deployment,
        id: String
    ) async throws(APIError) {
        var parameters = try request.fields.parameters(upTo: request.maxTokens, for: deployment)
        parameters.logprobCount = request.topLogprobs
        parameters.cutsMaxTokensToRoom = request.fields.cutsMaxTokens ?? true
        let messages = ChatMessage.conversation(items, instructions: request.instructions)
        if messages.isEmpty { throw .invalidValue("input", "there is nothing to answer.") }
        let callable = request.tools.callable
        var chat = ChatPrompt(
            messages: messages.map(\.templateValue),
            tools: callable.isEmpty ? nil : callable.map(\.templateValue)
        )
        chat.reasoning = try ReasoningRequest(request.reasoning, parameter: "reasoning.effort", for: deployment)
        if request.truncates { try await chat.truncate(messages, leaving: request.maxTokens ?? 1, for: deployment) }
        var text = TextRequest(id: id, prompt: .chat(chat), parameters: parameters)
        text.functions = FunctionCalls(request.tools)
        self.text = text
        var options = AnswerOptions(
            request.fields,
            model: request.model,
            reportsLogprobs: request.topLogprobs != nil
        )
        options.promptParameter = "input"
        self.options = options
    }
}

extension ChatPrompt {
    /// Leaves out the oldest turns that do not fit. Instructions stay, and so does everything from the last message of
    /// the user on.
    ///
    /// - Parameter answerTokenCount: tokens for which there must be room behind the prompt.
    fileprivate mutating func truncate(
        _ all: [ChatMessage],
        leaving answerTokenCount: Int,
        for deployment: Deployment
    ) async throws(APIError) {
        let allRoom = await deployment.roomForTokens()
        let room = allRoom - min(answerTokenCount, allRoom / 2)
        let start = all.prefix { $0.role == .system || $0.role == .developer }.count
        // A turn begins where the user speaks.
        let cuts = [start] + all.indices.filter { $0 > start && all[$0].role == .user }
        var (low, high) = (0, cuts.count - 1)
        while low < high {
            let middle = (low + high) / 2
            let count = try await tokenCount(without: start..<cuts[middle], of: all, deployment)
            if count <= room { high = middle } else { low = middle + 1 }
        }
        messages.removeSubrange(start..<cuts[low])
    }

    private func tokenCount(
        without range: Range<Int>,
        of all: [ChatMessage],
        _ deployment: Deployment
    ) async throws(APIError) -> Int {
        var shorter = self
        shorter.messages.removeSubrange(range)
        do {
            return try await deployment.encode(.chat(shorter)).count
        } catch {
            throw APIError(error, prompt: "input")
        }
    }
}
