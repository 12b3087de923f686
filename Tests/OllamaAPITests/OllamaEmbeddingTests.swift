import JSON
import OpenAIAPI
import Testing

@testable import OllamaAPI

@Suite struct OllamaEmbeddingTests {
    @Test func `texts come alone and as lists`() throws {
        let single = try read(#""input":"a""#)
        #expect(
            single.inputs == ["a"] && single.truncates && single.dimensions == nil && single.parameter(0) == "input"
        )
        let list = try read(#""input":["a","b"],"truncate":false,"dimensions":7,"keep_alive":"5m""#)
        #expect(list.inputs == ["a", "b"] && !list.truncates && list.dimensions == 7)
        #expect(list.parameter(1) == "input[1]")
        let older = try read(#""prompt":"a","options":{"num_ctx":9}"#, .legacy)
        #expect(older.inputs == ["a"] && older.options.contextLength == 9 && older.parameter(0) == "prompt")
    }

    @Test func `a request without a text only loads the model`() throws {
        for fields in [#""input":"""#, #""input":[]"#, #""input":null"#, #""dimensions":0"#] {
            #expect(try read(fields).inputs.isEmpty)
        }
        #expect(try read(#""prompt":"""#, .legacy).inputs.isEmpty)
    }

    @Test(arguments: [
        (#""input":7"#, "invalid_type", "input"), (#""input":["a",7]"#, "invalid_type", "input[1]"),
        (#""input":"a","truncate":1"#, "invalid_type", "truncate"),
        (#""input":"a","dimensions":-1"#, "integer_below_min_value", "dimensions"),
        (#""input":"a","options":{"n":1}"#, "unknown_parameter", "options.n"),
        (#""input":"a","keep_alive":[]"#, "invalid_type", "keep_alive"),
        (#""prompt":"a""#, "unknown_parameter", "prompt"),
    ])
    func `what cannot be embedded is refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
        #expect(throws: APIError.self) { try read(#""input":"a""#, .legacy) }
    }

    @Test func `answers have the shape of their endpoint`() throws {
        func answer(_ kind: OllamaEmbeddingRequest.Kind, _ vectors: [[Float]]) throws -> String {
            let request = try read("", kind)
            return OllamaEmbeddingResponse(
                request,
                vectors: vectors,
                tokenCount: 3,
                total: .microseconds(2),
                waiting: .nanoseconds(5)
            ).json.serialized()
        }
        #expect(
            try answer(.embed, [[0.1, -1]])
                == #"{"model":"m","embeddings":[[0.1,-1.0]],"total_duration":2000,"load_duration":5,"prompt_eval_count":3}"#
        )
        #expect(try answer(.legacy, [[0.5]]) == #"{"embedding":[0.5]}"#)
        #expect(try answer(.legacy, []) == #"{"embedding":[]}"#)
    }

    @discardableResult
    private func read(
        _ fields: String,
        _ kind: OllamaEmbeddingRequest.Kind = .embed
    ) throws -> OllamaEmbeddingRequest {
        let more = fields.isEmpty ? "" : "," + fields
        return try OllamaEmbeddingRequest(try JSONValue(parsing: #"{"model":"m"\#(more)}"#), kind: kind)
    }
}
