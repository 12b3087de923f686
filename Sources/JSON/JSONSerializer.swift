/// How a value is written.
package struct JSONStyle: Sendable, Equatable {
    /// Spaces for each level when every element has its own line; nil for one line without spaces.
    package var indent: Int?
    /// Whether members are written in the order of their keys' bytes instead of their own.
    package var sortsKeys: Bool

    /// Whether a value on one line has a space after every `,` and `:`.
    package var isSpaced = false

    /// No whitespace at all.
    package static let compact = JSONStyle(indent: nil, sortsKeys: false)
    /// No whitespace, keys in byte order: equal objects give equal texts.
    package static let sortedKeys = JSONStyle(indent: nil, sortsKeys: true)

    /// One line with a space after every `,` and `:`, as Python writes JSON and as models have mostly seen it.
    package static let spaced = JSONStyle(indent: nil, sortsKeys: false, isSpaced: true)

    /// Every element on its own line, `indent` spaces deeper than its container.
    package static func pretty(indent: Int = 2, sortsKeys: Bool = false) -> JSONStyle {
        JSONStyle(indent: indent, sortsKeys: sortsKeys)
    }
}

extension JSONValue {
    /// The value as JSON text. Floats are written with the fewest digits that read back as the same float; infinite
    /// ones and NaN, which JSON does not have, as `null`. Slashes and characters beyond ASCII stand as they are.
    package func serialized(_ style: JSONStyle = .compact) -> String {
        String(decoding: serializedBytes(style), as: UTF8.self)
    }

    /// `serialized(_:)` as UTF-8.
    package func serializedBytes(_ style: JSONStyle = .compact) -> [UInt8] {
        var serializer = JSONSerializer(style: style)
        serializer.write(self, depth: 0)
        return serializer.output
    }
}

private struct JSONSerializer {
    let style: JSONStyle
    var output: [UInt8] = []

    init(style: JSONStyle) { self.style = style }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: value.description.utf8)
        case .number(let value): output.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): write(value)
        case .array(let elements): write(elements, depth: depth)
        case .object(let object): write(object, depth: depth)
        }
    }

    private mutating func write(_ elements: [JSONValue], depth: Int) {
        output.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { separate() }
            breakLine(depth: depth + 1)
            write(element, depth: depth + 1)
        }
        if !elements.isEmpty { breakLine(depth: depth) }
        output.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ object: JSONObject, depth: Int) {
        var members = Array(object)
        if style.sortsKeys { members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } }
        output.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { separate() }
            breakLine(depth: depth + 1)
            write(member.key)
            output.append(UInt8(ascii: ":"))
            if style.indent != nil || style.isSpaced { output.append(UInt8(ascii: " ")) }
            write(member.value, depth: depth + 1)
        }
        if !members.isEmpty { breakLine(depth: depth) }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func separate() {
        output.append(UInt8(ascii: ","))
        if style.indent == nil, style.isSpaced { output.append(UInt8(ascii: " ")) }
    }

    private mutating func breakLine(depth: Int) {
        guard let indent = style.indent else { return }
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * depth))
    }

    private mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        var copy = text
        copy.withUTF8 { bytes in
            var start = 0
            for (index, byte) in bytes.enumerated()
            where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                output.append(contentsOf: bytes[start..<index])
                writeEscape(of: byte)
                start = index + 1
            }
            output.append(contentsOf: bytes[start...])
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func writeEscape(of byte: UInt8) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0..<0x20:
            let hex = Array("0123456789abcdef".utf8)
            output.append(contentsOf: "u00".utf8)
            output.append(hex[Int(byte >> 4)])
            output.append(hex[Int(byte & 15)])
        default: output.append(byte)
        }
    }
}
