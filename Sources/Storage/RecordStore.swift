import Foundation

/// Something kept for later requests: a response with the items it was made of.
package struct StoredRecord: Sendable, Equatable {
    /// Its name, unique in the store.
    package var id: String
    /// The record whose conversation this one continues.
    package var previousID: String?
    /// The response as JSON text.
    package var body: String
    /// The request's own input items as JSON text, without those of `previousID`.
    package var input: String
    /// Names of the items in `body` and `input`, by which the record can be found.
    package var itemIDs: [String]

    package init(id: String, previousID: String?, body: String, input: String, itemIDs: [String]) {
        self.id = id
        self.previousID = previousID
        self.body = body
        self.input = input
        self.itemIDs = itemIDs
    }

    /// What the record counts towards the store's limit, in bytes.
    package var byteCount: Int { body.utf8.count + input.utf8.count + itemIDs.reduce(0) { $0 + $1.utf8.count } }
}

/// What a store may hold; beyond it, what was not used for longest goes first.
package struct StorageLimits: Sendable, Equatable {
    /// Most records.
    package var recordCount = 100_000
    /// Most bytes of all records together.
    package var byteCount = 1 << 30
    /// How long a record stays that nobody reads.
    package var age: Duration = .seconds(30 * 86_400)

    package init() {}
}

/// Keeps records between requests, within limits of number, size and age.
///
/// A record counts as used when it is written and when it is read, to the minute: reading is seldom writing.
package protocol RecordStore: Sendable {
    /// Keeps `record`, in place of an older one of its name, and lets go of what is beyond the limits.
    func put(_ record: StoredRecord) async throws(StorageError)

    /// The record called `id`; nil when there is none.
    func record(_ id: String) async throws(StorageError) -> StoredRecord?

    /// The record that has an item called `itemID`, the newest of several; nil when there is none.
    func record(withItem itemID: String) async throws(StorageError) -> StoredRecord?

    /// Removes the record called `id`; says whether there was one.
    func remove(_ id: String) async throws(StorageError) -> Bool

    /// Puts everything where it is to last, once nothing is asked of the store any more.
    func shutdown()
}

extension StorageLimits {
    /// How exactly uses are noted.
    static let useInterval: TimeInterval = 60

    /// The age in seconds.
    var ageSeconds: TimeInterval { TimeInterval(age.components.seconds) }
}
