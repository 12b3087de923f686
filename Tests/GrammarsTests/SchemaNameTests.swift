import Grammars
import Testing

/// Texts that show the same and are not: "é" as one scalar, and as a letter with an accent.
@Suite struct SchemaNameTests {
    private static let one = "\u{E9}"
    private static let two = "e\u{301}"

    private func object(_ first: Int, _ second: Int) -> String {
        "{\"\(Self.one)\": \(first), \"\(Self.two)\": \(second)}"
    }

    @Test func `members of the same characters are told apart by their bytes`() throws {
        let grammar = try Grammar(
            schemaText: """
                {"properties": {"\(Self.one)": {"const": 1}, "\(Self.two)": {"const": 2}}, "type": "object"}
                """
        )
        #expect(grammar.accepts(object(1, 2)))
        #expect(!grammar.accepts(object(2, 2)) && !grammar.accepts(object(1, 1)))
    }

    @Test func `patterns for names are told apart by their bytes`() throws {
        let grammar = try Grammar(
            schemaText: """
                {"patternProperties": {"^\(Self.one)$": {"const": 1}, "^\(Self.two)$": {"const": 2}}, "type": "object"}
                """,
            options: .complete
        )
        #expect(grammar.accepts(object(1, 2)))
        #expect(!grammar.accepts(object(2, 2)) && !grammar.accepts(object(1, 1)))
    }

    @Test func `patterns for strings are told apart by their bytes`() throws {
        let strings = try Grammar(
            schemaText: """
                {"anyOf": [{"type": "string", "pattern": "^\(Self.one)$"}, {"type": "string", "pattern": "^\(Self.two)$"}]}
                """
        )
        #expect(strings.accepts("\"\(Self.one)\"") && strings.accepts("\"\(Self.two)\""))
    }

    @Test(arguments: ["$ref", "anchor"])
    func `references find the schema of their bytes`(kind: String) throws {
        let definitions =
            kind == "$ref"
            ? #"{"\#(Self.one)": {"const": 1}, "\#(Self.two)": {"const": 2}}"#
            : #"{"a": {"$anchor": "\#(Self.one)", "const": 1}, "b": {"$anchor": "\#(Self.two)", "const": 2}}"#
        for (name, value) in [(Self.one, "1"), (Self.two, "2")] {
            let reference = kind == "$ref" ? "#/$defs/\(name)" : "#\(name)"
            let grammar = try Grammar(schemaText: #"{"$defs": \#(definitions), "$ref": "\#(reference)"}"#)
            #expect(grammar.accepts(value), "\(reference)")
            #expect(!grammar.accepts(value == "1" ? "2" : "1"), "\(reference)")
        }
    }

    @Test func `a name may begin with an accent`() throws {
        let name = "\u{301}a"
        let grammar = try Grammar(
            schemaText:
                ##"{"$defs": {"\##(name)": {"items": {"const": 1}, "type": "array"}}, "$ref": "#/$defs/\##(name)"}"##
        )
        #expect(grammar.accepts("[1]") && !grammar.accepts("[2]"))
    }
}
