package import Models

/// A request's hold on an adapter: as long as it lives, the adapter stays in memory and its removal waits.
package final class AdapterLease: Sendable {
    package let adapter: Adapter
    private let onEnd: @Sendable () -> Void

    init(_ adapter: Adapter, onEnd: @escaping @Sendable () -> Void) {
        self.adapter = adapter
        self.onEnd = onEnd
    }

    deinit { onEnd() }
}
