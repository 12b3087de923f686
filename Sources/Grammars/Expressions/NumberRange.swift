/// Which numbers a schema allows, as text.
///
/// Bounds and multiples are decimal text and taken exactly; nothing is rounded. Bounds of 1100 digits or more, and
/// multiples whose digits without zeros at the end are more than 100 000, are refused as too large.
package struct NumberRange: Sendable {
    /// A limit, with its number as decimal text.
    package enum Bound: Sendable {
        case minimum(String)
        case exclusiveMinimum(String)
        case maximum(String)
        case exclusiveMaximum(String)
    }

    package var bounds: [Bound] = []
    package var multipleOf: String?
    /// Whether numbers have no fraction; they are then written without one.
    package var integersOnly = false

    package init() {}

    /// The texts of the numbers: any that JSON knows when nothing is asked, with exponents below 308, beyond which clients
    /// read infinity; else those without an exponent. There is no `-0` then.
    package func automaton(budget: Int) throws(GrammarError) -> ByteAutomaton {
        try automaton(budget: budget, work: CompilationWork())
    }

    /// - Parameter work: pays for it.
    func automaton(budget: Int, work: CompilationWork) throws(GrammarError) -> ByteAutomaton {
        if bounds.isEmpty, multipleOf == nil {
            return try RegularExpression(
                integersOnly
                    ? "-?(?:0|[1-9][0-9]*)"
                    : #"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?0{0,2}(?:[1-9]?[0-9]|[12][0-9]{2}|30[0-7]))?"#
            ).automaton(.utf8, anchored: true, budget: budget, work: work)
        }
        var limits: [Limit] = []
        for bound in bounds { limits.append(try Limit(bound)) }
        let multiple = try multipleOf.map { (text) throws(GrammarError) in try Multiple(text) }
        let reader = NumberReader(limits: limits, multiple: multiple, integersOnly: integersOnly)
        return try ByteAutomaton.exploring(from: NumberState(limits.count), budget: budget) { state in
            .init(isAccepting: reader.accepts(state), isBoundary: true)
        } edges: { (state) throws(GrammarError) in
            try work.charge(CompilationWork.numberState)
            return reader.edges(state)
        }
    }
}

/// A decimal number: `digits × 10^-fractionCount`, negative or not.
struct ExactDecimal: Sendable {
    var isNegative = false
    /// Without zeros in front.
    var integerDigits: [UInt8] = []
    /// Without zeros at the end.
    var fractionDigits: [UInt8] = []

    var isZero: Bool { integerDigits.isEmpty && fractionDigits.isEmpty }

    /// As JSON writes it without an exponent.
    var text: String {
        func text(_ digits: [UInt8]) -> String { String(decoding: digits.map { $0 + 0x30 }, as: UTF8.self) }
        let integer = integerDigits.isEmpty ? "0" : text(integerDigits)
        return (isNegative ? "-" : "") + integer + (fractionDigits.isEmpty ? "" : "." + text(fractionDigits))
    }

    /// Most digits, and the greatest exponent; every `Double` has fewer.
    private static let longest = 1100

