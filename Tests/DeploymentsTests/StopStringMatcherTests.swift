import Testing

@testable import Deployments

@Suite struct StopStringMatcherTests {
    /// Feeds `pieces` one by one; the text shown and the stop met.
    private func run(
        _ pieces: [String],
        stops: [String],
        includesStop: Bool = false
    ) -> StopStringMatcher.Outcome {
        var matcher = StopStringMatcher(stops: stops, includesStop: includesStop)
        var text = ""
        for piece in pieces {
            let outcome = matcher.append(piece)
            text += outcome.text
            if outcome.stop != nil { return StopStringMatcher.Outcome(text: text, stop: outcome.stop) }
        }
        return StopStringMatcher.Outcome(text: text + matcher.finish(), stop: nil)
    }

    @Test func `without stop strings every piece passes at once`() {
        var matcher = StopStringMatcher(stops: [], includesStop: false)
        #expect(matcher.append("abc") == .init(text: "abc", stop: nil))
        #expect(matcher.finish() == "")
    }

    @Test func `a stop string inside a piece cuts the text before it`() {
        #expect(run(["one two three"], stops: ["two"]) == .init(text: "one ", stop: "two"))
        #expect(run(["one two three"], stops: ["two"], includesStop: true) == .init(text: "one two", stop: "two"))
    }

    @Test func `a stop string across pieces is never shown in part`() {
        var matcher = StopStringMatcher(stops: ["</end>"], includesStop: false)
        #expect(matcher.append("text </e").text == "text ")
        #expect(matcher.append("n").text == "")
        #expect(matcher.append("d>") == .init(text: "", stop: "</end>"))
    }

    @Test func `text that only looked like a stop string is shown as soon as that is known`() {
        var matcher = StopStringMatcher(stops: ["abcd"], includesStop: false)
        #expect(matcher.append("xab").text == "x")
        #expect(matcher.append("abx").text == "ababx")
        #expect(matcher.append("abc").text == "")
        #expect(matcher.finish() == "abc")
    }

    @Test func `the earliest stop string wins, and of two at one place the one listed first`() {
        #expect(run(["a b c"], stops: ["c", "b"]).stop == "b")
        #expect(run(["xyz"], stops: ["xy", "x"]).stop == "xy")
    }

    @Test func `stop strings of several bytes per character are cut at characters`() {
        #expect(run(["naïve ", "caf", "é", " 🎈!"], stops: ["é 🎈"]) == .init(text: "naïve caf", stop: "é 🎈"))
    }

    @Test(arguments: 1...40)
    func `however the text is cut, the outcome is the same`(seed: Int) {
        var random = SystemlessGenerator(state: UInt64(seed))
        let text = String((0..<40).map { _ in "ab".randomElement(using: &random) ?? "a" })
        let stops = (0..<2).map { _ in
            String((0..<Int.random(in: 3...6, using: &random)).map { _ in "ab".randomElement(using: &random) ?? "a" })
        }
        let whole = run([text], stops: stops)
        var pieces: [String] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...4, using: &random))
            pieces.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let cut = run(pieces, stops: stops)
        // In one piece, two overlapping stops are compared by where they begin; piece by piece, the one that ends first
        // is met first. Both are a stop; the text before it must agree with the text itself.
        #expect((cut.stop == nil) == (whole.stop == nil))
        #expect(text.hasPrefix(cut.text))
        if let stop = cut.stop {
            #expect(text.dropFirst(cut.text.count).hasPrefix(stop))
        } else {
            #expect(cut == whole)
        }
    }
}

/// A seeded generator (SplitMix64, Steele, Lea & Flood 2014).
private struct SystemlessGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
