import HTTPTypes
import Testing

@testable import Serving

@Suite struct AuthenticationTests {
    @Test func `keys are equal only when every byte is`() {
        #expect(Authentication.isEqual([1, 2], [1, 2]))
        #expect(!Authentication.isEqual([1, 2, 1, 2], [1, 2]))
        #expect(!Authentication.isEqual([], [1]))
        #expect(!Authentication.isEqual([1], []))
        #expect(Authentication(keys: []).allows([:]))
        #expect(Authentication(keys: ["é"]).allows([.authorization: "BEARER é"]))
        #expect(Authentication(keys: ["é"]).allows([.apiKey: "é"]))
        #expect(!Authentication(keys: ["é"]).allows([.apiKey: "Bearer é"]))
    }
}