    private static func isInteger(_ text: String) -> Bool {
        let digits = text.first == "+" || text.first == "-" ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    init(_ text: String) throws(GrammarError) {
        var rest = Array(text.utf8)[...]
        if rest.first == 0x2D {
            isNegative = true
            rest = rest.dropFirst()
        }
        let mantissa = rest.prefix { $0 != 0x65 && $0 != 0x45 }
        let exponentText =
            mantissa.count < rest.count ? String(decoding: rest.dropFirst(mantissa.count + 1), as: UTF8.self) : "0"
        let exponent = Int(exponentText)
        let integer = mantissa.prefix { $0 != 0x2E }
        let fraction = mantissa.dropFirst(integer.count + 1)
        let digits = (integer + fraction).map { $0 &- 0x30 }
        guard !integer.isEmpty, integer.count == mantissa.count || !fraction.isEmpty, digits.allSatisfy({ $0 < 10 }),
            Self.isInteger(exponentText)
        else {
            throw .syntax("'\(text.prefix(40))' is no number.", offset: 0)
        }
        guard let exponent, exponent.magnitude < UInt(Self.longest), digits.count < Self.longest else {
            throw .tooLarge(
                "The number '\(text.prefix(40))' has more than \(Self.longest) digits and cannot be a bound."
            )
        }
        let point = integer.count + exponent
        let zeros = [UInt8](repeating: 0, count: max(0, max(-point, point - digits.count)))
        let padded = point < 0 ? zeros + digits : digits + zeros
        let split = max(0, point)
        integerDigits = Array(padded[..<split].drop { $0 == 0 })
        fractionDigits = Array(padded[split...])
        while fractionDigits.last == 0 { fractionDigits.removeLast() }
        if isZero { isNegative = false }
    }
}

/// A bound that a number is held against digit by digit.
private struct Limit: Sendable {
    var value: ExactDecimal
    var isLower: Bool
    var isExclusive: Bool

    init(_ bound: NumberRange.Bound) throws(GrammarError) {
        switch bound {
        case .minimum(let text): (value, isLower, isExclusive) = (try ExactDecimal(text), true, false)
        case .exclusiveMinimum(let text): (value, isLower, isExclusive) = (try ExactDecimal(text), true, true)
        case .maximum(let text): (value, isLower, isExclusive) = (try ExactDecimal(text), false, false)
        case .exclusiveMaximum(let text): (value, isLower, isExclusive) = (try ExactDecimal(text), false, true)
        }
    }

    /// Whether a number holds, from its sign and how its size compares to the bound's.
    func holds(isNegative: Bool, size: Int) -> Bool {
        var order: Int
        if isNegative != value.isNegative {
            order = isNegative ? -1 : 1
        } else {
            order = isNegative ? -size : size
        }
        if !isLower { order = -order }
        return isExclusive ? order > 0 : order >= 0
    }
}

private struct Multiple: Sendable {
    /// The step is `divisor × 10^-fractionCount`.
    var divisor: Int
    var fractionCount: Int

    init(_ text: String) throws(GrammarError) {
        let value = try ExactDecimal(text)
        var divisor = 0
        for digit in value.integerDigits + value.fractionDigits {
            divisor = divisor * 10 + Int(digit)
            guard divisor <= 100_000 else {
                throw .tooLarge("'multipleOf' \(text) has too many digits to be followed.")
            }
        }
        guard divisor > 0 else { throw .unsatisfiable("'multipleOf' must be greater than 0.") }
        self.divisor = divisor
        fractionCount = value.fractionDigits.count
    }
}

/// How the digits so far compare to a bound's.
private struct Comparison: Hashable, Sendable {
    /// Order of what was read and as many digits of the bound: -1, 0, 1.
    var order: Int8 = 0
    /// Digits read of the part at hand; one more than the bound has stands for all beyond.
    var digits: Int16 = 0
}

private struct NumberState: Hashable, Sendable {
    enum Part: Hashable, Sendable { case start, sign, zero, integer, point, fraction }

    var part = Part.start
    var isNegative = false
    var isZero = true
    var comparisons: [Comparison]
    var remainder = 0
    var fractionCount = 0

    init(_ count: Int) { comparisons = [Comparison](repeating: Comparison(), count: count) }
}

private struct NumberReader {
    let limits: [Limit]
    let multiple: Multiple?
    let integersOnly: Bool

