package import Foundation
import Synchronization

/// Keeps records in memory, until the process ends.
package final class MemoryStore: RecordStore {
    private struct Entry {
        var record: StoredRecord
        var lastUse: Date
        /// Grows with every write, so that uses of one moment have an order.
        var number: UInt64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var byteCount = 0
        var writeCount: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limits: StorageLimits
    private let now: @Sendable () -> Date

    /// - Parameter now: the time of day.
    package init(limits: StorageLimits = StorageLimits(), now: @escaping @Sendable () -> Date = { Date() }) {
        self.limits = limits
        self.now = now
    }

    /// Nothing lasts.
    package func shutdown() {}

    /// Keeps `record`; see `RecordStore`.
    package func put(_ record: StoredRecord) async throws(StorageError) {
        guard record.byteCount <= limits.byteCount else {
            throw .tooLarge(byteCount: record.byteCount, limit: limits.byteCount)
        }
        let now = now()
        state.withLock { state in
            state.writeCount += 1
            state.byteCount += record.byteCount - (state.entries[record.id]?.record.byteCount ?? 0)
            state.entries[record.id] = Entry(record: record, lastUse: now, number: state.writeCount)
            trim(&state, now: now)
        }
    }

    /// The record called `id`; see `RecordStore`.
    package func record(_ id: String) async throws(StorageError) -> StoredRecord? {
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries[id], !isOld(entry, now: now) else { return nil }
            state.entries[id]?.lastUse = now
            return entry.record
        }
    }

    /// The newest record that has an item called `itemID`; see `RecordStore`.
    package func record(withItem itemID: String) async throws(StorageError) -> StoredRecord? {
        let now = now()
        return state.withLock { state in
            let holders = state.entries.values.filter { $0.record.itemIDs.contains(itemID) && !isOld($0, now: now) }
            guard let newest = holders.max(by: { $0.number < $1.number }) else { return nil }
            state.entries[newest.record.id]?.lastUse = now
            return newest.record
        }
    }

    /// Removes the record called `id`; see `RecordStore`.
    package func remove(_ id: String) async throws(StorageError) -> Bool {
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: id) else { return false }
            state.byteCount -= entry.record.byteCount
            return !isOld(entry, now: now)
        }
    }

    private func isOld(_ entry: Entry, now: Date) -> Bool {
        now.timeIntervalSince(entry.lastUse) > limits.ageSeconds
    }

    private func trim(_ state: inout State, now: Date) {
        for (id, entry) in state.entries where isOld(entry, now: now) {
            state.entries[id] = nil
            state.byteCount -= entry.record.byteCount
        }
        guard state.byteCount > limits.byteCount || state.entries.count > limits.recordCount else { return }
        let byUse = state.entries.values.sorted { ($0.lastUse, $0.number) < ($1.lastUse, $1.number) }
        for entry in byUse {
            if state.byteCount <= limits.byteCount, state.entries.count <= limits.recordCount { return }
            state.entries[entry.record.id] = nil
            state.byteCount -= entry.record.byteCount
        }
    }
}
