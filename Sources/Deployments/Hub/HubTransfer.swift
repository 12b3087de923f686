import Foundation
import FoundationNetworking

/// The rules of one file's way into a partial file: what to ask for, and what to do with the answer.
struct HubTransfer: Sendable {
    let file: HubFile
    let partial: PartialFile
    let report: PullReport
    /// Bytes that are asked for at a time: what the network brings faster than the disk takes waits in memory.
    let rangeLimit: Int

    /// Whether nothing is left to ask for.
    var isComplete: Bool { file.byteCount.map { partial.byteCount >= $0 } ?? false }

    /// Headers for what is missing. A rest is asked for only if it surely belongs to the part that is here.
    func headers() throws(StoreError) -> [String: String] {
        let present = partial.byteCount
        let end = nextEnd.map { "\($0 - 1)" } ?? ""
        if present == 0 { return end.isEmpty ? [:] : ["Range": "bytes=0-\(end)"] }
        // A weak tag may not stand in If-Range (RFC 9110, 13.1.5).
        if let tag = partial.entityTag, !tag.hasPrefix("W/") {
            return ["Range": "bytes=\(present)-\(end)", "If-Range": tag]
        }
        // The hash at the end will tell whether the parts belong together.
        if case .origin = file.check {
            try partial.restart()
            return [:]
        }
        return ["Range": "bytes=\(present)-\(end)"]
    }

    /// Where the next piece ends, of those that are not the last; nil where all that is missing is asked for.
    var nextEnd: Int? {
        guard let byteCount = file.byteCount, byteCount - partial.byteCount > rangeLimit else { return nil }
        return partial.byteCount + rangeLimit
    }

    /// Looks at the head of a 200 or 206. What is here stays until it is sure that something better comes.
    ///
    /// - Throws: `StoreError`, or `HubConnection.Failure` for a range that was not asked for.
    func accept(_ head: HTTPURLResponse) throws {
        var total: Int?
        if head.statusCode == 206 {
            guard let range = Self.contentRange(head), range.start == partial.byteCount,
                file.byteCount != nil || range.total == nil || range.total == range.end + 1
            else {
                let reason = "It is another range than was asked for (\(partial.byteCount)-)."
                throw HubConnection.Failure(error: .malformedAnswer(url: file.path, reason: reason))
            }
            total = range.total
        } else if ["", "identity"].contains(head.value(forHTTPHeaderField: "Content-Encoding")?.lowercased() ?? "") {
            total = head.value(forHTTPHeaderField: "Content-Length").flatMap { Int($0) }
        }
        if let total, let expected = file.byteCount, total != expected {
            // A part of a file of that size is of no use; an answer in one piece may be no file at all.
            if head.statusCode == 206 || partial.byteCount == 0 { partial.discard() }
            throw StoreError.sizeMismatch(file: file.path, expected: expected, actual: total)
        }
        if head.statusCode != 206 { try partial.restart() }
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
    private static func contentRange(_ head: HTTPURLResponse) -> (start: Int, end: Int, total: Int?)? {
        guard let value = head.value(forHTTPHeaderField: "Content-Range")?.lowercased(), value.hasPrefix("bytes ")
        else { return nil }
        let parts = value.dropFirst(6).split(separator: "/")
        let places = parts.first?.split(separator: "-").map { Int($0) } ?? []
        guard parts.count == 2, places.count == 2, let start = places[0], let end = places[1] else { return nil }
        return (start, end, Int(parts[1]))
    }
}
