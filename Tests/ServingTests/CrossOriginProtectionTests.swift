import HTTPTypes
import JSON
import OpenAIAPI
import Testing

@testable import Serving

@Suite struct CrossOriginProtectionTests {
    /// The code that a request gets; nil when it may pass.
    private func refusal(
        host: String? = "127.0.0.1:8080",
        origin: String? = nil,
        site: String? = nil,
        _ configure: (inout ServingConfiguration) -> Void = { _ in }
    ) -> String? {
        var configuration = ServingConfiguration()
        configure(&configuration)
        var head = HTTPRequest(method: .post, scheme: "http", authority: host, path: "/v1/chat/completions")
        head.headerFields[.origin] = origin
        head.headerFields[.secFetchSite] = site
        do {
            try CrossOriginProtection(configuration).check(head)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `programs, and pages of this machine, may call`() {
        #expect(refusal() == nil)
        for origin in [
            "http://127.0.0.1:8080", "http://localhost:3000", "https://app.localhost", "http://[::1]:5173",
            "HTTP://LOCALHOST", "vscode-webview://1a2b", "tauri://localhost",
        ] {
            #expect(refusal(origin: origin, site: "cross-site") == nil, "\(origin)")
        }
    }

    @Test func `pages of strangers may not`() {
        for origin in [
            "https://evil.example", "http://localhost.evil.example", "http://127.evil.example", "null",
            "http://evil.example:8080", "http://127.0.0.1.evil.example", "http://notlocalhost",
        ] {
            #expect(refusal(origin: origin) == "origin_not_allowed", "\(origin)")
            #expect(refusal(origin: origin, site: "cross-site") == "origin_not_allowed", "\(origin)")
        }
    }

    @Test func `a page that comes through a proxy of its own site may`() {
        #expect(refusal(origin: "https://chat.example", site: "same-origin") == nil)
        #expect(refusal(host: "chat.example", origin: "https://chat.example") { $0.host = "0.0.0.0" } == nil)
        #expect(refusal(host: "chat.example", origin: "https://other.example") { $0.host = "0.0.0.0" } != nil)
    }

    @Test func `the allowed origin may, and any with a star`() {
        #expect(refusal(origin: "https://a.example") { $0.allowedOrigin = "https://a.example" } == nil)
        #expect(refusal(origin: "https://b.example") { $0.allowedOrigin = "https://a.example" } != nil)
        #expect(refusal(origin: "null") { $0.allowedOrigin = "*" } == nil)
    }

    @Test func `a name that leads to this machine is not therefore its name`() {
        for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"] {
            #expect(refusal(host: host) == "host_not_allowed", "\(host)")
            // Rebound pages are of the same origin.
            #expect(refusal(host: host, origin: "http://\(host)", site: "same-origin") == "host_not_allowed")
        }
        for host in [
            "localhost", "LocalHost:8080", "localhost.", "[::1]:8080", "192.168.0.7:8080", "x.localhost.:80", "", nil,
        ] {
            #expect(refusal(host: host) == nil, "\(host ?? "none")")
        }
        #expect(refusal(host: "chat.example") { $0.allowedHosts = ["Chat.example"] } == nil)
        #expect(refusal(host: "chat.example:8443") { $0.allowedHosts = ["chat.example:443"] } == nil)
        #expect(refusal(host: "chat.example") { $0.allowedHosts = ["*"] } == nil)
    }

    @Test(arguments: ["LOCALHOST", "127.0.0.2", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "localhost."])
    func `this machine is known however it is spelled`(host: String) {
        #expect(refusal(host: "evil.example") { $0.host = host } == "host_not_allowed")
        #expect(refusal(host: "localhost:8080") { $0.host = host } == nil)
    }

    @Test func `a name that has led to this machine is one of it`() {
        var configuration = ServingConfiguration()
        configuration.host = "my-laptop"
        let protection = CrossOriginProtection(configuration)
        let stranger = HTTPRequest(method: .get, scheme: "http", authority: "evil.example", path: "/v1/models")
        #expect(throws: Never.self) { try protection.check(stranger) }
        protection.listen(on: "192.168.0.7")
        #expect(throws: Never.self) { try protection.check(stranger) }
        protection.listen(on: "127.0.1.1")
        #expect(throws: APIError.self) { try protection.check(stranger) }
        let own = HTTPRequest(method: .get, scheme: "http", authority: "my-laptop:8080", path: "/v1/models")
        #expect(throws: Never.self) { try protection.check(own) }
    }

    @Test func `servers for others, and servers with keys, ask for no name`() {
        #expect(refusal(host: "models.example") { $0.host = "0.0.0.0" } == nil)
        #expect(refusal(host: "evil.example", origin: "https://evil.example") { $0.apiKeys = ["k"] } == nil)
    }

    @Test func `a stranger is told what to do`() async throws {
        try await withServer { server in
            let headers = ["Origin": "https://evil.example"]
            let response = try await server.send("GET", "/v1/models", headers: headers)
            #expect(response.status == 403)
            let error = try response.error()
            #expect(error["code"] == "origin_not_allowed")
            #expect(error["type"] == "permission_error")
            #expect(error["message"]?.stringValue?.contains("--allowed-origin 'https://evil.example'") == true)
        }
    }
}
