import Foundation
import JSON
import Testing

@testable import Serving

@Suite struct OpenAPIDocumentTests {
    private let paths = OpenAPIDocument.json["paths"]?.objectValue ?? JSONObject()

    @Test func `every path of the server that answers in JSON is described, and no other`() {
        let described = Set(paths.keys.compactMap { $0.components(separatedBy: "/{").first })
        let served = Set(Route.paths)
        #expect(described == served.subtracting(["/metrics", "/openapi.json"]))
    }

    @Test func `every request and every answer is described by its members`() throws {
        for (path, methods) in paths {
            for (method, operation) in methods.objectValue ?? [:] {
                let answer = operation["responses"]?["200"]?["content"]?["application/json"]?["schema"]
                #expect((answer?["items"] ?? answer)?["properties"] != nil, "\(method) \(path)")
                guard let body = operation["requestBody"] else { continue }
                let schema = body["content"]?["application/json"]?["schema"]
                #expect(schema?["properties"] != nil && schema?["additionalProperties"] == false, "\(method) \(path)")
            }
        }
    }

    @Test func `methods are those that routes answer to`() throws {
        for (path, methods) in paths {
            let route = try #require(Route.find(path))
            for method in methods.objectValue?.keys ?? [] { #expect(route.methods.contains(method.uppercased())) }
        }
    }
}
