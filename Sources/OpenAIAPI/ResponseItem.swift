package import JSON

/// One item of a response's input or output: a message, a function call, its result, or thoughts.
package struct ResponseItem: Sendable, Equatable {
    /// How far an item has come.
    package enum Status: String, Sendable {
        case inProgress = "in_progress"
        case completed, incomplete
    }

    /// A piece of a message.
    package struct Part: Sendable, Equatable {
        package var text: String
        /// Whether it is an assistant's refusal.
        package var isRefusal = false
        /// Of an answer's tokens; empty where they were not asked for.
        package var logprobs: [WireLogprob] = []

        package init(_ text: String, logprobs: [WireLogprob] = []) {
            self.text = text
            self.logprobs = logprobs
        }
    }

    /// What the item says.
    package enum Content: Sendable, Equatable {
        case message(ChatMessage.Role, [Part])
        /// Arguments are JSON text.
        case call(id: String, name: String, arguments: String)
        /// The result of the call `id`.
        case callOutput(id: String, [Part], isText: Bool)
        case reasoning(String)
    }

    /// The item's name; nil for one of a request that was not given one yet.
    package var id: String?
    package var content: Content
    package var status: Status

    package init(id: String? = nil, _ content: Content, status: Status = .completed) {
        self.id = id
        self.content = content
        self.status = status
    }

    /// What the item's kind puts before its name.
    package var prefix: String {
        switch content {
        case .message: "msg_"
        case .call: "fc_"
        case .callOutput: "fco_"
        case .reasoning: "rs_"
        }
    }

    /// The item as it goes over the wire and into the store.
    package var json: JSONValue {
        var object: JSONObject = [:]
        object["id"] = id.map { .string($0) }
        switch content {
        case .message(let role, let parts):
            object["type"] = "message"
            object["status"] = .string(status.rawValue)
            object["role"] = .string(role.rawValue)
            object["content"] = .array(parts.map { role == .assistant ? $0.outputJSON : $0.inputJSON })
        case .call(let callID, let name, let arguments):
            object["type"] = "function_call"
            object["status"] = .string(status.rawValue)
            object["call_id"] = .string(callID)
            object["name"] = .string(name)
            object["arguments"] = .string(arguments)
        case .callOutput(let callID, let parts, let isText):
            object["type"] = "function_call_output"
            object["status"] = .string(status.rawValue)
            object["call_id"] = .string(callID)
            object["output"] = isText ? .string(parts[0].text) : .array(parts.map(\.inputJSON))
        case .reasoning(let text):
            object["type"] = "reasoning"
            object["status"] = .string(status.rawValue)
            object["summary"] = []
            object["content"] = text.isEmpty ? [] : [Part(text).reasoningJSON]
        }
        return .object(object)
    }
}

extension ResponseItem.Part {
    /// The part in what a caller sends.
    var inputJSON: JSONValue { ["type": "input_text", "text": .string(text)] }

    /// The part in an assistant's message.
    var outputJSON: JSONValue {
        if isRefusal { return ["type": "refusal", "refusal": .string(text)] }
        return [
            "type": "output_text", "annotations": [], "logprobs": .array(logprobs.map(\.chatJSON)),
            "text": .string(text),
        ]
    }

    /// The part in thoughts.
    var reasoningJSON: JSONValue { ["type": "reasoning_text", "text": .string(text)] }
}

/// An element of a request's `input`.
package enum ResponseInput: Sendable, Equatable {
    case item(ResponseItem)
    /// An item of a stored response.
    ///
    /// - Parameter parameter: where the reference stands in the request.
    case reference(String, parameter: String)
}

extension ResponseInput {
    /// Most elements of `input`.
    static let countLimit = 100_000
    /// Longest name of an item or a call, in bytes.
    static let nameBytes = 256

    /// Reads `input`: a text, or a list of items.
    static func list(_ value: JSONValue, _ parameter: String) throws(APIError) -> [ResponseInput] {
        switch value {
        case .string(let text):
            return [.item(ResponseItem(.message(.user, [.init(text)])))]
        case .array(let values):
            try FieldReader.checkCount(values.count, parameter, in: 0...countLimit)
            return try list(values, parameter)
        default:
            throw .invalidType(parameter, expected: "a string or an array of items", got: value)
        }
    }

