package import JSON

/// A function call as it goes over the wire.
package struct WireToolCall: Sendable, Equatable {
    package var id: String
    package var name: String
    /// JSON text.
    package var arguments: String

    package init(id: String, name: String, arguments: String) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }

    /// `{id, type, function: {name, arguments}}`
    package var json: JSONValue {
        ["id": .string(id), "type": "function", "function": function]
    }

    /// `{name, arguments}`: the older `function_call`.
    package var function: JSONValue { ["name": .string(name), "arguments": .string(arguments)] }
}

/// What one piece of a stream brings for a function call.
package enum WireToolDelta: Sendable, Equatable {
    /// The call begins; its arguments follow.
    case start(id: String, name: String)
    /// More of the arguments' text.
    case arguments(String)

    /// The delta of call number `index` within `delta`.
    ///
    /// - Parameter isLegacy: writes `function_call` instead of `tool_calls`.
    func json(index: Int, isLegacy: Bool) -> JSONValue {
        var function: JSONObject = [:]
        var call: JSONObject = ["index": .integer(Int64(index))]
        switch self {
        case .start(let id, let name):
            call["id"] = .string(id)
            call["type"] = "function"
            function["name"] = .string(name)
            function["arguments"] = ""
        case .arguments(let text):
            function["arguments"] = .string(text)
        }
        if isLegacy { return ["function_call": .object(function)] }
        call["function"] = .object(function)
        return ["tool_calls": [.object(call)]]
    }
}
