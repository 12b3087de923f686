import JSON

/// Arguments as Gemma writes them: `{city:<|"|>Bern<|"|>,days:2}`. Keys have no quotes (those inside lists of some
/// templates do), strings stand between two marks and have no escapes, all else is as in JSON.
enum GemmaArguments {
    /// JSON text of what `bytes` hold; nil when they are not such an object.
    static func json(_ bytes: [UInt8], quote: [UInt8]) -> String? {
        var reader = Reader(bytes: bytes, quote: quote)
        guard let value = reader.value(depth: 0), value.objectValue != nil else { return nil }
        reader.skipBlanks()
        return reader.index == bytes.count ? value.serialized(.spaced) : nil
    }

    /// `value` in this syntax, keys in the order of Python's `dictsort`.
    static func text(_ value: JSONValue, quote: String) -> String {
        switch value {
        case .string(let text): return quote + text + quote
        case .array(let elements): return "[" + elements.map { text($0, quote: quote) }.joined(separator: ",") + "]"
        case .object(let object):
            let members = object.sorted { $0.key.lowercased() < $1.key.lowercased() }
            return "{" + members.map { "\($0.key):\(text($0.value, quote: quote))" }.joined(separator: ",") + "}"
        default: return value.serialized()
        }
    }

    /// Finds the end of such an object in bytes that arrive one by one.
    struct Scanner: Sendable {
        private let quote: [UInt8]
        private var depth = 0
        private var isInString = false
        private var recent: [UInt8] = []

        init(quote: [UInt8]) { self.quote = quote }

        /// Takes the next byte of an object that begins with `{`.
        mutating func take(_ byte: UInt8) -> JSONScanner.Step {
            recent.append(byte)
            if recent.count > quote.count { recent.removeFirst() }
            if recent == quote {
                isInString.toggle()
                recent = []
                return .more
            }
            if isInString { return .more }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            if depth > JSONScanner.depthLimit { return .invalid }
            return depth == 0 ? .done : .more
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        let quote: [UInt8]
        var index = 0

        mutating func skipBlanks() {
            while index < bytes.count, JSONScanner.isBlank(bytes[index]) { index += 1 }
        }

        private mutating func skip(_ text: [UInt8]) -> Bool {
            guard bytes[index...].starts(with: text) else { return false }
            index += text.count
            return true
        }

        private mutating func skip(_ byte: UInt8) -> Bool {
            skipBlanks()
            return skip([byte])
        }

        mutating func value(depth: Int) -> JSONValue? {
            skipBlanks()
            if depth > JSONScanner.depthLimit { return nil }
            if skip(quote) { return string().map { .string($0) } }
            if skip(UInt8(ascii: "{")) { return object(depth: depth) }
            if skip(UInt8(ascii: "[")) { return array(depth: depth) }
            return plain()
        }

        private mutating func string() -> String? {
            let start = index
            while index < bytes.count {
                if skip(quote) { return String(decoding: bytes[start..<(index - quote.count)], as: UTF8.self) }
                index += 1
            }
            return nil
        }

        private mutating func object(depth: Int) -> JSONValue? {
            var object = JSONObject()
            if skip(UInt8(ascii: "}")) { return .object(object) }
            repeat {
                guard let key = key(), skip(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
                object[key] = value
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "}")) ? .object(object) : nil
        }

        private mutating func key() -> String? {
            skipBlanks()
            if skip(quote) { return string() }
            let start = index
            while index < bytes.count, !":,{}[]".utf8.contains(bytes[index]) { index += 1 }
            return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
        }

        private mutating func array(depth: Int) -> JSONValue? {
            var elements: [JSONValue] = []
            if skip(UInt8(ascii: "]")) { return .array(elements) }
            repeat {
                guard let element = value(depth: depth + 1) else { return nil }
                elements.append(element)
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "]")) ? .array(elements) : nil
        }

        /// A number, a truth value, null, or a string in JSON's own quotes.
        private mutating func plain() -> JSONValue? {
            var scanner = JSONScanner()
            let start = index
            while index < bytes.count {
                let step = scanner.take(bytes[index])
                if step == .invalid { return nil }
                if step != .doneBefore { index += 1 }
                if step == .done || step == .doneBefore { return try? JSONValue(parsing: Array(bytes[start..<index])) }
            }
            return nil
        }
    }
}

extension ToolArgumentSyntax {
    /// Arguments given as JSON text, in this syntax; text that is no JSON stays as it is.
    func text(ofJSON text: String) -> String {
        guard case .gemma(let quote) = self, let value = try? JSONValue(parsing: text) else { return text }
        return GemmaArguments.text(value, quote: quote)
    }
}
