package import JSON

/// The JSON Schema of responses, from samples that the code which writes responses wrote.
package enum SampleSchema {
    /// The schema that all `samples` are of: an object has the members of any of them, and those of all are required.
    ///
    /// - Parameter maps: paths of objects whose members have names of their own, as `choices[].logprobs`.
    package static func of(_ samples: [JSONValue], maps: Set<String> = [], path: String = "") -> JSONValue {
        var types: [String] = []
        for sample in samples where !types.contains(name(sample)) { types.append(name(sample)) }
        if types.contains("number") { types.removeAll { $0 == "integer" } }
        guard !types.isEmpty else { return true }
        var schema = JSONObject()
        schema["type"] = types.count == 1 ? .string(types[0]) : .array(types.map { .string($0) })
        if types.contains("array") {
            let elements = samples.compactMap(\.arrayValue).flatMap(\.self)
            if !elements.isEmpty { schema["items"] = of(elements, maps: maps, path: path + "[]") }
        }
        if types.contains("object") { describe(samples.compactMap(\.objectValue), maps, path, &schema) }
        return .object(schema)
    }

    private static func describe(
        _ objects: [JSONObject],
        _ maps: Set<String>,
        _ path: String,
        _ schema: inout JSONObject
    ) {
        if maps.contains(path) {
            let values = objects.flatMap { Array($0.values) }
            schema["additionalProperties"] = of(values, maps: maps, path: path + ".*")
            return
        }
        var properties = JSONObject()
        for name in objects.flatMap({ Array($0.keys) }) where properties[name] == nil {
            let values = objects.compactMap { $0[name] }
            properties[name] = of(values, maps: maps, path: path.isEmpty ? name : "\(path).\(name)")
        }
        if properties.isEmpty { return }
        let required = properties.keys.filter { name in objects.allSatisfy { $0[name] != nil } }
        schema["properties"] = .object(properties)
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        schema["additionalProperties"] = false
    }

    private static func name(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
