import Foundation
import HTTPTypes
import OpenAIAPI
import Synchronization

/// Keeps the web pages of strangers away from a server that asks for no key.
///
/// A page may have its browser ask any server that the browser can reach, those on its own machine first. It cannot read the
/// answer without CORS headers, but the server has worked for it; and a page whose name is made to lead to this machine after
/// it was loaded (DNS rebinding) can read answers, too. So a server that listens on this machine only wants to be called by
/// a name of this machine, and a request with the `Origin` of another site needs `--allowed-origin`. Browsers send it with
/// everything but reads whose answer the page does not see. Servers that ask for keys need none of it: pages do not know them.
///
/// The headers that tell (`Origin`, `Sec-Fetch-Site`: Fetch Metadata Request Headers, W3C) are the browser's own, no page can
/// set them; what is no browser sends none.
final class CrossOriginProtection: Sendable {
    private let asksForKey: Bool
    private let isLocal: Atomic<Bool>
    private let allowedOrigin: String?
    private let allowedHosts: Set<String>

    init(_ configuration: ServingConfiguration) {
        asksForKey = !configuration.apiKeys.isEmpty
        isLocal = Atomic(Self.isThisMachine(Self.host(of: configuration.host)))
        allowedOrigin = configuration.allowedOrigin
        let names = configuration.allowedHosts + [configuration.host, ProcessInfo.processInfo.hostName]
        allowedHosts = Set(names.map(Self.host(of:)))
    }

    /// Notes the address that the server's name has led to.
    func listen(on address: String) {
        if Self.isThisMachine(Self.host(of: address)) { isLocal.store(true, ordering: .relaxed) }
    }

    /// Throws what a page of another site is told.
    func check(_ head: HTTPRequest) throws(APIError) {
        if asksForKey { return }
        if isLocal.load(ordering: .relaxed) { try checkHost(head.authority) }
        try checkOrigin(head)
    }

    private func checkHost(_ authority: String?) throws(APIError) {
        guard let host = authority.map(Self.host(of:)), !host.isEmpty, !allowedHosts.contains("*") else { return }
        if Self.isAddress(host) || Self.isThisMachine(host) || allowedHosts.contains(host) { return }
        throw .forbidden(
            "host_not_allowed",
            """
            This server listens on its own machine only and is not known by the name '\(host)'. \
            Start it with --allowed-host '\(host)' if it may be called so.
            """
        )
    }

    private func checkOrigin(_ head: HTTPRequest) throws(APIError) {
        guard let origin = head.headerFields[.origin], allowedOrigin != "*", origin != allowedOrigin else { return }
        if ["same-origin", "none"].contains(head.headerFields[.secFetchSite]) { return }
        if let authority = Self.webAuthority(origin) {
            if authority == head.authority?.lowercased() || Self.isThisMachine(Self.host(of: authority)) { return }
        } else if origin != "null" {
            // An application's own scheme, as of editors and desktop shells: no page of the web has one.
            return
        }
        throw .forbidden(
            "origin_not_allowed",
            """
            Pages of the origin '\(origin)' may not call this server. Start it with --allowed-origin '\(origin)' to let them.
            """
        )
    }

    /// What follows the scheme of an origin of the web; nil for other schemes and for `null`.
    private static func webAuthority(_ origin: String) -> String? {
        guard let range = origin.range(of: "://") else { return nil }
        guard ["http", "https"].contains(origin[..<range.lowerBound].lowercased()) else { return nil }
        return origin[range.upperBound...].lowercased()
    }

    /// The name or address in `host:port`, or alone, in small letters, without brackets and the dot of the root.
    private static func host(of authority: String) -> String {
        let text = authority.lowercased()
        if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
        // An address of IPv6 without brackets has no port.
        if text.count(where: { $0 == ":" }) > 1 { return text }
        let host = text.prefix { $0 != ":" }
        return String(host.hasSuffix(".") ? host.dropLast() : host)
    }

    private static func isThisMachine(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 { return v4.s_addr.bigEndian >> 24 == 127 }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, host, &v6) == 1 else { return false }
        let bytes = withUnsafeBytes(of: v6) { Array($0) }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1 || isMapped && bytes[12] == 127
    }

    /// Whether `host` is an address, which no name of a stranger can be made to be.
    private static func isAddress(_ host: String) -> Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1
    }
}
