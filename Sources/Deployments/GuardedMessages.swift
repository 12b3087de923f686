import JSON
import Tokenization

/// The messages of a conversation, of which those that come from outside cannot end their own turn.
///
/// A template writes control tokens around what is said, and its text is encoded whole: a message that spells `<|im_end|>`, or a
/// line of HTML with `</s>` in it, would be read as the token. So what such a text spells is broken by a mark, which the
/// tokenizer takes out again when it has found the tokens of the template.
///
/// Those from outside are messages of users, tools and functions. What the operator writes (system) may switch the model by control
/// tokens, and what the model wrote (assistant) may have them.
struct GuardedMessages {
    let messages: [JSONValue]
    /// What breaks control tokens: a character that Unicode keeps for such uses and that no message has. nil where none is spelled, as
    /// nearly always.
    let mark: Unicode.Scalar?

    private static let guardedRoles: Set<String> = ["user", "tool", "function"]

    init(_ messages: [JSONValue], _ tokenizer: Tokenizer) throws(DeploymentError) {
        let needsMark = messages.contains { Self.isFromOutside($0) && Self.needsMark($0, tokenizer) }
        if !needsMark {
            (self.messages, mark) = (messages, nil)
            return
        }
        var used: Set<UInt8> = []
        for message in messages { Self.findNoncharacters(in: message, &used) }
        let free = (0x90...0xAF).first { !used.contains($0) }
        guard let mark = free.flatMap({ Unicode.Scalar(0xFDD0 + UInt16($0) - 0x90) }) else {
            throw .invalidParameter(
                name: "messages",
                message: "The messages have all noncharacters from U+FDD0 to U+FDEF."
            )
        }
        self.mark = mark
        self.messages = messages.map { message in
            guard Self.isFromOutside(message) else { return message }
            return Self.separated(Self.guarded(message) { tokenizer.breakingControlTokens(in: $0, with: mark) }, mark)
        }
    }

    private static func isFromOutside(_ message: JSONValue) -> Bool {
        guardedRoles.contains(message["role"]?.stringValue ?? "")
    }

    /// Whether a text in `value` spells a control token, or several together might.
    private static func needsMark(_ value: JSONValue, _ tokenizer: Tokenizer) -> Bool {
        switch value {
        case .string(let text): tokenizer.spellsControlToken(in: text)
        case .array(let elements): elements.count > 1 || elements.contains { needsMark($0, tokenizer) }
        case .object(let object): object.contains { needsMark($0.value, tokenizer) }
        default: false
        }
    }

    /// The same message with a mark between its parts: what one part begins no other is to complete.
    private static func separated(_ message: JSONValue, _ mark: Unicode.Scalar) -> JSONValue {
        guard case .object(var object) = message, case .array(let parts)? = object["content"] else { return message }
        let marked = parts.enumerated().map { index, part -> JSONValue in
            guard index < parts.count - 1, case .object(var part) = part, let text = part["text"]?.stringValue else {
                return part
            }
            part["text"] = .string(text + String(mark))
            return .object(part)
        }
        object["content"] = .array(marked)
        return .object(object)
    }

    /// Notes the last bytes of U+FDD0 to U+FDEF, which are `EF B7 90` to `EF B7 AF`.
    private static func findNoncharacters(in value: JSONValue, _ used: inout Set<UInt8>) {
        switch value {
        case .string(let text):
            var before: (UInt8, UInt8) = (0, 0)
            for byte in text.utf8 {
                if before == (0xEF, 0xB7) { used.insert(byte) }
                before = (before.1, byte)
            }
        case .array(let elements): for element in elements { findNoncharacters(in: element, &used) }
        case .object(let object): for (_, element) in object { findNoncharacters(in: element, &used) }
        default: break
        }
    }

    /// The same value with every text in it guarded.
    private static func guarded(_ value: JSONValue, _ text: (String) -> String) -> JSONValue {
        switch value {
        case .string(let string): return .string(text(string))
        case .array(let elements): return .array(elements.map { guarded($0, text) })
        case .object(var object):
            for (name, element) in object where name != "role" && name != "type" {
                object[name] = guarded(element, text)
            }
            return .object(object)
        default: return value
        }
    }
}
