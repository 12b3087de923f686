import JSON
import Serving
import Storage
import Testing

@Suite struct ResponseArchiveTests {
    @Test func `an item that was sent again is listed once`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let first = try await server.send("POST", "/v1/responses", "{\(ResponsesTests.question)}").json()
            let id = try #require(first["id"]?.stringValue)
            let answer = try #require(first["output"]?[0]).serialized()
            let input = #"[\#(answer),{"role":"user","content":"more"}]"#
            let body = #"{"model":"scripted","previous_response_id":"\#(id)","input":\#(input)}"#
            let second = try await server.send("POST", "/v1/responses", body).json()
            let path = "/v1/responses/\(try #require(second["id"]?.stringValue))/input_items?order=asc"
            let list = try await server.send("GET", path).json()
            let texts = list["data"]?.arrayValue?.map { $0["content"]?[0]?["text"]?.stringValue }
            #expect(texts == ["hi", "Héllo!", "more"])
        }
    }

    @Test func `names that a store could take for one another are refused`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let items = ["a", "b"].map { #"{"role":"user","content":"hi","id":"msg\u0000\#($0)"}"# }
            let body = #"{"model":"scripted","input":[\#(items.joined(separator: ","))]}"#
            let response = try await server.send("POST", "/v1/responses", body)
            #expect(response.status == 400)
            #expect(try response.error()["param"] == "input[0].id")
        }
    }

    @Test func `where the storage is stays with those who run the server`() async throws {
        try await withServer(storage: FailingStore()) { server in
            let question = ResponsesTests.question
            let answers = [
                try await server.send("POST", "/v1/responses", "{\(question)}"),
                try await server.send("POST", "/v1/responses", #"{\#(question),"previous_response_id":"resp_1"}"#),
                try await server.send("GET", "/v1/responses/resp_1"),
                try await server.send("DELETE", "/v1/responses/resp_1"),
            ]
            for answer in answers {
                #expect(answer.status == 500)
                #expect(try answer.error()["code"] == "storage_failed")
                #expect(!answer.body.contains("secret") && !answer.body.contains("fire"))
            }
            let stream = try await server.send("POST", "/v1/responses", #"{\#(question),"stream":true}"#)
            #expect(stream.body.contains("response.failed") && !stream.body.contains("secret"))
        }
    }
}

/// A disk that is no more.
private struct FailingStore: RecordStore {
    private let error = StorageError.failed(path: "/home/secret/storage.sqlite", reason: "the disk is on fire")

    func put(_ record: StoredRecord) async throws(StorageError) { throw error }
    func record(_ id: String) async throws(StorageError) -> StoredRecord? { throw error }
    func record(withItem itemID: String) async throws(StorageError) -> StoredRecord? { throw error }
    func remove(_ id: String) async throws(StorageError) -> Bool { throw error }
    func shutdown() {}
}
