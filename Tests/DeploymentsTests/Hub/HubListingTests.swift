import Foundation
import JSON
import Testing

@testable import Deployments

/// What a hub says of a repository, and what is believed.
@Suite struct HubListingTests {
    /// A listing of `siblings`, read.
    private func listing(_ siblings: [JSONValue], _ more: JSONObject = [:]) throws -> HubListing {
        var object: JSONObject = ["sha": "c0ffee", "siblings": .array(siblings)]
        for (key, value) in more { object[key] = value }
        return try HubClient.parse(Data(JSONValue.object(object).serialized().utf8), path: "/p", repository: "o/r")
    }

    private func file(_ name: String, size: JSONValue, isLarge: Bool = false) -> JSONValue {
        isLarge ? ["rfilename": .string(name), "lfs": ["size": size]] : ["rfilename": .string(name), "size": size]
    }

    private func isRefused(_ siblings: [JSONValue], naming text: String) -> Bool {
        do {
            _ = try listing(siblings)
            return false
        } catch PullError.hub(.malformedAnswer("/p", let reason)) {
            return reason.contains(text)
        } catch {
            return false
        }
    }

    @Test(arguments: [
        JSONValue.integer(-1), .integer(1_125_899_906_842_625), .integer(.max), .integer(.min), .number(1e300),
        .number(0.5), .string("12"), .bool(true),
    ])
    func `a size that no file has is refused`(size: JSONValue) {
        #expect(isRefused([file("a.gguf", size: size)], naming: "a.gguf"))
        #expect(isRefused([file("a.gguf", size: size, isLarge: true)], naming: "a.gguf"))
    }

    @Test func `sizes that cannot be added up are refused`() throws {
        let large = file("a.gguf", size: 1_125_899_906_842_624)
        #expect(try listing(Array(repeating: large, count: 1024)).files.count == 1024)
        #expect(isRefused(Array(repeating: large, count: 1025), naming: "add up"))
    }

    @Test func `a size that is not told is not known`() throws {
        let files: [JSONValue] = [
            ["rfilename": "a"], file("b", size: .null), file("c", size: .null, isLarge: true), file("d", size: 0),
            ["rfilename": "e", "size": 130, "lfs": ["size": 5]],
        ]
        #expect(try listing(files).files.map(\.byteCount) == [nil, nil, nil, 0, 5])
    }

    @Test func `a licence and a commit cannot steer a terminal`() throws {
        let card: JSONValue = ["license": "mit\u{1B}]0;title\u{07}\r\n\u{9B}31m\u{7F}é"]
        let read = try listing([], ["sha": "c0\u{1B}[2J", "cardData": card])
        #expect(read.licence == "mit\u{FFFD}]0;title\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}31m\u{FFFD}é")
        #expect(read.commit == "c0\u{FFFD}[2J")
    }

    @Test(arguments: ["a\u{1B}]52;c;eA==\u{07}.gguf", "a\u{9B}2J.gguf", "a\r\nb.gguf", "../\u{1B}c"])
    func `a file name with control characters is refused in a sentence without them`(name: String) {
        let expected = HubError.unsafePath(repository: "o/r", file: name)
        #expect(throws: PullError.hub(expected)) { try listing([file(name, size: 1)]) }
        let controls = PullError.hub(expected).description.unicodeScalars.filter {
            $0.properties.generalCategory == .control
        }
        #expect(controls.isEmpty)
        #expect(expected.description.contains("\u{FFFD}"))
    }
}
