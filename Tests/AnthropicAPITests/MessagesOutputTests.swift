import AnthropicAPI
import JSON
import OpenAIAPI
import Testing

@Suite struct MessagesOutputTests {
    @Test func `a schema is read under both of its names`() throws {
        let format = #"{"type":"json_schema","schema":{"type":"object"}}"#
        for (fields, parameter) in [
            (#""output_config":{"format":\#(format)}"#, "output_config.format.schema"),
            (#""output_format":\#(format)"#, "output_format.schema"),
        ] {
            let structure = try read(fields).structure
            #expect(structure == RequestedStructure(output: .jsonSchema(["type": "object"]), parameter: parameter))
        }
        #expect(try read(#""output_config":{"effort":"low","format":null}"#).effort == .low)
        #expect(try read(#""output_config":{}"#) == MessagesOutput())
    }

    @Test(arguments: [
        (#""output_config":7"#, "invalid_type", "output_config"),
        (#""output_config":{"effort":"none"}"#, "invalid_value", "output_config.effort"),
        (#""output_config":{"verbosity":1}"#, "unknown_parameter", "output_config.verbosity"),
        (#""output_config":{"task_budget":{}}"#, "unsupported_parameter", "output_config.task_budget"),
        (#""output_config":{"format":{"type":"json_object"}}"#, "invalid_value", "output_config.format.type"),
        (
            #""output_config":{"format":{"type":"json_schema"}}"#, "missing_required_parameter",
            "output_config.format.schema"
        ),
        (#""output_format":{"type":"json_schema","schema":true}"#, "invalid_type", "output_format.schema"),
        (
            #""output_format":{"type":"json_schema","schema":{}},"output_config":{"format":{"type":"json_schema","schema":{}}}"#,
            "invalid_value", "output_format"
        ),
    ])
    func `what means nothing is refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    private func read(_ fields: String) throws -> MessagesOutput {
        let messages = #""messages":[{"role":"user","content":"hi"}]"#
        return try CountTokensRequest(try JSONValue(parsing: #"{"model":"m",\#(messages),\#(fields)}"#)).prompt.output
    }
}