    /// Items whose names differ, as at OpenAI: a name stands for one item, and lists of them are gone through by name.
    private static func list(_ values: [JSONValue], _ parameter: String) throws(APIError) -> [ResponseInput] {
        var inputs: [ResponseInput] = []
        var names: Set<String> = []
        for (index, value) in values.enumerated() {
            let path = "\(parameter)[\(index)]"
            let input = try ResponseInput(value, path: path)
            if let name = input.name, !names.insert(name).inserted {
                throw .invalidValue("\(path).id", "an earlier item has the id '\(name)', too. Leave one of them out.")
            }
            inputs.append(input)
        }
        return inputs
    }

    /// What the item is called that this is or names; nil for one without a name.
    private var name: String? {
        switch self {
        case .item(let item): item.id
        case .reference(let id, _): id
        }
    }

    /// `value` as the name of an item: printable ASCII, as every server's names are. A store may end a text at a NUL, and
    /// would take two names for one.
    fileprivate static func itemID(_ value: JSONValue, _ parameter: String) throws(APIError) -> String {
        FieldRecorder.current?.note(parameter, ["pattern": "^[ -~]*$"])
        let id = try FieldReader.string(value, parameter, bytes: nameBytes)
        let isPrintable = id.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if isPrintable { return id }
        throw .invalidValue(parameter, "an item's id has printable ASCII characters only.")
    }

    /// - Parameter path: where `value` stands in the request.
    package init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let type = try reader.string("type") ?? Self.impliedType(value)
        switch type {
        case "message": self = .item(try ResponseItem(message: &reader))
        case "function_call": self = .item(try ResponseItem(call: &reader))
        case "function_call_output": self = .item(try ResponseItem(callOutput: &reader))
        case "reasoning": self = .item(try ResponseItem(reasoning: &reader))
        case "item_reference":
            let parameter = reader.parameter("id")
            self = .reference(try Self.itemID(try reader.required("id"), parameter), parameter: parameter)
        case nil: throw .missing(reader.parameter("type"))
        case let type?:
            guard Self.refusedTypes.contains(type) else {
                throw .invalidValue(reader.parameter("type"), "'\(type)' is no type of item.")
            }
            throw .unsupported(path, "The item has the type '\(type)', which this server has no tool for.")
        }
        try reader.finish()
    }

    /// Messages and references may leave their type out.
    private static func impliedType(_ value: JSONValue) -> String? {
        if value["role"] != nil { return "message" }
        return value["id"] == nil ? nil : "item_reference"
    }

    /// Items of tools that this server does not have.
    private static let refusedTypes: Set<String> = [
        "file_search_call", "computer_call", "computer_call_output", "web_search_call", "image_generation_call",
        "code_interpreter_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
        "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request",
        "mcp_approval_response", "mcp_call", "custom_tool_call", "custom_tool_call_output", "compaction",
    ]
}

extension ResponseItem {
    fileprivate init(message reader: inout FieldReader) throws(APIError) {
        let parameter = reader.parameter("role")
        let roles: [ChatMessage.Role] = [.user, .assistant, .system, .developer]
        let value = try reader.required("role", FieldReader.oneOf(roles.map(\.rawValue)))
        let name = try FieldReader.string(value, parameter)
        guard let role = roles.first(where: { $0.rawValue == name }) else {
            let names = roles.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(name)' is no role. Supported values are: \(names).")
        }
        let content = try reader.required("content", ["type": ["string", "array"]])
        let parts = try Self.parts(content, reader.parameter("content"), isAssistant: role == .assistant)
        reader.ignore(["phase"])
        try self.init(.message(role, parts), &reader)
    }

    fileprivate init(call reader: inout FieldReader) throws(APIError) {
        let id = try Self.callID(&reader)
        let name = try ToolDefinition.name(try reader.required("name"), reader.parameter("name"))
        let arguments = try FieldReader.string(try reader.required("arguments"), reader.parameter("arguments"))
        try self.init(.call(id: id, name: name, arguments: arguments), &reader)
    }

