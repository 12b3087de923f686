import JSON
import Testing

@testable import Serving

@Suite struct ArgumentObjectTests {
    @Test(arguments: [
        (#"{"a":1}"#, #"{"a":1}"#),
        (#" {"a":[1e999,-2E+999, 3]}"#, #"{"a":[1.7976931348623157e+308,-1.7976931348623157e+308,3]}"#),
        ("[1]", nil), (#"{"a":"#, nil), ("", nil),
    ])
    func `arguments are read whatever their numbers`(text: String, wanted: String?) {
        #expect(JSONObject(arguments: text).map { JSONValue.object($0).serialized() } == wanted)
    }

    @Test func `arguments may be nested deeply, and cut off there`() {
        let text = #"{"a":"# + String(repeating: "[", count: 1000)
        let whole = JSONObject(cutOff: text + "1,")
        #expect(JSONValue.object(whole).serialized() == text + "1" + String(repeating: "]", count: 1000) + "}")
        #expect(JSONObject(cutOff: String(repeating: #"{"a":"#, count: 100_000)).isEmpty)
    }

    /// As the official client reads arguments while they come.
    @Test(arguments: [
        ("", "{}"), ("{", "{}"), (#"{"a"#, "{}"), (#"{"a""#, "{}"), (#"{"a":"#, "{}"), (#"{"a": 1"#, #"{"a":1}"#),
        (#"{"a": 12, "b": "xy"#, #"{"a":12}"#), (#"{"a": [1, 2"#, #"{"a":[1,2]}"#),
        (#"{"a": [1, {"b": tr"#, #"{"a":[1,{}]}"#), (#"{"a": true"#, #"{"a":true}"#), (#"{"a": -"#, "{}"),
        (#"{"a": "x""#, #"{"a":"x"}"#), (#"{"a": "x","#, #"{"a":"x"}"#), (#"{"a": "}\"{[""#, #"{"a":"}\"{["}"#),
        (#"{"a": {"b": 1}, "c": ["#, #"{"a":{"b":1},"c":[]}"#), (#"{"a": "\"#, "{}"),
    ])
    func `whole values stay and what was cut goes`(text: String, wanted: String) {
        #expect(JSONValue.object(JSONObject(cutOff: text)).serialized() == wanted)
    }
}
