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

    @Test func `whoever shows a key is told apart by its place, and by nothing that callers choose`() {
        let keys = Authentication(keys: ["a", "b"])
        #expect(keys.project(of: [.authorization: "Bearer a"]) == "key-1")
        #expect(keys.project(of: [.apiKey: "b"]) == "key-2")
        #expect(keys.project(of: [.authorization: "Bearer c"]) == nil)
        #expect(keys.project(of: [.authorization: "Bearer c", .apiKey: "b"]) == "key-2")
        #expect(Authentication(keys: []).project(of: [.authorization: "Bearer a"]) == nil)
    }

    @Test func `an empty key opens nothing, also where it is the only one`() {
        for keys in [[""], ["", "b"]] {
            let authentication = Authentication(keys: keys)
            #expect(!authentication.allows([:]))
            #expect(!authentication.allows([.apiKey: ""]))
            #expect(!authentication.allows([.authorization: "Bearer "]))
        }
        #expect(Authentication(keys: ["", "b"]).project(of: [.apiKey: "b"]) == "key-2")
    }
}
