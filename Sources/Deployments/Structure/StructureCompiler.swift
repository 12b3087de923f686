import Grammars
import Inference
import JSON
import Synchronization
import Tokenization

/// What an answer must be.
enum ConstraintSource: Sendable {
    case structure(AnswerStructure.Kind)
    case answer(AnswerGrammar)
}

/// Grammars that are kept, and their bytes.
private let (keptCount, keptBytes) = (64, 128 << 20)

/// Turns what answers must be into constraints, and keeps the grammars that were asked for last: clients send the same
/// schema again and again.
final class StructureCompiler: Sendable {
    private let tokenizer: Tokenizer
    /// Control tokens whose text may stand in an answer: the marks of calls and thoughts.
    private let markers: Set<TokenID>
    private let state = Mutex(State())

    private struct State {
        var tokens: GrammarTokens?
        var grammars: [ConstraintKey: Grammar] = [:]
        /// The keys of `grammars`, that used last at the end.
        var order: [ConstraintKey] = []
        /// What they take, keys and all.
        var byteCount = 0

        mutating func keep(_ grammar: Grammar, _ key: ConstraintKey) {
            guard grammars.updateValue(grammar, forKey: key) == nil else { return }
            order.append(key)
            byteCount += key.bytes.count + grammar.byteCount
            while order.count > 1, order.count > keptCount || byteCount > keptBytes {
                let oldest = order.removeFirst()
                byteCount -= oldest.bytes.count + (grammars.removeValue(forKey: oldest)?.byteCount ?? 0)
            }
        }
    }

    init(_ tokenizer: Tokenizer, markers: Set<TokenID>) {
        self.tokenizer = tokenizer
        self.markers = markers
    }

    /// - Parameters:
    ///   - parameter: the request's parameter that asked for it, for errors.
    ///   - continuesText: whether the answer goes on in a text, whose first space is then kept.
    func constraint(
        _ source: ConstraintSource,
        parameter: String,
        continuesText: Bool
    ) throws(DeploymentError) -> any TokenConstraint {
        do throws(GrammarError) {
            return GrammarConstraint(try grammar(source), tokens(), continuesText: continuesText)
        } catch {
            throw .invalidParameter(name: parameter, message: error.description)
        }
    }

    private func grammar(_ source: ConstraintSource) throws(GrammarError) -> Grammar {
        let key = ConstraintKey(source)
        let known = state.withLock { state -> Grammar? in
            guard let grammar = state.grammars[key] else { return nil }
            state.order.removeAll { $0 == key }
            state.order.append(key)
            return grammar
        }
        if let known { return known }
        let grammar = try Grammar(source)
        state.withLock { $0.keep(grammar, key) }
        return grammar
    }

    /// Built outside the lock: two requests that come first may both build them, and one is kept.
    private func tokens() -> GrammarTokens {
        if let tokens = state.withLock({ $0.tokens }) { return tokens }
        let tokens = GrammarTokens(tokenizer, markers: markers)
        return state.withLock { state in
            let kept = state.tokens ?? tokens
            state.tokens = kept
            return kept
        }
    }
}

/// A constraint's source in bytes, as a key for grammars that were compiled before.
///
/// Sources are not compared themselves: Swift takes texts for equal that show the same characters, and objects of JSON
/// are equal whatever the order of their members, which an answer keeps.
struct ConstraintKey: Sendable, Hashable {
    private(set) var bytes: [UInt8] = []

    init(_ source: ConstraintSource) {
        switch source {
        case .structure(.jsonObject): append("object")
        case .structure(.jsonSchema(let schema)): append(["schema", schema.serialized()])
        case .structure(.regex(let pattern)): append(["regex", pattern])
        case .structure(.choice(let texts)): append(["choice"] + texts)
        case .structure(.grammar(let text)): append(["grammar", text])
        case .answer(let answer): append(answer)
        }
    }

    private mutating func append(_ answer: AnswerGrammar) {
        append("answer")
        switch answer.content {
        case .anything: append(["anything"])
        case .schema(let schema): append(["schema", schema.serialized()])
        case .regularExpression(let pattern): append(["regex", pattern])
        case .choice(let texts): append(["choice"] + texts)
        }
        append(answer.functions.flatMap { [$0.name, $0.parameters.serialized()] })
        append(answer.syntaxes.flatMap(\.parts))
        append([String(answer.isCallRequired), answer.callLimit.map { String($0) } ?? ""])
        append(answer.thoughts.map { [$0.opening, $0.closing, String($0.isOpen)] } ?? [])
    }

    /// A list, with its length in front, so that no two lists after each other are the same as two others.
    private mutating func append(_ texts: [String]) {
        append(String(texts.count))
        for text in texts { append(text) }
    }

    private mutating func append(_ text: String) {
        bytes += "\(text.utf8.count):".utf8
        bytes += text.utf8
    }
}

extension CallSyntax {
    fileprivate var parts: [String] {
        [trigger, String(isAtStartOnly), opening, beforeName, afterName, afterArguments, separator, closing]
    }
}

extension Grammar {
    convenience init(_ source: ConstraintSource) throws(GrammarError) {
        switch source {
        case .answer(let answer): try self.init(answer: answer)
        case .structure(.jsonObject): try self.init(schema: ["type": "object"])
        case .structure(.jsonSchema(let schema)): try self.init(schema: schema)
        case .structure(.regex(let pattern)): try self.init(regularExpression: pattern)
        case .structure(.choice(let texts)): try self.init(choices: texts)
        case .structure(.grammar(let source)): try self.init(gbnf: source)
        }
    }
}

extension AnswerGrammar.Content {
    /// nil for a grammar, which stands by itself.
    init?(_ kind: AnswerStructure.Kind?) {
        switch kind {
        case nil: self = .anything
        case .jsonObject: self = .schema(["type": "object"])
        case .jsonSchema(let schema): self = .schema(schema)
        case .regex(let pattern): self = .regularExpression(pattern)
        case .choice(let texts): self = .choice(texts)
        case .grammar: return nil
        }
    }
}
