import Grammars
import Testing

@Suite struct NumberRangeTests {
    private func automaton(_ range: NumberRange) throws -> ByteAutomaton { try range.automaton(budget: 100_000) }

    private func range(
        _ bounds: [NumberRange.Bound] = [],
        multipleOf: String? = nil,
        integersOnly: Bool = false
    ) -> NumberRange {
        var range = NumberRange()
        range.bounds = bounds
        range.multipleOf = multipleOf
        range.integersOnly = integersOnly
        return range
    }

    @Test func `numbers without conditions are those of JSON`() throws {
        let any = try automaton(range())
        for text in ["0", "-0", "12", "-1.50", "1e5", "1E-07", "0.0e+1"] { #expect(any.accepts(text.utf8), "\(text)") }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1 "] { #expect(!any.accepts(text.utf8), "\(text)") }
        let integers = try automaton(range(integersOnly: true))
        for text in ["0", "-0", "123456789012345678901234567890"] { #expect(integers.accepts(text.utf8), "\(text)") }
        for text in ["1.0", "1e5", "00"] { #expect(!integers.accepts(text.utf8), "\(text)") }
    }

    /// All numbers of two decimals from -3.20 to 3.20 in all their spellings, beside integers that count hundredths.
    @Test(arguments: 1...80)
    func `bounds and multiples hold exactly`(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let case_ = HundredthsCase(&random)
        let automaton = try automaton(
            range(case_.bounds, multipleOf: case_.step.map(Self.text), integersOnly: case_.integersOnly)
        )
        var wrong: [String] = []
        for value in -320...320 {
            for (text, isPlain) in Self.spellings(of: value) {
                let expected = isPlain && case_.holds(value, text)
                if automaton.accepts(text.utf8) != expected { wrong.append(text) }
            }
        }
        #expect(wrong.isEmpty, "\(case_)")
    }

    @Test func `a range of integers has just its words`() throws {
        let some = try automaton(range([.minimum("-3"), .exclusiveMaximum("12")], multipleOf: "3", integersOnly: true))
        #expect(
            some.words(limit: 10).map { Set($0.map { String(decoding: $0, as: UTF8.self) }) } == [
                "-3", "0", "3", "6", "9",
            ]
        )
        let wide = try automaton(range([.minimum("0"), .maximum("1e30")], integersOnly: true))
        #expect(wide.isFinite)
        #expect(wide.accepts(("1" + String(repeating: "0", count: 30)).utf8))
        #expect(!wide.accepts(("1" + String(repeating: "0", count: 29) + "1").utf8))
    }

    @Test(
        arguments: [
            [.minimum("3"), .maximum("2")], [.exclusiveMinimum("1"), .exclusiveMaximum("2")],
            [.minimum("0.1"), .maximum("0.9")],
        ] as [[NumberRange.Bound]]
    )
    func `bounds that no integer meets leave nothing`(bounds: [NumberRange.Bound]) throws {
        #expect(try automaton(range(bounds, integersOnly: true)).isEmpty)
    }

    @Test func `bounds of any double are followed`() throws {
        let all = try automaton(range([.minimum("-1.7976931348623157e308"), .maximum("1.7976931348623157E+308")]))
        #expect(all.accepts(("17976931348623157" + String(repeating: "0", count: 292)).utf8))
        #expect(!all.accepts(("17976931348623158" + String(repeating: "0", count: 292)).utf8))
        let tiny = try automaton(range([.exclusiveMinimum("0"), .maximum("5e-324")]))
        #expect(tiny.accepts(("0." + String(repeating: "0", count: 323) + "5").utf8))
        #expect(!tiny.accepts(("0." + String(repeating: "0", count: 323) + "51").utf8))
    }

    @Test(arguments: ["1e1200", "-1e-1200", "1e99999999999999999999"])
    func `bounds of too many digits are refused`(bound: String) throws {
        let error = try #require(throws: GrammarError.self) { try automaton(range([.minimum(bound)])) }
        guard case .tooLarge = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(arguments: ["", "-", "abc", "1.5.5", "--1", "1e", "1e+", ".5"])
    func `what is no number is no bound`(bound: String) throws {
        let error = try #require(throws: GrammarError.self) { try automaton(range([.maximum(bound)])) }
        guard case .syntax = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func `multiples that cannot be followed are refused`() {
        for multiple in ["123456789", "0", "0.000", "1e90", "99991"] {
            #expect(throws: GrammarError.self, "\(multiple)") { try automaton(range(multipleOf: multiple)) }
        }
    }

    /// A number of hundredths as decimal text, without zeros that need not be.
    private static func text(_ hundredths: Int) -> String {
        let size = abs(hundredths)
        let fraction =
            size % 100 == 0
            ? "" : size % 10 == 0 ? ".\(size % 100 / 10)" : size % 100 < 10 ? ".0\(size % 100)" : ".\(size % 100)"
        return (hundredths < 0 ? "-" : "") + "\(size / 100)" + fraction
    }

    private static func spellings(of hundredths: Int) -> [(text: String, isPlain: Bool)] {
        let shortest = text(hundredths)
        let longer = shortest + (shortest.contains(".") ? "0" : ".00")
        return [
            (shortest, true), (longer, true), (shortest + "e0", false), ("0" + shortest, false),
            (hundredths == 0 ? "-0" : "+" + shortest, false),
        ]
    }
}

/// Conditions on numbers of hundredths.
private struct HundredthsCase: CustomStringConvertible {
    var bounds: [NumberRange.Bound] = []
    var step: Int?
    var integersOnly: Bool
    private var conditions: [(Int) -> Bool] = []
    private(set) var description = ""

    init(_ random: inout SplitMix) {
        integersOnly = Int.random(in: 0..<3, using: &random) == 0
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let value = Int.random(in: -250...250, using: &random)
            // Some bounds with zeros at the end, and with an exponent.
            let text =
                Bool.random(using: &random)
                ? "\(value)e-2" : "\(value < 0 ? "-" : "")\(abs(value) / 10).\(abs(value) % 10)0E-1"
            switch Int.random(in: 0..<4, using: &random) {
            case 0: add(.minimum(text)) { $0 >= value }
            case 1: add(.exclusiveMinimum(text)) { $0 > value }
            case 2: add(.maximum(text)) { $0 <= value }
            default: add(.exclusiveMaximum(text)) { $0 < value }
            }
        }
        if Bool.random(using: &random) {
            let step = [1, 2, 5, 7, 10, 25, 30, 100, 150].randomElement(using: &random) ?? 1
            self.step = step
            conditions.append { $0 % step == 0 }
        }
        description = "\(bounds) step \(step.map(String.init) ?? "none") integers \(integersOnly)"
    }

    private mutating func add(_ bound: NumberRange.Bound, _ condition: @escaping (Int) -> Bool) {
        bounds.append(bound)
        conditions.append(condition)
    }

    func holds(_ value: Int, _ text: String) -> Bool {
        !(integersOnly && text.contains(".")) && conditions.allSatisfy { $0(value) }
    }
}
