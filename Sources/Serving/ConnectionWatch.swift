import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Sits in a connection's pipeline and tells when the client has gone, so that nothing is computed for nobody.
///
/// Reading the request's body to its end would tell as well, but would use up the connection: the next request on it
/// could not be served. A client that closes only its sending side counts as gone, too.
/// It also answers `Expect: 100-continue`, which makes curl send large bodies at once: when the answers to earlier requests on
/// the connection are written, for it would stand in the midst of one.
final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private struct State {
        var isClosed = false
        /// Requests that have come and are not answered to the end.
        var unansweredCount = 0
        /// Whether the last of them waits to be told to go on.
        var awaitsContinue = false
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
        if case .head(let head) = unwrapInboundIn(data) {
            let isExpecting = head.headerFields[.expect]?.lowercased() == "100-continue"
            let goesOn = state.withLock { state in
                state.unansweredCount += 1
                state.awaitsContinue = isExpecting && state.unansweredCount > 1
                return isExpecting && !state.awaitsContinue
            }
            if goesOn { writeContinue(context) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard case .end = unwrapOutboundIn(data) else { return }
        let goesOn = state.withLock { state in
            state.unansweredCount -= 1
            guard state.awaitsContinue, state.unansweredCount == 1 else { return false }
            state.awaitsContinue = false
            return true
        }
        if goesOn { writeContinue(context) }
    }

    private func writeContinue(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
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
