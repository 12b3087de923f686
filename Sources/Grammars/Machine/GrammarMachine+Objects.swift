extension GrammarMachine {
    mutating func resume(_ frame: Frame, _ object: ObjectNode, text: Int32) {
        switch frame.state {
        case Phase.opened:
            let outlook = memberOutlook(frame, object)
            if outlook.mayClose { push(object.glue.closeEmpty, parent: frame.parent) }
            offerNames(frame, object, outlook)
        case Phase.separated:
            offerNames(frame, object, memberOutlook(frame, object))
        case Phase.named:
            let member = object.members[Int(frame.member)]
            var filled = frame
            filled.state = Phase.filled
            filled.member += 1
            if object.remembersMembers { filled.memory = arena.link(frame.memory, ~frame.member) }
            push(member.value, parent: arena.intern(filled))
        case Phase.filled:
            let outlook = memberOutlook(frame, object)
            if outlook.mayClose { push(object.glue.close, parent: frame.parent) }
            if outlook.mayAddOther || !outlook.next(limit: 1).isEmpty {
                var separated = frame
                separated.state = Phase.separated
                push(object.glue.separator, parent: arena.intern(separated))
            }
        default:
            // No name stands twice.
            if arena.chain(frame.memory, contains: text) { return }
            let other = object.others[Int(frame.state - Phase.namedOther)]
            var filled = frame
            filled.state = Phase.filled
            filled.memory = arena.link(frame.memory, text)
            push(other.value, parent: arena.intern(filled))
        }
    }

    private mutating func memberOutlook(_ frame: Frame, _ object: ObjectNode) -> MemberOutlook {
        var table = memberTables[frame.node]
        if table == nil {
            table = MemberTable(object)
            memberTables[frame.node] = table
        }
        return MemberOutlook(
            object,
            table ?? MemberTable(object),
            count: frame.count,
            first: frame.member,
            present: object.remembersMembers ? arena.values(frame.memory).filter { $0 < 0 }.map { ~$0 } : [],
            unused: object.others.reduce(0) { $0 + unusedCount($1.name, frame.memory) }
        )
    }

    private mutating func offerNames(_ frame: Frame, _ object: ObjectNode, _ outlook: MemberOutlook) {
        var next = frame
        next.count = countOn(frame.count, object)
        next.state = Phase.named
        for member in outlook.next() {
            next.member = member
            push(object.members[Int(member)].name, parent: arena.intern(next))
        }
        guard outlook.mayAddOther else { return }
        next.member = Int32(object.members.count)
        for (kind, other) in object.others.enumerated() where unusedCount(other.name, frame.memory) > 0 {
            next.state = Phase.namedOther + Int32(kind)
            push(other.name, parent: arena.intern(next))
        }
    }

    private func countOn(_ count: Int32, _ object: ObjectNode) -> Int32 {
        object.maximum == .max ? min(count + 1, object.minimum) : count + 1
    }

    /// How many texts of a tracked lexeme are not among the remembered ones; `Int32.max` for that many or more.
    func unusedCount(_ node: Int32, _ memory: Int32) -> Int {
        guard case .lexeme(let lexeme) = grammar.nodes[Int(node)] else { return Int(Int32.max) }
        let start = grammar.automata[Int(lexeme.automaton)].start
        let completions = grammar.completions[Int(lexeme.automaton)][Int(start)]
        if completions == .max { return Int(completions) }
        return Int(completions) - arena.values(memory).count { $0 >= 0 && isText(arena.text($0), of: lexeme) }
    }
}
