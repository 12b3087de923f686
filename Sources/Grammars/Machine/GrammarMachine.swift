/// Follows a grammar: from a set of frames and a byte to the set after it.
///
/// Where a text can be read in several ways all are followed at once, as the set of the frames on top; equal ones are
/// one. The top of a way is always a lexeme.
struct GrammarMachine: Sendable {
    let grammar: Grammar
    var arena = FrameArena()
    /// The tops that the expansion under way has found.
    var found: [Int32] = []
    /// Whether the expansion under way found that the text may end.
    var foundEnd = false
    /// In which expansion a frame was found or resumed last: each needs that once.
    private var stamps: [Int32] = []
    private var expansion: Int32 = 0
    /// What the expansion under way has still to do. A list, where calls within calls would need a stack as deep as rules
    /// that may be empty stand in each other.
    private var tasks: [Task] = []
    /// The tasks that the call under way may still do.
    private var tasksLeft = GrammarMachine.mostTasksOfCall
    /// What was found out about nodes when they were met first.
    var emptiness: [Emptiness]
    var memberTables: [Int32: MemberTable] = [:]
    var arraySupplies: [Int32: ArraySupply] = [:]

    /// A node to begin above a frame, or a frame to go on with after a text.
    private enum Task {
        case push(node: Int32, parent: Int32)
        case resume(frame: Int32, text: Int32)
    }

    init(_ grammar: Grammar) {
        self.grammar = grammar
        emptiness = [Emptiness](repeating: .unknown, count: grammar.nodes.count)
    }

    /// The ways on at a point of a text.
    struct Ways: Sendable, Equatable {
        /// The frames on top, in order.
        var tops: [Int32] = []
        /// Whether the text may end here.
        var mayEnd = false
        /// Whether the text can neither go on nor end.
        var isEmpty: Bool { tops.isEmpty && !mayEnd }
    }

    /// The ways at the beginning.
    mutating func begin() -> Ways {
        expand { $0.push($0.grammar.start, parent: FrameArena.nothing) }
    }

    /// The ways after a byte; none when it may not come.
    mutating func step(_ ways: Ways, _ byte: UInt8) -> Ways {
        expand { machine in
            for top in ways.tops { machine.read(top, byte) }
        }
    }

    /// The ways after the lexeme on top has ended where it stands.
    mutating func leave(_ top: Int32) -> Ways {
        let frame = arena.frames[Int(top)]
        return expand { $0.resume(frame.parent, text: $0.isTracked(frame) ? frame.memory : FrameArena.nothing) }
    }

    private mutating func expand(_ body: (inout GrammarMachine) -> Void) -> Ways {
        expansion += 1
        found.removeAll(keepingCapacity: true)
        foundEnd = false
        tasks.removeAll(keepingCapacity: true)
        hasOverrun = false
        body(&self)
        var remaining = min(Self.mostTasks, tasksLeft)
        while remaining > 0, let task = tasks.popLast() {
            remaining -= 1
            tasksLeft -= 1
            switch task {
            case .push(let node, let parent): begin(node, parent: parent)
            case .resume(let frame, let text): goOn(frame, text: text)
            }
        }
        if !tasks.isEmpty { hasOverrun = true }
        if hasOverrun { hasDropped = true }
        found.sort()
        if found.count > Self.mostAlike { thinOut() }
        return Ways(tops: found, mayEnd: foundEnd)
    }

    /// Begins a call, for a token or a mask: however many expansions it takes, they have one budget of tasks.
    mutating func beginCall() {
        tasksLeft = Self.mostTasksOfCall
        hasDropped = false
    }

    /// Gives a call with a long text the tasks for another piece of it.
    mutating func renewTasks() { tasksLeft = Self.mostTasksOfCall }

    /// Whether the expansion done last had too many tasks.
    private(set) var hasOverrun = false
    /// Whether an expansion of the call left out ways.
    private(set) var hasDropped = false

    /// Most ways that are followed at once, most of them that differ only in what is beneath their lexeme, and most tasks
    /// of an expansion and of a call: only grammars that read a text in very many ways have more.
    static let mostWays = 4096
    private static let mostAlike = 2048
    private static let mostTasks = 50_000
    private static let mostTasksOfCall = 250_000

    /// Drops ways where there are too many. Each leads to an end by itself, so what is left still only leads to valid
    /// texts; and of every lexeme some are left, so that nothing that may come next is lost at once.
    private mutating func thinOut() {
        var counts: [Frame: Int] = [:]
        let ranks = found.map { top in
            var frame = arena.frames[Int(top)]
            frame.parent = FrameArena.nothing
            defer { counts[frame, default: 0] += 1 }
            return counts[frame, default: 0]
        }
        let kept = found.indices.filter { ranks[$0] < Self.mostAlike }.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
        // As many as an object has members that may come next are lexemes of their own, all of which are kept.
        let thinned = kept.prefix(max(Self.mostWays, counts.count)).map { found[$0] }.sorted()
        if thinned.count < found.count { hasDropped = true }
        found = thinned
    }

