package import JSON

/// How function calls stand in a text: the literals around names and arguments.
///
/// Calls are written `opening (beforeName NAME afterName ARGUMENTS afterArguments) … closing`, with `separator` between
/// two of them.
package struct CallSyntax: Sendable, Hashable {
    /// The text at which a call begins: the first characters of `opening + beforeName`.
    package var trigger: String
    /// Whether calls can only begin where the text does.
    package var isAtStartOnly: Bool
    package var opening: String
    package var beforeName: String
    package var afterName: String
    package var afterArguments: String
    package var separator: String
    package var closing: String

    /// A syntax without any literals but the trigger.
    package init(trigger: String, isAtStartOnly: Bool) {
        self.trigger = trigger
        self.isAtStartOnly = isAtStartOnly
        opening = ""
        beforeName = ""
        afterName = ""
        afterArguments = ""
        separator = ""
        closing = ""
    }
}

/// A function that a text may call.
package struct CallableFunction: Sendable, Hashable {
    /// Without characters that a syntax would escape.
    package var name: String
    /// The schema of the arguments, an object.
    package var parameters: JSONValue

    package init(name: String, parameters: JSONValue) {
        self.name = name
        self.parameters = parameters
    }
}

/// Thoughts before the rest of a text.
package struct ThoughtSyntax: Sendable, Hashable {
    package var opening: String
    package var closing: String
    /// Whether the text begins within thoughts.
    package var isOpen: Bool

    /// - Parameters:
    ///   - opening: the mark before thoughts.
    ///   - closing: the mark after them.
    package init(opening: String, closing: String, isOpen: Bool) {
        self.opening = opening
        self.closing = closing
        self.isOpen = isOpen
    }
}

/// What an answer holds besides thoughts: text, function calls, or a structure.
package struct AnswerGrammar: Sendable, Hashable {
    /// What text may be that is no call.
    package enum Content: Sendable, Hashable {
        case anything
        case schema(JSONValue)
        case regularExpression(String)
        case choice([String])
    }

    package var content: Content
    package var functions: [CallableFunction]
    /// The ways in which a call may be written; a required one is written in the first.
    package var syntaxes: [CallSyntax]
    package var isCallRequired: Bool
    /// Most calls; nil sets no limit.
    package var callLimit: Int?
    package var thoughts: ThoughtSyntax?

    /// An answer without functions and thoughts.
    package init(content: Content) {
        self.content = content
        functions = []
        syntaxes = []
        isCallRequired = false
        callLimit = nil
        thoughts = nil
    }
}

extension Grammar {
    /// The texts of an answer. Where content is free it may be anything until a call's trigger; from there on the text is
    /// a call of one of the functions, with arguments of its schema.
    package convenience init(answer: AnswerGrammar) throws(GrammarError) {
        var compiler = AnswerCompiler(answer)
        let grammar = try compiler.grammar()
        self.init(nodes: grammar.nodes, automata: grammar.automata, start: grammar.start)
    }
}

private struct AnswerCompiler {
    private let answer: AnswerGrammar
    private var builder = GrammarBuilder()
    private static let budget = GrammarBuilder.automatonBudget

    init(_ answer: AnswerGrammar) { self.answer = answer }

    mutating func grammar() throws(GrammarError) -> Grammar {
        var options: [Int32] = []
        if !answer.functions.isEmpty { options += try calls() }
        if !answer.isCallRequired || answer.functions.isEmpty { options.append(try content()) }
        var start = try builder.choice(options)
        if let thoughts = answer.thoughts { start = try after(thoughts, start) }
        return try builder.grammar(start: start)
    }

    // MARK: Texts

