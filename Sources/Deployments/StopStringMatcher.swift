/// Finds the first stop string in text that arrives piece by piece, and holds back what could still become one.
///
/// Works on UTF-8 bytes: a stop string begins at a character boundary, so every cut is at one too.
struct StopStringMatcher {
    /// What became certain after a piece of text.
    struct Outcome: Equatable {
        /// Text that is safe to show.
        var text: String
        /// The stop string that was met, if any; nothing comes after it.
        var stop: String?
    }

    private let stops: [[UInt8]]
    private let includesStop: Bool
    private var held: [UInt8] = []

    /// - Parameters:
    ///   - stops: the texts to look for; empty ones are ignored.
    ///   - includesStop: whether the stop string itself is part of the text.
    init(stops: [String], includesStop: Bool) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
        self.includesStop = includesStop
    }

    /// Takes the next piece and tells what is certain now.
    mutating func append(_ piece: String) -> Outcome {
        if stops.isEmpty { return Outcome(text: piece, stop: nil) }
        held.append(contentsOf: piece.utf8)
        if let (start, stop) = firstMatch() {
            let end = includesStop ? start + stop.count : start
            let text = String(decoding: held[..<end], as: UTF8.self)
            held = []
            return Outcome(text: text, stop: String(decoding: stop, as: UTF8.self))
        }
        let keep = openSuffixCount()
        let text = String(decoding: held.dropLast(keep), as: UTF8.self)
        held = Array(held.suffix(keep))
        return Outcome(text: text, stop: nil)
    }

    /// The rest, once no more text comes.
    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// The earliest match; of two that begin together, the one listed first.
    private func firstMatch() -> (start: Int, stop: [UInt8])? {
        for start in held.indices {
            for stop in stops where held.count - start >= stop.count && held[start...].starts(with: stop) {
                return (start, stop)
            }
        }
        return nil
    }

    /// Length of the longest suffix that some stop string begins with.
    private func openSuffixCount() -> Int {
        let longest = stops.reduce(0) { max($0, $1.count - 1) }
        for count in stride(from: min(longest, held.count), to: 0, by: -1)
        where stops.contains(where: { $0.count > count && $0.starts(with: held.suffix(count)) }) {
            return count
        }
        return 0
    }
}
