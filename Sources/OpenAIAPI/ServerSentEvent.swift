package import JSON

/// The framing of server-sent events (WHATWG HTML, section 9.2): `data:` and a JSON text on one line, then a blank line.
package enum ServerSentEvent {
    /// Ends a stream, as OpenAI's clients expect it.
    package static let done = Array("data: [DONE]\n\n".utf8)

    /// A comment: clients ignore it, proxies see that the connection lives.
    package static let keepAlive = Array(": keep-alive\n\n".utf8)

    /// Appends `value` as one event with a name.
    package static func append(_ value: JSONValue, named name: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "event: \(name)\n".utf8)
        append(value, to: &bytes)
    }

    /// Appends `value` as one event. JSON escapes line breaks, so the text is always one line.
    package static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "data: ".utf8)
        bytes.append(contentsOf: value.serializedBytes())
        bytes.append(contentsOf: "\n\n".utf8)
    }
}
