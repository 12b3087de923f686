import JSON

/// The calls and results of a conversation, made to agree with each other: what callers leave out and templates read.
struct ToolHistory {
    private(set) var messages: [JSONObject]
    private let needsShortIdentifiers: Bool
    /// Identifiers given so far, by the caller's.
    private var identifiers: [String: String] = [:]
    private var taken: Set<String> = []
    private var givenCount = 0
    /// The calls that have no result yet: identifier and name.
    private var unanswered: [(identifier: String, name: String)] = []

    init(_ messages: [JSONObject?], needsShortIdentifiers: Bool) {
        self.messages = messages.compactMap { $0 }
        self.needsShortIdentifiers = needsShortIdentifiers
        for message in self.messages {
            for call in message["tool_calls"]?.arrayValue ?? [] {
                if let identifier = call["id"]?.stringValue { taken.insert(identifier) }
            }
        }
    }

    /// Gives every call an identifier, and every result the identifier and the name of its call. Results of the older
    /// role `function` become those of the role `tool`.
    mutating func complete() {
        for index in messages.indices {
            var message = messages[index]
            switch message["role"]?.stringValue {
            case "assistant": completeCalls(&message)
            case "tool", "function": completeResult(&message)
            default: unanswered = []
            }
            messages[index] = message
        }
    }

    private mutating func completeCalls(_ message: inout JSONObject) {
        guard let calls = message["tool_calls"]?.arrayValue else { return }
        if calls.isEmpty {
            message["tool_calls"] = nil
            return
        }
        unanswered = []
        let completed = calls.map { call -> JSONValue in
            guard case .object(var object) = call else { return call }
            let identifier = identifier(for: object["id"]?.stringValue)
            object["id"] = .string(identifier)
            unanswered.append((identifier, object["function"]?["name"]?.stringValue ?? ""))
            return .object(object)
        }
        message["tool_calls"] = .array(completed)
    }

    private mutating func completeResult(_ message: inout JSONObject) {
        message["role"] = "tool"
        let given = message["tool_call_id"]?.stringValue
        let name = message["name"]?.stringValue
        let wanted = given.map { identifier(for: $0) }
        // A result that says nothing of its call is that of the first call without one.
        let position = unanswered.firstIndex { call in
            wanted.map { $0 == call.identifier } ?? name.map { $0 == call.name } ?? true
        }
        if let position {
            let call = unanswered.remove(at: position)
            message["tool_call_id"] = .string(call.identifier)
            if name == nil { message["name"] = .string(call.name) }
        } else {
            message["tool_call_id"] = .string(wanted ?? identifier(for: nil))
        }
    }

    /// The identifier that stands for a caller's; one of ours where there is none.
    private mutating func identifier(for given: String?) -> String {
        if let given, let known = identifiers[given] { return known }
        if let given, !needsShortIdentifiers || Self.isShort(given) { return given }
        var made = ""
        repeat {
            givenCount += 1
            let digits = String(givenCount)
            made = "call" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        } while taken.contains(made)
        if let given { identifiers[given] = made }
        return made
    }

    private static func isShort(_ identifier: String) -> Bool {
        identifier.utf8.count == 9 && identifier.utf8.allSatisfy { ToolCallObjectReader.isNameByte($0) && $0 != 0x2D }
    }

    /// Gives every call a message of its own, followed by its result, for templates that know no other.
    mutating func splitCalls() {
        var split: [JSONObject] = []
        var index = 0
        while index < messages.count {
            let message = messages[index]
            index += 1
            guard let calls = message["tool_calls"]?.arrayValue, calls.count > 1 else {
                split.append(message)
                continue
            }
            var results: [JSONObject] = []
            while index < messages.count, messages[index]["role"] == "tool" {
                results.append(messages[index])
                index += 1
            }
            for (number, call) in calls.enumerated() {
                var single = message
                single["tool_calls"] = [call]
                if number > 0 { single["content"] = .null }
                split.append(single)
                guard let position = results.firstIndex(where: { $0["tool_call_id"] == call["id"] }) else { continue }
                split.append(results.remove(at: position))
            }
            split += results
        }
        messages = split
    }
}
