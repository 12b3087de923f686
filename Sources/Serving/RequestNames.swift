import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTPTypes
import OpenAIAPI

extension HTTPFields {
    /// Longest name of a request that its caller may choose beside the server's own, in bytes, as at OpenAI.
    private static let clientNameBytes = 512

    /// A header's value where it is short and plain enough to be sent back: up to 128 letters, digits and `-_.:`.
    func plain(_ name: HTTPField.Name) -> String? {
        guard let text = self[name], (1...128).contains(text.utf8.count) else { return nil }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        return isPlain ? text : nil
    }

    /// The caller's own name for the request, which only the log repeats; nil without one.
    func clientRequestID() throws(APIError) -> String? {
        guard let text = self[.clientRequestID] else { return nil }
        let isPrintable = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard isPrintable, (1...Self.clientNameBytes).contains(text.utf8.count) else {
            throw .invalidValue(
                HTTPField.Name.clientRequestID.canonicalName,
                "the header must be 1 to \(Self.clientNameBytes) printable ASCII characters."
            )
        }
        return text
    }
}

extension Exchange {
    /// What the log calls the request: its id, and the caller's own name for it where there is one.
    var names: Logger.Metadata {
        var names: Logger.Metadata = ["request.id": "\(id)"]
        if let own = try? request.headers.clientRequestID() { names["request.client_id"] = "\(own)" }
        return names
    }
}

extension Logger.Metadata {
    /// These and `others`, which have other keys.
    func adding(_ others: Logger.Metadata) -> Logger.Metadata { merging(others) { first, _ in first } }
}

/// Gives an id to answers that are made before there is a request: those of the HTTP library to what is no HTTP.
final class NamelessAnswers: ChannelOutboundHandler, RemovableChannelHandler, Sendable {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let makeID: @Sendable () -> String

    init(makeID: @escaping @Sendable () -> String) { self.makeID = makeID }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), head.status.kind != .informational,
            head.headerFields[.requestID] == nil
        else { return context.write(data, promise: promise) }
        head.headerFields[.requestID] = "req_" + makeID()
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
