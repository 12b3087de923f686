/// The part after the colon in `'{:>8.2f}'.format(x)`.
struct TemplateFormatSpecification {
    private var fill = " "
    private var alignment: Unicode.Scalar?
    private var sign: Unicode.Scalar = "-"
    private var isAlternate = false
    private var width = 0
    private var grouping: String?
    private var precision: Int?
    private var kind: Unicode.Scalar?

    /// Formats a value as Python's `format(value, specification)`.
    static func apply(_ specification: String, to value: TemplateValue) throws(TemplateError) -> String {
        if specification.isEmpty { return try value.text().string }
        switch value {
        case .text, .integer, .float, .boolean: break
        default:
            throw .failure("unsupported format string passed to \(value.shortTypeName).__format__")
        }
        let parsed = try TemplateFormatSpecification(Array(specification.unicodeScalars), value)
        return try parsed.format(value)
    }

    private init(_ all: [Unicode.Scalar], _ value: TemplateValue) throws(TemplateError) {
        var index = 0
        let alignments = "<>=^".unicodeScalars
        if all.count > 1, alignments.contains(all[1]) {
            fill = String(all[0])
            alignment = all[1]
            index = 2
        } else if let first = all.first, alignments.contains(first) {
            alignment = first
            index = 1
        }
        func take(_ options: String) -> Unicode.Scalar? {
            guard index < all.count, options.unicodeScalars.contains(all[index]) else { return nil }
            index += 1
            return all[index - 1]
        }
        func takeNumber() throws(TemplateError) -> Int? {
            var value: Int?
            while let digit = take("0123456789") {
                value = (value ?? 0) * 10 + Int(digit.value - 0x30)
                if value ?? 0 > TemplateFormat.maximumWidth {
                    throw .failure("Too many decimal digits in format string")
                }
            }
            return value
        }
        sign = take("+- ") ?? "-"
        isAlternate = take("#") != nil
        if take("0") != nil, alignment == nil {
            fill = "0"
            if value.asText == nil { alignment = "=" }
        }
        width = try takeNumber() ?? 0
        grouping = take(",_").map { String($0) }
        if take(".") != nil {
            precision = try takeNumber()
            if precision == nil { throw .failure("Format specifier missing precision") }
        }
        if index < all.count {
            kind = all[index]
            index += 1
        }
        if index < all.count { throw .failure("Invalid format specifier") }
    }

    private func unknown(_ value: TemplateValue) -> TemplateError {
        .failure("Unknown format code '\(kind.map { String($0) } ?? "")' for object of type '\(value.shortTypeName)'")
    }

    private func format(_ value: TemplateValue) throws(TemplateError) -> String {
        if case .text(let text) = value {
            guard kind == nil || kind == "s" else { throw unknown(value) }
            if alignment == "=" { throw .failure("'=' alignment not allowed in string format specifier") }
            let cut = precision.map { String(String.UnicodeScalarView(text.scalars.prefix($0))) } ?? text.string
            return pad("", cut, defaultAlignment: "<")
        }
        if let whole = value.asInteger, kind == nil || "bcdoxXn".unicodeScalars.contains(kind ?? "d") {
            return try integer(whole, value)
        }
        guard let number = value.asDouble else { throw unknown(value) }
        return try float(number, value)
    }

    private func prefix(negative: Bool) -> String {
        negative ? "-" : sign == "-" ? "" : String(sign)
    }

    private func integer(_ whole: Int, _ value: TemplateValue) throws(TemplateError) -> String {
        if precision != nil { throw .failure("Precision not allowed in integer format specifier") }
        if kind == "c" {
            guard let scalar = Unicode.Scalar(UInt32(clamping: whole)) else {
                throw .failure("%c arg not in range(0x110000)")
            }
            return pad("", String(scalar), defaultAlignment: "<")
        }
        let radix = kind == "b" ? 2 : kind == "o" ? 8 : kind == "x" || kind == "X" ? 16 : 10
        var digits = String(whole.magnitude, radix: radix, uppercase: kind == "X")
        if let grouping { digits = TemplateFormat.grouped(digits, by: grouping, size: radix == 10 ? 3 : 4) }
        let marker = isAlternate && radix != 10 ? "0\(kind.map { String($0) } ?? "")" : ""
        return pad(prefix(negative: whole < 0) + marker, digits, defaultAlignment: ">")
    }

    private func float(_ number: Double, _ value: TemplateValue) throws(TemplateError) -> String {
        var digits: String
        switch kind {
        case nil:
            digits =
                precision.map { TemplateFormat.number(number.magnitude, "g", precision: max(1, $0)) }
                ?? TemplateNumbers.representation(of: number.magnitude)
            if precision != nil, !digits.contains("."), !digits.contains("e"), number.isFinite { digits += ".0" }
        case "%": digits = TemplateFormat.number(number.magnitude * 100, "f", precision: precision ?? 6) + "%"
        case "e", "E", "f", "F", "g", "G", "n":
            let letter = kind == "n" ? "g" : Character(kind ?? "g")
            digits = TemplateFormat.number(number.magnitude, letter, precision: precision ?? 6)
        default: throw unknown(value)
        }
        if let grouping { digits = TemplateFormat.grouped(digits, by: grouping) }
        return pad(prefix(negative: number.sign == .minus && !number.isNaN), digits, defaultAlignment: ">")
    }

    private func pad(_ sign: String, _ digits: String, defaultAlignment: Unicode.Scalar) -> String {
        let missing = width - sign.unicodeScalars.count - digits.unicodeScalars.count
        if missing <= 0 { return sign + digits }
        func padding(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch alignment ?? defaultAlignment {
        case "<": return sign + digits + padding(missing)
        case "^": return padding(missing / 2) + sign + digits + padding(missing - missing / 2)
        case "=":
            var zeros = padding(missing)
            if fill == "0", let grouping {
                // Zeros are grouped with the digits they stand before.
                let plain = digits.filter { String($0) != grouping }
                zeros = ""
                var filled = plain
                while sign.count + TemplateFormat.grouped(filled, by: grouping).count < width { filled = "0" + filled }
                return sign + TemplateFormat.grouped(filled, by: grouping)
            }
            return sign + zeros + digits
        default: return padding(missing) + sign + digits
        }
    }
}
