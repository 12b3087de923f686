package import Foundation
import GRDB

/// Keeps records in a SQLite file, across restarts. Several processes may share the file.
///
/// SQLite's calls block, so they run on the database's own queue, and callers wait without holding a thread.
package final class SQLiteStore: RecordStore {
    /// The database's file.
    package let path: String
    private let limits: StorageLimits
    private let now: @Sendable () -> Date
    private let database: DatabaseQueue

    /// Opens the database at `path`, makes it when there is none, and brings an older one up to date.
    ///
    /// The file is its owner's alone: it holds what prompts and answers said.
    ///
    /// - Parameter now: the time of day.
    package init(
        path: String,
        limits: StorageLimits = StorageLimits(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(StorageError) {
        self.path = path
        self.limits = limits
        self.now = now
        try Self.makeFile(path)
        do {
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(10)
            // What is removed is overwritten: it may have been private.
            configuration.prepareDatabase {
                try $0.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON")
            }
            database = try DatabaseQueue(path: path, configuration: configuration)
            let schema = Self.schema
            let isNewer = try database.read { try schema.hasBeenSuperseded($0) }
            if isNewer { throw StorageError.newer(path: path) }
            try schema.migrate(database)
            try database.write { try Self.trim($0, limits, now: now()) }
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// Writes what stands in the log into the file, which is then whole by itself. A store that is busy elsewhere keeps its log.
    package func shutdown() { try? database.close() }

    /// Keeps `record`; see `RecordStore`.
    package func put(_ record: StoredRecord) async throws(StorageError) {
        guard record.byteCount <= limits.byteCount else {
            throw .tooLarge(byteCount: record.byteCount, limit: limits.byteCount)
        }
        let (limits, now) = (limits, now())
        try await write { database in
            try Self.insert(record, into: database, now: now)
            try Self.trim(database, limits, now: now)
        }
    }

    /// The record called `id`; see `RecordStore`.
    package func record(_ id: String) async throws(StorageError) -> StoredRecord? {
        try await used("SELECT * FROM record WHERE id = ? AND lastUse >= ?", id)
    }

    /// The newest record that has an item called `itemID`; see `RecordStore`.
    package func record(withItem itemID: String) async throws(StorageError) -> StoredRecord? {
        try await used(
            """
            SELECT record.* FROM record JOIN item ON item.recordID = record.id
            WHERE item.id = ? AND lastUse >= ? ORDER BY record.rowid DESC LIMIT 1
            """,
            itemID
        )
    }

    /// Removes the record called `id`; see `RecordStore`.
    package func remove(_ id: String) async throws(StorageError) -> Bool {
        let oldest = oldestUse
        return try await write { database in
            let isThere = try Bool.fetchOne(
                database,
                sql: "SELECT lastUse >= ? FROM record WHERE id = ?",
                arguments: [oldest, id]
            )
            try database.execute(sql: "DELETE FROM record WHERE id = ?", arguments: [id])
            return isThere ?? false
        }
    }

    /// The record that `query` finds for `id`, whose use is noted.
    private func used(_ query: String, _ id: String) async throws(StorageError) -> StoredRecord? {
        let now = now().timeIntervalSince1970
        let arguments: StatementArguments = [id, oldestUse]
        let found = try await perform { [database] done in
            database.asyncRead { result in
                done(
                    Result {
                        let row = try Row.fetchOne(try result.get(), sql: query, arguments: arguments)
                        return try row.map { (try Self.record($0), try Self.value($0, "lastUse", as: Double.self)) }
                    }
                )
            }
        }
        guard let (record, lastUse) = found else { return nil }
        if now - lastUse >= StorageLimits.useInterval {
            // What was read is good where nothing can be written: on a full disk, or while another process writes.
            try? await write { database in
                try database.execute(sql: "UPDATE record SET lastUse = ? WHERE id = ?", arguments: [now, record.id])
            }
        }
        return record
    }

    /// The time, in seconds since 1970, before which records count as gone.
    private var oldestUse: Double { now().timeIntervalSince1970 - limits.ageSeconds }

    /// Runs `body` as one transaction. A caller that goes away does not undo it.
    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StorageError) -> Value {
        try await perform { [database] done in database.asyncWrite(body) { _, result in done(result) } }
    }

    private func perform<Value: Sendable>(
        _ work: (@escaping @Sendable (Result<Value, any Error>) -> Void) -> Void
    ) async throws(StorageError) -> Value {
        let result = await withCheckedContinuation { continuation in
            work { continuation.resume(returning: $0) }
        }
        do {
            return try result.get()
        } catch {
            throw StorageError(error, path: path)
        }
    }
}

extension SQLiteStore {
    /// Every version of the tables, in order: only ever added to.
    private static var schema: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 records") { database in
            try database.execute(
                sql: """
                    CREATE TABLE record (
                        id TEXT NOT NULL PRIMARY KEY,
                        previousID TEXT,
                        body TEXT NOT NULL,
                        input TEXT NOT NULL,
                        itemIDs TEXT NOT NULL,
                        byteCount INTEGER NOT NULL,
                        lastUse REAL NOT NULL
                    );
                    CREATE INDEX recordByUse ON record (lastUse, byteCount);
                    CREATE TABLE item (
                        id TEXT NOT NULL,
                        recordID TEXT NOT NULL REFERENCES record (id) ON DELETE CASCADE,
                        PRIMARY KEY (id, recordID)
                    ) WITHOUT ROWID;
                    CREATE INDEX itemByRecord ON item (recordID);
                    """
            )
        }
        return migrator
    }

    /// Makes the folder and an empty file, so that nobody else may read what will stand there.
    private static func makeFile(_ path: String) throws(StorageError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .unwritable(path: path, reason: "its folder cannot be made")
        }
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
        close(file)
    }

    private static func insert(_ record: StoredRecord, into database: Database, now: Date) throws {
        try database.execute(sql: "DELETE FROM record WHERE id = ?", arguments: [record.id])
        try database.execute(
            sql: "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                record.id, record.previousID, record.body, record.input, record.itemIDs.joined(separator: "\n"),
                record.byteCount, now.timeIntervalSince1970,
            ]
        )
        for item in Set(record.itemIDs) {
            try database.execute(sql: "INSERT INTO item VALUES (?, ?)", arguments: [item, record.id])
        }
    }

    private static func record(_ row: Row) throws -> StoredRecord {
        StoredRecord(
            id: try value(row, "id"),
            previousID: String.fromDatabaseValue(row["previousID"]),
            body: try value(row, "body"),
            input: try value(row, "input"),
            itemIDs: try value(row, "itemIDs", as: String.self).split(separator: "\n").map { String($0) }
        )
    }

    /// What stands in a column. SQLite lets anything stand there, and a file is not to be trusted.
    private static func value<Value: DatabaseValueConvertible>(
        _ row: Row,
        _ column: String,
        as type: Value.Type = Value.self
    ) throws -> Value {
        if let value = Value.fromDatabaseValue(row[column]) { return value }
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the column \(column) holds no \(Value.self)")
    }

    /// Removes what is too old, then what was not used for longest, until the rest is within the limits.
    private static func trim(_ database: Database, _ limits: StorageLimits, now: Date) throws {
        let oldest = now.timeIntervalSince1970 - limits.ageSeconds
        try database.execute(sql: "DELETE FROM record WHERE lastUse < ?", arguments: [oldest])
        let totals = try Row.fetchOne(database, sql: "SELECT COUNT(*), TOTAL(byteCount) FROM record")
        guard let totals, totals[0] > limits.recordCount || totals[1] > Double(limits.byteCount) else { return }
        try database.execute(
            sql: """
                DELETE FROM record WHERE rowid IN (
                    SELECT rowid FROM (
                        SELECT rowid, SUM(byteCount) OVER recent AS bytes, ROW_NUMBER() OVER recent AS number
                        FROM record WINDOW recent AS (ORDER BY lastUse DESC, rowid DESC)
                    ) WHERE bytes > ? OR number > ?
                )
                """,
            arguments: [limits.byteCount, limits.recordCount]
        )
    }
}

extension StorageError {
    /// What SQLite's `error` means for whoever runs the server.
    fileprivate init(_ error: any Error, path: String) {
        if let error = error as? StorageError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .failed(path: path, reason: String(describing: error))
            return
        }
        let reason = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self = .damaged(path: path, reason: reason)
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            self = .unwritable(path: path, reason: reason)
        case .SQLITE_FULL: self = .full(path: path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path)
        case .SQLITE_TOOBIG, .SQLITE_IOERR: self = .failed(path: path, reason: reason)
        default: self = .failed(path: path, reason: reason)
        }
    }
}
