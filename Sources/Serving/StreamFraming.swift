import JSON
import OpenAIAPI

/// How the objects of a stream are told apart on the wire.
enum StreamFraming: Sendable {
    /// Server-sent events without names, `[DONE]` at the end: OpenAI.
    case events
    /// Server-sent events named by their object's `type`: Anthropic.
    case namedEvents
    /// One object a line (NDJSON): Ollama.
    case lines

    /// The value of the header `Content-Type`.
    var contentType: String {
        switch self {
        case .events, .namedEvents: "text/event-stream; charset=utf-8"
        case .lines: "application/x-ndjson"
        }
    }

    /// What follows the last object of a stream that did not break.
    var end: [UInt8] {
        switch self {
        case .events: ServerSentEvent.done
        case .namedEvents, .lines: []
        }
    }

    func append(_ object: JSONValue, to bytes: inout [UInt8]) {
        switch self {
        case .events:
            ServerSentEvent.append(object, to: &bytes)
        case .namedEvents:
            ServerSentEvent.append(object, named: object["type"]?.stringValue ?? "message", to: &bytes)
        case .lines:
            bytes += object.serializedBytes()
            bytes.append(UInt8(ascii: "\n"))
        }
    }
}
