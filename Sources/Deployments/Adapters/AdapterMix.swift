import Models
import Synchronization

/// Adapters that requests use together, each with a scale of its own: what is computed is the sum of their changes.
///
/// A mix holds no factors: it names its parts', and holds leases of them. So it costs no memory to speak of, and any number of
/// mixes may be asked for.
package enum AdapterMix {
    /// One of them.
    package struct Part: Sendable {
        package var name: String
        package var lease: AdapterLease
        /// What its change is multiplied by; 0 leaves it out.
        package var scale: Float

        package init(name: String, lease: AdapterLease, scale: Float) {
            self.name = name
            self.lease = lease
            self.scale = scale
        }
    }

    /// Whose turns requests under the mix take: those of the part with the largest scale, whatever the order, with the least
    /// of all parts' weights. So nobody gets another's turns for an adapter by naming the other's beside it with next to
    /// nothing of it.
    static func share(of parts: [Part]) -> AdapterShare? {
        let leading = parts.max { (abs($0.scale), $1.name) < (abs($1.scale), $0.name) }
        let weight = parts.map(\.lease.share.weight).min()
        return leading.flatMap { part in weight.map { AdapterShare(name: part.lease.share.name, weight: $0) } }
    }

    /// Highest rank of a matrix's change, all parts together.
    package static let rankLimit = 512
}

/// The mixes that requests use now, so that those who ask for the same share it, and steps compute their rows as one run.
final class AdapterMixes: Sendable {
    /// Does not keep the mix alive.
    private struct Entry: Sendable {
        weak var adapter: Adapter?
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// The mix of those parts, which is the one that is there where there is one.
    func mix(_ parts: [(adapter: Adapter, scale: Float)]) -> Adapter {
        let mix = Adapter(mixing: parts)
        return entries.withLock { entries in
            if let adapter = entries[mix.fingerprint]?.adapter { return adapter }
            entries = entries.filter { $0.value.adapter != nil }
            entries[mix.fingerprint] = Entry(adapter: mix)
            return mix
        }
    }
}

extension AdapterRegistry {
    /// What the parts come to together: nil for none, the adapter itself for one with the scale 1.
    package func mix(_ parts: [AdapterMix.Part]) throws(AdapterError) -> AdapterLease? {
        let parts = parts.filter { $0.scale != 0 }
        guard let first = parts.first, let share = AdapterMix.share(of: parts) else { return nil }
        if parts.count == 1, first.scale == 1 { return first.lease }
        if let whole = parts.first(where: { $0.lease.adapter.replacesWeights }) { throw .notMixable(name: whole.name) }
        let adapters = parts.map { (adapter: $0.lease.adapter, scale: $0.scale) }
        let rank = Adapter.rank(mixing: adapters)
        if rank > AdapterMix.rankLimit {
            throw .mixTooWide(names: parts.map(\.name), rank: rank, limit: AdapterMix.rankLimit)
        }
        let leases = parts.map(\.lease)
        // A request counts for each of its parts; they stay as long as the mix does.
        return AdapterLease(
            mixes.mix(adapters),
            share: share,
            onCount: { usage in for lease in leases { lease.count(usage) } },
            onEnd: { withExtendedLifetime(leases) {} }
        )
    }
}
