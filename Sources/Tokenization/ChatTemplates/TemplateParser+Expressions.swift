/// Reads expressions. Binary operators go through one climbing loop, so that a level of brackets costs few stack
/// frames.
extension TemplateParser {
    /// Makes a node, refusing trees higher than the compiler may recurse.
    private func node(
        _ kind: TemplateExpression.Kind,
        line: Int,
        over children: [TemplateExpression] = []
    ) throws(TemplateError) -> TemplateExpression {
        var height = 1
        for child in children where child.height >= height { height = child.height + 1 }
        if height > TemplateLimits.expressionDepth {
            throw .limitExceeded(.nestingDepth, maximum: TemplateLimits.expressionDepth, line: line)
        }
        return TemplateExpression(kind: kind, line: line, height: height)
    }

    mutating func parseExpression(allowingConditional: Bool = true) throws(TemplateError) -> TemplateExpression {
        try nested { (parser) throws(TemplateError) in
            allowingConditional ? try parser.parseConditional() : try parser.parseOr()
        }
    }

    private mutating func parseConditional() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        var result = try parseOr()
        while skip(name: "if") {
            let test = try parseOr()
            let otherwise = skip(name: "else") ? try parseExpression() : nil
            result = try node(
                .conditional(test: test, then: result, otherwise: otherwise),
                line: line,
                over: [test, result] + (otherwise.map { [$0] } ?? [])
            )
        }
        return result
    }

    private mutating func parseOr() throws(TemplateError) -> TemplateExpression {
        var left = try parseAnd()
        while current.isName("or") {
            let line = advance().line
            let right = try parseAnd()
            left = try node(.or(left, right), line: line, over: [left, right])
        }
        return left
    }

    private mutating func parseAnd() throws(TemplateError) -> TemplateExpression {
        var left = try parseNot()
        while current.isName("and") {
            let line = advance().line
            let right = try parseNot()
            left = try node(.and(left, right), line: line, over: [left, right])
        }
        return left
    }

    private mutating func parseNot() throws(TemplateError) -> TemplateExpression {
        guard current.isName("not") else { return try parseComparison() }
        let line = advance().line
        let operand = try nested { (parser) throws(TemplateError) in try parser.parseNot() }
        return try node(.unary(.not, operand), line: line, over: [operand])
    }

    private mutating func parseComparison() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        let first = try parseArithmetic(.sum)
        var rest: [(TemplateComparison, TemplateExpression)] = []
        while let comparison = skipComparison() {
            rest.append((comparison, try parseArithmetic(.sum)))
        }
        if rest.isEmpty { return first }
        return try node(.comparison(first, rest), line: line, over: [first] + rest.map(\.1))
    }

    private mutating func skipComparison() -> TemplateComparison? {
        if skip(name: "in") { return .contained }
        if current.isName("not"), next.isName("in") {
            advance()
            advance()
            return .notContained
        }
        guard current.kind == .symbol else { return nil }
        let found: TemplateComparison
        switch current.word {
        case "==": found = .equal
        case "!=": found = .notEqual
        case "<": found = .less
        case "<=": found = .lessOrEqual
        case ">": found = .greater
        case ">=": found = .greaterOrEqual
        default: return nil
        }
        advance()
        return found
    }
}

// MARK: - Arithmetic

extension TemplateParser {
    /// The levels of arithmetic, loosest first. Jinja puts `~` between sums and products.
    private enum Level: Int {
        case sum, concatenation, product, power, unary

        func binaryOperator(_ symbol: String) -> TemplateBinaryOperator? {
            switch (self, symbol) {
            case (.sum, "+"): .add
            case (.sum, "-"): .subtract
            case (.product, "*"): .multiply
            case (.product, "/"): .divide
            case (.product, "//"): .floorDivide
            case (.product, "%"): .modulo
            case (.power, "**"): .power
            default: nil
            }
        }
    }

    private mutating func parseArithmetic(_ level: Level) throws(TemplateError) -> TemplateExpression {
        guard let tighter = Level(rawValue: level.rawValue + 1) else { return try parseUnary() }
        if level == .concatenation { return try parseConcatenation() }
        var left = try parseArithmetic(tighter)
        while current.kind == .symbol, let operation = level.binaryOperator(current.word) {
            let line = advance().line
            let right = try parseArithmetic(tighter)
            left = try node(.binary(operation, left, right), line: line, over: [left, right])
        }
        return left
    }

