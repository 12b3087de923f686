/// Python's `str` and `repr`.
extension TemplateValue {
    /// Appends `str(value)`.
    func appendText(to bytes: inout [UInt8]) throws(TemplateError) {
        switch self {
        case .text(let text): bytes += text.bytes
        case .missing, .undefined: break
        default: try appendRepresentation(to: &bytes, depth: 0)
        }
    }

    /// `str(value)`.
    func text() throws(TemplateError) -> TemplateText {
        if case .text(let text) = self { return text }
        var bytes: [UInt8] = []
        try appendText(to: &bytes)
        return TemplateText(bytes)
    }

    /// `repr(value)`.
    func representation() throws(TemplateError) -> TemplateText {
        var bytes: [UInt8] = []
        try appendRepresentation(to: &bytes, depth: 0)
        return TemplateText(bytes)
    }

    private func appendRepresentation(to bytes: inout [UInt8], depth: Int) throws(TemplateError) {
        // Only namespaces can hold themselves; other values were measured when they were made.
        if depth > TemplateLimits.valueDepth * 2 {
            throw .limitExceeded(.valueDepth, maximum: TemplateLimits.valueDepth * 2, line: 0)
        }
        // A list may hold one list many times over, so that a small value has a huge text.
        if bytes.count > TemplateLimits.textBytes {
            throw .limitExceeded(.createdBytes, maximum: TemplateLimits.textBytes, line: 0)
        }
        switch self {
        case .missing, .undefined: bytes += "Undefined".utf8
        case .none: bytes += "None".utf8
        case .boolean(let value): bytes += (value ? "True" : "False").utf8
        case .integer(let value): bytes += String(value).utf8
        case .float(let value): bytes += TemplateNumbers.representation(of: value).utf8
        case .text(let text):
            bytes += (text.isMarkup ? "Markup(\(text.pythonRepresentation))" : text.pythonRepresentation).utf8
        case .list(let list): try Self.append(list.items, "[", "]", &bytes, depth)
        case .tuple(let list):
            try Self.append(list.items, "(", list.items.count == 1 ? ",)" : ")", &bytes, depth)
        case .dictionary(let dictionary): try Self.append(dictionary.entries, &bytes, depth)
        case .object(let object): try Self.append(object, &bytes, depth)
        }
    }

    private static func append(
        _ items: [TemplateValue],
        _ open: String,
        _ close: String,
        _ bytes: inout [UInt8],
        _ depth: Int
    ) throws(TemplateError) {
        bytes += open.utf8
        for (index, item) in items.enumerated() {
            if index > 0 { bytes += ", ".utf8 }
            try item.appendRepresentation(to: &bytes, depth: depth + 1)
        }
        bytes += close.utf8
    }

    private static func append(
        _ entries: [(key: TemplateValue, value: TemplateValue)],
        _ bytes: inout [UInt8],
        _ depth: Int
    ) throws(TemplateError) {
        bytes.append(UInt8(ascii: "{"))
        for (index, entry) in entries.enumerated() {
            if index > 0 { bytes += ", ".utf8 }
            try entry.key.appendRepresentation(to: &bytes, depth: depth + 1)
            bytes += ": ".utf8
            try entry.value.appendRepresentation(to: &bytes, depth: depth + 1)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(
        _ object: TemplateObject,
        _ bytes: inout [UInt8],
        _ depth: Int
    ) throws(TemplateError) {
        switch object {
        case let range as TemplateRange:
            bytes += "range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))".utf8
        case let view as TemplateDictionaryView:
            var items: [TemplateValue] = []
            for index in 0..<view.dictionary.count { items.append(try view.element(index)) }
            try append(items, "\(view.kind.rawValue)([", "])", &bytes, depth)
        case let namespace as TemplateNamespace:
            bytes += "<Namespace ".utf8
            try append(namespace.attributes.map { (.string($0.name), $0.value) }, &bytes, depth + 1)
            bytes += ">".utf8
        case let macro as TemplateMacro:
            bytes += "<Macro \(macro.name.map { TemplateText($0).pythonRepresentation } ?? "anonymous")>".utf8
        case let loop as TemplateLoop:
            let length = try loop.attribute("length")?.text().string ?? ""
            bytes += "<LoopContext \(loop.index0 + 1)/\(length)>".utf8
        default: bytes += "<\(object.typeName) object>".utf8
        }
    }
}

extension TemplateText {
    /// `repr` of a plain string: single quotes unless it holds some and no double quote.
    var pythonRepresentation: String {
        let quote: Unicode.Scalar = bytes.contains(0x27) && !bytes.contains(0x22) ? "\"" : "'"
        var result = String.UnicodeScalarView()
        result.append(quote)
        for scalar in string.unicodeScalars {
            switch scalar {
            case quote, "\\": result.append(contentsOf: ["\\", scalar])
            case "\n": result.append(contentsOf: ["\\", "n"])
            case "\r": result.append(contentsOf: ["\\", "r"])
            case "\t": result.append(contentsOf: ["\\", "t"])
            default:
                if Self.isPrintable(scalar) {
                    result.append(scalar)
                } else {
                    result.append(contentsOf: Self.escape(scalar).unicodeScalars)
                }
            }
        }
        result.append(quote)
        return String(result)
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        return "\\" + letter + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// HTML escapes as `markupsafe.escape` makes them.
    func escapedMarkup() -> TemplateText {
        if isMarkup { return self }
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "&"): result += "&amp;".utf8
            case UInt8(ascii: "<"): result += "&lt;".utf8
            case UInt8(ascii: ">"): result += "&gt;".utf8
            case UInt8(ascii: "'"): result += "&#39;".utf8
            case UInt8(ascii: "\""): result += "&#34;".utf8
            default: result.append(byte)
            }
        }
        return TemplateText(result, isMarkup: true)
    }
}
