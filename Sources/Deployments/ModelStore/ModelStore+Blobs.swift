/// A file that is wanted in the store.
struct BlobRequest: Sendable, Equatable {
    /// What it is called in messages.
    var name: String
    /// Its size, nil when the source does not tell.
    var byteCount: Int?
    var check: ContentCheck
    /// The model it is for, when the caller holds that model's lock: until the model has its manifest, nothing else
    /// protects the blob.
    var model: String?
}

extension ModelStore {
    /// Brings one file into the store, unless it is there already.
    ///
    /// One process at a time works on a file; others wait and find it there. What an interrupted one left is gone on
    /// with. When the result of going on is wrong, the fault may lie with the old part, so the file is read once more
    /// from its first byte before that is an error.
    ///
    /// - Parameter fill: appends what is missing.
    /// - Returns: the SHA-256, which names the blob.
    func fetchBlob(
        _ request: BlobRequest,
        report: PullReport,
        fill: (PartialFile) async throws(PullError) -> Void
    ) async throws(PullError) -> ContentHash {
        let lock = try await blobLock(request, report: report)
        defer { withExtendedLifetime(lock) {} }
        if case .sha256(let hash) = request.check, hasBlob(hash, byteCount: request.byteCount) {
            if let model = request.model { claim(hash, for: model) }
            report(.finished(file: request.name))
            return hash
        }
        var partial = try openPartial(request)
        let presentBytes = partial.byteCount
        report(.started(file: request.name, presentBytes: presentBytes, byteCount: request.byteCount))
        try await fill(partial)
        var hash: ContentHash
        do {
            hash = try verify(partial, request)
        } catch {
            if presentBytes == 0 { throw error }
            partial = try openPartial(request)
            report(.started(file: request.name, presentBytes: 0, byteCount: request.byteCount))
            try await fill(partial)
            hash = try verify(partial, request)
        }
        if let model = request.model { claim(hash, for: model) }
        do {
            try partial.finish(at: blobPath(hash))
        } catch {
            throw .store(error)
        }
        report(.finished(file: request.name))
        return hash
    }

    /// Checks that what is missing of all these files fits: of a model in parts, the last one would find out hours later.
    func requireSpace(for files: [(check: ContentCheck, byteCount: Int?)]) throws(StoreError) {
        // Files of equal content are one.
        var missing: [String: Int] = [:]
        for case (let check, let byteCount?) in files {
            if case .sha256(let hash) = check, hasBlob(hash, byteCount: byteCount) { continue }
            missing[check.key] = max(0, byteCount - (AtomicFile.byteCount(of: partialPath(check)) ?? 0))
        }
        let byteCount = missing.values.reduce(0, +)
        if byteCount > 0 { try requireSpace(byteCount) }
    }

    private func partialPath(_ check: ContentCheck) -> String { "\(root)/blobs/\(check.key).partial" }

    private func hasBlob(_ hash: ContentHash, byteCount: Int?) -> Bool {
        guard let present = AtomicFile.byteCount(of: blobPath(hash)) else { return false }
        return byteCount == nil || present == byteCount
    }

    private func blobLock(_ request: BlobRequest, report: PullReport) async throws(PullError) -> FileLock {
        do {
            return try await lock("blob-" + request.check.key) { report(.waiting(request.name)) }
        } catch {
            throw .store(error)
        }
    }

    private func openPartial(_ request: BlobRequest) throws(PullError) -> PartialFile {
        do {
            let partial = try PartialFile(path: partialPath(request.check))
            if let byteCount = request.byteCount {
                if partial.byteCount > byteCount { try partial.restart() }
                try requireSpace(byteCount - partial.byteCount)
            }
            return partial
        } catch {
            throw .store(error)
        }
    }

    private func verify(_ partial: PartialFile, _ request: BlobRequest) throws(PullError) -> ContentHash {
        do {
            return try partial.verify(name: request.name, byteCount: request.byteCount, check: request.check)
        } catch {
            throw .store(error)
        }
    }
}