    private mutating func parseConcatenation() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        var parts = [try parseArithmetic(.product)]
        while skip(symbol: "~") { parts.append(try parseArithmetic(.product)) }
        return parts.count == 1 ? parts[0] : try node(.concatenation(parts), line: line, over: parts)
    }

    private mutating func parseUnary(filtered: Bool = true) throws(TemplateError) -> TemplateExpression {
        let line = current.line
        var result: TemplateExpression
        if current.isSymbol("-") || current.isSymbol("+") {
            let operation: TemplateUnaryOperator = advance().word == "-" ? .negate : .plus
            let operand = try nested { (parser) throws(TemplateError) in try parser.parseUnary(filtered: false) }
            result = try node(.unary(operation, operand), line: line, over: [operand])
        } else {
            result = try parsePrimary()
        }
        result = try parsePostfix(result)
        return filtered ? try parseFiltersAndTests(result) : result
    }
}

// MARK: - Primaries

extension TemplateParser {
    private mutating func parsePrimary(allowingNamespace: Bool = false) throws(TemplateError) -> TemplateExpression {
        let token = current
        switch token.kind {
        case .name:
            return try parseNamePrimary(allowingNamespace)
        case .string:
            var bytes: [UInt8] = []
            while current.kind == .string { bytes += advance().text.bytes }
            return try node(.constant(.text(TemplateText(bytes))), line: token.line)
        case .integer, .float:
            advance()
            return try node(.constant(try Self.number(token)), line: token.line)
        case .symbol:
            switch token.word {
            case "(":
                advance()
                let inner = try nested { (parser) throws(TemplateError) in
                    try parser.parseTuple(inParentheses: true)
                }
                try expect(symbol: ")")
                return inner
            case "[": return try parseList()
            case "{": return try parseDictionary()
            default: break
            }
        default: break
        }
        throw syntaxError("unexpected '\(token.name)'")
    }

    private mutating func parseNamePrimary(_ allowingNamespace: Bool) throws(TemplateError) -> TemplateExpression {
        let token = advance()
        let name = token.word
        switch name {
        case "true", "True": return try node(.constant(.boolean(true)), line: token.line)
        case "false", "False": return try node(.constant(.boolean(false)), line: token.line)
        case "none", "None": return try node(.constant(.none), line: token.line)
        default: break
        }
        if allowingNamespace, skip(symbol: ".") {
            let attribute = try expectName()
            return try node(.namespaceTarget(name, attribute: attribute), line: token.line)
        }
        return try node(.name(name), line: token.line)
    }

    private static func number(_ token: TemplateToken) throws(TemplateError) -> TemplateConstant {
        let text = token.text.string
        if token.kind == .float { return .float(Double(text) ?? 0) }
        let radix: Int
        switch text.dropFirst().first {
        case "x", "X": radix = 16
        case "o", "O": radix = 8
        case "b", "B": radix = 2
        default: radix = 10
        }
        guard let value = Int(radix == 10 ? Substring(text) : text.dropFirst(2), radix: radix) else {
            throw .syntax(message: "the number \(text) is too large", line: token.line)
        }
        return .integer(value)
    }

    /// Expressions with commas between them make a tuple.
    mutating func parseTuple(
        allowingConditional: Bool = true,
        end: String? = nil,
        inParentheses: Bool = false
    ) throws(TemplateError) -> TemplateExpression {
        let line = current.line
        var items: [TemplateExpression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(symbol: ",") }
            if isTupleEnd(end) { break }
            items.append(try parseExpression(allowingConditional: allowingConditional))
            guard current.isSymbol(",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = items.first { return only }
            if !inParentheses { throw syntaxError("Expected an expression, got '\(current.name)'") }
        }
        return try node(.tuple(items), line: line, over: items)
    }

    private func isTupleEnd(_ end: String?) -> Bool {
        if current.kind == .variableEnd || current.kind == .blockEnd || current.isSymbol(")") { return true }
        return end.map { current.isName($0) } ?? false
    }

