/// How many different texts elements of a set can be.
struct ElementSupply: Sendable {
    private enum Texts: Sendable {
        case unlimited
        /// The texts of all lexemes, where they are few.
        case listed(Set<[UInt8]>)
        /// Those of the lexeme with the most: with the others' there may be more, never fewer.
        case automaton(ByteAutomaton, Int)
    }

    private let texts: Texts
    /// What accepts the texts.
    private let automata: [ByteAutomaton]
    private static let mostListed = 65_536
    private static let unlimited = Int(Int32.max)

    /// - Parameter nodes: the nodes of an element, in `grammar`.
    init(_ nodes: [Int32], of grammar: [Node], _ automata: [ByteAutomaton]) {
        var counted: [(automaton: ByteAutomaton, count: Int)] = []
        for node in nodes {
            // In sets there are no others.
            guard case .lexeme(let lexeme) = grammar[Int(node)] else { continue }
            let automaton = automata[Int(lexeme.automaton)]
            counted.append((automaton, automaton.wordCount(limit: Self.unlimited)))
        }
        self.automata = counted.map { $0.automaton }
        guard let most = counted.max(by: { $0.count < $1.count }) else {
            texts = .listed([])
            return
        }
        if most.count == Self.unlimited {
            texts = .unlimited
        } else if counted.count > 1, counted.reduce(0, { $0 + $1.count }) <= Self.mostListed {
            texts = .listed(Set(counted.flatMap { $0.automaton.words(limit: Self.mostListed) ?? [] }))
        } else {
            texts = .automaton(most.automaton, most.count)
        }
    }

    /// `Int32.max` for that many or more.
    var count: Int {
        switch texts {
        case .unlimited: Self.unlimited
        case .listed(let texts): texts.count
        case .automaton(_, let count): count
        }
    }

    /// How many are left when some have stood, each once.
    func count(without used: @autoclosure () -> [[UInt8]]) -> Int {
        switch texts {
        case .unlimited: Self.unlimited
        case .listed(let texts): texts.count - used().count { texts.contains($0) }
        case .automaton(let automaton, let count): count - used().count { automaton.accepts($0) }
        }
    }

    /// Whether earlier elements, each of which takes a text, can leave none.
    ///
    /// - Parameters:
    ///   - earlier: what the texts of other elements can be.
    ///   - own: how many elements before it have the same texts.
    ///   - work: texts that may be looked at; when they are used up, they can.
    func isExhausted(by earlier: ArraySlice<ElementSupply>, andOwn own: Int, within work: inout Int) -> Bool {
        if count == 0 || count > earlier.count + own { return false }
        work -= min(count, Self.mostListed) * (earlier.count + 1)
        if count > Self.mostListed || work < 0 { return true }
        let words: [[UInt8]]
        switch texts {
        case .unlimited: return false
        case .listed(let texts): words = Array(texts)
        case .automaton(let automaton, let count): words = automaton.words(limit: count) ?? []
        }
        var rivals = own
        for other in earlier where rivals < count {
            if words.contains(where: { word in other.automata.contains { $0.accepts(word) } }) { rivals += 1 }
        }
        return rivals >= count
    }
}

/// The texts of elements that come after the first ones of an array.
struct ArraySupply: Sendable {
    let plain: ElementSupply
    let counted: ElementSupply

    init(_ array: ArrayNode, of nodes: [Node], _ automata: [ByteAutomaton]) {
        plain = ElementSupply(array.rest.plain, of: nodes, automata)
        counted = ElementSupply(array.rest.counted, of: nodes, automata)
    }
}

extension ArrayNode {
    /// Whether enough different texts are left for the elements that must still come, which are all like the last ones.
    ///
    /// Without a limit to those that count, an element that counts is also one that need not: so the texts that count are
    /// among the plain ones. With a limit they are apart.
    ///
    /// - Parameters:
    ///   - count: the elements so far, `counted` of which counted.
    ///   - plain: how many texts are left, `countedTexts` of those that count.
    func canStayDistinct(after count: Int, counted: Int, plain: Int, countedTexts: Int) -> Bool {
        let needed = max(0, Int(minimum) - count)
        let neededCounted = max(0, Int(minimumCounted) - counted)
        if countedTexts < neededCounted { return false }
        if maximumCounted == .max { return plain >= max(needed, neededCounted) }
        return min(Int(maximumCounted) - counted, countedTexts) + plain >= needed
    }

    /// Whether the first elements of a set can be such that none is left for one that must follow. What each choice
    /// leaves to later ones is not followed, so such an array cannot be.
    func mayRunOut(of nodes: [Node], _ automata: [ByteAutomaton]) -> Bool {
        guard isUnique, !prefix.isEmpty, minimum > 0 || minimumCounted > 0 else { return false }
        func supply(_ element: [Int32]) -> ElementSupply { ElementSupply(element, of: nodes, automata) }
        if minimumCounted > 0 || maximumCounted != .max {
            let most = max(Int(minimum), prefix.count) + Int(minimumCounted)
            let elements = (prefix + [rest]).flatMap { [$0.plain, $0.counted] }
            return elements.contains { (1...most).contains(supply($0).count) }
        }
        let supplies = prefix.map { supply($0.plain) }
        // So many are looked at in about a second.
        var work = 10_000_000
        for index in 0..<min(prefix.count, Int(minimum)) {
            if supplies[index].isExhausted(by: supplies[..<index], andOwn: 0, within: &work) { return true }
        }
        if Int(minimum) <= prefix.count { return false }
        let own = Int(minimum) - prefix.count - 1
        return supply(rest.plain).isExhausted(by: supplies[...], andOwn: own, within: &work)
    }
}
