package import Foundation

/// Where the hub is and who asks.
package struct HubConfiguration: Sendable {
    /// The hub everyone means.
    package static let defaultEndpoint = "https://huggingface.co"

    /// Address of the hub, without a slash at its end.
    package let endpoint: URL
    /// Access token; nil asks as nobody.
    package let token: String?
    /// Longest silence of a server.
    package var idleTimeout: Duration

    /// - Parameters:
    ///   - endpoint: an `http` or `https` address.
    ///   - token: sent to the endpoint only, never to a host it redirects to.
    package init(
        endpoint: String = HubConfiguration.defaultEndpoint,
        token: String? = nil,
        idleTimeout: Duration = .seconds(60)
    ) throws(HubError) {
        let trimmed = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        guard let url = URL(string: trimmed), let scheme = url.scheme?.lowercased(), url.host != nil,
            ["http", "https"].contains(scheme)
        else { throw .badEndpoint(endpoint.replacing(/\/\/[^\/]*@/, with: "//")) }
        self.endpoint = url
        self.token = token
        self.idleTimeout = idleTimeout
    }
}
