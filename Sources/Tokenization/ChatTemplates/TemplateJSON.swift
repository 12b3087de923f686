/// Hugging Face's `tojson`: Python's `json.dumps` with its own defaults.
struct TemplateJSON {
    private var bytes: [UInt8] = []
    private let escapesNonASCII: Bool
    private let sortsKeys: Bool
    /// The text of one level of indentation; nil for one line.
    private let indent: [UInt8]?
    private let itemSeparator: [UInt8]
    private let keySeparator: [UInt8]
    private let meter: TemplateMeter

    static func text(
        of value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        var writer = try TemplateJSON(arguments, meter)
        try writer.write(value, depth: 0)
        try meter.charge(bytes: writer.bytes.count)
        return TemplateText(writer.bytes)
    }

    private init(_ arguments: TemplateCallArguments, _ meter: TemplateMeter) throws(TemplateError) {
        let values = try arguments.bound(
            to: ["ensure_ascii", "indent", "separators", "sort_keys"],
            required: 0,
            of: "tojson"
        )
        escapesNonASCII = values[0]?.isTrue ?? false
        sortsKeys = values[3]?.isTrue ?? false
        self.meter = meter
        switch values[1] {
        case nil, .none?: indent = nil
        case .text(let text)?: indent = text.bytes
        case let width?:
            guard let count = width.asInteger else {
                throw .failure("can't multiply sequence by non-int of type '\(width.shortTypeName)'")
            }
            try meter.charge(bytes: count)
            indent = [UInt8](repeating: 32, count: max(0, count))
        }
        var separators = (Array((indent == nil ? ", " : ",").utf8), Array(": ".utf8))
        if let given = values[2], !given.isNone {
            let parts = try given.elements(meter)
            guard parts.count == 2, let item = parts[0].asText, let key = parts[1].asText else {
                throw .failure("separators must be two strings")
            }
            separators = (item.bytes, key.bytes)
        }
        (itemSeparator, keySeparator) = separators
    }

    private mutating func write(_ value: TemplateValue, depth: Int) throws(TemplateError) {
        if bytes.count > TemplateLimits.textBytes {
            throw .limitExceeded(.createdBytes, maximum: TemplateLimits.textBytes, line: 0)
        }
        switch value {
        case .none: bytes += "null".utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .float(let value): bytes += Self.number(value).utf8
        case .text(let text): write(text)
        case .list(let list), .tuple(let list): try write(list.items, depth)
        case .dictionary(let dictionary): try write(dictionary.entries, depth)
        case .missing, .undefined, .object:
            throw .failure("Object of type \(value.shortTypeName) is not JSON serializable")
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return TemplateNumbers.representation(of: value)
    }

    private mutating func newLine(_ depth: Int) throws(TemplateError) {
        guard let indent else { return }
        try meter.charge(bytes: indent.count, times: depth)
        bytes.append(10)
        for _ in 0..<depth { bytes += indent }
    }

    private mutating func write(_ items: [TemplateValue], _ depth: Int) throws(TemplateError) {
        if items.isEmpty {
            bytes += "[]".utf8
            return
        }
        bytes.append(UInt8(ascii: "["))
        for (index, item) in items.enumerated() {
            if index > 0 { bytes += itemSeparator }
            try newLine(depth + 1)
            try write(item, depth: depth + 1)
        }
        try newLine(depth)
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func write(
        _ entries: [(key: TemplateValue, value: TemplateValue)],
        _ depth: Int
    ) throws(TemplateError) {
        if entries.isEmpty {
            bytes += "{}".utf8
            return
        }
        bytes.append(UInt8(ascii: "{"))
        for (index, entry) in try ordered(entries).enumerated() {
            if index > 0 { bytes += itemSeparator }
            try newLine(depth + 1)
            write(try Self.key(entry.key))
            bytes += keySeparator
            try write(entry.value, depth: depth + 1)
        }
        try newLine(depth)
        bytes.append(UInt8(ascii: "}"))
    }

    private func ordered(
        _ entries: [(key: TemplateValue, value: TemplateValue)]
    ) throws(TemplateError) -> [(key: TemplateValue, value: TemplateValue)] {
        if !sortsKeys { return entries }
        let positions = entries.indices.map { TemplateValue.integer($0) }
        let order = try TemplateSequenceFilters.sorted(
            positions,
            keys: entries.map(\.key),
            reverse: false,
            meter
        )
        return order.map { entries[$0.asInteger ?? 0] }
    }

    private static func key(_ key: TemplateValue) throws(TemplateError) -> TemplateText {
        switch key {
        case .text(let text): return text
        case .none: return TemplateText("null")
        case .boolean(let value): return TemplateText(value ? "true" : "false")
        case .integer(let value): return TemplateText(String(value))
        case .float(let value): return TemplateText(number(value))
        default:
            throw .failure("keys must be str, int, float, bool or None, not \(key.shortTypeName)")
        }
    }

    private mutating func write(_ text: TemplateText) {
        bytes.append(UInt8(ascii: "\""))
        if escapesNonASCII, !text.isASCII {
            for unit in text.string.utf16 {
                if unit < 0x80 { writeASCII(UInt8(unit)) } else { writeEscape(UInt32(unit)) }
            }
        } else {
            for byte in text.bytes { writeASCII(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func writeASCII(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes += "\\\"".utf8
        case UInt8(ascii: "\\"): bytes += "\\\\".utf8
        case 10: bytes += "\\n".utf8
        case 13: bytes += "\\r".utf8
        case 9: bytes += "\\t".utf8
        case 8: bytes += "\\b".utf8
        case 12: bytes += "\\f".utf8
        case 0x7F where escapesNonASCII: writeEscape(0x7F)
        case 0..<32: writeEscape(UInt32(byte))
        default: bytes.append(byte)
        }
    }

    private mutating func writeEscape(_ unit: UInt32) {
        let digits = String(unit, radix: 16)
        bytes += ("\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits).utf8
    }
}
