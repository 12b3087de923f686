import JSON
import Testing

@Suite struct JSONValueTests {
    @Test func `accessors give the value only when it is of their kind`() {
        #expect(JSONValue.null.isNull && !JSONValue.bool(false).isNull)
        #expect(JSONValue("x").stringValue == "x" && JSONValue(1).stringValue == nil)
        #expect(JSONValue(true).boolValue == true && JSONValue(1).boolValue == nil)
        let (array, object): (JSONValue, JSONValue) = ([1, 2], ["a": [1]])
        #expect(array.arrayValue == [1, 2] && object.arrayValue == nil)
        #expect(object.objectValue == ["a": [1]] && array.objectValue == nil)
        #expect(object["a"]?[0] == 1 && object["b"] == nil && object[0] == nil)
        #expect(array[2] == nil && array[-1] == nil && array["a"] == nil)
    }

    @Test func `whole numbers are integers however they are written`() {
        #expect(JSONValue(3).integerValue == 3)
        #expect(JSONValue(3.0).integerValue == 3)
        #expect(JSONValue(3.5).integerValue == nil)
        #expect(JSONValue(1e30).integerValue == nil)
        #expect(JSONValue.number(.nan).integerValue == nil)
        #expect(JSONValue(3).doubleValue == 3 && JSONValue("3").doubleValue == nil)
    }

    @Test func `equality is exact`() {
        #expect(JSONValue("\u{E9}") != JSONValue("e\u{301}"))
        #expect(JSONValue(1) != JSONValue(1.0))
        #expect(JSONValue.null != JSONValue(false))
        #expect(Set([JSONValue("\u{E9}"), "e\u{301}", "\u{E9}", [1], [1], ["a": 1], ["a": 1]]).count == 4)
    }

    @Test func `errors say where and what in a sentence`() {
        #expect(
            String(describing: JSONError.unexpectedByte(0x5D, expected: "a value", offset: 3))
                == "The JSON at byte 3 has ']' where a value must stand."
        )
        #expect(
            String(describing: JSONError.controlCharacter(0x0A, offset: 2))
                == "The JSON string at byte 2 holds byte 0x0A, which must be written as an escape."
        )
    }
}
