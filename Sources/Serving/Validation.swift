import Deployments
import Inference
import JSON
import OpenAIAPI
import Tokenization

/// How an answer goes back to the caller: what was asked beside the generation itself.
struct AnswerOptions: Sendable {
    /// The model's name as the request had it.
    var model: String
    /// nil when the answer comes in one piece.
    var streaming: GenerationFields.StreamOptions?
    /// Answers per prompt.
    var choiceCount: Int
    /// Answers that are written per prompt; the best `choiceCount` of them are returned.
    var candidateCount: Int
    var reportsLogprobs: Bool
    /// The adapters of `lora`; nil leaves the choice to the model's name.
    var adapters: [AdapterSelection]?
    var returnsTokenIDs: Bool
    /// Whether the usage reports the time of computing.
    var returnsComputeTime: Bool
    /// Whether calls are written as `function_call`, as for the older `functions`.
    var callsAreLegacy = false
    /// The request's parameter that holds the prompt; nil for the usual one.
    var promptParameter: String?
}

/// A request for an answer that cannot be invalid any more: its fields agree with each other and with the model.
struct ChatRequest: Sendable {
    let text: TextRequest
    let options: AnswerOptions

    /// - Parameter id: the request's name in logs.
    init(_ request: ChatCompletionRequest, for deployment: Deployment, id: String) throws(APIError) {
        if request.continuesFinalMessage, request.messages.last?.role != .assistant {
            throw .invalidValue("continue_final_message", "the last message is not the assistant's.")
        }
        var parameters = try request.fields.parameters(upTo: request.maxTokens, for: deployment)
        parameters.logprobCount = request.topLogprobs
        let callable = request.tools.callable
        var chat = ChatPrompt(
            messages: request.messages.map(\.templateValue),
            tools: callable.isEmpty ? nil : callable.map(\.templateValue),
            addGenerationPrompt: request.addsGenerationPrompt && !request.continuesFinalMessage,
            continueFinalMessage: request.continuesFinalMessage,
            templateArguments: request.templateArguments
        )
        chat.reasoning = try ReasoningRequest(
            request.reasoning,
            parameter: request.reasoning.parameter,
            for: deployment
        )
        let count = request.fields.choiceCount
        var text = TextRequest(id: id, prompt: .chat(chat), choiceCount: count, parameters: parameters)
        text.functions = FunctionCalls(request.tools)
        if text.functions != nil, request.continuesFinalMessage {
            throw .invalidValue("continue_final_message", "a message that is continued cannot call functions.")
        }
        self.text = text
        var options = AnswerOptions(request.fields, model: request.model, reportsLogprobs: request.topLogprobs != nil)
        options.callsAreLegacy = request.tools.isLegacy
        self.options = options
    }
}

extension FunctionCalls {
    /// nil when no function may be called.
    init?(_ fields: ToolFields) {
        let callable = fields.callable
        if callable.isEmpty { return nil }
        self.init(
            functions: callable.map { Function(name: $0.name, parameters: $0.argumentSchema) },
            isRequired: fields.isCallRequired,
            allowsSeveral: fields.allowsParallelCalls,
            parameter: fields.isLegacy ? "functions" : "tools"
        )
    }
}

extension ToolDefinition {
    /// The schema of the arguments, which are an object in any case, and an empty one for a function that lists its
    /// arguments and has none: JSON Schema would allow any, but who calls such a function passes what it is given.
    var argumentSchema: JSONValue {
        guard var schema = parameters else {
            return ["type": "object", "properties": [:], "additionalProperties": false]
        }
        if schema["type"] == nil { schema["type"] = "object" }
        let isEmpty = schema["properties"] == [:] && (schema["required"] ?? []) == []
        if isEmpty, Self.annotations.isSuperset(of: schema.keys) { schema["additionalProperties"] = false }
        return .object(schema)
    }

    /// Keywords beside which empty `properties` are all that a schema says.
    private static let annotations: Set = [
        "type", "properties", "required", "title", "description", "$schema", "$comment",
    ]
}

