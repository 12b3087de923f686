import JSON
import Testing

@testable import OpenAIAPI

@Suite struct StructuredOutputTests {
    private func read(_ members: String) throws -> RequestedStructure? {
        let body = try JSONValue(parsing: #"{"model":"m","prompt":"p","# + members + "}")
        return try CompletionRequest(body).fields.structure
    }

    private func refusal(_ members: String) -> APIError? {
        #expect(throws: APIError.self) { try read(members) }
    }

    @Test func `nothing and plain text ask for nothing`() throws {
        #expect(try read(#""n":1"#) == nil)
        #expect(try read(#""response_format":{"type":"text"}"#) == nil)
        #expect(try read(#""response_format":null,"guided_json":null,"structured_outputs":null"#) == nil)
        #expect(try read(#""guided_decoding_backend":"auto","structured_outputs":{}"#) == nil)
    }

    @Test(arguments: [
        (#""response_format":{"type":"json_object"}"#, StructuredOutput.jsonObject, "response_format.type"),
        (#""structured_outputs":{"json_object":true}"#, .jsonObject, "structured_outputs.json_object"),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"null"}}}"#,
            .jsonSchema(["type": "null"]), "response_format.json_schema.schema"
        ),
        (
            #""response_format":{"type":"json_object","schema":{"type":"null"}}"#, .jsonSchema(["type": "null"]),
            "response_format.schema"
        ),
        (#""guided_json":{"type":"null"}"#, .jsonSchema(["type": "null"]), "guided_json"),
        (#""guided_json":"{\"type\":\"null\"}""#, .jsonSchema(["type": "null"]), "guided_json"),
        (#""json_schema":{"type":"null"}"#, .jsonSchema(["type": "null"]), "json_schema"),
        (#""structured_outputs":{"json":true}"#, .jsonSchema(true), "structured_outputs.json"),
        (#""guided_regex":"a+""#, .regex("a+"), "guided_regex"),
        (#""structured_outputs":{"regex":"a+"}"#, .regex("a+"), "structured_outputs.regex"),
        (#""guided_choice":["a","b"]"#, .choice(["a", "b"]), "guided_choice"),
        (#""structured_outputs":{"choice":["a"]}"#, .choice(["a"]), "structured_outputs.choice"),
        (#""grammar":"root ::= \"a\"""#, .grammar("root ::= \"a\""), "grammar"),
        (#""guided_grammar":"x""#, .grammar("x"), "guided_grammar"),
        (#""response_format":{"type":"grammar","grammar":"x"}"#, .grammar("x"), "response_format.grammar"),
    ])
    func `every client's way of asking is understood`(members: String, output: StructuredOutput, parameter: String)
        throws
    {
        #expect(try read(members) == RequestedStructure(output: output, parameter: parameter))
    }

    @Test(arguments: [
        (#""response_format":{"type":"yaml"}"#, "response_format.type"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema"),
        (#""response_format":{"type":"json_schema","json_schema":{"schema":3}}"#, "response_format.json_schema.schema"),
        (
            #""response_format":{"type":"json_schema","json_schema":{"scheme":{}}}"#,
            "response_format.json_schema.scheme"
        ),
        (#""guided_json":"{""#, "guided_json"), (#""guided_choice":[]"#, "guided_choice"),
        (#""guided_choice":[1]"#, "guided_choice[0]"), (#""guided_regex":1"#, "guided_regex"),
        (#""structured_outputs":{"xml":true}"#, "structured_outputs.xml"),
        (#""structured_outputs":{"structural_tag":"x"}"#, "structured_outputs.structural_tag"),
        (#""guided_regex":"a","guided_choice":["a"]"#, "guided_choice"),
        (#""response_format":{"type":"json_object"},"grammar":"x""#, "grammar"),
    ])
    func `what cannot be meant is refused by name`(members: String, parameter: String) {
        #expect(refusal(members)?.parameter == parameter)
    }
}
