/// Settings of the HTTP server. Every wait and every size has a bound here.
package struct ServingConfiguration: Sendable {
    /// Address to listen on; a loopback address keeps the server to this machine.
    package var host = "127.0.0.1"
    /// TCP port; 0 lets the system choose.
    package var port = 8080
    /// Keys of which a request must show one (`Authorization: Bearer …`); empty asks for none.
    package var apiKeys: [String] = []
    /// Origin whose browser scripts may call (`*` for all); nil sends no CORS headers.
    package var allowedOrigin: String?
    /// Names by which a server that asks for no key may be called, beside those of this machine (`*` for any).
    package var allowedHosts: [String] = []
    /// Whether requests may load adapters from this machine's disk, and unload them.
    package var allowsAdapterChanges = false
    /// Largest request body, in bytes.
    package var bodyBytes = 10 << 20
    /// Largest stored conversation that a request may go on with, in bytes of JSON; every response in it repeats its
    /// settings and functions.
    package var conversationBytes = 64 << 20
    /// Largest list of request headers, in bytes.
    package var headerBytes = 32 << 10
    /// Most open connections; more wait in the system's queue.
    package var connectionLimit = 4096
    /// Most generations at a time, streamed or not; more are refused with 429.
    package var concurrentRequestLimit = 1024
    /// How long a connection may idle between requests, and how long request headers may take.
    package var idleTimeout: Duration = .seconds(75)
    /// How long a request's body may take to arrive.
    package var bodyTimeout: Duration = .seconds(60)
    /// How long one generation may take, queueing included.
    package var requestTimeout: Duration = .seconds(3600)
    /// How long a client may take nothing of what waits for it before it counts as gone.
    package var stalledWriteTimeout: Duration = .seconds(60)
    /// Silence after which a stream gets a comment, so that proxies see it lives.
    package var keepAliveInterval: Duration = .seconds(15)
    /// Bytes kept for a client that reads slower than the model writes, before the client counts as gone.
    package var streamBufferBytes = 8 << 20
    /// How long running generations may go on once the server is told to stop.
    package var gracePeriod: Duration = .seconds(30)

    package init() {}
}

/// Why the server could not run.
package enum ServingError: Error, Equatable, CustomStringConvertible {
    /// The address cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "Cannot listen on \(host):\(port): \(reason). Is another server running there? Choose another --port."
        }
    }
}

/// How the server came to its end.
package enum StopOutcome: Sendable, Equatable {
    /// Every running answer was completed, or its grace period was over.
    case drained
    /// A second signal cut it short.
    case forced
}

/// A signal that stops the server.
package enum StopSignal: Sendable, CaseIterable {
    /// SIGTERM, from service managers.
    case terminate
    /// SIGINT, from Ctrl-C.
    case interrupt
    /// SIGUSR2.
    case user2
}