    func accepts(_ state: NumberState) -> Bool {
        switch state.part {
        case .start, .sign, .point: return false
        case .zero, .integer, .fraction: break
        }
        if state.isNegative, state.isZero { return false }
        if let multiple {
            var remainder = state.remainder
            for _ in state.fractionCount..<max(state.fractionCount, multiple.fractionCount) {
                remainder = remainder * 10 % multiple.divisor
            }
            if remainder != 0 { return false }
        }
        for (limit, comparison) in zip(limits, state.comparisons) {
            if !limit.holds(isNegative: state.isNegative, size: size(comparison, limit.value, state.part)) {
                return false
            }
        }
        return true
    }

    /// How the number's size compares to a bound's when it ends here.
    private func size(_ comparison: Comparison, _ value: ExactDecimal, _ part: NumberState.Part) -> Int {
        if part == .fraction {
            if comparison.order != 0 { return Int(comparison.order) }
            return Int(comparison.digits) < value.fractionDigits.count ? -1 : 0
        }
        let order = integerOrder(comparison, value)
        return order != 0 ? order : value.fractionDigits.isEmpty ? 0 : -1
    }

    private func integerOrder(_ comparison: Comparison, _ value: ExactDecimal) -> Int {
        let difference = Int(comparison.digits) - value.integerDigits.count
        return difference != 0 ? difference.signum() : Int(comparison.order)
    }

    func edges(_ state: NumberState) -> [(bytes: ClosedRange<UInt8>, target: NumberState)] {
        var edges: [(bytes: ClosedRange<UInt8>, target: NumberState)] = []
        func add(_ byte: UInt8, _ target: NumberState) { edges.append((byte...byte, target)) }
        if state.part == .start {
            var next = state
            next.part = .sign
            next.isNegative = true
            add(0x2D, next)
        }
        if state.part == .zero || state.part == .integer, !integersOnly {
            var next = state
            next.part = .point
            for index in limits.indices {
                let order = integerOrder(state.comparisons[index], limits[index].value)
                next.comparisons[index] = Comparison(order: Int8(order), digits: 0)
            }
            add(0x2E, next)
        }
        if state.part == .zero { return edges }
        for digit in UInt8(0)...9 {
            if let next = state.part == .point || state.part == .fraction
                ? fraction(state, digit) : integer(state, digit)
            {
                add(0x30 + digit, next)
            }
        }
        return edges
    }

    private func integer(_ state: NumberState, _ digit: UInt8) -> NumberState? {
        var next = state
        if digit == 0, state.part != .integer {
            next.part = .zero
            return next
        }
        next.part = .integer
        next.isZero = false
        if let multiple { next.remainder = (state.remainder * 10 + Int(digit)) % multiple.divisor }
        for index in limits.indices {
            let digits = limits[index].value.integerDigits
            let position = Int(state.comparisons[index].digits)
            if position < digits.count, state.comparisons[index].order == 0, digit != digits[position] {
                next.comparisons[index].order = digit < digits[position] ? -1 : 1
            }
            next.comparisons[index].digits = Int16(min(position + 1, digits.count + 1))
            // Beyond the bound's digits only their number counts.
            if position >= digits.count { next.comparisons[index].order = 1 }
        }
        return next
    }

    private func fraction(_ state: NumberState, _ digit: UInt8) -> NumberState? {
        var next = state
        next.part = .fraction
        if digit != 0 { next.isZero = false }
        if let multiple {
            if state.fractionCount >= multiple.fractionCount {
                if digit != 0 { return nil }
            } else {
                next.fractionCount += 1
                next.remainder = (state.remainder * 10 + Int(digit)) % multiple.divisor
            }
        }
        for index in limits.indices where state.comparisons[index].order == 0 {
            let digits = limits[index].value.fractionDigits
            let position = Int(state.comparisons[index].digits)
            let expected = position < digits.count ? digits[position] : 0
            if digit != expected { next.comparisons[index].order = digit < expected ? -1 : 1 }
            next.comparisons[index].digits = Int16(min(position + 1, digits.count))
        }
        // What is decided needs no position.
        for index in limits.indices where next.comparisons[index].order != 0 { next.comparisons[index].digits = 0 }
        return next
    }
}
