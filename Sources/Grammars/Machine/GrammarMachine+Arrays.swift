extension GrammarMachine {
    mutating func resume(_ frame: Frame, _ array: ArrayNode, text: Int32) {
        switch frame.state {
        case Phase.opened:
            if isEnough(array, frame) { push(array.glue.closeEmpty, parent: frame.parent) }
            offerElements(frame, array)
        case Phase.separated:
            offerElements(frame, array)
        default:
            var filled = frame
            if array.isUnique {
                if arena.chain(frame.memory, contains: text) { return }
                filled.memory = arena.link(frame.memory, text)
                if !staysDistinct(filled, array) { return }
            }
            if isEnough(array, filled) { push(array.glue.close, parent: frame.parent) }
            if hasElement(filled, array) {
                filled.state = Phase.separated
                push(array.glue.separator, parent: arena.intern(filled))
            }
        }
    }

    private func isEnough(_ array: ArrayNode, _ frame: Frame) -> Bool {
        frame.count >= array.minimum && frame.member >= array.minimumCounted
    }

    private mutating func hasElement(_ frame: Frame, _ array: ArrayNode) -> Bool {
        guard frame.count < array.maximum else { return false }
        let element = array.element(frame.count)
        func isPossible(_ nodes: [Int32]) -> Bool {
            !array.isUnique || nodes.contains { leadsToNewText($0, frame.memory) }
        }
        return isPossible(element.plain) && mayStayPlain(frame, array, element)
            || isPossible(element.counted) && mayCount(frame, array, element)
    }

    // MARK: Sets

    /// How many texts are left for elements that are like the last ones.
    private mutating func textsLeft(_ frame: Frame, _ array: ArrayNode) -> (plain: Int, counted: Int) {
        var supply = arraySupplies[frame.node]
        if supply == nil {
            supply = ArraySupply(array, of: grammar.nodes, grammar.automata)
            arraySupplies[frame.node] = supply
        }
        func used() -> [[UInt8]] { arena.values(frame.memory).map(arena.text) }
        return (supply?.plain.count(without: used()) ?? 0, supply?.counted.count(without: used()) ?? 0)
    }

    /// Whether enough different texts are left for the elements that must still come.
    private mutating func staysDistinct(_ frame: Frame, _ array: ArrayNode) -> Bool {
        // Of the first elements none runs out of texts (`mayRunOut`).
        guard array.isUnique, frame.count >= array.prefix.count else { return true }
        let left = textsLeft(frame, array)
        return array.canStayDistinct(
            after: Int(frame.count),
            counted: Int(frame.member),
            plain: left.plain,
            countedTexts: left.counted
        )
    }

    /// Whether enough texts are left after one more element that is a text like any other, or one that counts.
    private mutating func staysDistinct(_ frame: Frame, _ array: ArrayNode, afterCounted counts: Bool) -> Bool {
        guard array.isUnique, frame.count >= array.prefix.count else { return true }
        let (plain, counted) = textsLeft(frame, array)
        func stays(_ plain: Int, _ countedTexts: Int) -> Bool {
            array.canStayDistinct(
                after: Int(frame.count) + 1,
                counted: Int(frame.member) + (counts ? 1 : 0),
                plain: plain,
                countedTexts: countedTexts
            )
        }
        let isWithin = array.maximumCounted == .max
        if counts { return counted > 0 && stays(isWithin ? plain - 1 : plain, counted - 1) }
        if isWithin, counted > 0, stays(plain - 1, counted - 1) { return true }
        return plain > (isWithin ? counted : 0) && stays(plain - 1, counted)
    }

    /// Whether an element of a set can be a text that is not in it yet.
    private func leadsToNewText(_ node: Int32, _ memory: Int32) -> Bool {
        guard case .lexeme(let lexeme) = grammar.nodes[Int(node)] else { return true }
        let automaton = grammar.automata[Int(lexeme.automaton)]
        let completions = grammar.completions[Int(lexeme.automaton)][Int(automaton.start)]
        if completions == .max { return true }
        return arena.values(memory).count { isText(arena.text($0), of: lexeme) } < Int(completions)
    }

    private mutating func mayStayPlain(_ frame: Frame, _ array: ArrayNode, _ element: ElementNode) -> Bool {
        !element.plain.isEmpty && array.canEnd(after: frame.count + 1, counted: frame.member)
            && staysDistinct(frame, array, afterCounted: false)
    }

    private mutating func mayCount(_ frame: Frame, _ array: ArrayNode, _ element: ElementNode) -> Bool {
        !element.counted.isEmpty && frame.member < array.maximumCounted
            && array.canEnd(after: frame.count + 1, counted: frame.member + 1)
            && staysDistinct(frame, array, afterCounted: true)
    }

    private mutating func offerElements(_ frame: Frame, _ array: ArrayNode) {
        guard frame.count < array.maximum else { return }
        let element = array.element(frame.count)
        var filled = frame
        filled.state = Phase.filled
        filled.count = countOn(frame.count, array)
        if mayStayPlain(frame, array, element) { offer(element.plain, filled, isUnique: array.isUnique) }
        if mayCount(frame, array, element) {
            filled.member =
                array.maximumCounted == .max
                ? min(frame.member + 1, array.minimumCounted) : frame.member + 1
            offer(element.counted, filled, isUnique: array.isUnique)
        }
    }

    /// The count after one more element; where more make no difference it stays, and so do the frames.
    private func countOn(_ count: Int32, _ array: ArrayNode) -> Int32 {
        if array.maximum != .max { return count + 1 }
        return min(count + 1, max(array.minimum, Int32(array.prefix.count)))
    }

    private mutating func offer(_ nodes: [Int32], _ frame: Frame, isUnique: Bool) {
        let parent = arena.intern(frame)
        for node in nodes where !isUnique || leadsToNewText(node, frame.memory) { push(node, parent: parent) }
    }
}

extension ArrayNode {
    /// Whether an array with so many elements, of which so many counted, can go on to an end.
    func canEnd(after count: Int32, counted: Int32) -> Bool {
        let needed = Int(minimumCounted) - Int(counted)
        let allowed = maximumCounted == .max ? Int.max : Int(maximumCounted) - Int(counted)
        // Of the fewest elements that must still come, those that can count and those that cannot but count.
        var (length, possible, forced) = (Int(count), 0, 0)
        while length < prefix.count, length < Int(minimum) || possible < needed {
            let element = prefix[length]
            if element.isEmpty || length >= Int(maximum) { return false }
            possible += element.counted.isEmpty ? 0 : 1
            forced += element.plain.isEmpty ? 1 : 0
            length += 1
        }
        var more = max(0, Int(minimum) - length)
        if possible + (rest.counted.isEmpty ? 0 : more) < needed {
            if rest.counted.isEmpty { return false }
            more = needed - possible
        }
        if more > 0 {
            if rest.isEmpty || maximum != .max && length + more > Int(maximum) { return false }
            forced += rest.plain.isEmpty ? more : 0
        }
        return forced <= allowed
    }
}
