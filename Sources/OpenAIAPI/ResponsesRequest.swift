package import JSON

/// The body of `POST /v1/responses`: every field has its type and stays within its bounds; how fields agree with stored
/// responses and with a model is checked by whoever turns this into work.
package struct ResponsesRequest: Sendable, Equatable {
    package var model: String
    /// What this request adds to the conversation.
    package var input: [ResponseInput]
    /// What stands before the conversation, in this request only.
    package var instructions: String?
    /// The stored response whose conversation goes on.
    package var previousID: String?
    /// Whether the response is to be stored; nil leaves it to the server.
    package var stores: Bool?
    /// Whether the answer is computed while nobody waits.
    package var isBackground: Bool
    package var fields: GenerationFields
    package var tools: ToolFields
    package var reasoning: ReasoningFields
    package var maxTokens: Int?
    /// Alternatives beside each token's log probability; nil when none are reported.
    package var topLogprobs: Int?
    /// Whether the oldest messages may go where all do not fit.
    package var truncates: Bool
    /// What the response repeats of the request.
    package var echo: JSONObject

    /// - Parameter isCounted: for `POST /v1/responses/input_tokens`, where `input` may be missing.
    package init(_ body: JSONValue, isCounted: Bool = false) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        previousID = try reader.string("previous_response_id", bytes: ResponseInput.nameBytes)
        instructions = try reader.string("instructions")
        input = try Self.input(&reader, isCounted: isCounted || previousID != nil)
        stores = try reader.bool("store")
        isBackground = try reader.bool("background") ?? false
        try reader.refuse(UnsupportedField.responses)
        truncates = try Self.truncation(&reader)
        fields = try GenerationFields(&reader, except: ["truncation"])
        tools = try ToolFields(responses: &reader)
        reasoning = try Self.reasoning(&reader)
        maxTokens = try reader.integer("max_output_tokens", in: 1...GenerationFields.tokenLimit)
        topLogprobs = try Self.topLogprobs(&reader)
        _ = try reader.integer("max_tool_calls", in: 1...GenerationFields.tokenLimit)
        try Self.readText(&reader, into: &fields)
        try Self.checkMetadata(&reader)
        try reader.finish()
        echo = Self.echo(of: body.objectValue ?? [:], truncates: truncates, tools)
        try checkBackground()
    }

    private static func input(_ reader: inout FieldReader, isCounted: Bool) throws(APIError) -> [ResponseInput] {
        guard let value = reader.value("input", ["type": ["string", "array"]]) else {
            if isCounted { return [] }
            throw .missing("input")
        }
        return try ResponseInput.list(value, "input")
    }

    private static func truncation(_ reader: inout FieldReader) throws(APIError) -> Bool {
        guard let value = reader.value("truncation", FieldReader.oneOf(["auto", "disabled"])) else { return false }
        switch try FieldReader.string(value, "truncation") {
        case "disabled": return false
        case "auto": return true
        case let text: throw .invalidValue("truncation", "'\(text)' is none of 'auto' and 'disabled'.")
        }
    }

    private static func reasoning(_ reader: inout FieldReader) throws(APIError) -> ReasoningFields {
        guard let object = try reader.object("reasoning") else { return ReasoningFields() }
        var inner = FieldReader(object, path: "reasoning")
        let fields = try ReasoningFields(&inner, key: "effort")
        let explanation = "This server writes no summaries; reasoning items hold the thoughts themselves."
        try inner.refuse([
            UnsupportedField("summary", explanation, harmless: ["auto"]),
            UnsupportedField("generate_summary", explanation, harmless: ["auto"]),
            UnsupportedField(
                "context",
                "The model's chat template decides which thoughts it reads again.",
                harmless: ["auto"]
            ),
        ])
        try inner.finish()
        return fields
    }

    /// What `include` may name; those of tools that are not here ask for nothing. Reasoning items say all in `content`.
    private static let includable: Set<String> = [
        "message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results",
        "web_search_call.results", "web_search_call.action.sources", "message.input_image.image_url",
        "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    ]

    private static func topLogprobs(_ reader: inout FieldReader) throws(APIError) -> Int? {
        let count = try reader.integer("top_logprobs", in: 0...20)
        var isReported = (count ?? 0) > 0
        for (index, value) in (try reader.array("include") ?? []).enumerated() {
            let parameter = "include[\(index)]"
            let name = try FieldReader.string(value, parameter)
            if !includable.contains(name) { throw .invalidValue(parameter, "'\(name)' is nothing to include.") }
            if name == "message.output_text.logprobs" { isReported = true }
        }
        return isReported ? count ?? 0 : nil
    }

    /// Reads `text`: the answer's format.
    private static func readText(_ reader: inout FieldReader, into fields: inout GenerationFields) throws(APIError) {
        guard let text = try reader.object("text") else { return }
        var inner = FieldReader(text, path: "text")
        try inner.refuse([
            UnsupportedField(
                "verbosity",
                "This server does not steer the answer's length; say so in a message.",
                harmless: ["medium"]
            )
        ])
        if let format = try RequestedStructure.textFormat(&inner) {
            if let other = fields.structure {
                throw .invalidValue("text.format", "an answer has one format, and '\(other.parameter)' gives one too.")
            }
            fields.structure = format
        }
        try inner.finish()
    }

    private static func checkMetadata(_ reader: inout FieldReader) throws(APIError) {
        guard let metadata = try reader.object("metadata") else { return }
        if metadata.count > 16 { throw .invalidValue("metadata", "it has more than 16 members.") }
        for (key, value) in metadata {
            if key.unicodeScalars.count > 64 {
                throw .invalidValue("metadata", "the name '\(key)' is longer than 64 characters.")
            }
            if (value.stringValue ?? "").unicodeScalars.count > 512 {
                throw .invalidValue("metadata.\(key)", "it is longer than 512 characters.")
            }
        }
    }

    private func checkBackground() throws(APIError) {
        guard isBackground else { return }
        if stores == false { throw .invalidValue("background", "what is computed in the background must be stored.") }
        if fields.streaming != nil {
            throw .unsupported("stream", "What is computed in the background is polled here, not streamed.")
        }
    }
}

