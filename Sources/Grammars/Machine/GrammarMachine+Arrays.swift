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

    private func hasElement(_ frame: Frame, _ array: ArrayNode) -> Bool {
        guard frame.count < array.maximum else { return false }
        let element = array.element(frame.count)
        func isPossible(_ nodes: [Int32]) -> Bool {
            !array.isUnique || nodes.contains { leadsToNewText($0, frame.memory) }
        }
        return mayStayPlain(frame, array, element) && isPossible(element.plain)
            || mayCount(frame, array, element) && isPossible(element.counted)
    }

    /// Whether an element of a set can be a text that is not in it yet.
    private func leadsToNewText(_ node: Int32, _ memory: Int32) -> Bool {
        guard case .lexeme(let lexeme) = grammar.nodes[Int(node)] else { return true }
        let automaton = grammar.automata[Int(lexeme.automaton)]
        let completions = grammar.completions[Int(lexeme.automaton)][Int(automaton.start)]
        if completions == .max { return true }
        return arena.values(memory).count { isText(arena.text($0), of: lexeme) } < Int(completions)
    }

    private func mayStayPlain(_ frame: Frame, _ array: ArrayNode, _ element: ElementNode) -> Bool {
        !element.plain.isEmpty && canCount(array, from: frame.count + 1, atLeast: array.minimumCounted - frame.member)
    }

    private func mayCount(_ frame: Frame, _ array: ArrayNode, _ element: ElementNode) -> Bool {
        !element.counted.isEmpty && frame.member < array.maximumCounted
            && canCount(array, from: frame.count + 1, atLeast: array.minimumCounted - frame.member - 1)
    }

    /// Whether enough elements from `index` on can be of the kind that counts.
    private func canCount(_ array: ArrayNode, from index: Int32, atLeast needed: Int32) -> Bool {
        if needed <= 0 { return true }
        var remaining = needed
        var position = Int(index)
        while position < array.prefix.count, position < Int(array.maximum) {
            if array.prefix[position].isEmpty { return false }
            if !array.prefix[position].counted.isEmpty { remaining -= 1 }
            position += 1
        }
        if remaining <= 0 { return true }
        if array.rest.counted.isEmpty { return false }
        return array.maximum == .max || Int(array.maximum) - position >= Int(remaining)
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
