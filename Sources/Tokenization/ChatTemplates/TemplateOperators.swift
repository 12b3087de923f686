/// The operators of expressions on values.
enum TemplateOperators {
    static func binary(
        _ operation: TemplateBinaryOperator,
        _ left: TemplateValue,
        _ right: TemplateValue,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateValue {
        switch (left, right) {
        case (.integer(let one), .integer(let two)): return try TemplateNumbers.integers(operation, one, two)
        case (.text(let one), .text(let two)) where operation == .add: return try add(one, two, meter)
        case (.text(let format), _) where operation == .modulo:
            if case .undefined = right, format.isEmpty { return left }
            let result = try TemplatePercentFormat.apply(format, escapedOperand(right, for: format))
            try meter.charge(bytes: result.bytes.count)
            return .text(result)
        case (.undefined(let undefined), _), (_, .undefined(let undefined)): throw undefined.error
        default: break
        }
        if let one = left.asInteger, let two = right.asInteger {
            return try TemplateNumbers.integers(operation, one, two)
        }
        if let one = left.asDouble, let two = right.asDouble {
            return try TemplateNumbers.floats(operation, one, two)
        }
        if let result = try sequences(operation, left, right, meter) { return result }
        throw mismatch(operation, left, right)
    }

    private static func mismatch(
        _ operation: TemplateBinaryOperator,
        _ left: TemplateValue,
        _ right: TemplateValue
    ) -> TemplateError {
        if operation == .add {
            switch left {
            case .text:
                return .failure("can only concatenate str (not \"\(right.shortTypeName)\") to str")
            case .list, .tuple:
                let name = left.shortTypeName
                return .failure("can only concatenate \(name) (not \"\(right.shortTypeName)\") to \(name)")
            default: break
            }
        }
        return .failure(
            "unsupported operand type(s) for \(operation.symbol): '\(left.shortTypeName)' and "
                + "'\(right.shortTypeName)'"
        )
    }

    /// Markup escapes what it is joined with.
    static func add(
        _ left: TemplateText,
        _ right: TemplateText,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateValue {
        try meter.charge(bytes: left.bytes.count + right.bytes.count)
        if left.isMarkup || right.isMarkup {
            return .text(.concatenation(left.escapedMarkup(), right.escapedMarkup()))
        }
        return .text(.concatenation(left, right))
    }

    private static func escapedOperand(
        _ operand: TemplateValue,
        for format: TemplateText
    ) throws(TemplateError) -> TemplateValue {
        guard format.isMarkup else { return operand }
        switch operand {
        case .tuple(let list):
            var items: [TemplateValue] = []
            for item in list.items { items.append(escaped(item)) }
            return .tuple(try TemplateList(items))
        default: return escaped(operand)
        }
    }

    private static func escaped(_ value: TemplateValue) -> TemplateValue {
        value.asText.map { .text($0.escapedMarkup()) } ?? value
    }

    /// Concatenation and repetition of lists and tuples, repetition of strings.
    private static func sequences(
        _ operation: TemplateBinaryOperator,
        _ left: TemplateValue,
        _ right: TemplateValue,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateValue? {
        switch (operation, left, right) {
        case (.add, .list(let one), .list(let two)):
            try meter.charge(elements: one.items.count + two.items.count)
            return .list(try TemplateList(one.items + two.items))
        case (.add, .tuple(let one), .tuple(let two)):
            try meter.charge(elements: one.items.count + two.items.count)
            return .tuple(try TemplateList(one.items + two.items))
        case (.multiply, _, _):
            if let count = right.asInteger { return try repeated(left, count, meter) }
            if let count = left.asInteger { return try repeated(right, count, meter) }
            return nil
        default: return nil
        }
    }

    private static func repeated(
        _ value: TemplateValue,
        _ count: Int,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateValue? {
        let times = max(0, count)
        switch value {
        case .text(let text):
            try meter.charge(bytes: text.bytes.count, times: times)
            if text.isEmpty { return value }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.bytes.count * times)
            for _ in 0..<times { bytes += text.bytes }
            return .text(text.replacingBytes(bytes))
        case .list(let list):
            return .list(try TemplateList(try repeated(list.items, times, meter)))
        case .tuple(let list):
            return .tuple(try TemplateList(try repeated(list.items, times, meter)))
        default: return nil
        }
    }

    private static func repeated(
        _ items: [TemplateValue],
        _ times: Int,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> [TemplateValue] {
        if items.isEmpty || times == 0 { return [] }
        let (count, overflow) = items.count.multipliedReportingOverflow(by: times)
        try meter.charge(elements: overflow ? Int.max : count)
        var result: [TemplateValue] = []
        result.reserveCapacity(count)
        for _ in 0..<times { result += items }
        return result
    }

    static func unary(
        _ operation: TemplateUnaryOperator,
        _ value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if operation == .not { return .boolean(!value.isTrue) }
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float(let number) = value { return .float(operation == .negate ? -number : number) }
        if let number = value.asInteger {
            return operation == .negate ? try TemplateNumbers.integers(.subtract, 0, number) : .integer(number)
        }
        let symbol = operation == .negate ? "-" : "+"
        throw .failure("bad operand type for unary \(symbol): '\(value.shortTypeName)'")
    }

    static func compare(
        _ comparison: TemplateComparison,
        _ left: TemplateValue,
        _ right: TemplateValue,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> Bool {
        switch comparison {
        case .equal: try left.equals(right, meter)
        case .notEqual: !(try left.equals(right, meter))
        case .less: try left.precedes(right, meter)
        case .lessOrEqual: try left.precedes(right, symbol: "<=", orEqual: true, meter)
        case .greater: try swapped(left, right, ">", orEqual: false, meter)
        case .greaterOrEqual: try swapped(left, right, ">=", orEqual: true, meter)
        case .contained: try right.contains(left, meter)
        case .notContained: !(try right.contains(left, meter))
        }
    }

    /// `left > right`, whose message names the operands in the order of the source.
    private static func swapped(
        _ left: TemplateValue,
        _ right: TemplateValue,
        _ symbol: String,
        orEqual: Bool,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> Bool {
        do {
            return try right.precedes(left, symbol: symbol, orEqual: orEqual, meter)
        } catch .operation {
            throw .failure(
                "'\(symbol)' not supported between instances of '\(left.shortTypeName)' and '\(right.shortTypeName)'"
            )
        }
    }
}

/// The positions that a Python slice selects in a sequence.
struct TemplateSliceIndices {
    let start: Int
    let step: Int
    let count: Int

    var positions: [Int] { (0..<count).map { start + $0 * step } }

    /// - Parameter bounds: start, stop and step, each an integer or `none`.
    init(_ bounds: [TemplateValue], length: Int) throws(TemplateError) {
        func whole(_ value: TemplateValue) throws(TemplateError) -> Int? {
            if value.isNone { return nil }
            guard let integer = value.asInteger else {
                throw .failure("slice indices must be integers or None or have an __index__ method")
            }
            return integer
        }
        let step = try whole(bounds[2]) ?? 1
        if step == 0 { throw .failure("slice step cannot be zero") }
        func clamp(_ index: Int) -> Int {
            let lowest = step < 0 ? -1 : 0
            let highest = step < 0 ? length - 1 : length
            let absolute = index < 0 ? (index < -length ? lowest : index + length) : index
            return min(max(absolute, lowest), highest)
        }
        let first = try whole(bounds[0]).map(clamp) ?? (step < 0 ? length - 1 : 0)
        let stop = try whole(bounds[1]).map(clamp) ?? (step < 0 ? -1 : length)
        start = first
        self.step = step
        let distance = step > 0 ? stop - first : first - stop
        count = distance <= 0 ? 0 : Int((UInt(distance) - 1) / step.magnitude) + 1
    }
}
