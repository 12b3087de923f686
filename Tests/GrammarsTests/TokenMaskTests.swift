import Grammars
import JSON
import Testing

/// The tokens that a mask allows are exactly those whose bytes the grammar takes one after the other.
@Suite struct TokenMaskTests {
    private static let pieces: [[UInt8]] =
        (0...255).map { [UInt8($0)] }
        + [
            "{\"", "\": ", "\":", "\", \"", "\"}", "\"]", "\"],", "[]", "{}", "}}", "]}", ", ", "true", "null", "name",
            "nam", "e\": \"", "a", "ab", "abc", "1", "12", "123", ".5", "12, ", "\n  ", "\n    \"", "\\n", "\\\"", "é",
            "😀",
            "😀\"", "\", ", "a\", \"", "b\"}", " ", "  ", "1, 2", "2024-", "-0", "tag", "\",\"", "\",\"ab\"", ",\"a\"",
            ", \"ab\"", "a\",\"ab\",\"", ", 1, 12",
            ",\"name\":", "\":1,\"a\":", "\"tag", "\"a\", \"a",
        ].map { Array($0.utf8) }

    private static let vocabulary = GrammarVocabulary(
        pieces.enumerated().map { (Int32($0.offset), $0.element) },
        size: pieces.count
    )

    private static let schemas = [
        #"{"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}, "n": {"type": "integer", "maximum": 130}}}"#,
        #"{"type": "object"}"#,
        #"{"type": "array", "uniqueItems": true, "items": {"type": "string", "maxLength": 3}}"#,
        #"{"type": "array", "uniqueItems": true, "items": {"enum": ["a", "ab", "abc", 1, 12]}}"#,
        ##"{"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^a+b?$"}, {"$ref": "#"}]}}"##,
        #"{"type": "string", "minLength": 2, "maxLength": 4}"#,
        #"{"type": "array", "uniqueItems": true, "items": {"enum": ["ab", 1]}}"#,
        #"{"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "null"}}"#,
        #"{"type": "string", "format": "date"}"#,
    ]

    @Test(arguments: schemas)
    func `a mask is what following every token by itself would find`(schema: String) throws {
        var random = SplitMix(state: 11)
        for options in [SchemaOptions.answer, .complete] {
            let grammar = try Grammar(schemaText: schema, options: options)
            for keptFrames in [500_000, 500_000, 500_000, 500_000, 20, 20, 20, 20] {
                var matcher = GrammarMatcher(grammar, keptFrames: keptFrames)
                for _ in 0..<30 where !matcher.mustEnd {
                    let allowed = matcher.allowedTokens(Self.vocabulary)
                    var choices: [Int] = []
                    for (token, bytes) in Self.pieces.enumerated() {
                        var copy = matcher
                        let isTaken = copy.accept(bytes)
                        #expect(allowed.contains(token) == isTaken, "\(String(decoding: bytes, as: UTF8.self))")
                        if isTaken { choices.append(token) }
                    }
                    let token = try #require(choices.randomElement(using: &random), "a text that has begun can go on")
                    let isTaken = matcher.accept(Self.pieces[token])
                    #expect(isTaken)
                }
            }
        }
    }

    @Test func `logits of other tokens become impossible, also those beyond the vocabulary`() {
        var set = TokenSet(vocabularySize: 130)
        set.insert(3)
        set.insert(129)
        var logits = [Float](repeating: 1, count: 200)
        logits.withUnsafeMutableBufferPointer { set.forbidOthers(in: $0) }
        #expect(logits.indices.filter { logits[$0] == 1 } == [3, 129])
    }
}
