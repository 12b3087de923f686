import JSON
import OpenAIAPI
import Testing

@Suite struct RerankTests {
    @Test func `documents are texts or objects with a text`() throws {
        let body: JSONValue = [
            "model": "m", "query": "q", "documents": ["a", ["text": "b"]], "top_n": 1, "return_documents": true,
        ]
        let request = try RerankRequest(body)
        #expect(request.documents == ["a", "b"] && request.topCount == 1 && request.returnsDocuments)
        #expect(request.parameter(0) == "query" && request.parameter(2) == "documents[1]")
    }

    @Test(arguments: [
        (#"{"model":"m","documents":["a"]}"#, "query"), (#"{"model":"m","query":"q"}"#, "documents"),
        (#"{"model":"m","query":"q","documents":[]}"#, "documents"),
        (#"{"model":"m","query":"q","documents":"a"}"#, "documents"),
        (#"{"model":"m","query":"q","documents":[{"title":"a"}]}"#, "documents[0].text"),
        (#"{"model":"m","query":"q","documents":["a"],"top_n":0}"#, "top_n"),
    ])
    func `a wrong field is refused by its name`(text: String, parameter: String) throws {
        let body = try JSONValue(parsing: text)
        let error = #expect(throws: APIError.self) { try RerankRequest(body) }
        #expect(error?.parameter == parameter)
    }

    @Test func `scores are asked for one by one, one by many, or in pairs`() throws {
        let pairs: [JSONValue] = [
            ["model": "m", "text_1": "a", "text_2": "b"], ["model": "m", "text_1": "a", "text_2": ["b", "c"]],
            ["model": "m", "text_1": ["a", "b"], "text_2": ["c", "d"]],
        ]
        #expect(try pairs.map { try ScoreRequest($0).second.count } == [1, 2, 2])
        let request = try ScoreRequest(pairs[2])
        #expect(request.parameter(1) == "text_1[1]" && request.parameter(2) == "text_2[0]")
        let uneven: JSONValue = ["model": "m", "text_1": ["a", "b"], "text_2": "c"]
        let error = #expect(throws: APIError.self) { try ScoreRequest(uneven) }
        #expect(error?.parameter == "text_2")
    }
}
