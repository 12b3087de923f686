import JSON
import OpenAIAPI
import Testing

@testable import Serving

@Suite struct ItemPageTests {
    private static let items: [JSONValue] = (0..<30).map { ["id": .string("i\($0)")] }

    private func page(_ parameters: [(String, String)]) throws -> (ids: [String], hasMore: Bool) {
        let list = try ItemPage(parameters).json(of: Self.items)
        let ids = list["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
        #expect(list["object"] == "list")
        #expect(list["first_id"]?.stringValue == ids.first && list["last_id"]?.stringValue == ids.last)
        return (ids, list["has_more"] == true)
    }

    @Test func `the newest twenty come first`() throws {
        let page = try page([])
        #expect(page.ids == (10..<30).reversed().map { "i\($0)" } && page.hasMore)
    }

    @Test func `pages join without a gap, in either order`() throws {
        for order in ["asc", "desc"] {
            var (ids, last): ([String], String?) = ([], nil)
            repeat {
                let next = try page([("order", order), ("limit", "7"), ("after", last ?? "")])
                ids += next.ids
                last = next.hasMore ? next.ids.last : nil
            } while last != nil
            let all = Self.items.compactMap { $0["id"]?.stringValue }
            #expect(ids == (order == "asc" ? all : all.reversed()))
        }
    }

    @Test(arguments: ["asc", "desc"])
    func `pages come to an end where several items have one name`(order: String) throws {
        let items: [JSONValue] = ["a", "b", "a", "c", "b"].map { ["id": .string($0)] }
        var (ids, last): ([String], String?) = ([], nil)
        repeat {
            let parameters = [("order", order), ("limit", "1"), ("after", last ?? "")]
            let page = try ItemPage(parameters).json(of: items)
            let id = try #require(page["data"]?[0]?["id"]?.stringValue)
            ids.append(id)
            last = page["has_more"] == true ? id : nil
        } while last != nil && ids.count < 10
        #expect(ids.count < 10)
        #expect(Set(ids).count == ids.count)
    }

    @Test func `a page ends before an item`() throws {
        let page = try page([("order", "asc"), ("after", "i3"), ("before", "i6"), ("include", "x")])
        #expect(page.ids == ["i4", "i5"] && !page.hasMore)
    }

    @Test func `no items are an empty page`() throws {
        let list = try ItemPage([]).json(of: [])
        #expect(list == ["object": "list", "data": [], "first_id": .null, "last_id": .null, "has_more": false])
    }

    @Test(arguments: [
        ("limit", "0", "integer_below_min_value"), ("limit", "101", "integer_above_max_value"),
        ("limit", "many", "invalid_type"), ("order", "random", "invalid_value"), ("after", "i99", "invalid_value"),
        ("before", "i99", "invalid_value"),
    ])
    func `a page that cannot be is refused by name`(name: String, value: String, code: String) {
        let error = #expect(throws: APIError.self) { try ItemPage([(name, value)]).json(of: Self.items) }
        #expect(error?.parameter == name)
        #expect(error?.code == code)
    }
}
