import JSON
import Testing

@Suite struct JSONParserTests {
    @Test func `an object keeps the order of its keys`() throws {
        let value = try JSONValue(parsing: #"{"b":1,"a":[true,null,-2.5e1,"x"]}"#)
        #expect(value == ["b": 1, "a": [true, nil, -25.0, "x"]])
        #expect(value.objectValue?.keys == ["b", "a"])
    }
}
