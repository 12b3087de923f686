extension Grammar {
    /// One of several texts.
    package convenience init(choices: [String]) throws(GrammarError) {
        guard !choices.isEmpty else { throw .unsatisfiable("There is nothing to choose from.") }
        var builder = GrammarBuilder()
        let words = choices.map { Array($0.utf8) }
        let start = try builder.lexeme(.anyOf(words, budget: GrammarBuilder.automatonBudget))
        let grammar = try builder.grammar(start: start)
        self.init(nodes: grammar.nodes, automata: grammar.automata, start: grammar.start)
    }

    /// Text that a regular expression matches from its first to its last character.
    package convenience init(regularExpression pattern: String) throws(GrammarError) {
        var builder = GrammarBuilder()
        let automaton = try RegularExpression(pattern).automaton(
            .utf8,
            anchored: true,
            budget: GrammarBuilder.automatonBudget
        )
        let start = try builder.lexeme(automaton)
        let grammar = try builder.grammar(start: start)
        self.init(nodes: grammar.nodes, automata: grammar.automata, start: grammar.start)
    }
}