extension ResponsesRequest {
    /// The request's settings as responses repeat them, with the defaults of those that it left out.
    private static func echo(of body: JSONObject, truncates: Bool, _ tools: ToolFields) -> JSONObject {
        var echo: JSONObject = [:]
        for key in [
            "instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt_cache_key",
            "safety_identifier", "user",
        ] { echo[key] = body[key] ?? .null }
        echo["background"] = body["background"] ?? false
        echo["metadata"] = present(body["metadata"]) ?? [:]
        echo["parallel_tool_calls"] = present(body["parallel_tool_calls"]) ?? true
        echo["reasoning"] = [
            "effort": body["reasoning"]?["effort"] ?? .null, "summary": body["reasoning"]?["summary"] ?? .null,
        ]
        echo["service_tier"] = "default"
        var text = present(body["text"])?.objectValue ?? [:]
        if present(text["format"]) == nil { text["format"] = ["type": "text"] }
        echo["text"] = .object(text)
        echo["tool_choice"] = present(body["tool_choice"]) ?? "auto"
        echo["tools"] = .array(tools.tools.map(\.responsesJSON))
        echo["top_logprobs"] = present(body["top_logprobs"]) ?? 0
        echo["truncation"] = truncates ? "auto" : "disabled"
        return echo
    }

    private static func present(_ value: JSONValue?) -> JSONValue? { value.flatMap { $0.isNull ? nil : $0 } }
}

extension UnsupportedField {
    /// Refused in responses beside `generation`.
    static let responses: [UnsupportedField] = [
        UnsupportedField("n", "A response is one answer.", harmless: [1]),
        UnsupportedField("response_format", "Use 'text.format'."),
        UnsupportedField("conversation", "This server keeps no conversations; use 'previous_response_id'."),
        UnsupportedField("prompt", "This server keeps no prompt templates; use 'instructions' and 'input'."),
        UnsupportedField("context_management", "This server leaves a conversation as it is.", harmless: [[]]),
        UnsupportedField("moderation", "This server does not moderate."),
        UnsupportedField("return_token_ids", "Use /v1/chat/completions for token ids.", harmless: [false]),
    ]
}
