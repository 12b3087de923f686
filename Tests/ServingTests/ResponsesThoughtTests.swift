import Deployments
import JSON
import Serving
import Storage
import Testing

/// Models that think, as their templates say: one that does nothing else, and one that can be told to.
@Suite struct ResponsesThoughtTests {
    private static let open = "{# </think> #}{% for m in messages %}{{ m.content }}{% endfor %}<think>{{ '\\n' }}"
    private static let switched =
        "{# <think></think> #}{% for m in messages %}{{ m.content }}{% if m.reasoning_content %}"
        + "({{ m.reasoning_content }}){% endif %}{% endfor %}"
        + "{% if enable_thinking is defined %}{{ 'on' if enable_thinking else 'off!' }}{% endif %}"
        + "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}"

    private func withThinkers(_ body: (RunningServer) async throws -> Void) async throws {
        let directory = DeploymentDirectory([
            try ScriptedDeployment.make(name: "open", template: Self.open),
            try ScriptedDeployment.make(name: "switched", template: Self.switched),
        ])
        try await withServer(directory: directory, storage: MemoryStore(), body)
    }

    @Test func `thoughts are an item of their own, whole and streamed, with tokens that are counted`() async throws {
        try await withThinkers { server in
            let body = #""model":"open","input":"hi""#
            let whole = try await server.send("POST", "/v1/responses", "{\(body)}").json()
            #expect(whole["output"]?.arrayValue?.count == 1)
            let item = try #require(whole["output"]?[0])
            #expect(item["type"] == "reasoning" && item["summary"] == [] && item["status"] == "completed")
            #expect(item["content"] == [["type": "reasoning_text", "text": "Héllo!"]])
            // The é is two tokens, and the end of the answer is none of the thoughts.
            #expect(whole["usage"]?["output_tokens_details"]?["reasoning_tokens"] == 7)
            #expect(whole["usage"]?["output_tokens"] == 8)
            let events = try await ResponsesTests().events(server, body)
            let deltas = events.filter { $0["type"] == "response.reasoning_text.delta" }
            #expect(deltas.count == 6 && deltas.compactMap { $0["delta"]?.stringValue }.joined() == "Héllo!")
            #expect(events.last?["response"]?["output"]?[0]?["content"] == item["content"])
        }
    }

    @Test func `an effort goes to the template, or is refused by name`() async throws {
        try await withThinkers { server in
            func tokens(_ fields: String) async throws -> JSONValue? {
                let body = #"{"model":"switched","input":"hi"\#(fields)}"#
                return try await server.send("POST", "/v1/responses/input_tokens", body).json()["input_tokens"]
            }
            #expect(try await tokens("") == 2)
            #expect(try await tokens(#","reasoning":{"effort":"none"}"#) == 6)
            #expect(try await tokens(#","reasoning":{"effort":"low","summary":"auto"}"#) == 7)
            let body = #"{"model":"open","input":"hi","reasoning":{"effort":"none"}}"#
            let refused = try await server.send("POST", "/v1/responses", body)
            #expect(refused.status == 400)
            #expect(try refused.error()["param"] == "reasoning.effort")
        }
    }

    @Test func `thoughts that are sent back reach the template with their turn`() async throws {
        try await withThinkers { server in
            let input =
                #"[{"role":"user","content":"q"},{"type":"reasoning","id":"rs_1","summary":[],"content":"#
                + #"[{"type":"reasoning_text","text":"hm"}]},{"role":"assistant","content":"a"}]"#
            let body = #"{"model":"switched","input":\#(input)}"#
            let count = try await server.send("POST", "/v1/responses/input_tokens", body).json()
            // qa(hm)
            #expect(count["input_tokens"] == 6)
        }
    }
}