    fileprivate init(callOutput reader: inout FieldReader) throws(APIError) {
        let id = try Self.callID(&reader)
        let value = try reader.required("output", ["type": ["string", "array"]])
        let parts = try Self.parts(value, reader.parameter("output"), isAssistant: false)
        try self.init(.callOutput(id: id, parts, isText: value.stringValue != nil), &reader)
    }

    fileprivate init(reasoning reader: inout FieldReader) throws(APIError) {
        var texts: [String] = []
        for key in ["content", "summary"] {
            for (index, value) in (try reader.array(key) ?? []).enumerated() {
                var part = try FieldReader(value, path: "\(reader.parameter(key))[\(index)]")
                _ = try part.string("type")
                let text = try FieldReader.string(try part.required("text"), part.parameter("text"))
                try part.finish()
                texts.append(text)
            }
            // A summary tells the same in short.
            if !texts.isEmpty { break }
        }
        reader.ignore(["summary", "encrypted_content"])
        try self.init(.reasoning(texts.joined(separator: "\n")), &reader)
    }

    private init(_ content: Content, _ reader: inout FieldReader) throws(APIError) {
        let explanation = "The model calls every function itself, and waits for it."
        try reader.refuse([
            UnsupportedField("caller", explanation, harmless: [["type": "direct"]]),
            UnsupportedField("namespace", "This server's functions have plain names."),
            UnsupportedField("async", explanation, harmless: [false]),
        ])
        reader.ignore(["created_by"])
        self.init(id: try Self.id(&reader), content)
        guard let name = try reader.string("status") else { return }
        guard let status = Status(rawValue: name) else {
            throw .invalidValue(reader.parameter("status"), "'\(name)' is no status of an item.")
        }
        self.status = status
    }

    /// An empty name is none: clients have it for items that nobody named.
    private static func id(_ reader: inout FieldReader) throws(APIError) -> String? {
        guard let value = reader.value("id", FieldReader.shape(bytes: ResponseInput.nameBytes)) else { return nil }
        let id = try ResponseInput.itemID(value, reader.parameter("id"))
        return id.isEmpty ? nil : id
    }

    private static func callID(_ reader: inout FieldReader) throws(APIError) -> String {
        let parameter = reader.parameter("call_id")
        let id = try FieldReader.string(try reader.required("call_id"), parameter, bytes: ResponseInput.nameBytes)
        if id.isEmpty { throw .invalidValue(parameter, "a call's name cannot be empty.") }
        return id
    }

    private static func parts(
        _ value: JSONValue,
        _ parameter: String,
        isAssistant: Bool
    ) throws(APIError) -> [Part] {
        switch value {
        case .string(let text): return [Part(text)]
        case .array(let values):
            var parts: [Part] = []
            for (index, value) in values.enumerated() {
                parts.append(try part(value, "\(parameter)[\(index)]", isAssistant: isAssistant))
            }
            return parts
        default:
            throw .invalidType(parameter, expected: "a string or an array of parts", got: value)
        }
    }

    private static func part(_ value: JSONValue, _ path: String, isAssistant: Bool) throws(APIError) -> Part {
        var reader = try FieldReader(value, path: path)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        var key = "text"
        switch type {
        case "input_text", "output_text", "text": break
        case "refusal" where isAssistant: key = "refusal"
        case "input_image", "input_file", "input_audio":
            throw .unsupported(path, "This server reads text only; the part has the type '\(type)'.")
        default:
            let known = isAssistant ? "'output_text', 'refusal'" : "'input_text'"
            throw .invalidValue(reader.parameter("type"), "'\(type)' is no type of content. Supported: \(known).")
        }
        var part = Part(try FieldReader.string(try reader.required(key), reader.parameter(key)))
        part.isRefusal = key == "refusal"
        // What an answer said of itself, when it is sent back.
        reader.ignore(["annotations", "logprobs"])
        try reader.finish()
        return part
    }
}
