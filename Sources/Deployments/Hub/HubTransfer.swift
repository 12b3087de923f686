import Foundation
import FoundationNetworking

/// The rules of one file's way into a partial file: what to ask for, and what to do with the answer.
struct HubTransfer: Sendable {
    let file: HubFile
    let partial: PartialFile
    let report: PullReport

    /// Whether nothing is left to ask for.
    var isComplete: Bool { file.byteCount.map { partial.byteCount >= $0 } ?? false }

    /// Headers for what is missing. A rest is asked for only if it surely belongs to the part that is here.
    func headers() throws(StoreError) -> [String: String] {
        let present = partial.byteCount
        if present == 0 { return [:] }
        // A weak tag may not stand in If-Range (RFC 9110, 13.1.5).
        if let tag = partial.entityTag, !tag.hasPrefix("W/") {
            return ["Range": "bytes=\(present)-", "If-Range": tag]
        }
        // The hash at the end will tell whether the parts belong together.
        if case .origin = file.check {
            try partial.restart()
            return [:]
        }
        return ["Range": "bytes=\(present)-"]
    }

    /// Looks at the head of a 200 or 206.
    func accept(_ head: HTTPURLResponse) throws(StoreError) {
        var total: Int?
        if head.statusCode == 206, let range = Self.contentRange(head), range.start == partial.byteCount {
            total = range.total
        } else {
            try partial.restart()
            // A 206 with another range than was asked for is of no use; its body is refused by `take`.
            if head.statusCode == 206 { return }
            total = head.value(forHTTPHeaderField: "Content-Length").flatMap { Int($0) }
        }
        if let total, let expected = file.byteCount, total != expected {
            partial.discard()
            throw .sizeMismatch(file: file.path, expected: expected, actual: total)
        }
        partial.setEntityTag(head.value(forHTTPHeaderField: "ETag"))
        report(.progressed(file: file.path, presentBytes: partial.byteCount))
    }

    /// Appends a piece of the body.
    func take(_ data: Data) throws(StoreError) {
        let present = partial.byteCount
        if let expected = file.byteCount, present + data.count > expected {
            partial.discard()
            throw .sizeMismatch(file: file.path, expected: expected, actual: present + data.count)
        }
        try partial.append(data)
        report(.progressed(file: file.path, presentBytes: present + data.count))
    }

    /// Whether an exchange that ended without error brought the file to its end.
    func finished(_ head: HTTPURLResponse) throws(StoreError) -> Bool {
        if head.statusCode == 416 {
            // The server's file is shorter than the part that is here.
            try partial.restart()
            return false
        }
        return file.byteCount == nil || isComplete
    }

    /// `Content-Range: bytes 5-9/10`; the total is nil when the server writes `*`.
    private static func contentRange(_ head: HTTPURLResponse) -> (start: Int, total: Int?)? {
        guard let value = head.value(forHTTPHeaderField: "Content-Range"), value.hasPrefix("bytes ") else { return nil }
        let parts = value.dropFirst(6).split(separator: "/")
        guard parts.count == 2, let start = parts[0].split(separator: "-").first.flatMap({ Int($0) }) else {
            return nil
        }
        return (start, Int(parts[1]))
    }
}
