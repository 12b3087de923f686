import JSON
import OpenAIAPI
import Testing

@Suite struct FieldRecorderTests {
    private func schema(_ examples: [JSONValue], _ read: (inout FieldReader) throws(APIError) -> Void) -> JSONValue {
        RequestDescription.schema(of: examples) { (body) throws(APIError) in
            var reader = try FieldReader(body, path: "")
            try read(&reader)
        }
    }

    @Test func `members have the types and bounds that they are read with`() {
        let found = schema([["name": "a"]]) { (reader) throws(APIError) in
            _ = try FieldReader.string(try reader.required("name"), "name", bytes: 8)
            _ = try reader.integer("count", in: 1...5)
            _ = try reader.number("share", in: 0...1)
            _ = try reader.bool("flag")
            try reader.refuse([UnsupportedField("gone", "No."), UnsupportedField("idle", "No.", harmless: [0])])
            try reader.finish()
        }
        #expect(
            found == [
                "type": "object",
                "properties": [
                    "name": ["maxLength": 8, "type": "string"],
                    "count": ["minimum": 1, "maximum": 5, "type": ["integer", "null"]],
                    "share": ["minimum": 0.0, "maximum": 1.0, "type": ["number", "null"]],
                    "flag": ["type": ["boolean", "null"]],
                    "idle": ["enum": [0, .null]],
                ],
                "required": ["name"],
                "additionalProperties": false,
            ]
        )
    }

    @Test func `elements are described together, and only what all need is required`() {
        let items: JSONValue = [["kind": "a", "text": "x"], ["kind": "b"], "plain"]
        let found = schema([["items": items]]) { (reader) throws(APIError) in
            for (index, item) in (try reader.array("items") ?? []).enumerated() {
                let path = "items[\(index)]"
                if item.objectValue == nil {
                    _ = try FieldReader.string(item, path)
                    continue
                }
                var inner = try FieldReader(item, path: path)
                let kind = try inner.required("kind", ["type": "string"])
                if kind == "a" { _ = try inner.required("text", ["type": "string"]) }
            }
        }
        let item = found["properties"]?["items"]?["items"]
        #expect(item?["type"] == ["string", "object"])
        #expect(item?["required"] == ["kind"])
        #expect(item?["properties"]?["text"] == ["type": ["string", "null"]])
        #expect(item?["additionalProperties"] == nil)
    }

    @Test func `nothing is recorded but while a description is made`() throws {
        #expect(FieldRecorder.current == nil)
        _ = schema(DetokenizeRequest.examples) { _ in }
        #expect(FieldRecorder.current == nil)
    }

    @Test(arguments: [
        (ChatCompletionRequest.examples, "messages"), (CompletionRequest.examples, "prompt"),
    ])
    func `examples name every field that generation has`(examples: [JSONValue], field: String) {
        let found = RequestDescription.schema(of: examples) { (body) throws(APIError) in
            if field == "prompt" { _ = try CompletionRequest(body) } else { _ = try ChatCompletionRequest(body) }
        }
        for name in [field, "temperature", "stop", "response_format", "stream_options", "logit_bias", "seed"] {
            #expect(found["properties"]?[name] != nil, "\(name)")
        }
        #expect(found["properties"]?["stop"]?["type"] == ["string", "array", "null"])
        #expect(found["required"] == ["model", .string(field)])
    }
}

@Suite struct SampleSchemaTests {
    @Test func `samples give types, and members that some lack are not required`() {
        let found = SampleSchema.of([["a": 1, "b": .null], ["a": 1.5, "b": "x", "c": [true]]])
        #expect(
            found == [
                "type": "object",
                "properties": [
                    "a": ["type": "number"], "b": ["type": ["null", "string"]],
                    "c": ["type": "array", "items": ["type": "boolean"]],
                ],
                "required": ["a", "b"],
                "additionalProperties": false,
            ]
        )
    }

    @Test func `maps have members of any name`() {
        #expect(
            SampleSchema.of([["map": ["x": 1]]], maps: ["map"])["properties"]?["map"]
                == ["type": "object", "additionalProperties": ["type": "integer"]]
        )
    }
}
