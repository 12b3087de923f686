import OpenAIAPI
import Testing

@testable import Serving

@Suite struct RouteTests {
    @Test func `paths are found with and without a slash at the end`() throws {
        #expect(Route.find("/v1/chat/completions/") == .chatCompletions)
        #expect(Route.find("/") == .index)
        #expect(Route.find("") == .index)
        #expect(Route.find("/v1/models/") == .models)
        #expect(Route.find("/v1/models/a/b%20c") == .model("a/b c"))
        #expect(Route.find("/v1/models/%FF") == .model("%FF"))
        #expect(Route.find("/V1/models") == nil)
        #expect(Route.find("//") == .index)
    }

    @Test func `responses are found by their names`() {
        #expect(Route.find("/v1/responses/") == .responses)
        #expect(Route.find("/v1/responses/input_tokens") == .responseTokens)
        #expect(Route.find("/v1/responses/resp%5F1") == .response("resp_1"))
        #expect(Route.find("/v1/responses/resp_1/cancel/") == .responseCancel("resp_1"))
        #expect(Route.find("/v1/responses/resp_1/input_items") == .responseInput("resp_1"))
        #expect(Route.find("/v1/responses/resp_1/other") == nil)
        #expect(Route.find("/v1/responses/a/b/cancel") == nil)
    }

    @Test(arguments: [
        ("/api/blobs/sha256:00", 501), ("/api/delete", 501),
        ("/api/no", 404),
        ("/api", 404),
    ])
    func `what Ollama has and this server has not is said so`(path: String, status: Int) {
        let error = #expect(throws: APIError.self) { try Route.match(method: "POST", path: path) }
        #expect(error?.status == status)
    }

    @Test func `a path of slashes costs no more than another`() {
        let slashes = String(repeating: "/", count: 1_000_000)
        #expect(Route.find("/v1/models" + slashes) == .models)
        #expect(Route.find(slashes + "a") == nil)
    }
}
