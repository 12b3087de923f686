import Foundation

/// Python's two ways to format: `%` and `str.format`.
enum TemplateFormat {
    /// The widest field and the most decimals that a format may ask for.
    static let maximumWidth = 1 << 20

    /// `value.<precision>f`, `e` or `g` as C's `printf` has it.
    static func number(_ value: Double, _ kind: Character, precision: Int) -> String {
        if value.isNaN { return kind.isUppercase ? "NAN" : "nan" }
        if value.isInfinite { return (value < 0 ? "-" : "") + (kind.isUppercase ? "INF" : "inf") }
        return withVaList([Int32(precision), value]) { arguments in
            NSString(format: "%.*\(kind)", arguments: arguments) as String
        }
    }

    /// Groups the digits before the point.
    static func grouped(_ digits: String, by separator: String, size: Int = 3) -> String {
        let end = digits.firstIndex { !$0.isHexDigit } ?? digits.endIndex
        let whole = Array(digits[..<end])
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % size == 0 { result += separator }
            result.append(digit)
        }
        return result + digits[end...]
    }

    static func padded(_ text: String, to width: Int, with fill: String = " ", left: Bool) -> String {
        let missing = width - text.unicodeScalars.count
        if missing <= 0 { return text }
        let padding = String(repeating: fill, count: missing)
        return left ? text + padding : padding + text
    }
}

// MARK: - Percent

/// `'%s is %d' % values`.
struct TemplatePercentFormat {
    private let format: [Unicode.Scalar]
    private var index = 0
    private var result = String.UnicodeScalarView()
    private let operand: TemplateValue
    private var positional: [TemplateValue]
    private var nextPositional = 0
    private var usesNames = false

    /// One conversion: `%(name)-08.3d`.
    private struct Conversion {
        var name: String?
        var flags: Set<Unicode.Scalar> = []
        var width = 0
        var precision: Int?
        var kind: Unicode.Scalar = "s"
    }

    static func apply(_ format: TemplateText, _ operand: TemplateValue) throws(TemplateError) -> TemplateText {
        var formatter = TemplatePercentFormat(format: format, operand: operand)
        try formatter.run()
        return TemplateText(String(formatter.result)).withMarkup(format.isMarkup)
    }

    private init(format: TemplateText, operand: TemplateValue) {
        self.format = format.scalars
        self.operand = operand
        if case .tuple(let list) = operand { positional = list.items } else { positional = [operand] }
    }

    private mutating func run() throws(TemplateError) {
        while index < format.count {
            let scalar = format[index]
            index += 1
            if scalar != "%" {
                result.append(scalar)
            } else if index < format.count, format[index] == "%" {
                index += 1
                result.append("%")
            } else {
                let conversion = try parse()
                result.append(contentsOf: try convert(conversion).unicodeScalars)
            }
        }
        if !usesNames, nextPositional < positional.count {
            if case .dictionary = operand { return }
            if case .list = operand, nextPositional == 0, positional.count == 1 { return }
            throw .failure("not all arguments converted during string formatting")
        }
    }

    private mutating func parse() throws(TemplateError) -> Conversion {
        var conversion = Conversion()
        if index < format.count, format[index] == "(" {
            guard let end = format[index...].firstIndex(of: ")") else { throw .failure("incomplete format key") }
            conversion.name = String(String.UnicodeScalarView(format[(index + 1)..<end]))
            index = end + 1
        }
        while index < format.count, "-+ #0".unicodeScalars.contains(format[index]) {
            conversion.flags.insert(format[index])
            index += 1
        }
        let width = try parseNumber() ?? 0
        if width < 0 { conversion.flags.insert("-") }
        conversion.width = Int(width.magnitude)
        if index < format.count, format[index] == "." {
            index += 1
            // Python takes a negative one for none at all.
            conversion.precision = max(0, try parseNumber() ?? 0)
        }
        while index < format.count, "hlL".unicodeScalars.contains(format[index]) { index += 1 }
        guard index < format.count else { throw .failure("incomplete format") }
        conversion.kind = format[index]
        index += 1
        return conversion
    }

