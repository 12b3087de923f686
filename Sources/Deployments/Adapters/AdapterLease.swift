package import Models

/// Whose part of the machine requests under an adapter take.
package struct AdapterShare: Sendable, Equatable {
    /// The adapter's name.
    package var name: String
    /// Its part as against others'; the model itself has 1.
    package var weight: Double

    package init(name: String, weight: Double = 1) {
        self.name = name
        self.weight = weight
    }
}

/// A request's hold on an adapter: as long as it lives, the adapter stays in memory and its removal waits.
package final class AdapterLease: Sendable {
    package let adapter: Adapter
    package let share: AdapterShare
    private let onCount: @Sendable (TextUsage) -> Void
    private let onEnd: @Sendable () -> Void

    init(
        _ adapter: Adapter,
        share: AdapterShare,
        onCount: @escaping @Sendable (TextUsage) -> Void,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.adapter = adapter
        self.share = share
        self.onCount = onCount
        self.onEnd = onEnd
    }

    /// Takes down what the request came to.
    func count(_ usage: TextUsage) { onCount(usage) }

    deinit { onEnd() }
}