    private mutating func parseList() throws(TemplateError) -> TemplateExpression {
        let line = advance().line
        var items: [TemplateExpression] = []
        while !current.isSymbol("]") {
            if !items.isEmpty { try expect(symbol: ",") }
            if current.isSymbol("]") { break }
            items.append(try parseExpression())
        }
        advance()
        return try node(.list(items), line: line, over: items)
    }

    private mutating func parseDictionary() throws(TemplateError) -> TemplateExpression {
        let line = advance().line
        var pairs: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !current.isSymbol("}") {
            if !pairs.isEmpty { try expect(symbol: ",") }
            if current.isSymbol("}") { break }
            let key = try parseExpression()
            try expect(symbol: ":")
            pairs.append((key, try parseExpression()))
        }
        advance()
        return try node(.dictionary(pairs), line: line, over: pairs.flatMap { [$0.key, $0.value] })
    }
}

// MARK: - Targets

extension TemplateParser {
    mutating func parseTargetName() throws(TemplateError) -> String {
        let line = current.line
        let name = try expectName()
        if Self.reserved.contains(name) { throw syntaxError("can't assign to 'name'", line: line) }
        return name
    }

    private static let reserved: Set = ["true", "false", "none", "True", "False", "None"]

    mutating func parseTarget(
        endingAtIn: Bool = false,
        allowingNamespace: Bool = false
    ) throws(TemplateError) -> TemplateExpression {
        let line = current.line
        var items: [TemplateExpression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(symbol: ",") }
            if isTupleEnd(endingAtIn ? "in" : nil) { break }
            items.append(try parsePrimary(allowingNamespace: allowingNamespace))
            guard current.isSymbol(",") else { break }
            isTuple = true
        }
        if !isTuple, items.isEmpty { throw syntaxError("Expected an expression, got '\(current.name)'") }
        for item in items where !Self.isAssignable(item) {
            throw syntaxError("can't assign to '\(item.kindName)'", line: line)
        }
        return isTuple ? try node(.tuple(items), line: line, over: items) : items[0]
    }

    private static func isAssignable(_ expression: TemplateExpression) -> Bool {
        switch expression.kind {
        case .name, .namespaceTarget: true
        case .tuple(let items): items.allSatisfy(isAssignable)
        default: false
        }
    }
}

extension TemplateExpression {
    /// Jinja's name of the node in "can't assign to …".
    fileprivate var kindName: String {
        switch kind {
        case .constant: "const"
        case .dictionary: "dict"
        case .tuple: "tuple"
        case .list: "list"
        default: "expression"
        }
    }
}

// MARK: - Postfixes

extension TemplateParser {
    private mutating func parsePostfix(_ base: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var result = base
        while current.kind == .symbol {
            switch current.word {
            case ".": result = try parseAttribute(of: result)
            case "[": result = try parseSubscript(of: result)
            case "(": result = try parseCall(of: result)
            default: return result
            }
        }
        return result
    }

    private mutating func parseFiltersAndTests(
        _ base: TemplateExpression
    ) throws(TemplateError) -> TemplateExpression {
        var result = base
        while true {
            if current.isSymbol("|") {
                result = try parseFilters(on: result)
            } else if current.isName("is") {
                result = try parseTest(on: result)
            } else if current.isSymbol("(") {
                result = try parseCall(of: result)
            } else {
                return result
            }
        }
    }

    private mutating func parseAttribute(of base: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        let line = advance().line
        let token = advance()
        switch token.kind {
        case .name: return try node(.attribute(base, token.word), line: line, over: [base])
        case .integer:
            let index = try node(.constant(try Self.number(token)), line: line)
            return try node(.item(base, index), line: line, over: [base])
        default: throw syntaxError("expected name or number", line: token.line)
        }
    }

