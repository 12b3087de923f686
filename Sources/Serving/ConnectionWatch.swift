import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Sits in a connection's pipeline and tells when the client has gone, so that nothing is computed for nobody.
///
/// Reading the request's body to its end would tell as well, but would use up the connection: the next request on it
/// could not be served. A client that closes only its sending side counts as gone, too.
/// It also answers `Expect: 100-continue`, which makes curl send large bodies at once.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundOut = HTTPResponsePart

    private struct State {
        var isClosed = false
        var nextID: UInt64 = 0
        var callbacks: [UInt64: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Calls `callback` once when the client of `channel` goes; at once when it has gone already.
    ///
    /// A closed channel has lost its handlers. The watch hears of the end before that, so where it is found it knows.
    ///
    /// - Returns: ends the watching.
    static func onClose(
        of channel: any Channel,
        _ callback: @escaping @Sendable () -> Void
    ) async -> @Sendable () -> Void {
        guard let watch = try? await channel.pipeline.handler(type: ConnectionWatch.self).get() else {
            callback()
            return {}
        }
        let id = watch.onClose(callback)
        return { watch.forget(id) }
    }

    /// Calls `callback` once when the client goes; at once when it has gone already.
    ///
    /// - Returns: what `forget` takes back.
    func onClose(_ callback: @escaping @Sendable () -> Void) -> UInt64 {
        let id: UInt64? = state.withLock { state in
            if state.isClosed { return nil }
            state.nextID += 1
            state.callbacks[state.nextID] = callback
            return state.nextID
        }
        if id == nil { callback() }
        return id ?? 0
    }

    func forget(_ id: UInt64) {
        state.withLock { $0.callbacks[id] = nil }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.headerFields[.expect]?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { close() }
        context.fireUserInboundEventTriggered(event)
    }

    private func close() {
        let callbacks = state.withLock { state in
            state.isClosed = true
            defer { state.callbacks = [:] }
            return Array(state.callbacks.values)
        }
        for callback in callbacks { callback() }
    }
}
