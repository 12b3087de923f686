import Grammars
import Inference
import JSON
import Synchronization
import Tokenization

/// Turns what answers must be into constraints, and keeps the grammars that were asked for last: clients send the same
/// schema again and again.
final class StructureCompiler: Sendable {
    private let tokenizer: Tokenizer
    private let state = Mutex(State())

    private struct State {
        var tokens: GrammarTokens?
        var grammars: [AnswerStructure.Kind: Grammar] = [:]
        /// The structures of `grammars`, that used last at the end.
        var order: [AnswerStructure.Kind] = []
    }

    /// Grammars that are kept.
    private static let keptCount = 64

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// - Parameter continuesText: whether the answer goes on in a text, whose first space is then kept.
    func constraint(
        _ structure: AnswerStructure,
        continuesText: Bool
    ) throws(DeploymentError) -> any TokenConstraint {
        GrammarConstraint(try grammar(structure), tokens(), continuesText: continuesText)
    }

    private func grammar(_ structure: AnswerStructure) throws(DeploymentError) -> Grammar {
        let known = state.withLock { state -> Grammar? in
            guard let grammar = state.grammars[structure.kind] else { return nil }
            state.order.removeAll { $0 == structure.kind }
            state.order.append(structure.kind)
            return grammar
        }
        if let known { return known }
        let grammar: Grammar
        do throws(GrammarError) {
            grammar = try Grammar(structure.kind)
        } catch {
            throw .invalidParameter(name: structure.parameter, message: error.description)
        }
        state.withLock { state in
            if state.grammars.updateValue(grammar, forKey: structure.kind) == nil { state.order.append(structure.kind) }
            if state.order.count > Self.keptCount { state.grammars[state.order.removeFirst()] = nil }
        }
        return grammar
    }

    /// Built outside the lock: two requests that come first may both build them, and one is kept.
    private func tokens() -> GrammarTokens {
        if let tokens = state.withLock({ $0.tokens }) { return tokens }
        let tokens = GrammarTokens(tokenizer)
        return state.withLock { state in
            let kept = state.tokens ?? tokens
            state.tokens = kept
            return kept
        }
    }
}

extension Grammar {
    convenience init(_ kind: AnswerStructure.Kind) throws(GrammarError) {
        switch kind {
        case .jsonObject: try self.init(schema: ["type": "object"])
        case .jsonSchema(let schema): try self.init(schema: schema)
        case .regex(let pattern): try self.init(regularExpression: pattern)
        case .choice(let texts): try self.init(choices: texts)
        case .grammar(let source): try self.init(gbnf: source)
        }
    }
}
