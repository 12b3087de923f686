import Foundation
import FoundationNetworking
import JSON
import Synchronization

/// What a repository holds at one commit.
struct HubListing: Sendable, Equatable {
    /// The commit the revision meant when it was asked for. Files are read at this commit, so that a push between two
    /// files cannot mix versions.
    var commit: String
    /// Licence as the model card names it.
    var licence: String?
    var files: [HubFile]
}

/// Reads repositories of the Hugging Face hub and hubs that speak its protocol.
///
/// Source: the protocol as `huggingface_hub` speaks it: `GET /api/models/<repository>/revision/<revision>?blobs=true`
/// lists files with size, `lfs.sha256` or `blobId`; `GET /<repository>/resolve/<commit>/<file>` gives one, usually by a
/// redirect to a content server.
struct HubClient: Sendable {
    let connection: HubConnection
    let clock: any Clock<Duration>
    /// Bytes of a file that are asked for at a time.
    var rangeLimit = 128 << 20

    init(configuration: HubConfiguration, clock: any Clock<Duration> = ContinuousClock()) {
        connection = HubConnection(configuration: configuration)
        self.clock = clock
    }

    /// Lists what `reference` names.
    func listing(_ reference: HubReference, report: PullReport) async throws(PullError) -> HubListing {
        let revision = reference.revision ?? "main"
        let path = "/api/models/\(reference.repository)/revision/\(Self.escaped(revision))?blobs=true"
        let subject = HubConnection.Subject(path: path, repository: reference.repository, revision: revision)
        var policy = RetryPolicy()
        while true {
            let text = Mutex<Data>(Data())
            let failure: HubConnection.Failure
            do {
                _ = try await connection.get(subject, accept: { _ in text.withLock { $0 = Data() } }) { piece in
                    try text.withLock { text in
                        text.append(piece)
                        if text.count > Self.listingLimit { throw Self.malformed(path, "It is too long.") }
                    }
                }
                return try Self.parse(text.withLock { $0 }, path: path, repository: reference.repository)
            } catch let error as HubConnection.Failure {
                failure = error
            } catch {
                throw Self.pullError(error, path)
            }
            try await wait(&policy, failure, hasProgress: false, report: report)
        }
    }

    /// Appends what is missing of `file` to `partial`; the caller checks the hash.
    func download(
        _ file: HubFile,
        at commit: String,
        of repository: String,
        into partial: PartialFile,
        report: @escaping PullReport
    ) async throws(PullError) {
        let path = "/\(repository)/resolve/\(Self.escaped(commit))/" + Self.escapedPath(file.path)
        let subject = HubConnection.Subject(path: path, repository: repository, revision: commit, file: file.path)
        let transfer = HubTransfer(file: file, partial: partial, report: report, rangeLimit: rangeLimit)
        var policy = RetryPolicy()
        var furthest = partial.byteCount
        while !transfer.isComplete {
            let failure: HubConnection.Failure
            do {
                let end = transfer.nextEnd
                let headers = try transfer.headers()
                let head = try await connection.get(subject, headers: headers, accept: transfer.accept) {
                    try transfer.take($0)
                }
                if try transfer.finished(head) { return }
                if head.statusCode == 206, let end, partial.byteCount == end {
                    (policy, furthest) = (RetryPolicy(), max(furthest, end))
                    continue
                }
                let host = head.url?.host ?? "the hub"
                failure = .init(error: .unreachable(host: host, reason: "the connection ended early"))
            } catch let error as HubConnection.Failure {
                failure = error
            } catch {
                throw Self.pullError(error, path)
            }
            // Only what was never here before counts, or a server that starts over each time would be asked for ever.
            let present = partial.byteCount
            try await wait(&policy, failure, hasProgress: present > furthest, report: report)
            furthest = max(furthest, present)
        }
    }

