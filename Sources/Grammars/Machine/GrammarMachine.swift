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

    /// A node to begin above a frame, or a frame to go on with after a text.
    private enum Task {
        case push(node: Int32, parent: Int32)
        case resume(frame: Int32, text: Int32)
    }

    init(_ grammar: Grammar) { self.grammar = grammar }

    /// The ways on at a point of a text.
    struct Ways: Sendable, Equatable {
        /// The frames on top, in order.
        var tops: [Int32] = []
        /// Whether the text may end here.
        var mayEnd = false
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
        body(&self)
        var remaining = Self.mostTasks
        while remaining > 0, let task = tasks.popLast() {
            remaining -= 1
            switch task {
            case .push(let node, let parent): begin(node, parent: parent)
            case .resume(let frame, let text): goOn(frame, text: text)
            }
        }
        hasOverrun = !tasks.isEmpty
        found.sort()
        if found.count > Self.mostAlike { thinOut() }
        return Ways(tops: found, mayEnd: foundEnd)
    }

    /// Whether the expansion done last had too many tasks.
    private(set) var hasOverrun = false

    /// Most ways that are followed at once, most of them that differ only in what is beneath their lexeme, and most tasks
    /// of an expansion: only grammars that read a text in very many ways have more.
    private static let mostWays = 4096
    private static let mostAlike = 2048
    private static let mostTasks = 50_000

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
        found = kept.prefix(Self.mostWays).map { found[$0] }.sorted()
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
        var frame = arena.frames[Int(top)]
        guard case .lexeme(let lexeme) = grammar.nodes[Int(frame.node)] else { return }
        let automaton = grammar.automata[Int(lexeme.automaton)]
        let next = automaton.next(frame.state, byte)
        if next == ByteAutomaton.dead { return }
        frame.state = next
        var mayLeave = automaton.isAccepting(next)
        if let characters = lexeme.characters {
            frame.count += automaton.isBoundary(next) ? 1 : 0
            if frame.count + grammar.shortestEndings[Int(lexeme.automaton)][Int(next)] > characters.maximum { return }
            mayLeave = mayLeave && frame.count >= characters.minimum
            // What has no longest length and is long enough need not be counted on.
            if characters.maximum == .max { frame.count = min(frame.count, characters.minimum) }
        }
        if lexeme.isTracked { frame.memory = arena.link(frame.memory, Int32(byte)) }
        if !automaton.isFinal(next), !lexeme.isTracked || leadsToNewText(frame, lexeme) { find(frame) }
        if mayLeave {
            resume(frame.parent, text: lexeme.isTracked ? frame.memory : FrameArena.nothing)
        }
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

    /// Has a node begun, above a frame.
    mutating func push(_ node: Int32, parent: Int32) { tasks.append(.push(node: node, parent: parent)) }

    /// Has a frame gone on with, whose part has ended.
    ///
    /// - Parameter text: the part's text, if it is tracked.
    private mutating func resume(_ frame: Int32, text: Int32) { tasks.append(.resume(frame: frame, text: text)) }

    private mutating func begin(_ node: Int32, parent: Int32) {
        switch grammar.nodes[Int(node)] {
        case .lexeme(let lexeme):
            let automaton = grammar.automata[Int(lexeme.automaton)]
            if automaton.isEmpty { return }
            let frame = Frame(node: node, state: automaton.start, parent: parent)
            if automaton.acceptsEmpty, lexeme.characters?.minimum ?? 0 == 0 {
                resume(parent, text: FrameArena.nothing)
            }
            if !automaton.isFinal(automaton.start) { find(frame) }
        case .sequence(let parts):
            advance(Frame(node: node, parent: parent), parts)
        case .choice(let options):
            for option in options { push(option, parent: parent) }
        case .repetition(let repetition):
            repeatBody(Frame(node: node, parent: parent), repetition)
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
        case .repetition(let repetition): repeatBody(frame, repetition)
        case .array(let array): resume(frame, array, text: text)
        case .object(let object): resume(frame, object, text: text)
        }
    }

    /// Begins the next part of a sequence. The last one goes on where the sequence would, so that rules that end in
    /// themselves need no more frames.
    private mutating func advance(_ frame: Frame, _ parts: [Int32]) {
        let index = Int(frame.state)
        if parts.isEmpty {
            resume(frame.parent, text: FrameArena.nothing)
        } else if index == parts.count - 1 {
            push(parts[index], parent: frame.parent)
        } else {
            var next = frame
            next.state += 1
            push(parts[index], parent: arena.intern(next))
        }
    }

    private mutating func repeatBody(_ frame: Frame, _ repetition: Repetition) {
        if frame.count >= repetition.minimum { resume(frame.parent, text: FrameArena.nothing) }
        guard frame.count < repetition.maximum else { return }
        var next = frame
        next.count = repetition.maximum == .max ? min(frame.count + 1, repetition.minimum) : frame.count + 1
        push(repetition.body, parent: arena.intern(next))
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
