/// Reads statements: the grammar of Jinja's own parser, with a bound on nesting.
struct TemplateParser {
    private var tokens: [TemplateToken]
    private var index = 0
    /// How deep brackets and blocks are nested here.
    private var nesting = 0
    private var openTags: [String] = []
    private var expectedEnds: [[String]] = []

    init(source: String) throws(TemplateError) {
        tokens = try TemplateLexer.tokens(of: source)
    }

    /// The whole template.
    mutating func parse() throws(TemplateError) -> [TemplateStatement] {
        try parseBody(until: [])
    }

    // MARK: Tokens

    var current: TemplateToken { tokens[index] }
    var next: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }

    @discardableResult
    mutating func advance() -> TemplateToken {
        let token = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    mutating func skip(name: String) -> Bool {
        guard current.isName(name) else { return false }
        advance()
        return true
    }

    mutating func skip(symbol: String) -> Bool {
        guard current.isSymbol(symbol) else { return false }
        advance()
        return true
    }

    func syntaxError(_ message: String, line: Int? = nil) -> TemplateError {
        .syntax(message: message, line: line ?? current.line)
    }

    func unexpected(wanted: String) -> TemplateError {
        if current.kind == .end { return syntaxError("unexpected end of template, expected '\(wanted)'.") }
        return syntaxError("expected token '\(wanted)', got '\(current.name)'")
    }

    mutating func expect(symbol: String) throws(TemplateError) {
        if !skip(symbol: symbol) { throw unexpected(wanted: symbol) }
    }

    mutating func expect(name: String) throws(TemplateError) {
        if !skip(name: name) { throw unexpected(wanted: name) }
    }

    mutating func expectName() throws(TemplateError) -> String {
        guard current.kind == .name else { throw unexpected(wanted: "name") }
        return advance().word
    }

    mutating func expect(kind: TemplateToken.Kind, called name: String) throws(TemplateError) {
        guard current.kind == kind else { throw unexpected(wanted: name) }
        advance()
    }

    /// Runs `body` one level deeper.
    mutating func nested<Result>(
        _ body: (inout TemplateParser) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        nesting += 1
        if nesting > TemplateLimits.nestingDepth {
            throw .limitExceeded(.nestingDepth, maximum: TemplateLimits.nestingDepth, line: current.line)
        }
        let result = try body(&self)
        nesting -= 1
        return result
    }
}

// MARK: - Bodies

extension TemplateParser {
    /// Statements up to a tag named in `ends`, whose name is then the current token.
    private mutating func parseBody(until ends: [String]) throws(TemplateError) -> [TemplateStatement] {
        if !ends.isEmpty { expectedEnds.append(ends) }
        var body: [TemplateStatement] = []
        var outputs: [TemplateStatement.Output] = []
        var outputLine = 1
        while current.kind != .end {
            let token = advance()
            switch token.kind {
            case .data, .variableBegin:
                if outputs.isEmpty { outputLine = token.line }
                outputs.append(try parseOutput(token))
            default:
                if !outputs.isEmpty { body.append(TemplateStatement(kind: .output(outputs), line: outputLine)) }
                outputs = []
                if current.kind == .name, ends.contains(current.word) {
                    expectedEnds.removeLast()
                    return body
                }
                body.append(try nested { (parser) throws(TemplateError) in try parser.parseStatement() })
                try expect(kind: .blockEnd, called: "end of statement block")
            }
        }
        if !outputs.isEmpty { body.append(TemplateStatement(kind: .output(outputs), line: outputLine)) }
        if !ends.isEmpty { throw unknownTag(nil) }
        return body
    }

    private mutating func parseOutput(_ token: TemplateToken) throws(TemplateError) -> TemplateStatement.Output {
        if token.kind == .data { return .data(token.text) }
        let expression = try parseTuple()
        try expect(kind: .variableEnd, called: "end of print statement")
        return .expression(expression)
    }

    /// The body of a tag whose head has just been read; consumes the name of the tag that ends it.
    private mutating func parseTagBody(
        until ends: [String]
    ) throws(TemplateError) -> (body: [TemplateStatement], end: String) {
        _ = skip(symbol: ":")
        try expect(kind: .blockEnd, called: "end of statement block")
        let body = try parseBody(until: ends)
        return (body, advance().word)
    }

    private func unknownTag(_ name: String?) -> TemplateError {
        var message = [name.map { "Encountered unknown tag '\($0)'." } ?? "Unexpected end of template."]
        if let ends = expectedEnds.last {
            let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
            if let name, expectedEnds.contains(where: { $0.contains(name) }) {
                message.append(
                    "You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for "
                        + "\(wanted)."
                )
            } else {
                message.append("Jinja was looking for the following tags: \(wanted).")
            }
        }
        if let open = openTags.last { message.append("The innermost block that needs to be closed is '\(open)'.") }
        return syntaxError(message.joined(separator: " "))
    }
}

// MARK: - Statements

extension TemplateParser {
    private mutating func parseStatement() throws(TemplateError) -> TemplateStatement {
        guard current.kind == .name else { throw syntaxError("tag name expected") }
        let line = current.line
        let tag = current.word
        openTags.append(tag)
        let kind = try parseStatement(tag, line)
        openTags.removeLast()
        return TemplateStatement(kind: kind, line: line)
    }