    private func wait(
        _ policy: inout RetryPolicy,
        _ failure: HubConnection.Failure,
        hasProgress: Bool,
        report: PullReport
    ) async throws(PullError) {
        guard let delay = policy.delay(hasProgress: hasProgress, requestedDelay: failure.requestedDelay) else {
            throw .hub(failure.error)
        }
        report(.retrying(reason: failure.error.description, delay: delay))
        do {
            try await clock.sleep(for: delay)
        } catch {
            throw .store(.cancelled)
        }
    }

    /// Bytes a listing may have.
    private static let listingLimit = 64 << 20

    private static func malformed(_ path: String, _ reason: String) -> PullError {
        .hub(.malformedAnswer(url: path, reason: reason))
    }

    private static func pullError(_ error: any Error, _ path: String) -> PullError {
        switch error {
        case let error as PullError: error
        case let error as StoreError: .store(error)
        case is CancellationError: .store(.cancelled)
        default: malformed(path, error.localizedDescription)
        }
    }

    /// Reads a listing. What of it is shown has no control characters, and its sizes can be added up.
    ///
    /// - Parameter path: what was asked for, for errors.
    static func parse(_ data: Data, path: String, repository: String) throws(PullError) -> HubListing {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: Array(data))
        } catch {
            throw malformed(path, error.description)
        }
        guard let siblings = json["siblings"]?.arrayValue else { throw malformed(path, "It lists no \"siblings\".") }
        let commit = PlainText.shown(json["sha"]?.stringValue ?? "main")
        var files: [HubFile] = []
        var total = 0
        for sibling in siblings {
            guard let name = sibling["rfilename"]?.stringValue else { throw malformed(path, "A file has no name.") }
            guard StoredPath.isSafe(name) else { throw .hub(.unsafePath(repository: repository, file: name)) }
            let size = try Self.size(of: sibling, called: name, path)
            total += size ?? 0
            if total > ModelManifest.totalLimit {
                throw malformed(path, "The sizes of its files add up to more than a disk can have.")
            }
            let check = Self.check(of: sibling, origin: "\(repository)@\(commit)/\(name)")
            files.append(HubFile(path: name, byteCount: size, check: check))
        }
        let licence = json["cardData"]?["license"]?.stringValue
        return HubListing(commit: commit, licence: licence.map(PlainText.shown), files: files)
    }

    /// The size that the listing tells of a file; nil when it tells none.
    private static func size(of sibling: JSONValue, called name: String, _ path: String) throws(PullError) -> Int? {
        for value in [sibling["lfs"]?["size"], sibling["size"]] {
            guard let value, !value.isNull else { continue }
            guard let size = value.integerValue, ModelManifest.fileSizes.contains(size) else {
                throw malformed(path, "The size of \(name) is no number of bytes that a file can have.")
            }
            return size
        }
        return nil
    }

    private static func check(of sibling: JSONValue, origin: String) -> ContentCheck {
        let large = sibling["lfs"]
        if let hash = large?["sha256"]?.stringValue.flatMap(ContentHash.init) { return .sha256(hash) }
        if large?.objectValue == nil, let blob = sibling["blobId"]?.stringValue, isGitIdentifier(blob) {
            return .gitBlob(blob)
        }
        return .origin(origin)
    }

    private static func isGitIdentifier(_ text: String) -> Bool {
        text.utf8.count == 40 && text.allSatisfy { $0.isHexDigit && $0.isASCII }
    }

    private static func escapedPath(_ path: String) -> String {
        path.split(separator: "/").map { escaped(String($0)) }.joined(separator: "/")
    }

    /// One path component with everything but unreserved characters escaped (RFC 3986, 2.3).
    private static func escaped(_ component: String) -> String {
        var allowed = CharacterSet(charactersIn: "a"..."z")
        allowed.insert(charactersIn: "A"..."Z")
        allowed.insert(charactersIn: "0"..."9")
        allowed.insert(charactersIn: "-._~")
        return component.addingPercentEncoding(withAllowedCharacters: allowed) ?? component
    }
}
