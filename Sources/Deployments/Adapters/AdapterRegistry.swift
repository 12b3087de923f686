package import Dispatch
package import Models
import Synchronization
import Tensors

/// The adapters of a model that requests may name, and which of them are in memory.
///
/// Any number may be registered. Of those in memory the least recently used leave when all together take more than a budget of
/// bytes; a request for one that has left waits until it is read again, on a thread of its own, while others run.
package final class AdapterRegistry: Sendable {
    /// One adapter as it stands at a moment.
    package struct Status: Sendable, Equatable {
        package var reference: AdapterReference
        /// Bytes of its factors in memory; 0 while it is not there.
        package var residentBytes: Int
        /// Requests that use it or wait for it.
        package var useCount: Int
    }

    /// Tells an adapter from all others that have had its name or will.
    package typealias ID = UInt64

    /// Which adapter may lose its name to a new one.
    package enum Replacement: Sendable, Equatable {
        case none
        case any
        /// That one, not another that has taken the name since.
        case only(ID)

        func allows(_ id: ID) -> Bool { self == .any || self == .only(id) }
    }

    /// What all adapters together have done and hold.
    package struct Statistics: Sendable, Equatable {
        package var registeredCount = 0
        package var residentCount = 0
        package var residentBytes = 0
        /// Readings from the disk, those that failed among them.
        package var loads: UInt64 = 0
        /// Adapters that left memory to make room.
        package var evictions: UInt64 = 0
    }

    /// The model's own name, for errors.
    private let model: String
    /// nil for models that take none.
    private let base: AdapterBase?
    private let byteBudget: Int
    /// Parts of the machine as against others', by name; 1 for those that are not named.
    private let weights: [String: Double]
    private let state = Mutex(AdapterTable())
    let mixes = AdapterMixes()
    private let reader: DispatchQueue
    /// What files are copied to. A file with whole weights has hundreds of megabytes, which nobody would miss the rest of the time.
    private let copyMemory = SpareMemory(byteLimit: 64 << 20)

    /// Room for some 500 adapters of rank 16 on all layers of a 1B model.
    package static let standardByteBudget = 4 << 30

    /// - Parameters:
    ///   - base: what adapters must fit; nil for a model that takes none.
    ///   - byteBudget: bytes of factors in memory above which those that no request uses leave.
    ///   - weights: parts of the machine as against others', by name; 1 for those that are not named.
    ///   - reader: where files are read, one after the other, so that a burst of requests does not fill the memory with them.
    package init(
        model: String,
        base: AdapterBase?,
        byteBudget: Int = AdapterRegistry.standardByteBudget,
        weights: [String: Double] = [:],
        reader: DispatchQueue = DispatchQueue(label: "hearth-adapters")
    ) {
        self.reader = reader
        self.model = model
        self.weights = weights
        self.base = base
        self.byteBudget = byteBudget
    }

    /// The names of all, in the order of registration.
    package var names: [String] { state.withLock { $0.named.map(\.name) } }

    /// All adapters, in the order of registration.
    package var statuses: [Status] {
        state.withLock { state in
            state.named.compactMap { state.entries[$0.id] }.map { entry in
                Status(
                    reference: entry.reference,
                    residentBytes: entry.adapter?.byteCount ?? 0,
                    useCount: entry.useCount
                )
            }
        }
    }

    package var statistics: Statistics {
        state.withLock { state in
            var statistics = state.counted
            statistics.registeredCount = state.named.count
            for case let adapter? in state.entries.values.map(\.adapter) {
                statistics.residentCount += 1
                statistics.residentBytes += adapter.byteCount
            }
            return statistics
        }
    }

    /// What requests under each adapter came to, by name; also under those that are not there any more.
    package var usages: [(name: String, usage: AdapterUsage)] {
        state.withLock { state in
            state.charge(until: .now)
            return state.usages.sorted { $0.key < $1.key }.map { (name: $0.key, usage: $0.value) }
        }
    }

    /// Whether requests may name it.
    package func contains(_ name: String) -> Bool { id(of: name) != nil }

    /// Which adapter has the name now.
    func id(of name: String) -> ID? { state.withLock { $0.id(of: name) } }

    // MARK: Adding and removing

    /// Reads an adapter, and lets requests name it. Blocks for as long as reading takes.
    ///
    /// - Parameter replaces: which one of the same name is replaced; requests that use it end with it.
    @discardableResult
    package func addNow(
        _ reference: AdapterReference,
        replaces: Replacement = .none
    ) throws(AdapterError) -> ID {
        try check(reference.name, replaces)
        let (adapter, origin) = try load(reference, after: nil)
        let entry = AdapterTable.Entry(reference: reference, adapter: adapter, origin: origin)
        let id = change { state in
            state.charge(until: .now)
            return state.add(entry, replaces: replaces)
        }
        guard let id else { throw .nameTaken(name: reference.name, model: model) }
        trim()
        return id
    }

    /// The same without holding up a thread that tasks share.
    @discardableResult
    package func add(
        _ reference: AdapterReference,
        replaces: Replacement = .none
    ) async throws(AdapterError) -> ID {
        let result: Result<ID, AdapterError> = await withCheckedContinuation { continuation in
            reader.async {
                let result = Result { () throws(AdapterError) in try self.addNow(reference, replaces: replaces) }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Takes the name away at once, and returns when the last request that uses the adapter has ended.
    package func remove(_ name: String) async throws(AdapterError) {
        guard let id = takeName({ $0.id(of: name) }) else { throw .unknown(name: name, model: model) }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isGone = state.withLock { state in
                state.entries[id]?.removals?.append(continuation)
                return state.entries[id] == nil
            }
            if isGone { continuation.resume() }
        }
    }

    /// Takes the name away without waiting, where it is still that adapter's. Whether it was.
    package func forget(_ name: String, _ id: ID) -> Bool { takeName { $0.id(of: name) == id ? id : nil } != nil }

    private func takeName(_ find: (AdapterTable) -> ID?) -> ID? {
        change { state in
            guard let id = find(state) else { return nil }
            state.charge(until: .now)
            state.takeName(id)
            return id
        }
    }

    /// Lets adapters come or go. Those that go are freed outside of the lock.
    private func change<Result>(_ body: (inout AdapterTable) -> sending Result) -> Result {
        var gone: [Adapter] = []
        return state.withLock { state in
            defer { swap(&gone, &state.gone) }
            return body(&state)
        }
    }

    /// Whether requests and files can be called so. `MODEL:latest` is the model itself for Ollama's tools.
    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && name != "latest" && name.utf8.count <= 200
            && !name.unicodeScalars.contains { $0 == ":" || $0 == "/" || $0 == "\0" || Character($0).isNewline }
    }

    private func check(_ name: String, _ replaces: Replacement) throws(AdapterError) {
        if base == nil { throw .unsupported(model: model) }
        if !Self.isName(name) { throw .invalidName(name) }
        if let holder = id(of: name), !replaces.allows(holder) { throw .nameTaken(name: name, model: model) }
    }

    // MARK: Use

    /// The adapter called `name` if it is in memory; nil if it is not, or there is none.
    package func residentLease(_ name: String) -> AdapterLease? {
        state.withLock { $0.takeResident(name) }.map { lease($0.adapter, name, $0.id) }
    }

    /// The adapter called `name`, which is read if it is not in memory.
    package func lease(_ name: String) async throws(AdapterError) -> AdapterLease {
        let result: Result<AdapterLease, AdapterError> = await withCheckedContinuation { waiter in
            let next = state.withLock { $0.take(name, waiter) }
            switch next {
            case .unknown: waiter.resume(returning: .failure(.unknown(name: name, model: model)))
            case .crowded: waiter.resume(returning: .failure(.crowded(name: name)))
            case .ready(let adapter, let id): waiter.resume(returning: .success(lease(adapter, name, id)))
            case .wait: break
            case .read(let reference, let id, let origin): reader.async { self.read(reference, id, after: origin) }
            }
        }
        return try result.get()
    }

    private func lease(_ adapter: Adapter, _ name: String, _ id: UInt64) -> AdapterLease {
        AdapterLease(
            adapter,
            share: AdapterShare(name: name, weight: weights[name] ?? 1),
            onCount: { [weak self] usage in self?.state.withLock { $0.count(usage, of: id) } },
            onEnd: { [weak self] in self?.release(id) }
        )
    }

    /// Reads what requests wait for. Those get the error if it cannot be read any more.
    private func read(_ reference: AdapterReference, _ id: UInt64, after origin: AdapterOrigin?) {
        let result = Result { () throws(AdapterError) in try load(reference, after: origin) }
        let waiters = state.withLock { state -> [AdapterTable.Waiter] in
            state.charge(until: .now)
            if case .success(let (adapter, origin)) = result {
                state.entries[id]?.adapter = adapter
                state.entries[id]?.origin = origin
            }
            defer { state.entries[id]?.waiters = [] }
            return state.entries[id]?.waiters ?? []
        }
        trim()
        for waiter in waiters {
            switch result {
            case .success(let (adapter, _)): waiter.resume(returning: .success(lease(adapter, reference.name, id)))
            case .failure(let error):
                release(id)
                waiter.resume(returning: .failure(error))
            }
        }
    }

    private func load(
        _ reference: AdapterReference,
        after origin: AdapterOrigin?
    ) throws(AdapterError) -> (adapter: Adapter, origin: AdapterOrigin?) {
        guard let base else { throw .unsupported(model: model) }
        state.withLock { $0.counted.loads += 1 }
        return try base.load(reference, after: origin, spare: copyMemory)
    }

    private func release(_ id: UInt64) {
        let removals = change { state -> [CheckedContinuation<Void, Never>] in
            state.entries[id]?.useCount -= 1
            guard let removals = state.entries[id]?.removals, state.entries[id]?.useCount == 0 else { return [] }
            state.charge(until: .now)
            state.remove(id)
            return removals
        }
        for removal in removals { removal.resume() }
        trim()
    }

    /// Lets the least recently used leave until the rest is within the budget, or in use.
    private func trim() {
        change { state in
            var bytes = state.entries.values.reduce(0) { $0 + ($1.adapter?.byteCount ?? 0) }
            if bytes > byteBudget { state.charge(until: .now) }
            while bytes > byteBudget, let id = state.leastRecentlyUsed, let adapter = state.entries[id]?.adapter {
                state.entries[id]?.adapter = nil
                state.counted.evictions += 1
                bytes -= adapter.byteCount
                state.gone.append(adapter)
            }
        }
    }
}