    private mutating func parseStatement(
        _ tag: String,
        _ line: Int
    ) throws(TemplateError) -> TemplateStatement.Kind {
        switch tag {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro": return try parseMacro()
        case "call": return try parseCall(line)
        case "filter": return try parseFilterBlock()
        case "with": return try parseWith()
        case "print": return try parsePrint()
        case "block": return try parseBlock()
        case "autoescape": return try parseAutoescape()
        case "generation":
            advance()
            let body = try parseTagBody(until: ["endgeneration"]).body
            return .generation(.init(name: nil, parameters: [], defaults: [], body: body))
        case "break":
            advance()
            return .breakLoop
        case "continue":
            advance()
            return .continueLoop
        case "include", "import", "from", "extends": return parseRefusal(tag)
        default:
            openTags.removeLast()
            throw unknownTag(tag)
        }
    }

    /// A model has one template; there is nothing to load another from. As in Jinja without a loader, only reaching
    /// the statement fails.
    private mutating func parseRefusal(_ tag: String) -> TemplateStatement.Kind {
        while current.kind != .blockEnd, current.kind != .end { advance() }
        return .refusal("'\(tag)' is not possible in a chat template: there is no loader for other templates")
    }

    private mutating func parseIf() throws(TemplateError) -> TemplateStatement.Kind {
        var branches: [TemplateStatement.Branch] = []
        advance()
        while true {
            let test = try parseTuple(allowingConditional: false)
            let (body, end) = try parseTagBody(until: ["elif", "else", "endif"])
            branches.append(.init(test: test, body: body))
            if end == "elif" { continue }
            let otherwise = end == "else" ? try parseTagBody(until: ["endif"]).body : []
            return .conditional(branches, otherwise: otherwise)
        }
    }

    private mutating func parseFor() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let target = try parseTarget(endingAtIn: true)
        try expect(name: "in")
        let iterable = try parseTuple(allowingConditional: false, end: "recursive")
        let condition = skip(name: "if") ? try parseExpression() : nil
        let isRecursive = skip(name: "recursive")
        let (body, end) = try parseTagBody(until: ["endfor", "else"])
        let otherwise = end == "else" ? try parseTagBody(until: ["endfor"]).body : []
        return .loop(
            .init(
                target: target,
                iterable: iterable,
                condition: condition,
                isRecursive: isRecursive,
                body: body,
                otherwise: otherwise
            )
        )
    }

    private mutating func parseSet() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let target = try parseTarget(allowingNamespace: true)
        if skip(symbol: "=") { return .assignment(target: target, value: try parseTuple()) }
        let filter = current.isSymbol("|") ? try parseFilters(on: nil) : nil
        return .blockAssignment(target: target, filter: filter, body: try parseTagBody(until: ["endset"]).body)
    }

    private mutating func parseMacro() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let name = try parseTargetName()
        let (parameters, defaults) = try parseSignature()
        let body = try parseTagBody(until: ["endmacro"]).body
        return .macro(.init(name: name, parameters: parameters, defaults: defaults, body: body))
    }

    private mutating func parseCall(_ line: Int) throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let (parameters, defaults) = current.isSymbol("(") ? try parseSignature() : ([], [])
        let call = try parseExpression()
        guard case .call = call.kind else { throw syntaxError("expected call", line: line) }
        let body = try parseTagBody(until: ["endcall"]).body
        return .call(call, caller: .init(name: nil, parameters: parameters, defaults: defaults, body: body))
    }

    private mutating func parseSignature() throws(TemplateError) -> ([String], [TemplateExpression]) {
        var parameters: [String] = []
        var defaults: [TemplateExpression] = []
        try expect(symbol: "(")
        while !current.isSymbol(")") {
            if !parameters.isEmpty { try expect(symbol: ",") }
            parameters.append(try parseTargetName())
            if skip(symbol: "=") {
                defaults.append(try parseExpression())
            } else if !defaults.isEmpty {
                throw syntaxError("non-default argument follows default argument")
            }
        }
        advance()
        return (parameters, defaults)
    }

    private mutating func parseFilterBlock() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let filter = try parseFilters(on: nil, startingInline: true)
        return .filter(filter, body: try parseTagBody(until: ["endfilter"]).body)
    }

    private mutating func parseWith() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        var targets: [TemplateExpression] = []
        var values: [TemplateExpression] = []
        while current.kind != .blockEnd, current.kind != .end {
            if !targets.isEmpty { try expect(symbol: ",") }
            targets.append(try parseTarget())
            try expect(symbol: "=")
            values.append(try parseExpression())
        }
        return .with(targets: targets, values: values, body: try parseTagBody(until: ["endwith"]).body)
    }

    private mutating func parsePrint() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        var outputs: [TemplateStatement.Output] = []
        while current.kind != .blockEnd, current.kind != .end {
            if !outputs.isEmpty { try expect(symbol: ",") }
            outputs.append(.expression(try parseExpression()))
        }
        return .output(outputs)
    }

    private mutating func parseBlock() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let name = try expectName()
        _ = skip(name: "scoped")
        if current.isName("required") { throw syntaxError("required blocks need a template that extends this one") }
        let body = try parseTagBody(until: ["endblock"]).body
        _ = skip(name: name)
        return .block(name, body: body)
    }

    private mutating func parseAutoescape() throws(TemplateError) -> TemplateStatement.Kind {
        advance()
        let setting = try parseExpression()
        guard case .constant(.boolean(false)) = setting.kind else {
            throw syntaxError("'autoescape' can only be false in a chat template", line: setting.line)
        }
        return .scope(try parseTagBody(until: ["endautoescape"]).body)
    }
}
