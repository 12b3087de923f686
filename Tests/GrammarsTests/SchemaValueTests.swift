import Grammars
import Testing

@Suite struct SchemaValueTests {
    @Test(arguments: [
        (
            #"{"type": "integer", "minimum": -5, "maximum": 120}"#, ["-5", "0", "99", "120"],
            ["-6", "121", "1.5", "-0", "007"]
        ),
        (
            #"{"type": "number", "exclusiveMinimum": 0.1, "maximum": 2.5}"#, ["0.11", "1", "2.5", "2.50"],
            ["0.1", "2.51", "-1"]
        ),
        (#"{"multipleOf": 0.01, "type": "number"}"#, ["0.25", "-3", "7.10"], ["0.001", "1.555"]),
        (#"{"type": "integer", "multipleOf": 7}"#, ["0", "14", "-49"], ["1", "50"]),
        (#"{"type": "number"}"#, ["1e10", "-2.5E-3", "0"], ["01", "1.", ".5", "1e308"]),
        (#"{"not": {"type": "integer"}, "type": "number"}"#, ["0.5", "-1.25"], ["1", "2.0"]),
        (
            #"{"not": {"enum": [0.00001, 1e16]}, "type": "number"}"#, ["0.00002", "1"],
            ["0.00001", "10000000000000000"]
        ),
        (#"{"type": "integer", "const": 1e18}"#, ["1000000000000000000"], ["1e18", "1"]),
        (#"{"enum": [1, -10000000000000000000], "type": "integer"}"#, ["1", "-10000000000000000000"], ["0"]),
        (#"{"const": 2.5e-7}"#, ["0.00000025"], ["0.0000025"]),
    ])
    func `numbers keep their bounds`(schema: String, valid: [String], invalid: [String]) throws {
        let grammar = try Grammar(schemaText: schema)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test(arguments: [
        (
            #"{"type": "string"}"#, [#""a\"b\\c\u00e9😀""#, #""""#, #""\ud83d\ude00""#],
            [#""\x""#, "\"a\nb\"", #""\ud83d""#]
        ),
        (
            #"{"type": "string", "minLength": 2, "maxLength": 3}"#, [#""ab""#, #""é😀ß""#, #""\"\"""#],
            [#""a""#, #""abcd""#]
        ),
        (#"{"type": "string", "pattern": "^[a-c]+$"}"#, [#""abc""#], [#""""#, #""abd""#]),
        (#"{"type": "string", "pattern": "b"}"#, [#""abc""#, #""b""#], [#""ac""#]),
        (
            #"{"type": "string", "pattern": "^a+$", "minLength": 3, "maxLength": 4}"#, [#""aaa""#],
            [#""aa""#, #""aaaaa""#]
        ),
        (#"{"type": "string", "format": "date"}"#, [#""2024-02-29""#], [#""2023-02-29""#, #""2024-13-01""#]),
        (#"{"type": "string", "format": "ipv4"}"#, [#""127.0.0.1""#], [#""256.1.1.1""#, #""01.1.1.1""#]),
        (#"{"type": "string", "not": {"const": "\u001f"}}"#, [#""a""#, #""\u001e""#], [#""\u001F""#, #""\u001f""#]),
        (#"{"type": "string", "pattern": "^[^\\uD800-\\uDFFF]$"}"#, [#""-""#, #""a""#], [#""--""#]),
        (#"{"type": "string", "pattern": "^[\\u0020-\\uDFFF]$"}"#, [#""-""#, #""é""#], [#""\u001f""#, #""😀""#]),
        (#"{"type": "string", "not": {"enum": ["a", "ab"]}}"#, [#""b""#, #""abc""#, #""""#], [#""a""#, #""ab""#]),
    ])
    func `strings keep their lengths, patterns and formats`(schema: String, valid: [String], invalid: [String]) throws {
        let grammar = try Grammar(schemaText: schema)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test(arguments: [
        (
            #"{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}"#, ["[1]", "[1, 2, 3]"],
            ["[]", "[1, 2, 3, 4]"]
        ),
        (
            #"{"prefixItems": [{"type": "string"}, {"const": 2}], "items": false, "type": "array"}"#,
            [#"["a", 2]"#, "[]"], [#"["a", 3]"#, #"["a", 2, 1]"#]
        ),
        (
            #"{"type": "array", "uniqueItems": true, "items": {"enum": ["a", "b"]}}"#,
            [#"["b", "a"]"#],
            [#"["a", "a"]"#]
        ),
        (
            #"{"type": "array", "uniqueItems": true, "items": {"type": "string"}}"#, [#"["ab", "a"]"#],
            [#"["a", "ab", "a"]"#]
        ),
        (
            #"{"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 10}, "minContains": 2}"#,
            ["[10, 1, 11]"], ["[10]", "[1, 2]"]
        ),
        (#"{"type": "array", "uniqueItems": true, "maxItems": 1}"#, ["[14.5]", "[[1]]", "[]"], ["[1, 2]"]),
        (#"{"type": "array", "contains": {"const": 1}, "maxContains": 1}"#, ["[1]", "[2, 1]"], ["[1, 1]", "[2]"]),
    ])
    func `arrays keep their lengths and elements`(schema: String, valid: [String], invalid: [String]) throws {
        let grammar = try Grammar(schemaText: schema, options: .complete)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test func `a set of few texts ends when all have stood`() throws {
        let grammar = try Grammar(schemaText: #"{"type": "array", "uniqueItems": true, "items": {"enum": [1, 2]}}"#)
        var matcher = GrammarMatcher(grammar)
        #expect(takes(&matcher, "[1, 2"))
        #expect(!takes(&matcher, ","))
    }

    @Test func `texts of several schemas count once in a set`() throws {
        func schema(_ count: Int) -> String {
            #"""
            {"type": "array", "uniqueItems": true, "minItems": \#(count), "maxItems": 4,
             "items": {"anyOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}}
            """#
        }
        #expect(throws: GrammarError.self) { try Grammar(schemaText: schema(4)) }
        var matcher = GrammarMatcher(try Grammar(schemaText: schema(3)))
        #expect(takes(&matcher, #"["c", "b", "a""#))
        #expect(!takes(&matcher, ","))
        #expect(throws: GrammarError.self) {
            try Grammar(
                schemaText: #"""
                    {"type": "array", "uniqueItems": true, "minItems": 3, "prefixItems": [{"const": 1}, {"enum": [1, 2]}],
                     "items": {"enum": [1, 2]}}
                    """#
            )
        }
    }

    @Test(arguments: [
        (#"{"oneOf": [{"type": "integer"}, {"minimum": 2}]}"#, ["1", "2.5"], ["3", "1.5"]),
        (#"{"anyOf": [{"type": "integer"}, {"const": "x"}]}"#, ["1", #""x""#], [#""y""#]),
        (#"{"allOf": [{"minimum": 2}, {"maximum": 3}], "type": "integer"}"#, ["2", "3"], ["1", "4"]),
        (#"{"not": {"type": ["string", "number"]}}"#, ["null", "true"], ["1", #""a""#]),
        (#"{"enum": [1, "a", null, {"k": [1]}]}"#, ["1", #""a""#, "null", #"{"k": [1]}"#], ["2", #"{"k": []}"#]),
        (
            #"{"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"type": "null"}}"#, [#""a""#, "null"],
            [#""ab""#, "1"]
        ),
        (#"{"type": "string", "nullable": true}"#, [#""a""#, "null"], ["1"]),
    ])
    func `choices between schemas hold exactly`(schema: String, valid: [String], invalid: [String]) throws {
        let grammar = try Grammar(schemaText: schema, options: .complete)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test(arguments: [
        // Told apart by a member, by their types, by their own values; and options that are not, beside some that are.
        (
            #"{"oneOf": [{"properties": {"k": {"const": "a"}}, "required": ["k"]}, {"properties": {"k": {"const": "b"}}, "required": ["k"]}], "type": "object"}"#,
            [#"{"k": "a"}"#, #"{"k": "b"}"#], [#"{"k": "c"}"#, "{}"]
        ),
        (
            #"{"oneOf": [{"type": "object", "properties": {"k": {"enum": ["a", "b"]}}, "required": ["k"]}, {"type": "object", "properties": {"k": {"enum": ["b", "c"]}}, "required": ["k"]}]}"#,
            [#"{"k": "a"}"#, #"{"k": "c"}"#], [#"{"k": "b"}"#]
        ),
        (
            #"{"oneOf": [{"type": "string"}, {"type": "null"}, {"type": ["null", "boolean"]}]}"#, [#""a""#, "true"],
            ["null"]
        ),
        (#"{"oneOf": [{"const": 1}, {"enum": [1, 2]}, {"const": 3}]}"#, ["2", "3"], ["1", "4"]),
        (#"{"oneOf": [{"const": 1}, {"const": 1.0}, {"minimum": 5}]}"#, ["5", #""a""#], ["1"]),
        (
            #"{"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]}, {"type": "object", "properties": {"k": {"const": "b"}}}]}"#,
            [#"{"k": "a"}"#, #"{"k": "b"}"#, "{}"], [#"{"k": "c"}"#]
        ),
        (
            #"{"oneOf": [{"anyOf": [{"const": 1}, {"type": "string"}]}, {"const": "a"}, {"const": 1}, {"const": 2}]}"#,
            [#""b""#, "2"], [#""a""#, "1"]
        ),
    ])
    func `one of several options holds, whatever tells them apart`(schema: String, valid: [String], invalid: [String])
        throws
    {
        let grammar = try Grammar(schemaText: schema, options: .complete)
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test func `a choice of hundreds that a member tells apart compiles, and follows`() throws {
        let options = (0..<600).map { index in
            ##"{"type": "object", "properties": {"kind": {"const": "k\##(index)"}, "a": {"type": "integer", "minimum": \##(index)}},"##
                + #""required": ["kind", "a"]}"#
        }
        let grammar = try Grammar(schemaText: #"{"oneOf": [\#(options.joined(separator: ","))]}"#)
        #expect(grammar.accepts(#"{"kind": "k599", "a": 599}"#) && grammar.accepts(#"{"kind": "k7", "a": 8}"#))
        #expect(!grammar.accepts(#"{"kind": "k599", "a": 598}"#) && !grammar.accepts(#"{"kind": "k600", "a": 999}"#))
    }

    @Test(arguments: [
        (#"{"type": "array", "uniqueItems": true}"#, "/uniqueItems"),
        (#"{"properties": {"a": {"$ref": "http://example.com/other.json"}}}"#, "/properties/a/$ref"),
        (#"{"items": {"format": "nonsense"}, "type": "array"}"#, "/items/format"),
        (#"{"type": "string", "pattern": "(a)\\1"}"#, "/pattern"),
        (#"{"properties": {"a/b": {"type": "text"}}}"#, "/properties/a~1b/type"),
    ])
    func `what is not followed is refused with its pointer`(schema: String, pointer: String) throws {
        do {
            _ = try Grammar(schemaText: schema, options: .complete)
            Issue.record("was compiled")
        } catch let GrammarError.unsupported(_, found) {
            #expect(found == pointer)
        }
    }

    @Test func `a long string costs no more than a short one`() throws {
        let grammar = try Grammar(schemaText: #"{"type": "string", "maxLength": 100000}"#)
        let inside = String(repeating: "a", count: 100_000)
        #expect(grammar.accepts("\"\(inside)\""))
        #expect(!grammar.accepts("\"\(inside)a\""))
    }

    @Test(arguments: [
        ##"{"oneOf": [{"$ref": "#"}, {"$ref": "#"}]}"##, ##"{"not": {"$ref": "#"}}"##, ##"{"allOf": [{"$ref": "#"}]}"##,
        ##"{"anyOf": [{"$ref": "#"}, {"not": {"$ref": "#"}}]}"##,
        ##"{"oneOf": [{"items": {"$ref": "#"}}, {"properties": {"a": {"$ref": "#"}}}]}"##,
    ])
    func `a schema that names itself in place ends, whatever it means`(schema: String) {
        for options in [SchemaOptions.answer, .complete] { _ = try? Grammar(schemaText: schema, options: options) }
    }

    @Test func `a text that remembers much goes on when what is done with is dropped`() throws {
        let grammar = try Grammar(schemaText: #"{"type": "array", "uniqueItems": true, "items": {"type": "integer"}}"#)
        var matcher = GrammarMatcher(grammar, keptFrames: 1000)
        let numbers = (0..<400).map(String.init).joined(separator: ", ")
        #expect(takes(&matcher, "[" + numbers))
        #expect(takes(&matcher, ""))
        #expect(!takes(&matcher, ", 17]"))
        #expect(takes(&matcher, ", 400]"))
        #expect(matcher.mustEnd)
    }

    @Test(arguments: [
        (
            #"{"properties": {"b": {}, "n": {"type": "array", "minItems": 2, "contains": {}, "maxContains": 1}}}"#,
            #"{"n""#
        ),
        (
            #"{"properties": {"a": {}, "c": {}, "x": false}, "minProperties": 2, "additionalProperties": false}"#,
            #"{"c""#
        ),
        (
            #"{"properties": {"a": {}, "c": {}, "d": {}}, "minProperties": 2, "additionalProperties": false, "dependentRequired": {"d": ["a"]}}"#,
            #"{"c""#
        ),
        (
            #"{"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}, "contains": {"const": 2}, "minItems": 3, "maxContains": 1}"#,
            "[1"
        ),
        (
            #"{"type": "array", "items": {"enum": [1, 7]}, "contains": {"minimum": 5}, "minContains": 2, "maxItems": 2}"#,
            "[1"
        ),
    ])
    func `what cannot be brought to an end is not begun`(schema: String, beginning: String) throws {
        guard let grammar = try? Grammar(schemaText: schema) else { return }
        var matcher = GrammarMatcher(grammar)
        #expect(!takes(&matcher, beginning))
    }
}