extension ReasoningRequest {
    /// nil when nothing is asked. An effort that the model's template cannot be told of is refused, not ignored.
    ///
    /// - Parameter parameter: where the request says it.
    init?(
        _ fields: ReasoningFields,
        parameter: String = "reasoning_effort",
        for deployment: Deployment
    ) throws(APIError) {
        switch fields.effort {
        case nil: self.init()
        case .level(let level):
            self.init(isOn: level != .none, effort: level == .none ? nil : level.rawValue)
        case .budget(let tokens):
            self.init(isOn: tokens > 0, budget: tokens)
        }
        if let limit = fields.budget { budget = min(limit, budget ?? limit) }
        if self == ReasoningRequest() { return nil }
        guard let capabilities = deployment.templateCapabilities else { return }
        if let budget, budget > 0 {
            let name = fields.budget == nil ? parameter : "thinking_token_budget"
            try checkBudget(name, capabilities, for: deployment)
        }
        if isHeard(by: capabilities) { return }
        // Not to think is what a model without thoughts does anyhow.
        if fields.isOff == true, deployment.toolSupport.reasoning == nil { return nil }
        throw .unsupported(parameter, "This model's chat template has no switch for its thoughts.")
    }

    /// A budget needs no switch where the marks of thoughts are known, since they are ended when it is spent.
    private mutating func checkBudget(
        _ parameter: String,
        _ capabilities: TemplateCapabilities,
        for deployment: Deployment
    ) throws(APIError) {
        if deployment.toolSupport.reasoning != nil {
            if capabilities.thinkingSwitches.isEmpty, effort == nil { isOn = nil }
        } else if !capabilities.readsThinkingBudget {
            throw .unsupported(parameter, "This model does not think before it answers.")
        }
    }
}

/// Plain completions that cannot be invalid any more: one text request for every prompt.
struct CompletionBatch: Sendable {
    let texts: [TextRequest]
    let options: AnswerOptions
    let echoesPrompt: Bool

    /// - Parameter id: the request's name in logs.
    init(_ request: CompletionRequest, for deployment: Deployment, id: String) throws(APIError) {
        let fields = request.fields
        if request.echoesPrompt, request.logprobs != nil, fields.streaming != nil, fields.choiceCount > 1 {
            throw .invalidValue("n", "a stream with 'echo' and 'logprobs' has one answer per prompt.")
        }
        var parameters = try fields.parameters(upTo: request.maxTokens, for: deployment)
        // The best answers are those with the likeliest tokens.
        parameters.logprobCount = request.candidateCount > fields.choiceCount ? request.logprobs ?? 0 : request.logprobs
        parameters.promptLogprobCount = request.echoesPrompt ? request.logprobs : nil
        parameters.addsSpecialTokens = request.addsSpecialTokens
        texts = request.prompts.map { prompt in
            let source: PromptSource =
                switch prompt {
                case .text(let text): request.suffix.map { .between(before: text, after: $0) } ?? .text(text)
                case .tokens(let tokens): .tokens(tokens.map { TokenID($0) })
                }
            return TextRequest(id: id, prompt: source, choiceCount: request.candidateCount, parameters: parameters)
        }
        var options = AnswerOptions(fields, model: request.model, reportsLogprobs: request.logprobs != nil)
        options.candidateCount = request.candidateCount
        self.options = options
        echoesPrompt = request.echoesPrompt
    }
}

extension AnswerOptions {
    init(_ fields: GenerationFields, model: String, reportsLogprobs: Bool) {
        self.model = model
        streaming = fields.streaming
        adapters = fields.adapters
        choiceCount = fields.choiceCount
        candidateCount = fields.choiceCount
        self.reportsLogprobs = reportsLogprobs
        returnsTokenIDs = fields.returnsTokenIDs
        returnsComputeTime = fields.returnsComputeTime
    }
}

extension GenerationFields {
    /// How the answer is sampled and bounded.
    func parameters(upTo maxTokens: Int?, for deployment: Deployment) throws(APIError) -> GenerationParameters {
        var parameters = GenerationParameters(sampling: try sampling(for: deployment))
        try apply(to: &parameters, maxTokens: maxTokens)
        return parameters
    }

