import Deployments
import Inference
import Serving
import Testing

@Suite struct FairTurnsTests {
    @Test(arguments: [Scheduling.fair, .arrival])
    func `whoever shows another key does not wait behind the queue of the first`(scheduling: Scheduling) async throws {
        let keys: (Character, Character) = scheduling == .fair ? ("6", "7") : ("8", "9")
        var room = ScriptedDeployment.Room()
        room.limits = try StepLimits(tokensPerStep: 512, maxRunning: 1)
        room.scheduling = scheduling
        let directory = DeploymentDirectory([try ScriptedDeployment.make(room: room)])
        try await withServer({ $0.apiKeys = ["a", "b"] }, directory: directory) { server in
            @Sendable func ask(_ key: String, _ prompt: String, tokens: Int) async throws -> RawResponse {
                let body = #"{"model":"scripted","prompt":"\#(prompt)\n","max_tokens":\#(tokens)}"#
                let headers = ["Authorization": "Bearer \(key)"]
                return try await server.send("POST", "/v1/completions", body, headers: headers)
            }
            func wait(waiting count: Int, running: Int = 1) async throws {
                try await server.wait("\(count) requests wait") {
                    let statistics = try #require(await directory.deployments.first?.statistics())
                    return statistics.waitingCount == count && statistics.runningCount == running
                }
            }
            async let first = ask("a", "endless held:\(keys.0)", tokens: 400)
            try await wait(waiting: 0)
            async let second = ask("a", "endless held:\(keys.1)", tokens: 400)
            try await wait(waiting: 1)
            async let other = ask("b", "hello", tokens: 4)
            try await wait(waiting: 2)
            ScriptedDeployment.letGo(keys.0)
            #expect(try await first.status == 200)
            if scheduling == .fair {
                #expect(try await other.status == 200)
                let ended = try #require(await directory.deployments.first?.statistics().finishedRequests)
                #expect(ended.values.reduce(0, +) == 2)
            } else {
                try await wait(waiting: 1)
            }
            ScriptedDeployment.letGo(keys.1)
            #expect(try await second.status == 200)
            #expect(try await other.status == 200)
        }
    }
}
