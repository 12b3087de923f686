import Foundation
import JSON
import Logging
import Serving
import Testing

@Suite(.serialized) struct StopTests {
    @Test func `a running stream ends as it should while newcomers get 503`() async throws {
        // Far more than it takes, even under a sanitizer on a busy machine.
        try await withServer({ $0.gracePeriod = .seconds(600) }) { server in
            defer { ScriptedDeployment.letGo("1") }
            let stream = try await start(on: server, prompt: "endless held:1", tokens: 400)
            server.application.stop()
            let refused = try await server.send("POST", "/v1/chat/completions", "{\(ChatCompletionsTests.question)}")
            #expect(refused.status == 503)
            #expect(try refused.error()["code"] == "server_shutting_down")
            #expect(refused.headers["retry-after"] == "5")
            let ready = try await server.send("GET", "/ready")
            #expect(ready.status == 503)
            #expect(try await server.send("GET", "/health").status == 200)
            ScriptedDeployment.letGo("1")
            _ = try await stream.receive(until: "data: [DONE]")
            stream.close()
        }
    }

    @Test func `a stream that outlives the grace period ends with an error`() async throws {
        try await withServer({ $0.gracePeriod = .milliseconds(200) }) { server in
            defer { ScriptedDeployment.letGo("5") }
            let stream = try await start(on: server, prompt: "endless held:5", tokens: 4000)
            server.application.stop()
            let rest = try await stream.receive(until: #""code":"server_shutting_down""#)
            #expect(!rest.contains("[DONE]"))
            stream.close()
        }
    }

    @Test func `the first signal drains and the second forces`() async throws {
        var configuration = ServingConfiguration()
        configuration.port = 0
        let directory = DeploymentDirectory([try ScriptedDeployment.make()])
        let server = try await startServer(configuration, directory, signals: [.user2])
        defer { ScriptedDeployment.letGo("4") }
        let stream = try await start(on: server, prompt: "endless held:4", tokens: 4000)
        kill(getpid(), SIGUSR2)
        try await server.wait("the server drains") { try await server.send("GET", "/ready").status == 503 }
        #expect(server.application.runningCount == 1)
        kill(getpid(), SIGUSR2)
        #expect(try await server.outcome.value == .forced)
        stream.close()
    }

    @Test func `a server told to stop before it runs comes to a graceful end`() async throws {
        var configuration = ServingConfiguration()
        configuration.port = 0
        let application = ServingApplication(
            configuration: configuration,
            directory: DeploymentDirectory(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        application.stop()
        let outcome = try await application.run(stopSignals: [])
        #expect(outcome == .drained)
    }

    @Test func `a port in use is an error with a way out`() async throws {
        try await withServer { server in
            var configuration = ServingConfiguration()
            configuration.port = server.port
            let error = await #expect(throws: ServingError.self) {
                _ = try await startServer(configuration, DeploymentDirectory(), signals: [])
            }
            #expect(error?.description.contains("127.0.0.1:\(server.port)") == true)
        }
    }

    private func start(
        on server: RunningServer,
        prompt: String,
        tokens: Int
    ) async throws -> RawConnection {
        let connection = try await server.connect()
        let body = #"{"model":"scripted","prompt":"\#(prompt)\n","max_tokens":\#(tokens),"stream":true}"#
        try await connection.send("POST", "/v1/completions", body)
        _ = try await connection.receive(until: #""text":"a""#)
        return connection
    }
}
