import Checkpoints
import Foundation
package import Models

/// A folder whose entries are adapters: PEFT folders, called as they are, and GGUF files, called as they are without the ending.
///
/// Entries that begin with a dot are none, so that one can be written under such a name and then renamed.
package struct AdapterFolder: Sendable, Equatable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The folder of a model's adapters in a store.
    package init(store: ModelStore, model: String) {
        path = "\(store.root)/adapters/\(model.replacingOccurrences(of: "/", with: "--"))"
    }

    /// An adapter in the folder, as it was when one looked.
    struct Entry: Sendable, Equatable {
        var reference: AdapterReference
        /// Changes when a file of it does.
        var stamp: String
        /// When a file of it was written last.
        var modified: Date
        /// False for a folder that has an adapter's configuration and no factors, or those in a form that is not read.
        var isWhole: Bool
    }

    /// The adapters that are there, in the order of their names.
    package var references: [AdapterReference] { ((try? entries()) ?? []).filter(\.isWhole).map(\.reference) }

    /// What is there, whole or not; none where there is no such folder. Throws where the folder cannot be listed now, as with too
    /// many open files, which says nothing of what is in it.
    func entries() throws -> [Entry] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch CocoaError.fileReadNoSuchFile {
            return []
        } catch {
            if let state = FileState(path: path), !state.isFolder { return [] }
            throw error
        }
        return names.sorted().compactMap { name in name.hasPrefix(".") ? nil : entry(name) }
    }

    // Asked of the system itself: Foundation's attributes look up the names of owners too, and a thousand adapters that are looked
    // at every other second took a thirtieth of a core.
    private func entry(_ fileName: String) -> Entry? {
        let full = path + "/" + fileName
        guard let state = FileState(path: full) else { return nil }
        let isFile = fileName.hasSuffix(".gguf") && !state.isFolder
        let states = isFile ? [state] : Self.parts.compactMap { FileState(path: "\(full)/\($0)") }
        guard isFile || FileState(path: "\(full)/\(Self.parts[0])") != nil else { return nil }
        let name = isFile ? String(fileName.dropLast(".gguf".count)) : fileName
        return Entry(
            reference: AdapterReference(name: name, path: full),
            stamp: states.map(\.description).joined(separator: " "),
            modified: Date(timeIntervalSince1970: states.map(\.modified).max() ?? 0),
            isWhole: isFile || states.count == Self.parts.count
        )
    }

    /// Whether an adapter that was at `path` is not there any more. False where that cannot be told.
    static func isGone(_ path: String) -> Bool {
        if FileState.isMissing(path) { return true }
        guard let state = FileState(path: path), state.isFolder else { return false }
        return parts.contains { FileState.isMissing("\(path)/\($0)") }
    }

    /// What a link leads to: the hub's own cache has links to files elsewhere, relative ones.
    private static func target(of path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The files that make a PEFT folder an adapter.
    private static let parts = ["adapter_config.json", "adapter_model.safetensors"]

    /// Copies an adapter into the folder, once it is known to fit.
    ///
    /// - Parameters:
    ///   - reference: what it is to be called, and where it is now.
    ///   - base: the model that it must fit.
    package func add(_ reference: AdapterReference, for base: AdapterBase) throws(AdapterError) {
        let name = reference.name
        guard AdapterRegistry.isName(name) else { throw .invalidName(name) }
        if references.contains(where: { $0.name == name }) {
            throw .unusable(
                reason: "There is an adapter called '\(name)' already: remove it first, or choose another name."
            )
        }
        _ = try base.load(reference)
        do {
            try copy(reference)
        } catch {
            throw .unusable(reason: "\(reference.path) cannot be copied to \(path): \(error.localizedDescription)")
        }
    }

    private func copy(_ reference: AdapterReference) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        removeAbandoned()
        let partial = "\(path)/.\(reference.name).\(UUID().uuidString)"
        defer { try? files.removeItem(atPath: partial) }
        var isFolder: ObjCBool = false
        _ = files.fileExists(atPath: reference.path, isDirectory: &isFolder)
        // Always a folder, whose date tells when the copy began: that of a copied file may be its source's.
        try files.createDirectory(atPath: partial, withIntermediateDirectories: false)
        if isFolder.boolValue {
            for part in Self.parts {
                try files.copyItem(atPath: Self.target(of: "\(reference.path)/\(part)"), toPath: "\(partial)/\(part)")
            }
            try files.moveItem(atPath: partial, toPath: "\(path)/\(reference.name)")
        } else {
            let copy = "\(partial)/\(reference.name).gguf"
            try files.copyItem(atPath: Self.target(of: reference.path), toPath: copy)
            try files.moveItem(atPath: copy, toPath: "\(path)/\(reference.name).gguf")
        }
    }

    /// Deletes what copies that were ended on their way have left, a day after they began.
    private func removeAbandoned() {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] where Self.isPartial(name) {
            let full = "\(path)/\(name)"
            guard let state = FileState(path: full) else { continue }
            if Date().timeIntervalSince1970 - state.modified > 86_400 { try? files.removeItem(atPath: full) }
        }
    }

    /// Whether an entry is called as a folder whose files are being copied: a dot, the adapter's name, a dot and a UUID.
    private static func isPartial(_ name: String) -> Bool {
        guard name.hasPrefix("."), let end = name.lastIndex(of: "."), end != name.startIndex else { return false }
        return UUID(uuidString: String(name[name.index(after: end)...])) != nil
    }

    /// Deletes an adapter from the folder.
    package func remove(_ name: String) throws(AdapterError) {
        guard let found = references.first(where: { $0.name == name }) else {
            throw .unusable(reason: "There is no adapter called '\(name)' in \(path).")
        }
        do {
            try FileManager.default.removeItem(atPath: found.path)
        } catch {
            throw .unusable(reason: "\(found.path) cannot be deleted: \(error.localizedDescription)")
        }
    }
}
