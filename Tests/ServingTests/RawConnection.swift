import Foundation
import JSON

/// Lets `milliseconds` pass without holding a thread.
func pause(milliseconds: Int) async throws {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { continuation.resume() }
    }
}

/// A response as it came over the wire.
struct RawResponse: Sendable {
    var status: Int
    /// By lower-case name.
    var headers: [String: String]
    var body: String

    func json() throws -> JSONValue { try JSONValue(parsing: body) }

    /// The error object of a refusal.
    func error() throws -> JSONValue { try json()["error"] ?? .null }
}

/// A TCP connection to this machine that speaks just enough HTTP to see every byte of an answer.
final class RawConnection: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var message: String
        var description: String { message }
    }

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// - Parameter receiveBytes: what the system takes on for a client that does not read; nil leaves that to it.
    static func open(port: Int, receiveBytes: Int32? = nil) async throws -> RawConnection {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(message: "cannot connect: \(String(cString: strerror(errno)))") }
        var timeout = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        return RawConnection(descriptor: descriptor)
    }

    func close() { _ = Foundation.close(descriptor) }

    func send(_ text: String) async throws {
        let bytes = Array(text.utf8)
        let sent = await onThread { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { break }
                sent += count
            }
            return sent
        }
        if sent < bytes.count { throw Failure(message: "the server closed after \(sent) of \(bytes.count) bytes") }
    }

    func send(
        _ method: String,
        _ path: String,
        _ body: String = "",
        headers: [String: String] = [:]
    ) async throws {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        try await send(head + "\r\n" + body)
    }

    /// What has arrived, at most 64 kB; empty when the server has closed.
    func receive(limit: Int = 65_536) async throws -> [UInt8] {
        let result: [UInt8]? = await onThread { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: limit)
            let count = recv(descriptor, &buffer, limit, 0)
            return count < 0 ? nil : Array(buffer[..<count])
        }
        guard let result else { throw Failure(message: "nothing arrived within two minutes") }
        return result
    }

    /// Reads until `text` has come; returns everything read.
    func receive(until text: String) async throws -> String {
        var bytes: [UInt8] = []
        while Data(bytes).range(of: Data(text.utf8)) == nil {
            let more = try await receive()
            if more.isEmpty {
                throw Failure(message: "closed before '\(text)' in: \(String(decoding: bytes, as: UTF8.self))")
            }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads one whole response and leaves the connection ready for the next.
    func response(isHead: Bool = false) async throws -> RawResponse {
        var bytes: [UInt8] = []
        let separator = Data("\r\n\r\n".utf8)
        while true {
            if let end = Data(bytes).range(of: separator) {
                let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
                var response = try Self.parse(head: head)
                let rest = Array(bytes[end.upperBound...])
                if isHead { return response }
                if let body = try Self.body(rest, response.headers) {
                    response.body = String(decoding: body, as: UTF8.self)
                    return response
                }
            }
            let more = try await receive()
            if more.isEmpty {
                throw Failure(message: "closed in the middle of: \(String(decoding: bytes, as: UTF8.self))")
            }
            bytes += more
        }
    }

    private static func parse(head: String) throws -> RawResponse {
        let lines = head.components(separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure(message: "no status in: \(lines[0])")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        return RawResponse(status: status, headers: headers, body: "")
    }

    /// The whole body, or nil when more must come.
    private static func body(_ bytes: [UInt8], _ headers: [String: String]) throws -> [UInt8]? {
        if headers["transfer-encoding"] == "chunked" { return try chunks(bytes) }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        return bytes.count >= length ? Array(bytes[..<length]) : nil
    }

    private static func chunks(_ bytes: [UInt8]) throws -> [UInt8]? {
        var body: [UInt8] = []
        var rest = Data(bytes)
        while let line = rest.range(of: Data("\r\n".utf8)) {
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16)
            guard let size else { throw Failure(message: "a chunk has no size") }
            guard rest.distance(from: line.upperBound, to: rest.endIndex) >= size + 2 else { return nil }
            if size == 0 { return body }
            body += rest[line.upperBound..<line.upperBound + size]
            rest = rest[(line.upperBound + size + 2)...]
        }
        return nil
    }

    /// Runs what blocks on a thread that nothing else needs.
    private func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: work()) }
        }
    }
}
