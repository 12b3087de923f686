package import JSON
import Synchronization

/// Notes what the readers of requests ask for, so that a document about them says what the code does and nothing else.
///
/// While one is `current`, every `FieldReader` tells it the members that it reads, their types and their bounds. Members of
/// objects and arrays within a request are only seen when the request that is read has them.
package final class FieldRecorder: Sendable {
    /// The recorder of the requests that are being read; nil but for descriptions.
    @TaskLocal package static var current: FieldRecorder?

    private let state = Mutex(State())

    fileprivate struct State {
        /// Paths in the order in which they were met; `[]` stands for any index.
        var paths: [String] = []
        var fields: [String: Field] = [:]
    }

    fileprivate struct Field {
        var schema = JSONObject()
        /// Objects that were read here, and how many of their readers would not do without the member.
        var readers = 0
        var requirements = 0
        /// Whether members that nobody asked for are refused.
        var isClosed = false
        /// Values that are taken, for a member that is else refused.
        var harmless: [JSONValue]?
    }

    package init() {}

    private func change(_ path: String, _ body: (inout Field) -> Void) {
        let path = Self.withoutIndices(path)
        state.withLock { state in
            if state.fields[path] == nil { state.paths.append(path) }
            body(&state.fields[path, default: Field()])
        }
    }

    func noteReader(_ path: String) { change(path) { $0.readers += 1 } }

    func noteEnd(_ path: String) { change(path) { $0.isClosed = true } }

    func noteRequired(_ path: String) { change(path) { $0.requirements += 1 } }

    func noteRefused(_ path: String, harmless: [JSONValue]) { change(path) { $0.harmless = harmless } }

    /// Adds what is known of a member's value, as JSON Schema.
    func note(_ path: String, _ schema: JSONObject = [:]) {
        change(path) { field in
            for (key, value) in schema where key != "type" { field.schema[key] = value }
            if let type = schema["type"] { field.schema.add(type: type) }
        }
    }

    /// `messages[2].role` as `messages[].role`.
    private static func withoutIndices(_ path: String) -> String {
        var result = ""
        var isIndex = false
        for character in path {
            if character == "]" { isIndex = false }
            if !isIndex { result.append(character) }
            if character == "[" { isIndex = true }
        }
        return result
    }

    /// The JSON Schema (draft 2020-12) of the requests that were read.
    package func schema() -> JSONValue { state.withLock { $0.schema("") } }
}

extension FieldRecorder.State {
    func schema(_ path: String) -> JSONValue {
        let field = fields[path] ?? FieldRecorder.Field()
        if let harmless = field.harmless { return ["enum": .array(harmless + [.null])] }
        var schema = field.schema
        if fields[path + "[]"] != nil {
            schema["items"] = self.schema(path + "[]")
            schema.add(type: "array")
        }
        if field.readers > 0 { describeMembers(of: path, field, &schema) }
        return .object(schema)
    }

    private func describeMembers(of path: String, _ field: FieldRecorder.Field, _ schema: inout JSONObject) {
        var (properties, required) = (JSONObject(), [JSONValue]())
        let prefix = path.isEmpty ? "" : path + "."
        for member in paths where member.hasPrefix(prefix) && member != path {
            let name = String(member.dropFirst(prefix.count))
            guard !name.isEmpty, !name.contains(where: { $0 == "." || $0 == "[" }), let known = fields[member] else {
                continue
            }
            if known.harmless?.isEmpty == true { continue }
            let isRequired = known.requirements >= field.readers
            properties[name] = isRequired ? self.schema(member) : Self.orNull(self.schema(member))
            if isRequired { required.append(.string(name)) }
        }
        schema.add(type: "object")
        schema["properties"] = .object(properties)
        if !required.isEmpty { schema["required"] = .array(required) }
        if field.isClosed { schema["additionalProperties"] = false }
    }

    /// Explicit null means absent everywhere.
    private static func orNull(_ schema: JSONValue) -> JSONValue {
        guard var object = schema.objectValue, let type = object["type"] else { return schema }
        object["type"] = .array((type.arrayValue ?? [type]) + ["null"])
        if let words = object["enum"]?.arrayValue { object["enum"] = .array(words + [.null]) }
        return .object(object)
    }
}

extension JSONObject {
    /// Lets values also be of `type`, a type or several.
    fileprivate mutating func add(type: JSONValue) {
        var types = self["type"].map { $0.arrayValue ?? [$0] } ?? []
        for type in type.arrayValue ?? [type] where !types.contains(type) { types.append(type) }
        self["type"] = types.count == 1 ? types[0] : .array(types)
    }
}
