import NIOCore

/// Closes a connection whose client takes nothing of what waits for it.
///
/// Slow clients are served to the end: only a `patience` in which the system took nothing counts. The system's own buffer takes
/// more when about a third of it is free, so a client must read that much in a `patience`: some 14 kB a second of 2.5 MB in a
/// minute. What has fitted into it is off our hands: the connection is idle then, and ends with the idle timeout.
final class StalledWrites: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let patience: TimeAmount
    private var nextLook: Scheduled<Void>?

    /// - Parameter patience: how long not one byte may leave.
    init(patience: TimeAmount) { self.patience = patience }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stop()
        } else if nextLook == nil {
            look(context, waitingBytes: Self.waitingBytes(context))
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        nextLook?.cancel()
        nextLook = nil
    }

    /// Looks after `patience` whether fewer bytes wait than now.
    ///
    /// More never come meanwhile: nothing is written to a channel that says it is not writable.
    private func look(_ context: ChannelHandlerContext, waitingBytes: Int) {
        nextLook = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            let left = Self.waitingBytes(context)
            if left < waitingBytes {
                self.look(context, waitingBytes: left)
            } else {
                context.close(promise: nil)
            }
        }
    }

    private static func waitingBytes(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}

@available(*, unavailable)
extension StalledWrites: Sendable {}