    /// As many of some ways as are followed at once.
    func thinned(_ ways: Ways) -> Ways {
        var machine = self
        machine.found = ways.tops.sorted()
        if machine.found.count > Self.mostAlike { machine.thinOut() }
        return Ways(tops: machine.found, mayEnd: ways.mayEnd)
    }

    /// Drops the frames on which no way stands.
    ///
    /// - Returns: the ways as they are called from now on.
    mutating func compact(_ ways: Ways) -> Ways {
        let old = arena
        arena = FrameArena()
        stamps = []
        var names: [Int32: Int32] = [FrameArena.nothing: FrameArena.nothing]
        for top in ways.tops {
            var stack: [Int32] = []
            var index = top
            while names[index] == nil {
                stack.append(index)
                index = old.frames[Int(index)].parent
            }
            for index in stack.reversed() {
                var frame = old.frames[Int(index)]
                frame.parent = names[frame.parent] ?? FrameArena.nothing
                frame.memory = carry(frame.memory, of: frame, in: old)
                names[index] = arena.intern(frame)
            }
        }
        return Ways(tops: ways.tops.map { names[$0] ?? $0 }.sorted(), mayEnd: ways.mayEnd)
    }

    /// A frame's memory in the arena of now: a text, or a chain whose values are texts or members.
    private mutating func carry(_ memory: Int32, of frame: Frame, in old: FrameArena) -> Int32 {
        let isText = if case .lexeme = grammar.nodes[Int(frame.node)] { true } else { false }
        var chain = FrameArena.nothing
        for value in old.values(memory).reversed() {
            let isKnownText = !isText && value >= 0
            chain = arena.link(chain, isKnownText ? arena.chain(of: old.text(value)) : value)
        }
        return chain
    }

    /// Whether a frame comes for the first time in this expansion.
    private mutating func isNew(_ frame: Int32) -> Bool {
        let index = Int(frame)
        if stamps.count <= index {
            stamps.append(contentsOf: repeatElement(0, count: max(64, index + 1 - stamps.count)))
        }
        if stamps[index] == expansion { return false }
        stamps[index] = expansion
        return true
    }

    // MARK: Lexemes

    func isTracked(_ frame: Frame) -> Bool {
        if case .lexeme(let lexeme) = grammar.nodes[Int(frame.node)] { lexeme.isTracked } else { false }
    }

    private mutating func read(_ top: Int32, _ byte: UInt8) {
        guard let next = after(arena.frames[Int(top)], byte) else { return }
        if next.goesOn { find(next.frame) }
        if next.mayLeave {
            resume(next.frame.parent, text: isTracked(next.frame) ? next.frame.memory : FrameArena.nothing)
        }
    }

    /// The frame of a lexeme after a byte, whether more of it can come, and whether it may end; nil when the byte may not
    /// come.
    mutating func after(_ top: Frame, _ byte: UInt8) -> (frame: Frame, goesOn: Bool, mayLeave: Bool)? {
        var frame = top
        guard case .lexeme(let lexeme) = grammar.nodes[Int(frame.node)] else { return nil }
        let automaton = grammar.automata[Int(lexeme.automaton)]
        let next = automaton.next(frame.state, byte)
        if next == ByteAutomaton.dead { return nil }
        frame.state = next
        var mayLeave = automaton.isAccepting(next)
        if let characters = lexeme.characters {
            frame.count += automaton.isBoundary(next) ? 1 : 0
            if frame.count + grammar.shortestEndings[Int(lexeme.automaton)][Int(next)] > characters.maximum {
                return nil
            }
            mayLeave = mayLeave && frame.count >= characters.minimum
            // What has no longest length and is long enough need not be counted on.
            if characters.maximum == .max { frame.count = min(frame.count, characters.minimum) }
        }
        if lexeme.isTracked { frame.memory = arena.link(frame.memory, Int32(byte)) }
        return (frame, !automaton.isFinal(next) && (!lexeme.isTracked || leadsToNewText(frame, lexeme)), mayLeave)
    }

    /// Whether a tracked lexeme can still become a text that did not stand before.
    private func leadsToNewText(_ frame: Frame, _ lexeme: Lexeme) -> Bool {
        let completions = grammar.completions[Int(lexeme.automaton)][Int(frame.state)]
        if completions == .max { return true }
        let text = arena.text(frame.memory)
        return knownTexts(frame).count { $0.starts(with: text) && isText($0, of: lexeme) } < Int(completions)
    }

    /// The texts that stood before a tracked lexeme in its array or object.
    func knownTexts(_ frame: Frame) -> [[UInt8]] {
        guard frame.parent != FrameArena.nothing else { return [] }
        return arena.values(arena.frames[Int(frame.parent)].memory).filter { $0 >= 0 }.map(arena.text)
    }

