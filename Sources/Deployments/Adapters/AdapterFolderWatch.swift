import Checkpoints
import Foundation
package import Logging

/// Keeps the adapters of a model as a folder has them: what is put into it can be named, what is taken away cannot.
package actor AdapterFolderWatch {
    private let folder: AdapterFolder
    private let registry: AdapterRegistry
    private let logger: Logger
    /// An adapter of the folder as it was when one looked last: whether or not it could be read, so that nothing is told twice.
    private struct Sight {
        var name: String
        var stamp: String
        /// What the registry calls it; nil for one that could not be added, or that another has replaced.
        var id: AdapterRegistry.ID?
        /// Whether another has its name: a folder and a file may want the same one, or somebody else gave it away before.
        var awaitsName = false
    }

    /// By path.
    private var seen: [String: Sight] = [:]
    /// What may still be being written, by path.
    private var unsettled: [String: String] = [:]
    /// The stamps of folders without factors that were told, by path.
    private var incomplete: [String: String] = [:]
    /// Whether the folder could not be listed at the last look.
    private var isUnreadable = false

    /// Files that nobody has written to for so long are whole.
    private static let settlingTime: TimeInterval = 1

    package init(folder: AdapterFolder, registry: AdapterRegistry, logger: Logger) {
        self.folder = folder
        self.registry = registry
        self.logger = logger
    }

    /// Looks again and again until the task is cancelled.
    package func run(every interval: Duration = .seconds(2)) async {
        while (try? await Task.sleep(for: interval)) != nil { await scan() }
    }

    /// Looks once. Something that could not be read is told in the log; what was there before stays in memory for as long as
    /// the budget lets it. A folder that cannot be listed has what it had.
    package func scan() async {
        let found: [AdapterFolder.Entry]
        do {
            found = try folder.entries()
            isUnreadable = false
        } catch {
            if !isUnreadable {
                logger.warning(
                    "adapter folder not read",
                    metadata: ["folder": "\(folder.path)", "reason": "\(error.localizedDescription)"]
                )
            }
            isUnreadable = true
            return
        }
        for entry in found where !entry.isWhole { tellOnce(entry) }
        let entries = found.filter(\.isWhole)
        let present = Set(entries.map(\.reference.path))
        for (path, past) in seen where !present.contains(path) && AdapterFolder.isGone(path) {
            seen[path] = nil
            if let id = past.id, registry.forget(past.name, id) { note("adapter removed", past.name) }
        }
        for entry in entries {
            noteReplacement(at: entry.reference.path)
            let past = seen[entry.reference.path]
            let mayHaveName = past?.awaitsName == true && !registry.contains(entry.reference.name)
            if past?.stamp != entry.stamp || mayHaveName { await take(entry) }
        }
    }

    /// Lets an adapter that another has replaced wait for its name. One that was only unloaded stays away until its
    /// files change.
    private func noteReplacement(at path: String) {
        guard let past = seen[path], let id = past.id, let holder = registry.id(of: past.name) else { return }
        if holder == id { return }
        seen[path]?.id = nil
        seen[path]?.awaitsName = true
    }

    /// Whether an entry is as it was at the last look, or has not been written to for a while.
    private func isSettled(_ entry: AdapterFolder.Entry) -> Bool {
        let path = entry.reference.path
        if entry.modified.timeIntervalSinceNow > -Self.settlingTime, unsettled[path] != entry.stamp {
            unsettled[path] = entry.stamp
            return false
        }
        unsettled[path] = nil
        return true
    }

    /// Says why a folder without factors is none, the first time that it is seen so.
    private func tellOnce(_ entry: AdapterFolder.Entry) {
        let path = entry.reference.path
        if incomplete[path] == entry.stamp || !isSettled(entry) { return }
        incomplete[path] = entry.stamp
        do {
            _ = try AdapterCheckpoint(path: path)
        } catch {
            refuse(entry.reference.name, error.description)
        }
    }

    private func refuse(_ name: String, _ reason: String) {
        logger.warning("adapter not added", metadata: ["adapter": "\(name)", "reason": "\(reason)"])
    }

    private func take(_ entry: AdapterFolder.Entry) async {
        let (name, path) = (entry.reference.name, entry.reference.path)
        if !isSettled(entry) { return }
        let old = seen[path]?.id
        do throws(AdapterError) {
            let id = try await registry.add(entry.reference, replaces: old.map { .only($0) } ?? .none)
            seen[path] = Sight(name: name, stamp: entry.stamp, id: id)
            note(old == nil ? "adapter added" : "adapter replaced", name)
        } catch {
            var isTaken = false
            if case .nameTaken = error { isTaken = true }
            seen[path] = Sight(name: name, stamp: entry.stamp, id: old, awaitsName: isTaken)
            refuse(name, error.description)
        }
    }

    private func note(_ message: String, _ name: String) {
        logger.info("\(message)", metadata: ["adapter": "\(name)", "folder": "\(folder.path)"])
    }
}
