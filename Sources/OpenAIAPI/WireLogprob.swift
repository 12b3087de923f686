package import JSON

/// A token's log probability as it goes over the wire.
package struct WireLogprob: Sendable, Equatable {
    /// The token's bytes; more than one token may be needed for a whole character.
    package var bytes: [UInt8]
    /// Natural logarithm of the probability.
    package var logprob: Float
    package var alternatives: [WireLogprob]

    package init(bytes: [UInt8], logprob: Float, alternatives: [WireLogprob] = []) {
        self.bytes = bytes
        self.logprob = logprob
        self.alternatives = alternatives
    }

    /// The token's text; bytes that are no whole character are written `bytes:\xe2\x80`, so that different tokens never
    /// look alike.
    package var text: String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return bytes.reduce(into: "bytes:") { text, byte in
            text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }

    /// The logarithm as a number with the digits a 32-bit float has. Impossible tokens get OpenAI's −9999, for JSON has
    /// no infinity.
    package var number: JSONValue {
        logprob.isFinite ? .number(Double(logprob.description) ?? Double(logprob)) : .number(-9999)
    }

    /// `{token, logprob, bytes}` and, for the drawn token, `top_logprobs`. Bytes that are no whole character show as
    /// U+FFFD in `token`; `bytes` has them.
    package var chatJSON: JSONValue {
        var object = chatObject
        object["top_logprobs"] = .array(alternatives.map { .object($0.chatObject) })
        return .object(object)
    }

    private var chatObject: JSONObject {
        let shown = String(decoding: bytes, as: UTF8.self)
        return ["token": .string(shown), "logprob": number, "bytes": .array(bytes.map { .integer(Int64($0)) })]
    }
}
