/// HTML and URLs: little used in prompts, but part of Jinja.
enum TemplateMarkup {
    private static let entities: [(String, String)] = [
        ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&apos;", "'"),
        ("&nbsp;", "\u{A0}"), ("&amp;", "&"),
    ]

    /// Removes comments and tags, joins white space and resolves the common entities.
    static func strippedTags(_ text: TemplateText) -> TemplateText {
        var result = removing("<!--", "-->", from: text.withMarkup(false))
        result = removing("<", ">", from: result)
        var string = result.splitAtSpaces(limit: -1).map(\.string).joined(separator: " ")
        for (entity, plain) in entities {
            string = string.split(separator: entity, omittingEmptySubsequences: false).joined(separator: plain)
        }
        return TemplateText(string)
    }

    private static func removing(_ open: String, _ close: String, from text: TemplateText) -> TemplateText {
        var kept: [UInt8] = []
        var position = 0
        while let start = text.firstOffset(of: Array(open.utf8), from: position),
            let end = text.firstOffset(of: Array(close.utf8), from: start)
        {
            kept += text.bytes[position..<start]
            position = end + close.utf8.count
        }
        return TemplateText(kept + text.bytes[position...])
    }

    private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~".utf8)

    private static func quoted(_ value: TemplateValue, inQuery: Bool) throws(TemplateError) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in try value.text().bytes {
            if unreserved.contains(byte) || byte == UInt8(ascii: "/") && !inQuery {
                result.append(byte)
            } else if byte == 32, inQuery {
                result.append(UInt8(ascii: "+"))
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return result
    }

    static func encodedURL(_ value: TemplateValue, _ meter: TemplateMeter) throws(TemplateError) -> TemplateText {
        if value.asText != nil || !value.isIterable { return TemplateText(try quoted(value, inQuery: false)) }
        var pairs: [(TemplateValue, TemplateValue)] = []
        if case .dictionary(let dictionary) = value {
            pairs = dictionary.entries.map { ($0.key, $0.value) }
        } else {
            for item in try value.elements(meter) {
                let items = try item.elements(meter)
                if items.count != 2 { throw .failure("not enough values to unpack (expected 2, got \(items.count))") }
                pairs.append((items[0], items[1]))
            }
        }
        var result: [UInt8] = []
        for (index, pair) in pairs.enumerated() {
            if index > 0 { result.append(UInt8(ascii: "&")) }
            result += try quoted(pair.0, inQuery: true)
            result.append(UInt8(ascii: "="))
            result += try quoted(pair.1, inQuery: true)
        }
        return TemplateText(result)
    }

    static func attributes(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateText {
        let autospace = try arguments.bound(to: ["autospace"], required: 0, of: "xmlattr")[0]?.isTrue ?? true
        guard case .dictionary(let dictionary) = value else {
            throw .failure("'\(value.shortTypeName)' object has no attribute 'items'")
        }
        var parts: [String] = []
        for (key, item) in dictionary.entries where !item.isNone && !item.isUndefined {
            let name = try key.text()
            if name.bytes.contains(where: { " \t\n\r\u{C}\u{B}/>=".utf8.contains($0) }) {
                throw .failure("Invalid character in attribute name: \(name.pythonRepresentation)")
            }
            parts.append("\(name.escapedMarkup().string)=\"\(try item.text().escapedMarkup().string)\"")
        }
        let joined = parts.joined(separator: " ")
        return TemplateText(autospace && !joined.isEmpty ? " " + joined : joined)
    }
}
