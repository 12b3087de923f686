import JSON

/// Reads a call that is a JSON object, `{"name": …, "arguments": {…}}`, from after its first brace.
///
/// Members may come in any order, blanks anywhere; `parameters` means `arguments`. Arguments may be a string that holds
/// JSON. Members that mean nothing here are passed over once the name is known. The call may also be wrapped as
/// `{"type": "function", "function": {…}}`.
struct ToolCallObjectReader: Sendable {
    private enum Phase {
        /// A key, or the object's end.
        case keyOrEnd
        case key([UInt8])
        case colon(String)
        /// Before the value of a key.
        case value(String)
        /// The value of a key, which is kept whole.
        case kept(String)
        case arguments
        case passedOver
        case commaOrEnd
    }

    private(set) var name: String?
    private(set) var arguments: [UInt8] = []
    /// Whether `arguments` only grows from here on.
    private(set) var isStreamable = false
    private var hasArguments = false
    private var isWrapped = false
    private var phase = Phase.keyOrEnd
    // Beside the phase and not in it, so that a byte costs no copy of what came before.
    private var scanner = JSONScanner()
    private var kept: [UInt8] = []

    /// Longest name read, in bytes.
    static let nameLength = 256

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    mutating func take(_ byte: UInt8) -> ToolCallReader.Step {
        switch phase {
        case .keyOrEnd, .colon, .value, .commaOrEnd:
            return JSONScanner.isBlank(byte) ? .more : takeStructure(byte)
        case .key(let bytes):
            return takeKey(byte, bytes)
        case .kept(let key):
            kept.append(byte)
            let step = scanner.take(byte)
            if step == .done { return keep(key) }
            return step == .more ? .more : .mismatch
        case .arguments:
            return takeArgument(byte, scanner.take(byte))
        case .passedOver:
            return endPassedOver(byte, scanner.take(byte))
        }
    }

    private mutating func takeStructure(_ byte: UInt8) -> ToolCallReader.Step {
        switch (phase, byte) {
        case (.keyOrEnd, UInt8(ascii: "\"")):
            phase = .key([])
        case (.colon(let key), UInt8(ascii: ":")):
            phase = .value(key)
        case (.commaOrEnd, UInt8(ascii: ",")):
            phase = .keyOrEnd
        case (.commaOrEnd, UInt8(ascii: "}")):
            return end()
        case (.value(let key), _):
            return startValue(key, byte)
        default:
            return .mismatch
        }
        return .more
    }

    private mutating func takeKey(_ byte: UInt8, _ bytes: [UInt8]) -> ToolCallReader.Step {
        if byte == UInt8(ascii: "\"") {
            let key = String(decoding: bytes, as: UTF8.self)
            if !isKnown(key), name == nil { return .mismatch }
            phase = .colon(key)
            return .more
        }
        // No key that matters has an escape, or is long.
        if byte < 0x20 || byte == UInt8(ascii: "\\") || bytes.count > 64 { return .mismatch }
        phase = .key(bytes + [byte])
        return .more
    }

    private func isKnown(_ key: String) -> Bool {
        ["name", "arguments", "parameters", "type", "id", "index", "function", "tool_name", "tool_call_id"]
            .contains(key)
    }

    private mutating func startValue(_ key: String, _ byte: UInt8) -> ToolCallReader.Step {
        switch (key, byte) {
        case ("function", UInt8(ascii: "{")) where !isWrapped && name == nil:
            isWrapped = true
            phase = .keyOrEnd
            return .more
        case ("name", _), ("tool_name", _), ("function", _):
            return name == nil && byte == UInt8(ascii: "\"") ? startKept(key, byte) : .mismatch
        case ("arguments", _), ("parameters", _):
            if hasArguments { return .mismatch }
            hasArguments = true
            if byte != UInt8(ascii: "{") { return startKept(key, byte) }
            isStreamable = true
            phase = .arguments
            scanner = JSONScanner()
        default:
            phase = .passedOver
            scanner = JSONScanner()
        }
        return take(byte)
    }

    private mutating func startKept(_ key: String, _ byte: UInt8) -> ToolCallReader.Step {
        if byte != UInt8(ascii: "\""), byte != UInt8(ascii: "n") { return .mismatch }
        phase = .kept(key)
        scanner = JSONScanner()
        kept = []
        return take(byte)
    }

    /// Takes a name, or arguments that are no object by themselves: null, or a string that holds one.
    private mutating func keep(_ key: String) -> ToolCallReader.Step {
        phase = .commaOrEnd
        guard let value = try? JSONValue(parsing: kept) else { return .mismatch }
        if key != "arguments", key != "parameters" {
            name = value.stringValue
            return name == nil ? .mismatch : .more
        }
        let text = value.stringValue ?? ""
        if text.isEmpty {
            arguments = Array("{}".utf8)
            return .more
        }
        guard let inner = try? JSONValue(parsing: text), inner.objectValue != nil else { return .mismatch }
        arguments = Array(text.utf8)
        return .more
    }

    private mutating func takeArgument(_ byte: UInt8, _ step: JSONScanner.Step) -> ToolCallReader.Step {
        guard step == .done || step == .more else { return .mismatch }
        arguments.append(byte)
        if step == .done { phase = .commaOrEnd }
        return .more
    }

    private mutating func endPassedOver(_ byte: UInt8, _ step: JSONScanner.Step) -> ToolCallReader.Step {
        switch step {
        case .more: return .more
        case .invalid: return .mismatch
        case .done:
            phase = .commaOrEnd
            return .more
        case .doneBefore:
            phase = .commaOrEnd
            return take(byte)
        }
    }

    private mutating func end() -> ToolCallReader.Step {
        if isWrapped {
            isWrapped = false
            return name == nil ? .mismatch : .more
        }
        if name == nil { return .mismatch }
        if !hasArguments { arguments = Array("{}".utf8) }
        return .done
    }
}
