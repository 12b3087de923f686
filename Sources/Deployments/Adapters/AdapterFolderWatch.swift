import Foundation
package import Logging

/// Keeps the adapters of a model as a folder has them: what is put into it can be named, what is taken away cannot.
package actor AdapterFolderWatch {
    private let folder: AdapterFolder
    private let registry: AdapterRegistry
    private let logger: Logger
    /// What was seen, by path: whether or not it could be read, so that nothing is told twice. A folder and a file may want
    /// the same name; whichever came first has it.
    private var seen: [String: (name: String, stamp: String, isAdded: Bool)] = [:]
    /// What may still be being written, by path.
    private var unsettled: [String: String] = [:]

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

    /// Looks once. Something that could not be read is told in the log; what was there before stays.
    package func scan() async {
        let entries = folder.entries
        let present = Set(entries.map(\.reference.path))
        for (path, past) in seen where !present.contains(path) {
            seen[path] = nil
            guard past.isAdded else { continue }
            if registry.forget(past.name) { note("adapter removed", past.name) }
            // What was refused for the name may have it now.
            seen = seen.filter { $0.value.name != past.name }
        }
        for entry in entries where seen[entry.reference.path]?.stamp != entry.stamp { await take(entry) }
    }

    private func take(_ entry: AdapterFolder.Entry) async {
        let (name, path) = (entry.reference.name, entry.reference.path)
        if entry.modified.timeIntervalSinceNow > -Self.settlingTime, unsettled[path] != entry.stamp {
            unsettled[path] = entry.stamp
            return
        }
        unsettled[path] = nil
        let wasAdded = seen[path]?.isAdded ?? false
        do throws(AdapterError) {
            try await registry.add(entry.reference, replaces: wasAdded)
            seen[path] = (name, entry.stamp, true)
            note(wasAdded ? "adapter replaced" : "adapter added", name)
        } catch {
            seen[path] = (name, entry.stamp, wasAdded)
            logger.warning("adapter not added", metadata: ["adapter": "\(name)", "reason": "\(error)"])
        }
    }

    private func note(_ message: String, _ name: String) {
        logger.info("\(message)", metadata: ["adapter": "\(name)", "folder": "\(folder.path)"])
    }
}
