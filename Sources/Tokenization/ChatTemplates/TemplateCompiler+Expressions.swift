/// Code for expressions: each leaves one value on the stack.
extension TemplateCompiler {
    func compile(_ expression: TemplateExpression, _ place: Place) throws(TemplateError) {
        line = expression.line
        switch expression.kind {
        case .constant(let value): constant(value)
        case .name(let name): load(name, place)
        case .namespaceTarget: preconditionFailure("a namespace target is not read")
        case .tuple(let items): try compileItems(items, .tuple, place)
        case .list(let items): try compileItems(items, .list, place)
        case .concatenation(let items): try compileItems(items, .concatenate, place)
        case .dictionary(let pairs): try compileDictionary(pairs, place)
        case .unary(let operation, let operand):
            try compile(operand, place)
            line = expression.line
            add(.unary, operation.rawValue)
        case .binary(let operation, let left, let right):
            try compile(left, place)
            try compile(right, place)
            line = expression.line
            add(.binary, operation.rawValue)
        case .and(let left, let right): try compileChoice(left, right, .jumpIfFalseKeeping, place)
        case .or(let left, let right): try compileChoice(left, right, .jumpIfTrueKeeping, place)
        case .comparison(let first, let rest): try compileComparison(first, rest, place)
        case .conditional: try compileConditional(expression, place)
        default: try compileAccess(expression, place)
        }
    }

    private func compileAccess(_ expression: TemplateExpression, _ place: Place) throws(TemplateError) {
        switch expression.kind {
        case .attribute(let base, let attribute):
            try compile(base, place)
            line = expression.line
            add(.attribute, name(attribute))
        case .item(let base, let index):
            try compile(base, place)
            try compile(index, place)
            line = expression.line
            add(.item)
        case .slice(let base, let parts):
            try compile(base, place)
            for part in parts {
                if let part { try compile(part, place) } else { constant(.none) }
            }
            line = expression.line
            add(.slice)
        case .call(let callee, let arguments):
            try compile(callee, place)
            let callShape = try compileArguments(arguments, place)
            line = expression.line
            add(.call, shape(callShape))
        case .filter(let base, let name, let arguments):
            if let base { try compile(base, place) }
            try compileNamed(.filter, name, arguments, place, expression.line)
        case .test(let base, let name, let arguments):
            try compile(base, place)
            try compileNamed(.test, name, arguments, place, expression.line)
        default: preconditionFailure("every other expression is compiled above")
        }
    }

    private func compileItems(
        _ items: [TemplateExpression],
        _ operation: TemplateInstruction.Operation,
        _ place: Place
    ) throws(TemplateError) {
        for item in items { try compile(item, place) }
        add(operation, Int32(items.count))
    }

    private func compileDictionary(
        _ pairs: [(key: TemplateExpression, value: TemplateExpression)],
        _ place: Place
    ) throws(TemplateError) {
        for pair in pairs {
            try compile(pair.key, place)
            try compile(pair.value, place)
        }
        add(.dictionary, Int32(pairs.count))
    }

    private func compileChoice(
        _ left: TemplateExpression,
        _ right: TemplateExpression,
        _ jump: TemplateInstruction.Operation,
        _ place: Place
    ) throws(TemplateError) {
        try compile(left, place)
        let skip = add(jump)
        try compile(right, place)
        land(skip)
    }

    /// `a < b < c`: every operand is evaluated once, and none after the first that fails.
    private func compileComparison(
        _ first: TemplateExpression,
        _ rest: [(TemplateComparison, TemplateExpression)],
        _ place: Place
    ) throws(TemplateError) {
        try compile(first, place)
        var exits: [Int] = []
        for (index, (comparison, operand)) in rest.enumerated() {
            try compile(operand, place)
            if index == rest.count - 1 {
                add(.compare, comparison.rawValue)
            } else {
                exits.append(add(.compareChain, 0, comparison.rawValue))
            }
        }
        exits.forEach(land)
    }

    private func compileConditional(_ expression: TemplateExpression, _ outer: Place) throws(TemplateError) {
        guard case .conditional(let test, let then, let otherwise) = expression.kind else { return }
        let place = outer.softened()
        try compile(test, place)
        let skip = add(.jumpIfFalse)
        try compile(then, place)
        let end = add(.jump)
        land(skip)
        if let otherwise {
            try compile(otherwise, place)
        } else {
            add(.undefinedCondition, Int32(truncatingIfNeeded: expression.line))
        }
        land(end)
    }

    /// Pushes arguments in their order of evaluation; `caller` is the function of a call block's body.
    func compileArguments(
        _ arguments: TemplateArguments,
        _ place: Place,
        caller: Int32? = nil
    ) throws(TemplateError) -> TemplateCallShape {
        for argument in arguments.positional { try compile(argument, place) }
        for (_, value) in arguments.keywords { try compile(value, place) }
        if let caller { add(.makeMacro, caller) }
        if let spread = arguments.spread { try compile(spread, place) }
        if let spread = arguments.keywordSpread { try compile(spread, place) }
        return TemplateCallShape(
            positionalCount: arguments.positional.count,
            keywords: arguments.keywords.map(\.name),
            hasSpread: arguments.spread != nil,
            hasKeywordSpread: arguments.keywordSpread != nil
        )
    }

    private func compileNamed(
        _ operation: TemplateInstruction.Operation,
        _ name: String,
        _ arguments: TemplateArguments,
        _ place: Place,
        _ nameLine: Int
    ) throws(TemplateError) {
        let isFilter = operation == .filter
        let index = isFilter ? TemplateFilters.index(of: name) : TemplateTests.index(of: name)
        if index == nil, !place.isSoft {
            throw .syntax(message: "No \(isFilter ? "filter" : "test") named '\(name)'.", line: nameLine)
        }
        let callShape = try compileArguments(arguments, place)
        line = nameLine
        if let index {
            add(operation, Int32(index), shape(callShape))
        } else {
            add(.refuse, message("No \(isFilter ? "filter" : "test") named '\(name)' found."))
        }
    }
}