    private mutating func parseNumber() throws(TemplateError) -> Int? {
        if index < format.count, format[index] == "*" {
            index += 1
            guard case .integer(let value) = try argument(nil) else { throw .failure("* wants int") }
            guard value.magnitude <= TemplateFormat.maximumWidth else { throw .failure("width too big") }
            return value
        }
        var value: Int?
        while index < format.count, ("0"..."9").contains(format[index]) {
            value = (value ?? 0) * 10 + Int(format[index].value - 0x30)
            index += 1
            if value ?? 0 > TemplateFormat.maximumWidth { throw .failure("width too big") }
        }
        return value
    }

    private mutating func argument(_ name: String?) throws(TemplateError) -> TemplateValue {
        if let name {
            usesNames = true
            guard case .dictionary(let dictionary) = operand else { throw .failure("format requires a mapping") }
            guard let value = dictionary[text: TemplateText(name)] else {
                throw .failure("\(TemplateText(name).pythonRepresentation)")
            }
            return value
        }
        guard nextPositional < positional.count else { throw .failure("not enough arguments for format string") }
        nextPositional += 1
        return positional[nextPositional - 1]
    }

    private mutating func convert(_ conversion: Conversion) throws(TemplateError) -> String {
        let value = try argument(conversion.name)
        if case .undefined(let undefined) = value, !"sra".unicodeScalars.contains(conversion.kind) {
            throw undefined.error
        }
        var text: String
        switch conversion.kind {
        case "s", "r", "a":
            let full = conversion.kind == "s" ? try value.text() : try value.representation()
            text = conversion.precision.map { String(String.UnicodeScalarView(full.scalars.prefix($0))) } ?? full.string
        case "c": text = try character(value)
        case "d", "i", "u", "x", "X", "o": text = try integer(value, conversion)
        case "e", "E", "f", "F", "g", "G": text = try float(value, conversion)
        default:
            throw .failure(
                "unsupported format character '\(conversion.kind)' (0x\(String(conversion.kind.value, radix: 16))) "
                    + "at index \(index - 1)"
            )
        }
        return pad(&text, conversion)
    }

    private func pad(_ text: inout String, _ conversion: Conversion) -> String {
        let isNumber = !"sracm".unicodeScalars.contains(conversion.kind)
        if isNumber, conversion.flags.contains("0"), !conversion.flags.contains("-") {
            let sign = text.prefix { "+- ".contains($0) }
            let digits = String(text.dropFirst(sign.count))
            return sign + TemplateFormat.padded(digits, to: conversion.width - sign.count, with: "0", left: false)
        }
        return TemplateFormat.padded(text, to: conversion.width, left: conversion.flags.contains("-"))
    }

    private func character(_ value: TemplateValue) throws(TemplateError) -> String {
        if let text = value.asText, text.scalarCount == 1 { return text.string }
        if let code = value.asInteger, let scalar = Unicode.Scalar(UInt32(clamping: code)) { return String(scalar) }
        throw .failure("%c requires int or char")
    }

    private func signed(_ digits: String, negative: Bool, _ conversion: Conversion) -> String {
        if negative { return "-" + digits }
        return (conversion.flags.contains("+") ? "+" : conversion.flags.contains(" ") ? " " : "") + digits
    }

    private func integer(_ value: TemplateValue, _ conversion: Conversion) throws(TemplateError) -> String {
        let isDecimal = "diu".unicodeScalars.contains(conversion.kind)
        var whole = value.asInteger
        if isDecimal, case .float(let float) = value { whole = Int(exactly: float.rounded(.towardZero)) }
        guard let whole else {
            let wanted = isDecimal ? "a real number" : "an integer"
            throw .failure("%\(conversion.kind) format: \(wanted) is required, not \(value.shortTypeName)")
        }
        let radix = isDecimal ? 10 : conversion.kind == "o" ? 8 : 16
        var digits = String(whole.magnitude, radix: radix, uppercase: conversion.kind == "X")
        if let precision = conversion.precision {
            digits = TemplateFormat.padded(digits, to: precision, with: "0", left: false)
        }
        if !isDecimal, conversion.flags.contains("#") { digits = "0\(conversion.kind)" + digits }
        return signed(digits, negative: whole < 0, conversion)
    }

    private func float(_ value: TemplateValue, _ conversion: Conversion) throws(TemplateError) -> String {
        guard let number = value.asDouble else {
            throw .failure("must be real number, not \(value.shortTypeName)")
        }
        let digits = TemplateFormat.number(
            number.magnitude,
            Character(conversion.kind),
            precision: conversion.precision ?? 6
        )
        return signed(digits, negative: number.sign == .minus, conversion)
    }
}
