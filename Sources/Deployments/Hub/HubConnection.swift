import Foundation
import FoundationNetworking

/// Requests to the hub with its redirects, its error codes and its token.
struct HubConnection: Sendable {
    let configuration: HubConfiguration
    private let session: HTTPSession

    init(configuration: HubConfiguration) {
        self.configuration = configuration
        session = HTTPSession(idleTimeout: configuration.idleTimeout)
    }

    /// How an exchange went that did not bring what was asked, and is worth another try.
    struct Failure: Error {
        var error: HubError
        /// How long the server wants to be left alone.
        var requestedDelay: Duration?
    }

    /// What is asked for: the path under the endpoint, and for errors, the repository and what of it.
    struct Subject: Sendable {
        var path: String
        var repository: String
        var revision: String
        var file: String?
    }

    /// GETs `subject`, following redirects.
    ///
    /// - Parameters:
    ///   - headers: sent to every host on the way.
    ///   - accept: sees the head of a final answer with status 200 or 206.
    ///   - body: takes its body.
    /// - Returns: the final head: 200, 206 or 416.
    /// - Throws: `Failure` when trying again makes sense, `PullError` when it does not.
    func get(
        _ subject: Subject,
        headers: [String: String] = [:],
        accept: @escaping @Sendable (HTTPURLResponse) throws -> Void,
        body: @escaping @Sendable (Data) throws -> Void
    ) async throws -> HTTPURLResponse {
        guard var url = URL(string: configuration.endpoint.absoluteString + subject.path) else {
            throw PullError.hub(.malformedAnswer(url: subject.path, reason: "The path makes no address."))
        }
        var mayAuthorize = true
        for _ in 0..<10 {
            mayAuthorize = mayAuthorize && Self.origin(url) == Self.origin(configuration.endpoint)
            let request = request(url, headers: headers, authorized: mayAuthorize)
            let head = try await exchange(request, accept: accept, body: body)
            guard (301...308).contains(head.statusCode), head.statusCode != 304 else {
                try check(head, url: url, subject, isHub: mayAuthorize)
                return head
            }
            url = try redirectTarget(of: head, from: url)
        }
        throw PullError.hub(.badRedirect(url: subject.path, reason: "it leads on ten times"))
    }

    private func request(_ url: URL, headers: [String: String], authorized: Bool) -> URLRequest {
        var request = URLRequest(url: url)
        request.setValue("hearth", forHTTPHeaderField: "User-Agent")
        // Ranges count the bytes that are sent, so nothing may compress them on the way.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if authorized, let token = configuration.token {
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        }
        return request
    }

    private func exchange(
        _ request: URLRequest,
        accept: @escaping @Sendable (HTTPURLResponse) throws -> Void,
        body: @escaping @Sendable (Data) throws -> Void
    ) async throws -> HTTPURLResponse {
        do {
            return try await session.get(
                request,
                accept: { head in
                    guard [200, 206].contains(head.statusCode) else { return false }
                    try accept(head)
                    return true
                },
                body: body
            )
        } catch let error as URLError {
            if Task.isCancelled { throw PullError.store(.cancelled) }
            let host = request.url?.host ?? "the hub"
            throw Failure(error: .unreachable(host: host, reason: Self.reason(error)))
        }
    }

    /// Throws what a status other than success means.
    private func check(_ head: HTTPURLResponse, url: URL, _ subject: Subject, isHub: Bool) throws {
        let shownURL = url.withoutSecrets
        switch head.statusCode {
        case 200, 206, 416: return
        // Another host, which the hub leads to, knows nothing of rights and got no token.
        case 401 where isHub, 403 where isHub, 404, 410: throw PullError.hub(accessError(head, subject))
        case 429:
            let delay = Self.retryAfter(head)
            let seconds = delay.map { Int($0.components.seconds) }
            throw Failure(error: .rateLimited(retryAfterSeconds: seconds), requestedDelay: delay)
        case 408, 500...599:
            let error = HubError.serverFailure(status: head.statusCode, url: shownURL)
            throw Failure(error: error, requestedDelay: Self.retryAfter(head))
        default: throw PullError.hub(.unexpectedStatus(status: head.statusCode, url: shownURL))
        }
    }

    /// The hub tells what it means by 401, 403 and 404 in `X-Error-Code`; without it the likeliest is taken.
    private func accessError(_ head: HTTPURLResponse, _ subject: Subject) -> HubError {
        let hasToken = configuration.token != nil
        let page = "\(configuration.endpoint.withoutSecrets)/\(subject.repository)"
        let gated = HubError.gated(repository: subject.repository, page: page, hasToken: hasToken)
        let missing = HubError.repositoryNotFound(repository: subject.repository, hasToken: hasToken)
        switch head.value(forHTTPHeaderField: "X-Error-Code") {
        case "GatedRepo": return gated
        case "RepoNotFound": return missing
        case "RevisionNotFound":
            return .revisionNotFound(repository: subject.repository, revision: subject.revision)
        case "EntryNotFound": return .fileNotFound(repository: subject.repository, file: subject.file ?? "")
        default: break
        }
        switch head.statusCode {
        case 401: return hasToken ? .tokenRefused : missing
        case 403: return gated
        default: return subject.file.map { .fileNotFound(repository: subject.repository, file: $0) } ?? missing
        }
    }

    private func redirectTarget(of head: HTTPURLResponse, from url: URL) throws -> URL {
        let shown = url.withoutSecrets
        guard let location = head.value(forHTTPHeaderField: "Location"),
            let target = URL(string: location, relativeTo: url)?.absoluteURL,
            let scheme = target.scheme?.lowercased(), ["http", "https"].contains(scheme), target.host != nil
        else { throw PullError.hub(.badRedirect(url: shown, reason: "it names no address")) }
        if url.scheme?.lowercased() == "https", scheme == "http" {
            throw PullError.hub(.badRedirect(url: shown, reason: "it leads from https to http"))
        }
        return target
    }

    /// `Retry-After` as a duration, from seconds or a date.
    private static func retryAfter(_ head: HTTPURLResponse) -> Duration? {
        guard let value = head.value(forHTTPHeaderField: "Retry-After") else { return nil }
        if let seconds = Int(value.trimmingCharacters(in: .whitespaces)) { return .seconds(max(0, seconds)) }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = formatter.date(from: value) else { return nil }
        return .seconds(max(0, Int(date.timeIntervalSinceNow.rounded(.up))))
    }

    /// Scheme, host and port, which a token is for.
    private static func origin(_ url: URL) -> String {
        let scheme = url.scheme?.lowercased() ?? ""
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        return "\(scheme)://\(url.host?.lowercased() ?? ""):\(port)"
    }

    private static func reason(_ error: URLError) -> String {
        switch error.code {
        case .timedOut: "it was silent for too long"
        case .cannotFindHost, .dnsLookupFailed: "its name is unknown"
        case .cannotConnectToHost: "it refuses the connection"
        case .networkConnectionLost, .badServerResponse: "the connection broke"
        case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate:
            "its certificate cannot be trusted"
        default: "the connection failed (\(error.code.rawValue): \(error.localizedDescription))"
        }
    }
}

extension URL {
    /// As messages may show it: without the query, which signs some addresses, and without a user's name and password.
    var withoutSecrets: String {
        guard var parts = URLComponents(url: self, resolvingAgainstBaseURL: true) else { return host ?? "" }
        (parts.query, parts.fragment, parts.user, parts.password) = (nil, nil, nil, nil)
        return parts.string ?? ""
    }
}
