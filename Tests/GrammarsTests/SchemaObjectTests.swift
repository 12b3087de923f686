import Grammars
import Testing

@Suite struct SchemaObjectTests {
    private let person = #"""
        {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}
        """#

    @Test func `an answer's members come in the order of the schema, and no others`() throws {
        let grammar = try Grammar(schemaText: person)
        #expect(grammar.accepts(#"{"name": "Ada", "age": 36}"#))
        #expect(grammar.accepts(#"{"name":"Ada"}"#))
        #expect(!grammar.accepts(#"{"age": 36, "name": "Ada"}"#))
        #expect(!grammar.accepts(#"{"name": "Ada", "born": 1815}"#))
        #expect(!grammar.accepts(#"{"age": 36}"#))
    }

    @Test func `every valid object is accepted when all are asked for`() throws {
        let grammar = try Grammar(schemaText: person, options: .complete)
        #expect(grammar.accepts(#"{"age": 36, "name": "Ada"}"#))
        #expect(grammar.accepts(#"{"born": [1815, {"month": 12}], "name": "Ada"}"#))
        #expect(!grammar.accepts(#"{"age": "36", "name": "Ada"}"#))
        #expect(!grammar.accepts(#"{"born": 1815}"#))
    }

    @Test func `no name stands twice`() throws {
        let grammar = try Grammar(schemaText: #"{"type": "object"}"#, options: .complete)
        #expect(grammar.accepts(#"{"a": 1, "ab": 2}"#))
        #expect(!grammar.accepts(#"{"a": 1, "a": 2}"#))
        #expect(!grammar.accepts(#"{"ab": 1, "a": 2, "ab": 3}"#))
    }

    @Test func `space is a new line with its indentation, or one after a comma or colon`() throws {
        let grammar = try Grammar(schemaText: person)
        #expect(grammar.accepts("{\n    \"name\": \"Ada\",\n    \"age\": 36\n}"))
        #expect(!grammar.accepts(#"{ "name": "Ada"}"#))
        #expect(!grammar.accepts("{\n\n\"name\": \"Ada\"}"))
        #expect(!grammar.accepts(#"{"name":  "Ada"}"#))
    }

    @Test func `counts of members leave room for those that must come`() throws {
        let grammar = try Grammar(
            schemaText: #"""
                {"type": "object", "properties": {"a": true, "b": true, "c": true}, "required": ["c"], "maxProperties": 2,
                 "minProperties": 2, "additionalProperties": false}
                """#
        )
        #expect(grammar.accepts(#"{"a": 1, "c": 1}"#))
        #expect(grammar.accepts(#"{"b": 1, "c": 1}"#))
        #expect(!grammar.accepts(#"{"a": 1, "b": 1, "c": 1}"#))
        var matcher = GrammarMatcher(grammar)
        #expect(takes(&matcher, #"{"a": 1, "#))
        #expect(!takes(&matcher, #""b""#), "then there would be no room for c")
    }

    @Test func `members that need others come with them`() throws {
        let schema = #"""
            {"type": "object", "properties": {"card": true, "address": true, "zip": true},
             "dependentRequired": {"card": ["address"], "zip": ["card"]}, "additionalProperties": false}
            """#
        for options in [SchemaOptions.answer, .complete] {
            let grammar = try Grammar(schemaText: schema, options: options)
            #expect(grammar.accepts(#"{"address": 1}"#))
            #expect(grammar.accepts(#"{"card": 1, "address": 2}"#))
            #expect(!grammar.accepts(#"{"card": 1}"#))
            #expect(!grammar.accepts(#"{"zip": 1}"#))
        }
        let declared = try Grammar(schemaText: schema)
        var matcher = GrammarMatcher(declared)
        #expect(takes(&matcher, #"{"address": 1"#))
        #expect(!takes(&matcher, ","), "what zip needs can come no more")
    }

    @Test func `what a member needs may need others in turn`() throws {
        let schema = #"""
            {"type": "object", "properties": {"b": {}, "a": {}, "c": {}}, "required": ["a"], "additionalProperties": false,
             "dependentRequired": {"a": ["c"], "c": ["b"]}}
            """#
        for options in [SchemaOptions.answer, .complete] {
            let grammar = try Grammar(schemaText: schema, options: options)
            #expect(grammar.accepts(#"{"b": 1, "a": 2, "c": 3}"#))
            #expect(!grammar.accepts(#"{"b": 1, "a": 2}"#) && !grammar.accepts(#"{"a": 2, "c": 3}"#))
        }
        var matcher = GrammarMatcher(try Grammar(schemaText: schema))
        #expect(!takes(&matcher, #"{"a""#), "then b, which c needs, could come no more")
        let round = #"{"dependentRequired": {"a": ["b"], "b": ["c"], "c": ["a"]}, "type": "object"}"#
        let grammar = try Grammar(schemaText: round, options: .complete)
        #expect(grammar.accepts(#"{"c": 1, "a": 2, "b": 3}"#) && grammar.accepts("{}"))
        #expect(!grammar.accepts(#"{"c": 1, "a": 2}"#))
    }

    @Test func `what required members need counts among the most members`() {
        #expect(throws: GrammarError.self) {
            try Grammar(
                schemaText: #"""
                    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["a"], "maxProperties": 2,
                     "dependentRequired": {"a": ["b"], "b": ["c"]}}
                    """#
            )
        }
    }

    @Test func `names are told apart by pattern, and a member must satisfy all that match`() throws {
        let grammar = try Grammar(
            schemaText: #"""
                {"patternProperties": {"^n_": {"type": "number"}, "_s$": {"type": "string"}}, "additionalProperties": false,
                 "type": "object"}
                """#,
            options: .complete
        )
        #expect(grammar.accepts(#"{"n_a": 1, "b_s": "x"}"#))
        #expect(!grammar.accepts(#"{"n_a": "x"}"#))
        #expect(!grammar.accepts(#"{"n_s": 1}"#))
        #expect(!grammar.accepts(#"{"other": 1}"#))
    }

    @Test func `names follow their own schema`() throws {
        let grammar = try Grammar(
            schemaText: #"{"type": "object", "propertyNames": {"maxLength": 2, "pattern": "^[a-z]*$"}}"#,
            options: .complete
        )
        #expect(grammar.accepts(#"{"ab": 1, "c": 2}"#))
        #expect(!grammar.accepts(#"{"abc": 1}"#))
        #expect(!grammar.accepts(#"{"A": 1}"#))
    }

    @Test func `a schema may contain itself`() throws {
        let grammar = try Grammar(
            schemaText: ##"""
                {"$defs": {"node": {"type": "object", "properties": {"value": {"type": "integer"},
                 "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["value", "next"]}},
                 "$ref": "#/$defs/node"}
                """##
        )
        #expect(grammar.accepts(#"{"value": 1, "next": {"value": 2, "next": null}}"#))
        #expect(!grammar.accepts(#"{"value": 1, "next": {"value": 2}}"#))
    }

    @Test func `what no value satisfies is refused, or left out where it need not be`() throws {
        #expect(throws: GrammarError.self) {
            try Grammar(schemaText: #"{"type": "object", "properties": {"a": false}, "required": ["a"]}"#)
        }
        #expect(throws: GrammarError.self) {
            try Grammar(
                schemaText: ##"{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}"##
            )
        }
        let grammar = try Grammar(schemaText: #"{"type": "object", "properties": {"a": false, "b": true}}"#)
        #expect(grammar.accepts(#"{"b": 1}"#))
        #expect(!grammar.accepts(#"{"a": 1}"#))
    }

    @Test func `what is unevaluated is what no schema in place has looked at`() throws {
        let grammar = try Grammar(
            schemaText: #"""
                {"type": "object", "allOf": [{"properties": {"a": true}}],
                 "anyOf": [{"properties": {"b": {"const": 1}}, "required": ["b"]}, {"properties": {"c": true}}],
                 "unevaluatedProperties": false}
                """#,
            options: .complete
        )
        #expect(grammar.accepts(#"{"a": 1, "b": 1}"#))
        #expect(grammar.accepts(#"{"c": 1}"#))
        #expect(grammar.accepts(#"{"b": 1, "c": 1}"#))
        #expect(!grammar.accepts(#"{"b": 2}"#))
        #expect(!grammar.accepts(#"{"d": 1}"#))
    }
}
