package import JSON

/// A function that the model may call.
package struct ToolDefinition: Sendable, Equatable {
    /// Letters, digits, `_` and `-`, 1 to 64 of them.
    package var name: String
    package var description: String?
    /// The JSON schema of its arguments, as the caller sent it; nil for a function without arguments.
    package var parameters: JSONObject?
    /// Whether the caller asked that arguments keep to the schema in every detail.
    package var isStrict: Bool

    package init(name: String, description: String? = nil, parameters: JSONObject? = nil, isStrict: Bool = false) {
        self.name = name
        self.description = description
        self.parameters = parameters
        self.isStrict = isStrict
    }

    /// Longest name, in characters.
    package static let nameLength = 64
    /// Most functions in one request.
    package static let countLimit = 1024

    /// Whether `name` can be a function's name: then it stands in JSON and in every call format without escapes.
    package static func isName(_ name: String) -> Bool {
        (1...nameLength).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }

    /// The definition as chat templates read it: `{type, function: {name, description, parameters}}`.
    ///
    /// `description` and `parameters` are always there, since many templates print them unasked.
    package var templateValue: JSONValue {
        let schema = parameters ?? ["type": "object", "properties": [:]]
        return [
            "type": "function",
            "function": [
                "name": .string(name), "description": .string(description ?? ""), "parameters": .object(schema),
            ],
        ]
    }
}

extension ToolDefinition {
    /// Reads `{type: "function", function: {…}}`.
    package init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let type = try FieldReader.string(
            try reader.required("type", FieldReader.oneOf(["function"])),
            reader.parameter("type")
        )
        guard type == "function" else {
            let parameter = reader.parameter("type")
            if ["custom", "web_search", "file_search", "code_interpreter", "mcp"].contains(type) {
                throw .unsupported(parameter, "This server knows tools of the type 'function'; this one is '\(type)'.")
            }
            throw .invalidValue(parameter, "'\(type)' is no type of tool. Supported value: 'function'.")
        }
        try self.init(function: try reader.required("function"), path: reader.parameter("function"))
        try reader.finish()
    }

    /// Reads `{name, description, parameters, strict}`, which is also an element of the older `functions`.
    init(function value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        try self.init(members: &reader)
    }

    /// Reads the members of a function, whatever else stands beside them, to the end.
    init(members reader: inout FieldReader) throws(APIError) {
        name = try Self.name(try reader.required("name"), reader.parameter("name"))
        description = try reader.string("description")
        parameters = try reader.object("parameters")
        isStrict = try reader.bool("strict") ?? false
        try reader.finish()
        try checkSchema(reader.parameter("parameters"))
    }

    /// Arguments are an object: a schema that says something else cannot be met.
    ///
    /// - Parameter parameter: where the schema stands in the request.
    package func checkSchema(_ parameter: String) throws(APIError) {
        guard let type = parameters?["type"], !type.isNull else { return }
        let allowed = type.stringValue.map { [$0] } ?? type.arrayValue?.compactMap(\.stringValue) ?? []
        if allowed.contains("object") { return }
        throw .invalidValue(parameter, "a function's arguments are an object, but 'type' is \(type.serialized()).")
    }

    /// A function's name.
    package static func name(_ value: JSONValue, _ parameter: String) throws(APIError) -> String {
        let name = try FieldReader.string(value, parameter)
        if isName(name) { return name }
        if name.utf8.count > nameLength { _ = try FieldReader.string(value, parameter, bytes: nameLength) }
        throw .invalidValue(
            parameter,
            "a function's name has 1 to \(nameLength) of the characters a-z, A-Z, 0-9, '_' and '-'."
        )
    }

    /// Reads the functions of a request, whose names must differ.
    package static func list(
        _ values: [JSONValue],
        _ parameter: String,
        _ read: (JSONValue, String) throws(APIError) -> ToolDefinition
    ) throws(APIError) -> [ToolDefinition] {
        try FieldReader.checkCount(values.count, parameter, in: 0...countLimit)
        var tools: [ToolDefinition] = []
        var names: Set<String> = []
        for (index, value) in values.enumerated() {
            let path = "\(parameter)[\(index)]"
            let tool = try read(value, path)
            guard names.insert(tool.name).inserted else {
                throw .invalidValue(path, "an earlier function has the name '\(tool.name)' too.")
            }
            tools.append(tool)
        }
        return tools
    }
}
