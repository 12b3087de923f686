package import JSON
package import OpenAIAPI

/// What the bodies of `/api/chat` and `/api/generate` share.
package struct OllamaFields: Sendable, Equatable {
    package var model: String
    package var options: OllamaOptions
    /// Ollama streams unless told not to.
    package var isStreamed: Bool
    /// nil leaves it to the model.
    package var thinking: Thinking?
    /// The adapters that the answer is written under, which is not of Ollama's API; nil leaves that to the model's name.
    package var adapters: [AdapterSelection]?
    /// nil for an answer of any kind.
    package var structure: RequestedStructure?

    /// Whether the model is to think before it answers.
    package enum Thinking: Sendable, Equatable {
        case off, on
        /// With this effort: `low`, `medium` or `high`.
        case level(String)
    }

    /// Reads them and refuses those that this server cannot honour.
    init(_ reader: inout FieldReader) throws(APIError) {
        model = try FieldReader.string(try reader.required("model"), reader.parameter("model"), bytes: 1024)
        try reader.refuse(Self.unsupported)
        thinking = try Self.thinking(&reader)
        structure = try Self.structure(&reader)
        options = try OllamaOptions(&reader)
        adapters = try AdapterSelection.read(&reader)
        isStreamed = try reader.bool("stream") ?? true
        try Self.checkKeepAlive(&reader)
    }

    private static func thinking(_ reader: inout FieldReader) throws(APIError) -> Thinking? {
        guard let value = reader.value("think", ["type": ["boolean", "string"]]) else { return nil }
        switch value {
        case .bool(let isOn): return isOn ? .on : .off
        case .string(let level) where ["low", "medium", "high"].contains(level): return .level(level)
        case .string(let text):
            throw .invalidValue(
                reader.parameter("think"),
                "'\(text)' is no effort. Supported values are: true, false, 'low', 'medium', 'high'."
            )
        default:
            throw .invalidType(reader.parameter("think"), expected: "a boolean or a string", got: value)
        }
    }

    /// `"json"`, or a schema; an empty text is none.
    private static func structure(_ reader: inout FieldReader) throws(APIError) -> RequestedStructure? {
        guard let value = reader.value("format", ["type": ["string", "object"]]) else { return nil }
        let parameter = reader.parameter("format")
        switch value {
        case "": return nil
        case "json": return RequestedStructure(output: .jsonObject, parameter: parameter)
        case .object: return RequestedStructure(output: .jsonSchema(value), parameter: parameter)
        case .string(let text): throw .invalidValue(parameter, "'\(text)' is no format. Send 'json' or a schema.")
        default: throw .invalidType(parameter, expected: "'json' or an object", got: value)
        }
    }

    /// Seconds, or a text such as `5m`, which is not read any further: this server keeps its models whatever it says.
    static func checkKeepAlive(_ reader: inout FieldReader) throws(APIError) {
        guard let value = reader.value("keep_alive", ["type": ["number", "string"]]), value.doubleValue == nil else {
            return
        }
        let parameter = reader.parameter("keep_alive")
        guard value.stringValue != nil else {
            throw .invalidType(parameter, expected: "a number of seconds or a string such as '5m'", got: value)
        }
        _ = try FieldReader.string(value, parameter, bytes: 64)
    }

    private static let unsupported: [UnsupportedField] = {
        let truncation = "This server never truncates a prompt; a prompt that does not fit is an error."
        return [
            UnsupportedField("truncate", truncation, harmless: [false]),
            UnsupportedField("shift", "This server never shifts a full context.", harmless: [false]),
            UnsupportedField("logprobs", "Use /v1/chat/completions for log probabilities.", harmless: [false]),
            UnsupportedField("top_logprobs", "Use /v1/chat/completions for log probabilities.", harmless: [0]),
        ]
    }()

    static let textOnly = "This server reads text only."
}

/// The body of `POST /api/generate`: every field has its type and stays within its bounds.
package struct OllamaGenerateRequest: Sendable, Equatable {
    package var fields: OllamaFields
    /// Empty to load the model and say nothing.
    package var prompt: String
    /// Instructions before the prompt; nil without any.
    package var system: String?
    /// Whether the prompt goes to the model as it stands, without the chat template.
    package var isRaw: Bool

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        fields = try OllamaFields(&reader)
        try reader.refuse([
            UnsupportedField("template", "The model's own chat template is always used.", harmless: [""]),
            UnsupportedField("suffix", "This server does not fill in the middle yet.", harmless: [""]),
            UnsupportedField("images", OllamaFields.textOnly, harmless: [[]]),
            UnsupportedField("context", "Use /api/chat for conversations.", harmless: [[]]),
        ])
        prompt = try reader.string("prompt") ?? ""
        system = try reader.string("system").flatMap { $0.isEmpty ? nil : $0 }
        isRaw = try reader.bool("raw") ?? false
        try reader.finish()
        if isRaw, let thinking = fields.thinking, thinking != .off {
            throw .invalidValue("think", "raw mode takes the prompt as it stands, and the answer as it comes.")
        }
        if isRaw, system != nil { throw .invalidValue("system", "raw mode takes the prompt as it stands.") }
    }
}

/// The body of `POST /api/show`.
package struct OllamaShowRequest: Sendable, Equatable {
    package var model: String

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        // "name" is the older word.
        let older = try reader.string("name", bytes: 1024)
        guard let model = try reader.string("model", bytes: 1024) ?? older else { throw .missing("model") }
        self.model = model
        _ = try reader.bool("verbose")
        try reader.finish()
    }
}
