import Grammars
import JSON
import Testing

/// Counts of characters, elements and members at and beyond the ends of what integers hold.
@Suite struct SchemaCountTests {
    @Test(
        arguments: [
            (#"{"type": "array", "items": {"type": "integer"}, "not": {"maxItems": 5000000000}}"#, [], ["[]", "[1]"]),
            (#"{"type": "string", "not": {"maxLength": 9223372036854775807}}"#, [], [#""a""#]),
            (#"{"type": "string", "not": {"maxLength": 1e300}}"#, [], [#""a""#]),
            (#"{"type": "string", "not": {"minLength": 5000000000}}"#, [#""a""#, #""""#], ["1"]),
            (
                #"{"type": "array", "items": {"type": "integer"}, "not": {"contains": {"const": 1}, "maxContains": 9223372036854775807}}"#,
                ["[2]", "[]"], ["[1]"]
            ),
            (
                #"{"type": "array", "items": {"type": "integer"}, "not": {"contains": {"const": 1}, "minContains": 9223372036854775807}}"#,
                ["[1]", "[]"], ["1"]
            ),
            (#"{"type": "object", "not": {"minProperties": 2147483647}}"#, [#"{"a": 1}"#], ["1"]),
            (#"{"type": "object", "not": {"maxProperties": 2147483647}}"#, [], [#"{"a": 1}"#]),
            (
                #"{"type": "string", "if": {"maxLength": 4611686018427387904}, "then": {"const": "a"}}"#, [#""a""#],
                [#""b""#]
            ),
            (
                #"{"oneOf": [{"type": "string", "maxLength": 4294967296}, {"minLength": 2}]}"#, [#""a""#, "1"],
                [#""ab""#]
            ),
            (#"{"type": "string", "not": {"minLength": 2, "maxLength": 5000000000}}"#, [#""a""#], [#""ab""#]),
        ] as [(String, [String], [String])]
    )
    func `counts that no answer has are followed where they are negated`(
        schema: String,
        valid: [String],
        invalid: [String]
    ) throws {
        let grammar = try Grammar(schemaText: schema, options: .complete)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test(arguments: [
        (#"{"type": "string", "maxLength": 2147483647}"#, #""abc""#),
        (#"{"type": "string", "pattern": "^a*$", "minLength": 1, "maxLength": 9223372036854775807}"#, #""aa""#),
        (#"{"type": "array", "maxItems": 4294967295}"#, "[1, 2]"),
        (#"{"type": "object", "maxProperties": 1e20}"#, #"{"a": 1}"#),
        (#"{"type": "array", "contains": {"const": 1}, "maxContains": 2147483647}"#, "[1, 1]"),
    ])
    func `the greatest number of some language is no limit`(schema: String, valid: String) throws {
        #expect(try Grammar(schemaText: schema, options: .complete).accepts(valid))
    }

    @Test(arguments: [
        (#"{"type": "string", "minLength": 2147483647}"#, "/minLength"), (#"{"minItems": 1e300}"#, "/minItems"),
        (#"{"contains": true, "minContains": 9223372036854775807}"#, "/minContains"),
        (#"{"maxItems": -1}"#, "/maxItems"), (#"{"maxItems": 1.5}"#, "/maxItems"), (#"{"maxItems": "3"}"#, "/maxItems"),
        (#"{"not": {"minLength": -9223372036854775808}}"#, "/not/minLength"),
        (#"{"not": {"maxProperties": -1}}"#, "/not/maxProperties"),
        (#"{"not": {"contains": true, "minContains": -9223372036854775808}}"#, "/not/minContains"),
        (#"{"not": {"contains": true, "maxContains": 0.5}}"#, "/not/maxContains"),
    ])
    func `what is no count, or more than can come, is refused with its pointer`(schema: String, pointer: String) throws
    {
        let error = try #require(throws: GrammarError.self) { try Grammar(schemaText: schema, options: .complete) }
        guard case .unsupported(_, pointer) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(arguments: ["-9223372036854775808.0", "9223372036854774784.0", "-9223372036854775808", "9007199254740992.0"])
    func `the least and the greatest numbers may be listed`(number: String) throws {
        let grammar = try Grammar(schemaText: #"{"enum": [\#(number), 1]}"#)
        #expect(grammar.accepts("1") && !grammar.accepts("2"))
    }
}
