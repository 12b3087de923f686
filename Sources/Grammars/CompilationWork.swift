/// What making the automata of one grammar has cost: budgets of single automata do not bound a grammar of many.
///
/// A class, because everything that makes automata for a grammar pays from the same purse. The unit is a state of a
/// product, about a microsecond.
final class CompilationWork {
    static let limit = 2_500_000
    /// What a state of a number costs: it has more to compare and to hash.
    static let numberState = 8
    /// Steps of subset constructions, and states that may be held at once, for one unit.
    private static let stepsPerUnit = 50
    private static let partsPerUnit = 10
    private static let budget = GrammarBuilder.automatonBudget

    private(set) var spent = 0

    func charge(_ units: Int) throws(GrammarError) {
        spent += min(max(0, units), Self.limit)
        guard spent <= Self.limit else {
            throw .tooLarge(
                "The grammar takes too long to compile; give it fewer or smaller patterns, multiples and lists of values."
            )
        }
    }

    /// Charges for an expression: the states that it was built of, and the steps that made one of each set of them.
    func charge(parts: Int, steps: Int) throws(GrammarError) {
        try charge(parts / Self.partsPerUnit + steps / Self.stepsPerUnit)
    }

    /// Makes an automaton of pairs of states, of which only exploring tells how many there are: within a small budget
    /// first, then within greater ones, each of which is paid for.
    private func exploring(
        from stateCount: Int,
        _ make: (Int) throws(GrammarError) -> ByteAutomaton
    ) throws(GrammarError) -> ByteAutomaton {
        var budget = min(2 * stateCount + 64, Self.budget)
        while true {
            try charge(budget)
            do {
                return try make(budget)
            } catch .tooLarge where budget < Self.budget {
                budget = min(4 * budget, Self.budget)
            }
        }
    }

    // MARK: Automata

    func intersection(_ left: ByteAutomaton, _ right: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        try exploring(from: left.stateCount + right.stateCount) { (budget) throws(GrammarError) in
            try left.intersection(right, budget: budget)
        }
    }

    func union(_ left: ByteAutomaton, _ right: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        try exploring(from: left.stateCount + right.stateCount) { (budget) throws(GrammarError) in
            try left.union(right, budget: budget)
        }
    }

    /// What the first accepts and the second does not.
    func difference(_ left: ByteAutomaton, _ right: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        if right.isEmpty { return left }
        return try exploring(from: left.stateCount + right.stateCount) { (budget) throws(GrammarError) in
            try left.subtracting(right, budget: budget)
        }
    }

    func anyOf(_ words: [[UInt8]]) throws(GrammarError) -> ByteAutomaton {
        try charge(words.reduce(words.count) { $0 + $1.count })
        return try .anyOf(words, budget: Self.budget)
    }

    /// What has at least and at most so many characters.
    func bounded(_ automaton: ByteAutomaton, _ minimum: Int, _ maximum: Int?) throws(GrammarError) -> ByteAutomaton {
        try exploring(from: automaton.stateCount) { (budget) throws(GrammarError) in
            try automaton.bounded(characters: minimum, maximum, budget: budget)
        }
    }
}