    private mutating func parseSubscript(of base: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        let line = advance().line
        var items: [TemplateExpression] = []
        while !current.isSymbol("]") {
            if !items.isEmpty { try expect(symbol: ",") }
            let start = current.isSymbol(":") ? nil : try parseExpression()
            if current.isSymbol(":") {
                let parts = try parseSliceRest(start)
                guard items.isEmpty else { throw syntaxError("a slice cannot stand in a tuple of indices") }
                try expect(symbol: "]")
                return try node(.slice(base, parts), line: line, over: [base] + parts.compactMap { $0 })
            }
            if let start { items.append(start) }
        }
        advance()
        let index = items.count == 1 ? items[0] : try node(.tuple(items), line: line, over: items)
        return try node(.item(base, index), line: line, over: [base, index])
    }

    private mutating func parseSliceRest(
        _ start: TemplateExpression?
    ) throws(TemplateError) -> [TemplateExpression?] {
        var parts: [TemplateExpression?] = [start]
        while parts.count < 3, skip(symbol: ":") {
            let isEmpty = current.isSymbol(":") || current.isSymbol("]") || current.isSymbol(",")
            parts.append(isEmpty ? nil : try parseExpression())
        }
        return parts + [TemplateExpression?](repeating: nil, count: 3 - parts.count)
    }

    private mutating func parseCall(of base: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        let line = current.line
        let arguments = try parseArguments()
        return try node(.call(base, arguments), line: line, over: [base] + arguments.expressions)
    }

    private mutating func parseArguments() throws(TemplateError) -> TemplateArguments {
        let line = current.line
        var arguments = TemplateArguments()
        try expect(symbol: "(")
        var isFirst = true
        while !current.isSymbol(")") {
            if !isFirst {
                try expect(symbol: ",")
                if current.isSymbol(")") { break }
            }
            isFirst = false
            if !(try parseArgument(&arguments)) {
                throw syntaxError("invalid syntax for function call expression", line: line)
            }
        }
        advance()
        return arguments
    }

    /// Reads one argument; false when it may not stand here.
    private mutating func parseArgument(_ arguments: inout TemplateArguments) throws(TemplateError) -> Bool {
        let isOpen = arguments.spread == nil && arguments.keywordSpread == nil
        if skip(symbol: "*") {
            arguments.spread = try parseExpression()
            return isOpen
        }
        if skip(symbol: "**") {
            let isFree = arguments.keywordSpread == nil
            arguments.keywordSpread = try parseExpression()
            return isFree
        }
        if current.kind == .name, next.isSymbol("=") {
            let name = advance().word
            advance()
            let isNew = !arguments.keywords.contains { $0.name == name }
            arguments.keywords.append((name, try parseExpression()))
            return arguments.keywordSpread == nil && isNew
        }
        arguments.positional.append(try parseExpression())
        return isOpen && arguments.keywords.isEmpty
    }

    /// A chain of filters. The first has no bar in `{% filter name %}`.
    mutating func parseFilters(
        on base: TemplateExpression?,
        startingInline: Bool = false
    ) throws(TemplateError) -> TemplateExpression {
        var result = base
        var isInline = startingInline
        repeat {
            if !isInline { advance() }
            isInline = false
            let line = current.line
            let name = try parseDottedName()
            let arguments = current.isSymbol("(") ? try parseArguments() : TemplateArguments()
            result = try node(
                .filter(result, name, arguments),
                line: line,
                over: (result.map { [$0] } ?? []) + arguments.expressions
            )
        } while current.isSymbol("|")
        guard let result else { throw syntaxError("expected a filter") }
        return result
    }

    private mutating func parseDottedName() throws(TemplateError) -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func parseTest(on base: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        let line = advance().line
        let isNegated = skip(name: "not")
        let name = try parseDottedName()
        var arguments = TemplateArguments()
        if current.isSymbol("(") {
            arguments = try parseArguments()
        } else if startsTestOperand {
            if current.isName("is") { throw syntaxError("You cannot chain multiple tests with is") }
            arguments.positional = [try parsePostfix(try parsePrimary())]
        }
        let test = try node(.test(base, name, arguments), line: line, over: [base] + arguments.expressions)
        return isNegated ? try node(.unary(.not, test), line: line, over: [test]) : test
    }

    private var startsTestOperand: Bool {
        switch current.kind {
        case .name: !["else", "or", "and"].contains(current.word)
        case .string, .integer, .float: true
        case .symbol: current.isSymbol("[") || current.isSymbol("{")
        default: false
        }
    }
}
