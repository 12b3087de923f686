/// What an object's members ask for, counted once: counted at every step, it would take the square of their number.
struct MemberTable: Sendable {
    /// From each member on, those that may be left out, and those that must come. `[members + 1]`.
    let optionalFrom: [Int32]
    let requiredFrom: [Int32]
    /// Whether some members need others.
    let hasNeeds: Bool
    /// Whether a member counts as one that can be added where more must come.
    let helps: [Bool]

    init(_ object: ObjectNode) {
        let members = object.members
        var optional = [Int32](repeating: 0, count: members.count + 1)
        var required = optional
        for index in members.indices.reversed() {
            let member = members[index]
            optional[index] = optional[index + 1] + (member.isPossible && !member.isRequired ? 1 : 0)
            required[index] = required[index + 1] + (member.isRequired ? 1 : 0)
        }
        (optionalFrom, requiredFrom) = (optional, required)
        hasNeeds = members.contains { !$0.needs.isEmpty }
        var helps = members.map(\.isPossible)
        if hasNeeds, object.minimum > 0, object.maximum != .max {
            // Members that need each other come together. Where that could be one too few or too many, only the others
            // are counted on.
            let needs = members.map { Set($0.needs) }
            let groups = members.indices.map { index in 1 + needs[index].count { needs[Int($0)].contains(Int32(index)) }
            }
            if Int(object.maximum) - Int(object.minimum) < (groups.max() ?? 1) - 1 {
                for index in members.indices {
                    helps[index] =
                        helps[index] && groups[index] == 1 && needs[index].allSatisfy { groups[Int($0)] == 1 }
                }
            }
        }
        self.helps = helps
    }
}

/// What can come next where an object stands, so that it can still be brought to an end afterwards.
///
/// The members' needs hold all that they lead to (`SchemaCompiler` sees to that). So after each member that is let in those
/// that must come are known, and one after the other, in order, they can.
struct MemberOutlook {
    private let object: ObjectNode
    private let table: MemberTable
    private let count: Int
    /// The first known member that may still come, in order.
    private let first: Int
    /// How many other names have not stood yet.
    private let unused: Int
    /// Empty where none is known to have stood.
    private var isPresent: [Bool] = []
    private var presentOptionalCount = 0
    /// The members that must still come; empty where none needs others, then these are the required ones.
    private var isMissing: [Bool] = []
    private var missingCount = 0
    /// Of those that must come, the ones that help.
    private var missingHelpCount = 0
    /// After each member, how many can still come that help; in any order the same for all, but for the member itself.
    private var helpAfter: [Int] = []
    private var helpCount = 0

    /// - Parameters:
    ///   - count: the members so far; where there is no limit, at most as many as there must be.
    ///   - first: the first known member that has not been passed.
    ///   - present: the known members that stood, if that is remembered.
    ///   - unused: how many other names have not stood yet.
    init(_ object: ObjectNode, _ table: MemberTable, count: Int32, first: Int32, present: [Int32], unused: Int) {
        self.object = object
        self.table = table
        self.count = Int(count)
        self.first = object.order == .any ? 0 : Int(first)
        self.unused = unused
        if !present.isEmpty {
            isPresent = [Bool](repeating: false, count: object.members.count)
            for member in present { isPresent[Int(member)] = true }
        }
        if table.hasNeeds {
            findMissing(present)
            if count < object.minimum { findHelp() }
        } else {
            let required = present.count { object.members[Int($0)].isRequired }
            missingCount = Int(table.requiredFrom[self.first]) - (object.order == .any ? required : 0)
            presentOptionalCount = present.count - required
        }
    }

    /// Whether the object may end.
    var mayClose: Bool { count >= Int(object.minimum) && missingCount == 0 }

    /// Whether a member with another name may come.
    var mayAddOther: Bool {
        guard unused > 0, object.order == .any || missingCount == 0 else { return false }
        var spare = unused - 1
        if object.order == .any {
            spare +=
                table.hasNeeds
                ? helpCount - missingHelpCount : Int(table.optionalFrom[0]) - presentOptionalCount
        }
        return canEnd(remaining: missingCount, spare: spare)
    }

