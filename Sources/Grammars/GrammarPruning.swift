/// Finds the nodes that some text satisfies, and takes the others out of the choices that name them; so a text that has
/// begun can always be finished.
struct GrammarPruning {
    private(set) var nodes: [Node]
    private(set) var isProductive: [Bool]
    private let automata: [ByteAutomaton]

    init(nodes: [Node], automata: [ByteAutomaton]) {
        self.nodes = nodes
        self.automata = automata
        isProductive = [Bool](repeating: false, count: nodes.count)
    }

    mutating func prune() {
        // The smallest set that is closed: what can be finished with parts that can be.
        var users = [[Int32]](repeating: [], count: nodes.count)
        for index in nodes.indices {
            for part in parts(nodes[index]) { users[Int(part)].append(Int32(index)) }
        }
        var work = nodes.indices.filter { isSatisfiable(nodes[$0]) }.map(Int32.init)
        for index in work { isProductive[Int(index)] = true }
        while let index = work.popLast() {
            for user in users[Int(index)] where !isProductive[Int(user)] && isSatisfiable(nodes[Int(user)]) {
                isProductive[Int(user)] = true
                work.append(user)
            }
        }
        for index in nodes.indices { nodes[index] = pruned(nodes[index]) }
    }

    private func parts(_ node: Node) -> [Int32] {
        switch node {
        case .lexeme: []
        case .sequence(let parts), .choice(let parts): parts
        case .repetition(let repetition): [repetition.body]
        case .array(let array): (array.prefix + [array.rest]).flatMap { $0.plain + $0.counted }
        case .object(let object):
            object.members.flatMap { [$0.name, $0.value] } + object.others.flatMap { [$0.name, $0.value] }
        }
    }

    private func isSatisfiable(_ node: Node) -> Bool {
        switch node {
        case .lexeme(let lexeme): return isSatisfiable(lexeme)
        case .sequence(let parts): return parts.allSatisfy { isProductive[Int($0)] }
        case .choice(let options): return options.contains { isProductive[Int($0)] }
        case .repetition(let repetition): return repetition.minimum == 0 || isProductive[Int(repetition.body)]
        case .array(let array): return isSatisfiable(pruned(array))
        case .object(let object):
            // Most are not yet when they are asked about first.
            let required = object.members.first { $0.isRequired && !isLeft($0) }
            return required == nil && isSatisfiable(pruned(object))
        }
    }

    private func isSatisfiable(_ lexeme: Lexeme) -> Bool {
        let automaton = automata[Int(lexeme.automaton)]
        return !automaton.isEmpty && (lexeme.characters.map { $0.minimum <= $0.maximum } ?? true)
    }

    private func isSatisfiable(_ array: ArrayNode) -> Bool {
        guard array.minimum <= array.maximum, array.minimumCounted <= array.maximumCounted else { return false }
        guard array.canEnd(after: 0, counted: 0) else { return false }
        guard array.isUnique, array.prefix.isEmpty else { return true }
        let supply = ArraySupply(array, of: nodes, automata)
        return array.canStayDistinct(
            after: 0,
            counted: 0,
            plain: supply.plain.count,
            countedTexts: supply.counted.count
        )
    }

    private func isSatisfiable(_ object: ObjectNode) -> Bool {
        guard object.minimum <= object.maximum else { return false }
        guard object.members.allSatisfy({ $0.isPossible || !$0.isRequired }) else { return false }
        var names = 0
        for case .lexeme(let lexeme) in object.others.map({ nodes[Int($0.name)] }) {
            names += automata[Int(lexeme.automaton)].wordCount(limit: Int(Int32.max))
        }
        let table = MemberTable(object)
        let outlook = MemberOutlook(object, table, count: 0, first: 0, present: [], unused: names)
        return outlook.mayClose || outlook.mayAddOther || !outlook.next(limit: 1).isEmpty
    }

    private func isLeft(_ member: MemberNode) -> Bool {
        isProductive[Int(member.name)] && isProductive[Int(member.value)]
    }

    // MARK: What is left

    private func pruned(_ node: Node) -> Node {
        switch node {
        case .choice(let options): .choice(options.filter { isProductive[Int($0)] })
        case .repetition(var repetition):
            if isProductive[Int(repetition.body)] {
                .repetition(repetition)
            } else {
                {
                    repetition.maximum = 0; return .repetition(repetition)
                }()
            }
        case .array(let array): .array(pruned(array))
        case .object(let object): .object(pruned(object))
        default: node
        }
    }

    private func pruned(_ element: ElementNode) -> ElementNode {
        ElementNode(
            plain: element.plain.filter { isProductive[Int($0)] },
            counted: element.counted.filter { isProductive[Int($0)] }
        )
    }

    private func pruned(_ array: ArrayNode) -> ArrayNode {
        var array = array
        array.prefix = array.prefix.map(pruned)
        array.rest = pruned(array.rest)
        if let impossible = array.prefix.firstIndex(where: \.isEmpty) {
            array.maximum = min(array.maximum, Int32(impossible))
        }
        if array.rest.isEmpty { array.maximum = min(array.maximum, Int32(array.prefix.count)) }
        return array
    }

    private func pruned(_ object: ObjectNode) -> ObjectNode {
        var object = object
        for index in object.members.indices where !isLeft(object.members[index]) {
            object.members[index].value = -1
        }
        // Their needs hold all that they lead to.
        let isPossible = object.members.map(\.isPossible)
        for index in object.members.indices where !object.members[index].needs.allSatisfy({ isPossible[Int($0)] }) {
            object.members[index].value = -1
        }
        object.others = object.others.filter { isProductive[Int($0.name)] && isProductive[Int($0.value)] }
        return object
    }
}