    /// The sampler's settings: the request's own, then those the model's makers recommend, then neutral ones.
    private func sampling(for deployment: Deployment) throws(APIError) -> SamplingParameters {
        let defaults = deployment.samplingDefaults
        var settings = SamplingSettings()
        settings.temperature = temperature.map { Float($0) } ?? defaults.temperature ?? settings.temperature
        settings.topP = topP.map { Float($0) } ?? defaults.topP ?? settings.topP
        settings.topK = topK ?? defaults.topK ?? settings.topK
        settings.minP = minP.map { Float($0) } ?? defaults.minP ?? settings.minP
        settings.typicalP = typicalP.map { Float($0) } ?? settings.typicalP
        settings.repetitionPenalty =
            repetitionPenalty.map { Float($0) } ?? defaults.repetitionPenalty ?? settings.repetitionPenalty
        settings.presencePenalty = presencePenalty.map { Float($0) } ?? settings.presencePenalty
        settings.frequencyPenalty = frequencyPenalty.map { Float($0) } ?? settings.frequencyPenalty
        settings.seed = seed.map { UInt64(bitPattern: Int64($0)) }
        let vocabularySize = deployment.tokenizer.vocabularySize
        for bias in logitBias {
            try Self.check(token: bias.token, parameter: "logit_bias", vocabularySize: vocabularySize)
            settings.logitBias[TokenID(bias.token)] = Float(bias.bias)
        }
        for token in stopTokenIDs {
            try Self.check(token: token, parameter: "stop_token_ids", vocabularySize: vocabularySize)
        }
        do {
            return try SamplingParameters(settings)
        } catch {
            throw APIError.invalidValue(error.parameter, error.description)
        }
    }

    private static func check(token: Int, parameter: String, vocabularySize: Int) throws(APIError) {
        guard token < vocabularySize else {
            throw .invalidValue(parameter, "token id \(token) is not in the vocabulary (0 to \(vocabularySize - 1)).")
        }
    }

    /// Sets what is not the sampler's business.
    private func apply(to parameters: inout GenerationParameters, maxTokens: Int?) throws(APIError) {
        if let maxTokens, minTokens > maxTokens {
            throw .invalidValue("min_tokens", "it is above the token limit of \(maxTokens).")
        }
        parameters.maxTokens = maxTokens
        parameters.cutsMaxTokensToRoom = cutsMaxTokens ?? false
        parameters.minTokens = minTokens
        parameters.stopStrings = stop
        parameters.stopTokenIDs = Set(stopTokenIDs.map { TokenID($0) })
        parameters.ignoreEndOfSequence = ignoresEndOfSequence
        parameters.includesStopString = includesStopString
        parameters.skipsSpecialTokens = skipsSpecialTokens
        parameters.cacheSalt = cacheSalt
        parameters.priority = priority
        parameters.structure = structure.map(AnswerStructure.init)
    }
}

extension AnswerStructure {
    init(_ requested: RequestedStructure) {
        let kind: Kind =
            switch requested.output {
            case .jsonObject: .jsonObject
            case .jsonSchema(let schema): .jsonSchema(schema)
            case .regex(let pattern): .regex(pattern)
            case .choice(let texts): .choice(texts)
            case .grammar(let grammar): .grammar(grammar)
            }
        self.init(kind, parameter: requested.parameter)
    }
}

extension ChatMessage {
    /// The message as chat templates read it.
    var templateValue: JSONValue {
        // Templates know "system"; "developer" is OpenAI's newer name for it.
        let role = role == .developer ? Role.system : role
        var object: JSONObject = ["role": .string(role.rawValue)]
        switch content {
        case .none: object["content"] = toolCalls.isEmpty ? "" : .null
        case .text(let text): object["content"] = .string(text)
        case .parts(let parts):
            object["content"] = .array(parts.map { ["type": "text", "text": .string($0)] })
        }
        object["name"] = name.map { .string($0) }
        object["reasoning_content"] = reasoning.map { .string($0) }
        object["tool_call_id"] = toolCallID.map { .string($0) }
        if !toolCalls.isEmpty { object["tool_calls"] = .array(toolCalls.map(Self.withParsedArguments)) }
        return .object(object)
    }

    /// Templates want a call's arguments as an object; text that is none stays text.
    private static func withParsedArguments(_ call: JSONValue) -> JSONValue {
        guard case .object(var object) = call, case .object(var function)? = object["function"],
            let text = function["arguments"]?.stringValue,
            let arguments = try? JSONValue(parsing: text), arguments.objectValue != nil
        else { return call }
        function["arguments"] = arguments
        object["function"] = .object(function)
        return .object(object)
    }
}
