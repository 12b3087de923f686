import Models

/// Which adapters there are, who uses them and who waits for them. Pure: no disk, no `await`, and the time is told.
struct AdapterTable {
    typealias Waiter = CheckedContinuation<Result<AdapterLease, AdapterError>, Never>

    struct Entry {
        let reference: AdapterReference
        /// nil while it is not in memory.
        var adapter: Adapter?
        /// Where it came from when it was read last.
        var origin: AdapterOrigin?
        /// Requests for which it is being read.
        var waiters: [Waiter] = []
        var useCount = 0
        /// The larger, the later.
        var lastUse: UInt64 = 0
        /// Who removed it and waits for its last request; nil while requests may name it.
        var removals: [CheckedContinuation<Void, Never>]?
    }

    var entries: [UInt64: Entry] = [:]
    /// Those that requests may name, in the order of registration; what replaces another has its place.
    private(set) var named: [(name: String, id: UInt64)] = []
    private var ids: [String: UInt64] = [:]
    var counted = AdapterRegistry.Statistics()
    /// Those that left, for whoever has the lock to free outside of it: giving back their memory takes milliseconds.
    var gone: [Adapter] = []
    /// By name; kept when an adapter goes, for as long as not too many others have gone since.
    private(set) var usages: [String: AdapterUsage] = [:]
    /// Names that nobody has any more, in the order in which they were lost.
    private var retired: [String] = []
    /// Most requests that wait for an adapter: those that were given up wait on, for a disk that does not answer.
    static let waiterLimit = 1_024
    /// Most of those whose usage is kept: a gateway may load adapters under ever new names.
    static let retiredLimit = 1_024
    /// Until when memory is charged for.
    private var chargedUntil: ContinuousClock.Instant?
    private var nextID: UInt64 = 0
    private var clock: UInt64 = 0

    /// What a request for an adapter is to do.
    enum Next {
        case unknown
        /// Too many wait for it.
        case crowded
        case ready(Adapter, UInt64)
        /// Somebody reads it already.
        case wait
        case read(AdapterReference, UInt64, after: AdapterOrigin?)
    }

    func id(of name: String) -> UInt64? { ids[name] }

    /// The new adapter's id; nil where another has the name that is not to be replaced.
    mutating func add(_ entry: Entry, replaces: AdapterRegistry.Replacement) -> AdapterRegistry.ID? {
        let name = entry.reference.name
        var place = named.count
        if let old = id(of: name) {
            if !replaces.allows(old) { return nil }
            // Requests may call an adapter by its index, too.
            place = named.firstIndex { $0.id == old } ?? place
            takeName(old)
        }
        clock += 1
        entries[nextID] = entry
        entries[nextID]?.lastUse = clock
        named.insert((name, nextID), at: place)
        ids[name] = nextID
        retired.removeAll { $0 == name }
        defer { nextID += 1 }
        return nextID
    }

    /// Takes the name away; the rest goes with the last request that uses it.
    mutating func takeName(_ id: UInt64) {
        named.removeAll { $0.id == id }
        if let name = entries[id]?.reference.name, ids[name] == id {
            ids[name] = nil
            retired.append(name)
            if retired.count > Self.retiredLimit { usages[retired.removeFirst()] = nil }
        }
        if entries[id]?.useCount == 0 { remove(id) } else { entries[id]?.removals = [] }
    }

    /// Removes an adapter that nobody uses or may name.
    mutating func remove(_ id: UInt64) {
        if let adapter = entries.removeValue(forKey: id)?.adapter { gone.append(adapter) }
    }

    /// Charges adapters for the memory that they have taken since the last time. To be called before any of them comes or goes.
    mutating func charge(until now: ContinuousClock.Instant) {
        let seconds = (chargedUntil ?? now).duration(to: now) / .seconds(1)
        chargedUntil = now
        for entry in entries.values {
            guard let adapter = entry.adapter else { continue }
            change(entry.reference.name) { $0.residentByteSeconds += Double(adapter.byteCount) * seconds }
        }
    }

    /// Counts what a request under an adapter came to.
    mutating func count(_ usage: TextUsage, of id: UInt64) {
        guard let name = entries[id]?.reference.name else { return }
        change(name) { $0.count(usage) }
    }

    /// Of a name that is forgotten already there is no telling when it can be forgotten again: it stays so.
    private mutating func change(_ name: String, _ body: (inout AdapterUsage) -> Void) {
        if ids[name] == nil, usages[name] == nil { return }
        body(&usages[name, default: AdapterUsage()])
    }

    /// Counts a use of `name` where it is in memory; nil where it is not.
    mutating func takeResident(_ name: String) -> (adapter: Adapter, id: UInt64)? {
        guard let id = id(of: name), let adapter = entries[id]?.adapter else { return nil }
        countUse(of: id)
        return (adapter, id)
    }

    private mutating func countUse(of id: UInt64) {
        clock += 1
        entries[id]?.useCount += 1
        entries[id]?.lastUse = clock
    }

    /// Counts a use of `name`, and notes who waits for it where it is not in memory.
    mutating func take(_ name: String, _ waiter: Waiter) -> Next {
        if let (adapter, id) = takeResident(name) { return .ready(adapter, id) }
        guard let id = id(of: name), let entry = entries[id] else { return .unknown }
        if entry.waiters.count >= Self.waiterLimit { return .crowded }
        countUse(of: id)
        entries[id]?.waiters.append(waiter)
        return entry.waiters.isEmpty ? .read(entry.reference, id, after: entry.origin) : .wait
    }

    var leastRecentlyUsed: UInt64? {
        entries.filter { $0.value.useCount == 0 && $0.value.adapter != nil }.min {
            $0.value.lastUse < $1.value.lastUse
        }?.key
    }
}
