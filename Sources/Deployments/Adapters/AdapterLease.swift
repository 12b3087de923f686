package import Models

/// A request's hold on an adapter: as long as it lives, the adapter stays in memory and its removal waits.
package final class AdapterLease: Sendable {
    package let adapter: Adapter
    private let onCount: @Sendable (TextUsage) -> Void
    private let onEnd: @Sendable () -> Void

    init(
        _ adapter: Adapter,
        onCount: @escaping @Sendable (TextUsage) -> Void,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.adapter = adapter
        self.onCount = onCount
        self.onEnd = onEnd
    }

    /// Takes down what the request came to.
    func count(_ usage: TextUsage) { onCount(usage) }

    deinit { onEnd() }
}
