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
    }
}
