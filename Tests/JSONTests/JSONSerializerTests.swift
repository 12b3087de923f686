import JSON
import Testing

@Suite struct JSONSerializerTests {
    @Test(
        arguments: [
            (nil, "null"), (true, "true"), (-7, "-7"), (1.0, "1.0"), (0.1, "0.1"), (1e300, "1e+300"),
            (.number(.infinity), "null"), (.number(.nan), "null"), ("a/b", #""a/b""#),
            (
                "\"\\\n\t\r\u{8}\u{C}\u{1}\u{1F}\u{7F}é😀\u{2028}",
                "\"\\\"\\\\\\n\\t\\r\\b\\f\\u0001\\u001f\u{7F}é😀\u{2028}\""
            ),
            ([], "[]"), ([:], "{}"), ([1, [2], [:]], "[1,[2],{}]"), (["b": 1, "a": [nil]], #"{"b":1,"a":[null]}"#),
        ] as [(JSONValue, String)]
    )
    func `compact text has no whitespace and only the escapes it must`(value: JSONValue, text: String) {
        #expect(value.serialized() == text)
    }

    @Test func `a spaced line has a blank after every comma and colon`() {
        let value: JSONValue = ["a": [1, [], [:], "x,y:z"], "b": ["c": nil]]
        #expect(value.serialized(.spaced) == #"{"a": [1, [], {}, "x,y:z"], "b": {"c": null}}"#)
    }

    @Test func `pretty text puts every element on its own line`() {
        let value: JSONValue = ["b": [1, [:]], "a": []]
        #expect(value.serialized(.pretty(indent: 2)) == "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}")
        #expect(value.serialized(.pretty(indent: 0, sortsKeys: true)) == "{\n\"a\": [],\n\"b\": [\n1,\n{}\n]\n}")
    }

    @Test func `sorted keys make equal objects equal texts`() {
        let one: JSONValue = ["b": 1, "a": 2, "é": 3, "Z": 4]
        let two: JSONValue = ["é": 3, "Z": 4, "a": 2, "b": 1]
        #expect(one == two)
        #expect(one.serialized(.sortedKeys) == #"{"Z":4,"a":2,"b":1,"é":3}"#)
        #expect(two.serialized(.sortedKeys) == one.serialized(.sortedKeys))
    }

    @Test(arguments: 1...20)
    func `any value reads back as itself in every style`(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        for _ in 0..<200 {
            let value = JSONValue.random(depth: 4, using: &random)
            for style in [JSONStyle.compact, .sortedKeys, .pretty(indent: 3)] {
                #expect(try JSONValue(parsing: value.serialized(style)) == value)
            }
        }
    }

    @Test func `every finite double reads back bit for bit`() throws {
        var random = SeededGenerator(state: 7)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            let back = try JSONValue(parsing: JSONValue.number(number).serialized())
            guard case .number(let read) = back else {
                Issue.record("\(number) came back as \(back)")
                continue
            }
            #expect(read.bitPattern == number.bitPattern)
        }
    }
}