    private func text(_ pattern: String) throws(GrammarError) -> ByteAutomaton {
        try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: Self.budget)
    }

    /// Any text up to and with the first `end`.
    private func upTo(_ end: [UInt8], without others: [[UInt8]]) throws(GrammarError) -> ByteAutomaton {
        let any = try text(#"[\s\S]*"#)
        let ending = try any.followed(by: .literal(end), budget: Self.budget)
        let earlier = try any.followed(by: .anyOf([end] + others, budget: Self.budget), budget: Self.budget)
            .followed(by: text(#"[\s\S]+"#), budget: Self.budget)
        return try ending.subtracting(earlier, budget: Self.budget)
    }

    private mutating func after(_ thoughts: ThoughtSyntax, _ rest: Int32) throws(GrammarError) -> Int32 {
        let body = try upTo(Array(thoughts.closing.utf8), without: [])
        let blanks = try text(#"[ \n]{0,4}"#)
        let closed = try builder.lexeme(body.followed(by: blanks, budget: Self.budget))
        if thoughts.isOpen { return try builder.add(.sequence([closed, rest])) }
        let opened = try builder.add(.sequence([builder.literal(thoughts.opening), closed, rest]))
        return try builder.add(.choice([opened, rest]))
    }

    /// The triggers that may stand anywhere in a text, and those that count at its beginning only.
    private func triggers(atStart: Bool) -> [[UInt8]] {
        answer.syntaxes.filter { $0.isAtStartOnly == atStart }.map { Array($0.trigger.utf8) }
    }

    private mutating func content() throws(GrammarError) -> Int32 {
        switch answer.content {
        case .schema(let schema): return try compile(schema)
        case .regularExpression(let pattern): return try builder.lexeme(text(pattern))
        case .choice(let choices):
            return try builder.lexeme(.anyOf(choices.map { Array($0.utf8) }, budget: Self.budget))
        case .anything: return try builder.lexeme(try free(text(#"[\s\S]*"#)))
        }
    }

    /// A text's language without the texts in which a call would begin.
    private func free(_ language: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        var language = language
        if answer.functions.isEmpty { return language }
        let any = try text(#"[\s\S]*"#)
        if !triggers(atStart: false).isEmpty {
            let calling = try any.followed(
                by: .anyOf(triggers(atStart: false), budget: Self.budget),
                budget: Self.budget
            ).followed(by: any, budget: Self.budget)
            language = try language.subtracting(calling, budget: Self.budget)
        }
        return try withoutStarts(language)
    }

    private func withoutStarts(_ language: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        if triggers(atStart: true).isEmpty { return language }
        let calling = try text(#"\s*"#).followed(
            by: .anyOf(triggers(atStart: true), budget: Self.budget),
            budget: Self.budget
        ).followed(by: text(#"[\s\S]*"#), budget: Self.budget)
        return try language.subtracting(calling, budget: Self.budget)
    }

    private mutating func compile(_ schema: JSONValue) throws(GrammarError) -> Int32 {
        // Handed over, not shared: a copy for each of a thousand functions would take the square of their time.
        let lent = builder
        builder = GrammarBuilder()
        var compiler = try SchemaCompiler(schema, .answer, consume lent)
        let start = try compiler.start()
        builder = compiler.builder
        return start
    }

    // MARK: Calls

    /// The ways to begin calls. Free text may stand before a trigger; where an answer has a structure, or a call must
    /// come, calls stand alone.
    private mutating func calls() throws(GrammarError) -> [Int32] {
        var arguments: [(name: String, node: Int32)] = []
        for function in answer.functions {
            do throws(GrammarError) {
                arguments.append((function.name, try compile(function.parameters)))
            } catch {
                throw error.inFunction(function.name)
            }
        }
        var options: [Int32] = []
        let isAlone = answer.isCallRequired || answer.content != .anything
        for syntax in isAlone ? Array(answer.syntaxes.prefix(1)) : answer.syntaxes {
            let head = Array((syntax.opening + syntax.beforeName).utf8)
            let trigger = Array(syntax.trigger.utf8)
            var lead: [Int32] = []
            if isAlone || syntax.isAtStartOnly {
                lead.append(try builder.lexeme(.literal(head)))
            } else {
                let others = triggers(atStart: false).filter { $0 != trigger }
                lead.append(try builder.lexeme(try withoutStarts(try upTo(trigger, without: others))))
                if head.count > trigger.count {
                    lead.append(try builder.lexeme(.literal(Array(head[trigger.count...]))))
                }
            }
            options.append(try builder.add(.sequence(lead + (try rest(syntax, arguments)))))
        }
        return options
    }

    /// Everything after a first call's head.
    private mutating func rest(
        _ syntax: CallSyntax,
        _ arguments: [(name: String, node: Int32)]
    ) throws(GrammarError) -> [Int32] {
        var named: [Int32] = []
        for (name, node) in arguments {
            var parts = [try builder.literal(name + syntax.afterName), node]
            if !syntax.afterArguments.isEmpty { parts.append(try builder.literal(syntax.afterArguments)) }
            named.append(try builder.add(.sequence(parts)))
        }
        let call = try builder.choice(named)
        var parts = [call]
        if answer.callLimit ?? .max > 1 {
            let next = try builder.add(.sequence([builder.literal(syntax.separator + syntax.beforeName), call]))
            let most = answer.callLimit.map { Int32(clamping: $0 - 1) } ?? .max
            parts.append(try builder.add(.repetition(Repetition(body: next, minimum: 0, maximum: most))))
        }
        if !syntax.closing.isEmpty { parts.append(try builder.literal(syntax.closing)) }
        return parts
    }
}

extension GrammarError {
    /// The error of a function's schema, which names the function.
    func inFunction(_ name: String) -> GrammarError {
        switch self {
        case .unsupported(let message, let pointer): .unsupported("function '\(name)': \(message)", pointer: pointer)
        case .syntax(let message, let offset): .syntax("function '\(name)': \(message)", offset: offset)
        case .tooLarge(let message): .tooLarge("function '\(name)': \(message)")
        case .unsatisfiable(let message): .unsatisfiable("function '\(name)': \(message)")
        }
    }
}
