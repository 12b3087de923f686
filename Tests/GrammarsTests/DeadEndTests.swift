import Grammars
import JSON
import Testing

/// A text that has begun can always be finished, and what a mask allows is taken.
@Suite struct DeadEndTests {
    private static let pieces: [[UInt8]] =
        (0x20..<0x7F).map { [$0] }
        + [
            "{\"", "\": ", "\":", "true", "false", ", \"", ",\"", "\"}", "[\"", "\", \"", "\"]", "en", "\"en\":",
            "\"a\"",
            "\"b\": true", "\"a\",\"b\"", "1, ", ", 2", "p1", "((((", "))", "()",
        ].map { Array($0.utf8) }

    private static let vocabulary = GrammarVocabulary(
        pieces.enumerated().map { (Int32($0.offset), $0.element) },
        size: pieces.count
    )

    /// Writes a text of tokens that a mask allows until it must end, or may and does.
    private func text(_ grammar: Grammar, _ random: inout SplitMix) throws -> String {
        var matcher = GrammarMatcher(grammar)
        var text: [UInt8] = []
        while !matcher.mustEnd {
            if matcher.mayEnd, Int.random(in: 0..<4, using: &random) == 0 { break }
            let allowed = matcher.allowedTokens(Self.vocabulary)
            let token = Self.pieces.indices.filter { allowed.contains($0) }.randomElement(using: &random)
            let next = Self.pieces[try #require(token, "\(String(decoding: text, as: UTF8.self)) can go on")]
            let isTaken = matcher.accept(next)
            try #require(isTaken, "\(String(decoding: text + next, as: UTF8.self)) was allowed")
            text += next
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func check(_ schema: String, _ options: SchemaOptions, _ isValid: (JSONValue, String) -> Bool) throws {
        let grammar = try Grammar(schemaText: schema, options: options)
        var random = SplitMix(state: 5)
        for _ in 0..<60 {
            let text = try text(grammar, &random)
            #expect(isValid(try JSONValue(parsing: text), text), "\(text)")
        }
    }

    // MARK: Objects

    private struct Members: Sendable, CustomTestStringConvertible {
        var schema: String
        var options: [SchemaOptions] = [.answer, .complete]
        var isValid: @Sendable (Set<String>) -> Bool
        var testDescription: String { schema }
    }

    private static let objects = [
        Members(
            schema: #"""
                {"type": "object", "propertyNames": {"enum": ["en", "de"]}, "additionalProperties": {"type": "boolean"}}
                """#
        ) { $0.isSubset(of: ["en", "de"]) },
        Members(
            schema:
                #"{"type": "object", "patternProperties": {"^[ab]$": {"type": "boolean"}}, "additionalProperties": false}"#
        ) { $0.isSubset(of: ["a", "b"]) },
        Members(
            schema: #"""
                {"type": "object", "properties": {"x": {"type": "boolean"}, "y": {"type": "boolean"}}, "minProperties": 3,
                 "patternProperties": {"^[ab]$": {"type": "boolean"}}, "additionalProperties": false, "maxProperties": 3}
                """#
        ) { $0.count == 3 && $0.isSubset(of: ["a", "b", "x", "y"]) },
        Members(
            schema: #"""
                {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}, "d": {"const": 1}},
                 "dependentRequired": {"a": ["b"], "b": ["c"]}, "maxProperties": 2, "additionalProperties": false}
                """#
        ) { $0.count <= 2 && !$0.contains("a") && (!$0.contains("b") || $0.contains("c")) },
        Members(
            schema: #"""
                {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}, "d": {"const": 1}},
                 "dependentRequired": {"a": ["b"], "b": ["c"]}, "required": ["a"], "minProperties": 4,
                 "additionalProperties": false}
                """#
        ) { $0 == ["a", "b", "c", "d"] },
        Members(
            schema: #"""
                {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}, "d": {"const": 1}},
                 "dependentRequired": {"a": ["b"], "b": ["a"]}, "minProperties": 3, "maxProperties": 3,
                 "additionalProperties": false}
                """#
        ) { $0.count == 3 && $0.contains("a") == $0.contains("b") },
        Members(
            schema: #"""
                {"type": "object", "properties": {"d": {"const": 1}, "c": {"const": 1}, "b": {"const": 1}, "a": {"const": 1}},
                 "dependentRequired": {"a": ["b"], "b": ["c"]}, "minProperties": 2, "additionalProperties": false}
                """#
        ) { $0.count >= 2 && (!$0.contains("a") || $0.contains("b")) && (!$0.contains("b") || $0.contains("c")) },
    ]

    @Test(arguments: objects)
    private func `objects end with members that are all there, whatever came first`(members: Members) throws {
        for options in members.options {
            try check(members.schema, options) { value, text in
                // Whether a name stands twice the text tells: nothing else in it has a colon.
                guard let names = value.objectValue?.keys else { return false }
                return members.isValid(Set(names)) && text.count { $0 == ":" } == names.count
            }
        }
    }

    @Test(arguments: [
        #"{"type": "object", "patternProperties": {"^[ab]$": {"type": "boolean"}}, "additionalProperties": false, "minProperties": 3}"#,
        #"{"type": "object", "properties": {"a": true, "b": true}, "dependentRequired": {"a": ["b"]}, "required": ["a"], "maxProperties": 1}"#,
        #"{"type": "array", "items": {"anyOf": [{"enum": ["a", "b"]}, {"enum": ["b", "a"]}]}, "minItems": 3, "uniqueItems": true}"#,
    ])
    func `what asks for more than there is is refused`(schema: String) {
        for options in [SchemaOptions.answer, .complete] {
            #expect(throws: GrammarError.self) { try Grammar(schemaText: schema, options: options) }
        }
    }

    // MARK: Sets

    private struct Elements: Sendable, CustomTestStringConvertible {
        var schema: String
        var isValid: @Sendable ([String]) -> Bool
        var testDescription: String { schema }
    }

    private static let sets = [
        Elements(
            schema: #"{"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}"#
        ) { $0.count == 3 },
        Elements(
            schema: #"""
                {"type": "array", "items": {"anyOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, "minItems": 3,
                 "uniqueItems": true}
                """#
        ) { $0.count == 3 },
        Elements(
            schema: #"""
                {"type": "array", "items": {"enum": ["a", "b", 1, 2]}, "contains": {"type": "integer"}, "minContains": 2,
                 "maxItems": 3, "uniqueItems": true}
                """#
        ) { $0.count <= 3 && $0.contains("1") && $0.contains("2") },
        Elements(
            schema: #"""
                {"type": "array", "items": {"enum": ["a", "b", 1, 2]}, "contains": {"type": "integer"}, "maxContains": 1,
                 "minItems": 3, "uniqueItems": true}
                """#
        ) { $0.count == 3 && $0.contains("1") != $0.contains("2") },
        Elements(
            schema: #"""
                {"type": "array", "prefixItems": [{"enum": ["a", "b"]}, {"enum": ["a", "b"]}, {"enum": ["c", 1]}], "items": false,
                 "minItems": 3, "uniqueItems": true}
                """#
        ) { $0.count == 3 },
        Elements(
            schema: #"""
                {"type": "array", "prefixItems": [{"enum": [1, 2]}, {"const": "a"}], "items": {"enum": [1, 2, 3, 4]}, "minItems": 5,
                 "uniqueItems": true}
                """#
        ) { $0.count == 5 },
    ]

    @Test(arguments: sets)
    private func `sets end with as many elements as they must have, whatever came first`(elements: Elements) throws {
        for options in [SchemaOptions.answer, .complete] {
            try check(elements.schema, options) { value, _ in
                let texts = (value.arrayValue ?? []).map { $0.stringValue ?? "\($0.integerValue ?? -1)" }
                return elements.isValid(texts) && Set(texts).count == texts.count
            }
        }
    }

    @Test(arguments: [
        #"{"type": "array", "prefixItems": [{"enum": ["a", "b"]}, {"enum": ["a"]}], "items": false, "minItems": 2, "uniqueItems": true}"#,
        #"{"type": "array", "prefixItems": [{"type": "string"}, {"const": "a"}], "items": false, "minItems": 2, "uniqueItems": true}"#,
        #"{"type": "array", "prefixItems": [{"type": "string"}], "items": {"enum": ["a", "b"]}, "minItems": 3, "uniqueItems": true}"#,
    ])
    func `sets whose first elements may take the last text of a later one are refused`(schema: String) {
        #expect(throws: GrammarError.self) { try Grammar(schemaText: schema) }
    }

    // MARK: Many ways

    @Test(arguments: ["", #", "minProperties": 50"#, #", "minProperties": 4200"#])
    func `an object of thousands of members that may be left out goes on`(rule: String) throws {
        let names = (0..<4200).map { #""p\#($0)": {"type": "boolean"}"# }.joined(separator: ", ")
        let grammar = try Grammar(schemaText: #"{"type": "object", "properties": {\#(names)}\#(rule)}"#)
        var matcher = GrammarMatcher(grammar)
        #expect(takes(&matcher, #"{"p0": true, "p1": true, "#))
        #expect(rule.contains("4200") != takes(&matcher, #""p4000": false"#))
        var random = SplitMix(state: 3)
        for _ in 0..<8 where !matcher.mustEnd {
            let allowed = matcher.allowedTokens(Self.vocabulary)
            let choices = Self.pieces.indices.filter { allowed.contains($0) }
            let isTaken = matcher.accept(Self.pieces[try #require(choices.randomElement(using: &random))])
            #expect(isTaken)
        }
    }

    @Test func `objects of more members than can be offered at once are refused`() {
        let names = (0..<9000).map { #""p\#($0)": {"type": "boolean"}"# }.joined(separator: ", ")
        #expect(throws: GrammarError.self) {
            try Grammar(schemaText: #"{"type": "object", "properties": {\#(names)}}"#)
        }
    }

    @Test(arguments: [
        (#"root ::= "(" root ")" | "(" root ")" | "(" inner ")" | """# + "\ninner ::= root", "("),
        ("root ::= a | b\na ::= \"(\" (a | b)? \")\"\nb ::= \"(\" (b | a)? \")\" | \"((\" a \"))\"", "("),
    ])
    func `what a mask allows is taken also where ways were left out`(grammar: String, opening: String) throws {
        let grammar = try Grammar(gbnf: grammar)
        var matcher = GrammarMatcher(grammar)
        for _ in 0..<16 { #expect(takes(&matcher, opening)) }
        for _ in 0..<4 {
            let allowed = matcher.allowedTokens(Self.vocabulary)
            for (token, piece) in Self.pieces.enumerated() where allowed.contains(token) {
                var copy = matcher
                let isTaken = copy.accept(piece)
                #expect(isTaken, "\(String(decoding: piece, as: UTF8.self))")
            }
            #expect(takes(&matcher, ")"))
        }
    }

    @Test func `a token that only ways that were left out can take is taken`() throws {
        // After twelve letters there are 4096 ways to end, one for each token.
        let tokens = (0..<4096).map { bits in
            Array("aax".utf8) + (0..<12).map { bits >> $0 & 1 == 1 ? UInt8(ascii: "a") : UInt8(ascii: "b") }
        }
        let vocabulary = GrammarVocabulary(tokens.enumerated().map { (Int32($0.offset), $0.element) }, size: 4096)
        var matcher = GrammarMatcher(try Grammar(gbnf: #"root ::= "a" root "a" | "a" root "b" | "x""#))
        #expect(takes(&matcher, "aaaaaaaaaa"))
        let allowed = matcher.allowedTokens(vocabulary)
        #expect(allowed.count > 3000)
        for token in tokens.indices.filter({ $0 % 512 == 0 || $0 % 512 == 7 }) where allowed.contains(token) {
            var copy = matcher
            let isTaken = copy.accept(tokens[token])
            #expect(isTaken && copy.mustEnd, "\(String(decoding: tokens[token], as: UTF8.self))")
        }
    }
}