    /// The known members that may come next, at most `limit` of them.
    func next(limit: Int = .max) -> [Int32] {
        var members: [Int32] = []
        for index in first..<object.members.count where !isPresent(index) && object.members[index].isPossible {
            if members.count == limit { break }
            if leadsOn(index) { members.append(Int32(index)) }
            // In order, what must come is not passed over.
            if object.order == .declared, isMissing(index) { break }
        }
        return members
    }

    private func isPresent(_ member: Int) -> Bool { !isPresent.isEmpty && isPresent[member] }

    private func isMissing(_ member: Int) -> Bool {
        isMissing.isEmpty ? object.members[member].isRequired && !isPresent(member) : isMissing[member]
    }

    private mutating func findMissing(_ present: [Int32]) {
        isMissing = [Bool](repeating: false, count: object.members.count)
        for index in object.members.indices where object.members[index].isRequired && !isPresent(index) {
            isMissing[index] = true
        }
        for member in present {
            for need in object.members[Int(member)].needs where !isPresent(Int(need)) { isMissing[Int(need)] = true }
        }
        for index in isMissing.indices where isMissing[index] {
            missingCount += 1
            missingHelpCount += table.helps[index] ? 1 : 0
        }
    }

    private mutating func findHelp() {
        let members = object.members
        guard object.order == .declared else {
            helpCount = members.indices.count { table.helps[$0] && !isPresent($0) }
            return
        }
        // A member can come after all that are before it and before what it needs.
        var changes = [Int](repeating: 0, count: members.count + 1)
        for index in members.indices.dropFirst(first) where table.helps[index] && !isPresent(index) {
            let last = min(index - 1, firstNeed(index) ?? index)
            if last < first { continue }
            changes[first] += 1
            changes[last + 1] -= 1
        }
        var sum = 0
        helpAfter = changes.map { change in
            sum += change
            return sum
        }
    }

    /// The first member that `member` needs and that has not stood.
    private func firstNeed(_ member: Int) -> Int? {
        object.members[member].needs.first { !isPresent(Int($0)) }.map(Int.init)
    }

    /// Whether the object can still end after one more known member.
    private func leadsOn(_ member: Int) -> Bool {
        guard table.hasNeeds else {
            let isRequired = object.members[member].isRequired
            let remaining = missingCount - (isRequired ? 1 : 0)
            let optional =
                object.order == .declared
                ? Int(table.optionalFrom[member + 1])
                : Int(table.optionalFrom[0]) - presentOptionalCount - (isRequired ? 0 : 1)
            return canEnd(remaining: remaining, spare: optional + unused)
        }
        // In order, what it needs must not have been passed.
        if object.order == .declared, let need = firstNeed(member), need < member { return false }
        let helps = table.helps[member]
        var remaining = missingCount
        var helpRemaining = missingHelpCount
        if isMissing[member] {
            remaining -= 1
            helpRemaining -= helps ? 1 : 0
        }
        for need in object.members[member].needs where !isPresent(Int(need)) && !isMissing[Int(need)] {
            remaining += 1
            helpRemaining += table.helps[Int(need)] ? 1 : 0
        }
        let help = helpAfter.isEmpty ? helpCount - (helps ? 1 : 0) : helpAfter[member]
        return canEnd(remaining: remaining, spare: help - helpRemaining + unused)
    }

    /// Whether after one more member the counts can still be right.
    ///
    /// - Parameters:
    ///   - remaining: members that must come then.
    ///   - spare: members that can come besides, one by one.
    private func canEnd(remaining: Int, spare: Int) -> Bool {
        let total = count + 1 + remaining
        if object.maximum != .max, total > Int(object.maximum) { return false }
        return total >= Int(object.minimum) || total + spare >= Int(object.minimum)
    }
}

extension ObjectNode {
    /// Most members that may be offered at once, each of which is a way on.
    static let mostOffered = 8192

    /// The most members of which any may come at some point: in any order all, else those up to one that must come.
    var offeredCount: Int {
        if order == .any { return members.count }
        var (most, run) = (0, 0)
        for member in members {
            run += 1
            most = max(most, run)
            if member.isRequired { run = 0 }
        }
        return most
    }
}
