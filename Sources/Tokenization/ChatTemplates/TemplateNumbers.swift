import Foundation

/// Python's arithmetic and its texts of numbers.
///
/// Integers are 64 bits wide. Python's have no end; where one would leave 64 bits the operation fails.
enum TemplateNumbers {
    /// `repr` of a float: the shortest digits that read back, with an exponent where Python puts one.
    static func representation(of value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let (digits, exponent) = shortestDigits(of: value.magnitude)
        let sign = value.sign == .minus ? "-" : ""
        if exponent < -4 || exponent >= 16 {
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(power)"
        }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return "\(sign)\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
    }

    /// The significant digits of a number and the power of ten of the first.
    private static func shortestDigits(of value: Double) -> (digits: String, exponent: Int) {
        if value == 0 { return ("0", 0) }
        let parts = value.description.split(separator: "e")
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".")
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        exponent += mantissa[0].count - 1
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }

    private static func raised(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

    private static func tooLarge() -> TemplateError { .failure("an integer leaves the range of 64 bits") }

    private static func exact(_ result: (partialValue: Int, overflow: Bool)) throws(TemplateError) -> TemplateValue {
        if result.overflow { throw tooLarge() }
        return .integer(result.partialValue)
    }

    /// `start + count × step`.
    static func sum(_ start: Int, _ count: Int, times step: Int) throws(TemplateError) -> Int {
        let (distance, isTooFar) = count.multipliedReportingOverflow(by: step)
        let (sum, isTooLarge) = start.addingReportingOverflow(distance)
        if isTooFar || isTooLarge { throw tooLarge() }
        return sum
    }

    /// An operation on two integers.
    static func integers(
        _ operation: TemplateBinaryOperator,
        _ left: Int,
        _ right: Int
    ) throws(TemplateError) -> TemplateValue {
        switch operation {
        case .add: return try exact(left.addingReportingOverflow(right))
        case .subtract: return try exact(left.subtractingReportingOverflow(right))
        case .multiply: return try exact(left.multipliedReportingOverflow(by: right))
        case .divide:
            if right == 0 { throw .failure("division by zero") }
            return .float(Double(left) / Double(right))
        case .floorDivide:
            if right == 0 { throw .failure("integer division or modulo by zero") }
            let (quotient, overflow) = left.dividedReportingOverflow(by: right)
            if overflow { throw tooLarge() }
            return .integer(left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient)
        case .modulo:
            if right == 0 { throw .failure("integer division or modulo by zero") }
            if right == -1 { return .integer(0) }
            let remainder = left % right
            return .integer(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
        case .power: return try power(left, right)
        }
    }

    private static func power(_ base: Int, _ exponent: Int) throws(TemplateError) -> TemplateValue {
        if exponent < 0 {
            if base == 0 { throw .failure("0.0 cannot be raised to a negative power") }
            return .float(raised(Double(base), Double(exponent)))
        }
        var result = 1
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 {
                let (product, overflow) = result.multipliedReportingOverflow(by: square)
                if overflow { throw tooLarge() }
                result = product
            }
            rest >>= 1
            if rest > 0 {
                let (product, overflow) = square.multipliedReportingOverflow(by: square)
                if overflow { throw tooLarge() }
                square = product
            }
        }
        return .integer(result)
    }

    /// An operation on two numbers of which one is a float.
    static func floats(
        _ operation: TemplateBinaryOperator,
        _ left: Double,
        _ right: Double
    ) throws(TemplateError) -> TemplateValue {
        switch operation {
        case .add: return .float(left + right)
        case .subtract: return .float(left - right)
        case .multiply: return .float(left * right)
        case .divide:
            if right == 0 { throw .failure("float division by zero") }
            return .float(left / right)
        case .floorDivide:
            if right == 0 { throw .failure("float floor division by zero") }
            return .float((left / right).rounded(.down))
        case .modulo:
            if right == 0 { throw .failure("float modulo") }
            let remainder = left.truncatingRemainder(dividingBy: right)
            return .float(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
        case .power:
            if left == 0, right < 0 { throw .failure("0.0 cannot be raised to a negative power") }
            let result = raised(left, right)
            if result.isNaN, !left.isNaN, !right.isNaN { throw .failure("complex numbers are not supported") }
            if result.isInfinite, left.isFinite, right.isFinite {
                throw .failure("(34, 'Numerical result out of range')")
            }
            return .float(result)
        }
    }

    /// Python's `int(text, base)`; nil when the text is no number.
    static func integer(of text: TemplateText, base: Int) -> Int? {
        var digits = text.stripped(nil, left: true, right: true).string.lowercased()
        var isNegative = false
        if let sign = digits.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            digits.removeFirst()
        }
        var radix = base
        for (prefix, value) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            guard base == value || base == 0 else { break }
            radix = value
            digits.removeFirst(2)
        }
        if radix == 0 { radix = 10 }
        guard (2...36).contains(radix), !digits.isEmpty, !digits.hasPrefix("_"), !digits.hasSuffix("_"),
            !digits.contains("__"), !digits.hasPrefix("-"), !digits.hasPrefix("+")
        else { return nil }
        return Int((isNegative ? "-" : "") + digits.filter { $0 != "_" }, radix: radix)
    }

    /// Python's `float(text)`; nil when the text is no number.
    static func float(of text: TemplateText) -> Double? {
        let trimmed = text.stripped(nil, left: true, right: true).string.lowercased()
        let body = trimmed.first == "-" || trimmed.first == "+" ? String(trimmed.dropFirst()) : trimmed
        switch body {
        case "inf", "infinity": return trimmed.hasPrefix("-") ? -.infinity : .infinity
        case "nan": return .nan
        default: break
        }
        guard let first = body.utf8.first, first == UInt8(ascii: ".") || (0x30...0x39).contains(first),
            !body.contains("x"), !body.hasSuffix("_"), !body.contains("__")
        else { return nil }
        return Double(trimmed.filter { $0 != "_" })
    }
}
