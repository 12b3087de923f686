import JSON
import OpenAIAPI
import Testing

@Suite struct EmbeddingsTests {
    private func request(_ text: String) throws -> EmbeddingRequest { try EmbeddingRequest(JSONValue(parsing: text)) }

    @Test func `input has four forms`() throws {
        #expect(try request(#"{"model":"m","input":"a"}"#).inputs == [.text("a")])
        #expect(try request(#"{"model":"m","input":["a","b"]}"#).inputs == [.text("a"), .text("b")])
        #expect(try request(#"{"model":"m","input":[1,2]}"#).inputs == [.tokens([1, 2])])
        let lists = try request(
            #"{"model":"m","input":[[1,2],[3]],"encoding_format":"base64","dimensions":8,"user":"u"}"#
        )
        #expect(lists.inputs == [.tokens([1, 2]), .tokens([3])])
        #expect(lists.encoding == .base64 && lists.dimensions == 8)
        #expect(lists.parameter(1) == "input[1]")
        #expect(try request(#"{"model":"m","input":[1,2]}"#).parameter(0) == "input")
    }

    @Test(arguments: [
        (#"{"input":"a"}"#, "model"), (#"{"model":"m"}"#, "input"), (#"{"model":"m","input":3}"#, "input"),
        (#"{"model":"m","input":[]}"#, "input"), (#"{"model":"m","input":["a",3]}"#, "input[1]"),
        (#"{"model":"m","input":[[1],[]]}"#, "input[1]"), (#"{"model":"m","input":[1,"a"]}"#, "input[1]"),
        (#"{"model":"m","input":[[-1]]}"#, "input[0][0]"), (#"{"model":"m","input":"a","dimensions":0}"#, "dimensions"),
        (#"{"model":"m","input":"a","encoding_format":"hex"}"#, "encoding_format"),
        (#"{"model":"m","input":"a","truncate_prompt_tokens":5}"#, "truncate_prompt_tokens"),
        (#"{"model":"m","input":"a","unknown":1}"#, "unknown"),
    ])
    func `a wrong field is refused by its name`(text: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try request(text) }
        #expect(error?.parameter == parameter && error?.status == 400)
    }

    @Test func `more texts than a request may have are refused`() throws {
        let texts = JSONValue.array(Array(repeating: "a", count: 2049))
        let error = #expect(throws: APIError.self) { try EmbeddingRequest(["model": "m", "input": texts]) }
        #expect(error?.code == "array_above_max_length")
    }

    @Test func `vectors are written as short decimals or as bytes`() {
        let vectors: [[Float]] = [[0.1, -0.25], [1e-9, 1]]
        var response = EmbeddingResponse(model: "m", vectors: vectors, encoding: .float, tokenCount: 7)
        #expect(
            response.json.serialized()
                == #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-0.25]},"#
                + #"{"object":"embedding","index":1,"embedding":[1e-09,1.0]}],"model":"m","#
                + #""usage":{"prompt_tokens":7,"total_tokens":7}}"#
        )
        response.encoding = .base64
        #expect(response.json["data"]?[0]?["embedding"] == "zczMPQAAgL4=")
    }
}
