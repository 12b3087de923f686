import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Says `Connection: close` in the one spelling that the HTTP library knows, for every request that ends its connection.
///
/// Those are requests that have the option `close` in any case and among any others, and those of HTTP/1.0 that do not ask
/// for `keep-alive` (RFC 9112, 9.3). The version is known only before requests become those of `HTTPTypes`.
final class ConnectionHeaders: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), Self.endsConnection(head) else {
            return context.fireChannelRead(data)
        }
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    private static func endsConnection(_ head: HTTPRequestHead) -> Bool {
        let options = head.headers[canonicalForm: "connection"].map { $0.lowercased() }
        if options.contains("close") { return true }
        return head.version == .http1_0 && !options.contains("keep-alive")
    }
}

/// Puts `ConnectionHeaders` in front of what turns requests into those of `HTTPTypes`, where the HTTP library lets no
/// handler be put.
final class ConnectionHeadersInsertion: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        // A pipeline without one speaks no HTTP/1.
        guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
        try? pipeline.addHandler(ConnectionHeaders(), position: .before(codec))
    }
}
