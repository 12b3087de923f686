/// One level of what is open at a point of a text: a lexeme half read, a sequence, array or object half done.
///
/// Frames are never changed and kept once each, so that two ways to the same point are the same frame, and a stack is the
/// index of its top.
struct Frame: Hashable, Sendable {
    var node: Int32
    /// Lexeme: the automaton's state. Sequence: the next part. Array, object: the phase.
    var state: Int32 = 0
    /// Lexeme: characters so far. Sequence: whether all parts so far are empty. Otherwise: repetitions, elements or members
    /// so far.
    var count: Int32 = 0
    /// Array: elements that counted. Object: the member that is being read, or the first that may come next.
    var member: Int32 = 0
    /// Lexeme: its text so far, if tracked. Array, object: what stood in it, if that matters.
    var memory: Int32 = FrameArena.nothing
    /// What goes on when this is done; `FrameArena.nothing` at the end of the text.
    var parent: Int32
}

/// The frames of one text, and the chains that they remember: texts byte by byte, and sets of members and texts.
///
/// Only ever grows, except to a length that it had before; so an index stays what it is, and going back is free.
struct FrameArena: Sendable {
    static let nothing: Int32 = -1

    private(set) var frames: [Frame] = []
    private var indices: [Frame: Int32] = [:]
    private var links: [Link] = []
    private var linkIndices: [Link: Int32] = [:]

    private struct Link: Hashable, Sendable {
        var value: Int32
        var previous: Int32
    }

    /// How much there is; for `truncate`.
    struct Length: Sendable {
        var frames: Int
        var links: Int
    }

    var length: Length { Length(frames: frames.count, links: links.count) }

    mutating func intern(_ frame: Frame) -> Int32 {
        if let index = indices[frame] { return index }
        let index = Int32(frames.count)
        frames.append(frame)
        indices[frame] = index
        return index
    }

    /// The chain `previous` with `value` at its end.
    mutating func link(_ previous: Int32, _ value: Int32) -> Int32 {
        let link = Link(value: value, previous: previous)
        if let index = linkIndices[link] { return index }
        let index = Int32(links.count)
        links.append(link)
        linkIndices[link] = index
        return index
    }

    /// The values of a chain, last first.
    func values(_ chain: Int32) -> [Int32] {
        var values: [Int32] = []
        var index = chain
        while index != Self.nothing {
            values.append(links[Int(index)].value)
            index = links[Int(index)].previous
        }
        return values
    }

    func chain(_ chain: Int32, contains value: Int32) -> Bool {
        var index = chain
        while index != Self.nothing {
            if links[Int(index)].value == value { return true }
            index = links[Int(index)].previous
        }
        return false
    }

    /// The bytes of a chain that holds a text.
    func text(_ chain: Int32) -> [UInt8] { values(chain).reversed().map { UInt8(truncatingIfNeeded: $0) } }

    /// The chain of a text, which is the same for equal texts.
    mutating func chain(of text: [UInt8]) -> Int32 { text.reduce(Self.nothing) { link($0, Int32($1)) } }

    /// Forgets what was added since `length` was taken.
    mutating func truncate(to length: Length) {
        while frames.count > length.frames { indices[frames.removeLast()] = nil }
        while links.count > length.links { linkIndices[links.removeLast()] = nil }
    }
}