    func isText(_ text: [UInt8], of lexeme: Lexeme) -> Bool {
        grammar.automata[Int(lexeme.automaton)].accepts(text)
    }

    private mutating func find(_ frame: Frame) {
        let index = arena.intern(frame)
        if isNew(index) { found.append(index) }
    }

    // MARK: Expansion

    /// Has a node begun above a frame, which goes on at once too if the node may be empty.
    mutating func push(_ node: Int32, parent: Int32) {
        pushFilled(node, parent: parent)
        if mayBeEmpty(node) { resume(parent, text: FrameArena.nothing) }
    }

    /// Has a node begun above a frame, and no text of it that is empty.
    ///
    /// Nothing below a push comes to an end without a byte. So what is empty is never counted as a repetition, where
    /// thousands in each other would be as many ways of having written nothing.
    private mutating func pushFilled(_ node: Int32, parent: Int32) { add(.push(node: node, parent: parent)) }

    /// Has a frame gone on with, whose part has ended.
    ///
    /// - Parameter text: the part's text, if it is tracked.
    private mutating func resume(_ frame: Int32, text: Int32) { add(.resume(frame: frame, text: text)) }

    private mutating func add(_ task: Task) {
        if tasks.count < Self.mostTasks { tasks.append(task) } else { hasOverrun = true }
    }

    private mutating func begin(_ node: Int32, parent: Int32) {
        switch grammar.nodes[Int(node)] {
        case .lexeme(let lexeme):
            let automaton = grammar.automata[Int(lexeme.automaton)]
            if automaton.isEmpty || automaton.isFinal(automaton.start) { return }
            find(Frame(node: node, state: automaton.start, parent: parent))
        case .sequence(let parts):
            advance(Frame(node: node, count: Self.emptySoFar, parent: parent), parts)
        case .choice(let options):
            for option in options { pushFilled(option, parent: parent) }
        case .repetition(let repetition):
            beginBody(Frame(node: node, parent: parent), repetition)
        case .array(let array):
            let opened = arena.intern(Frame(node: node, state: Phase.opened, parent: parent))
            push(array.glue.open, parent: opened)
        case .object(let object):
            let opened = arena.intern(Frame(node: node, state: Phase.opened, parent: parent))
            push(object.glue.open, parent: opened)
        }
    }

    private mutating func goOn(_ index: Int32, text: Int32) {
        if index == FrameArena.nothing {
            foundEnd = true
            return
        }
        // With a text the same frame goes on differently.
        if text == FrameArena.nothing, !isNew(index) { return }
        let frame = arena.frames[Int(index)]
        switch grammar.nodes[Int(frame.node)] {
        case .lexeme, .choice: break
        case .sequence(let parts): advance(frame, parts)
        case .repetition(let repetition): endBody(frame, repetition)
        case .array(let array): resume(frame, array, text: text)
        case .object(let object): resume(frame, object, text: text)
        }
    }

    /// The count of a sequence all of whose parts so far are empty.
    private static let emptySoFar: Int32 = 1

    /// Begins the next part of a sequence, or the one after it if that may be empty. The last one goes on where the
    /// sequence would, so that rules that end in themselves need no more frames.
    private mutating func advance(_ frame: Frame, _ parts: [Int32]) {
        let index = Int(frame.state)
        if index >= parts.count { return }
        let isOptional = mayBeEmpty(parts[index])
        if index == parts.count - 1 {
            pushFilled(parts[index], parent: frame.parent)
            if isOptional, frame.count != Self.emptySoFar { resume(frame.parent, text: FrameArena.nothing) }
            return
        }
        var next = frame
        next.state += 1
        if isOptional { resume(arena.intern(next), text: FrameArena.nothing) }
        next.count = 0
        pushFilled(parts[index], parent: arena.intern(next))
    }

    private mutating func endBody(_ frame: Frame, _ repetition: Repetition) {
        // Where a body may be empty, any that are still to come may be.
        if frame.count >= repetition.minimum || mayBeEmpty(repetition.body) {
            resume(frame.parent, text: FrameArena.nothing)
        }
        beginBody(frame, repetition)
    }

    private mutating func beginBody(_ frame: Frame, _ repetition: Repetition) {
        guard frame.count < repetition.maximum else { return }
        var next = frame
        next.count =
            repetition.maximum == .max
            ? min(frame.count + 1, mayBeEmpty(repetition.body) ? 0 : repetition.minimum) : frame.count + 1
        pushFilled(repetition.body, parent: arena.intern(next))
    }
}

/// Where an array or object stands.
enum Phase {
    /// After the opening bracket.
    static let opened: Int32 = 0
    /// After a comma.
    static let separated: Int32 = 1
    /// After an element or a member's value.
    static let filled: Int32 = 2
    /// After the name of a known member.
    static let named: Int32 = 3
    /// After another name; the phase plus the index of its kind.
    static let namedOther: Int32 = 4
}
