extension GrammarMachine {
    mutating func resume(_ frame: Frame, _ object: ObjectNode, text: Int32) {
        switch frame.state {
        case Phase.opened:
            if mayClose(frame, object) { push(object.glue.closeEmpty, parent: frame.parent) }
            offerNames(frame, object)
        case Phase.separated:
            offerNames(frame, object)
        case Phase.named:
            let member = object.members[Int(frame.member)]
            var filled = frame
            filled.state = Phase.filled
            filled.member += 1
            if object.remembersMembers { filled.memory = arena.link(frame.memory, ~frame.member) }
            push(member.value, parent: arena.intern(filled))
        case Phase.filled:
            if mayClose(frame, object) { push(object.glue.close, parent: frame.parent) }
            if hasName(frame, object) {
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

    /// The known members that stood already, where that is remembered.
    private func present(_ frame: Frame, _ object: ObjectNode) -> Set<Int32> {
        guard object.remembersMembers else { return [] }
        return Set(arena.values(frame.memory).lazy.filter { $0 < 0 }.map { ~$0 })
    }

    /// The members that must still come.
    private func missing(_ frame: Frame, _ object: ObjectNode, _ present: Set<Int32>) -> Set<Int32> {
        var missing = Set<Int32>()
        let first = object.remembersMembers ? 0 : Int(frame.member)
        for index in object.members.indices.dropFirst(first) where object.members[index].isRequired {
            missing.insert(Int32(index))
        }
        for member in present { missing.formUnion(object.members[Int(member)].needs) }
        return missing.subtracting(present)
    }

    private func mayClose(_ frame: Frame, _ object: ObjectNode) -> Bool {
        frame.count >= object.minimum && missing(frame, object, present(frame, object)).isEmpty
    }

    private func hasName(_ frame: Frame, _ object: ObjectNode) -> Bool {
        let present = present(frame, object)
        let missing = missing(frame, object, present)
        return mayAddOther(frame, object, missing) || !nextMembers(frame, object, present, missing).isEmpty
    }

    private mutating func offerNames(_ frame: Frame, _ object: ObjectNode) {
        let present = present(frame, object)
        let missing = missing(frame, object, present)
        var next = frame
        next.count = countOn(frame.count, object)
        next.state = Phase.named
        for member in nextMembers(frame, object, present, missing) {
            next.member = member
            push(object.members[Int(member)].name, parent: arena.intern(next))
        }
        guard mayAddOther(frame, object, missing) else { return }
        next.member = Int32(object.members.count)
        for (kind, other) in object.others.enumerated() {
            next.state = Phase.namedOther + Int32(kind)
            push(other.name, parent: arena.intern(next))
        }
    }

    private func countOn(_ count: Int32, _ object: ObjectNode) -> Int32 {
        object.maximum == .max ? min(count + 1, object.minimum) : count + 1
    }

    private func mayAddOther(_ frame: Frame, _ object: ObjectNode, _ missing: Set<Int32>) -> Bool {
        if object.others.isEmpty || !fits(frame, object, andStill: missing.count) { return false }
        return object.order == .any || missing.isEmpty
    }

    /// Whether one more member leaves room for those that must come.
    private func fits(_ frame: Frame, _ object: ObjectNode, andStill missing: Int) -> Bool {
        object.maximum == .max || Int(frame.count) + 1 + missing <= Int(object.maximum)
    }

    /// The known members that may come next.
    private func nextMembers(
        _ frame: Frame,
        _ object: ObjectNode,
        _ present: Set<Int32>,
        _ missing: Set<Int32>
    ) -> [Int32] {
        var members: [Int32] = []
        let first = object.order == .any ? 0 : Int(frame.member)
        for index in object.members.indices.dropFirst(first) {
            let member = Int32(index)
            if present.contains(member) || !object.members[index].isPossible { continue }
            let needed = Set(object.members[index].needs).subtracting(present).subtracting([member])
            let remaining = missing.subtracting([member]).union(needed)
            if fits(frame, object, andStill: remaining.count),
                leadsOn(frame, object, member, remaining, present)
            {
                members.append(member)
            }
            // In order, what must come is not passed over.
            if object.order == .declared, missing.contains(member) { break }
        }
        return members
    }

    /// Whether after `member` the rest can still be: what it needs comes later, and enough members do.
    private func leadsOn(
        _ frame: Frame,
        _ object: ObjectNode,
        _ member: Int32,
        _ remaining: Set<Int32>,
        _ present: Set<Int32>
    ) -> Bool {
        guard object.order == .declared else { return true }
        if remaining.contains(where: { $0 < member }) { return false }
        let needed = Int(object.minimum) - Int(frame.count) - 1
        return !object.others.isEmpty || needed <= 0 || laterCount(object, member, present) >= needed
    }

    /// How many members can still come after `member`, in order.
    private func laterCount(_ object: ObjectNode, _ member: Int32, _ present: Set<Int32>) -> Int {
        var usable = Set(object.members.indices.lazy.filter { $0 >= Int(member) && object.members[$0].isPossible })
        var count = -1
        // A member that needs one that cannot come cannot come either.
        while count != usable.count {
            count = usable.count
            usable = usable.filter { index in
                object.members[index].needs.allSatisfy { usable.contains(Int($0)) || present.contains($0) }
            }
        }
        return usable.count - (usable.contains(Int(member)) ? 1 : 0)
    }
}
