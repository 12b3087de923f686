import Deployments
import JSON
import Serving
import Testing

/// Models that think longer than they may.
@Suite struct ThoughtBudgetTests {
    private static let open = "{# </think> #}{% for m in messages %}{{ m.content }}{% endfor %}<think>{{ '\\n' }}"
    private static let free = "{# <think></think> #}{% for m in messages %}{{ m.content }}{% endfor %}"
    private static let answer = "<think>abcdef</think>done"

    private func message(_ model: String, _ fields: String, tokens: Int? = nil) async throws -> JSONValue {
        let directory = DeploymentDirectory([
            try ScriptedDeployment.make(name: "open", template: Self.open),
            try ScriptedDeployment.make(name: "free", template: Self.free, answering: Self.answer),
            try ScriptedDeployment.make(name: "plain"),
        ])
        var answer = JSONValue.null
        try await withServer(directory: directory) { server in
            let body = #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}]\#(fields)}"#
            answer = try await server.send("POST", "/v1/chat/completions", body).json()
        }
        if let tokens { #expect(answer["usage"]?["completion_tokens"] == .integer(Int64(tokens))) }
        return answer["choices"]?[0]?["message"] ?? answer["error"] ?? .null
    }

    @Test(arguments: [#""thinking_token_budget":3"#, #""reasoning_effort":3"#])
    func `thoughts end with the model's own mark when they have had their tokens`(field: String) async throws {
        // The three are H and the two of é; the mark has eight, and the end is one.
        let message = try await message("open", "," + field, tokens: 12)
        #expect(message["reasoning_content"] == "Hé" && message["content"] == "")
    }

    @Test func `a budget counts from the mark that the model itself opens them with`() async throws {
        let short = try await message("free", #","thinking_token_budget":2"#)
        #expect(short["reasoning_content"] == "ab" && short["content"] == .string(Self.answer))
        let none = try await message("free", #","thinking_token_budget":0"#)
        #expect(none["reasoning_content"] == nil && none["content"] == .string(Self.answer))
        for budget in [6, 9, 14, 1000] {
            let whole = try await message("free", #","thinking_token_budget":\#(budget)"#)
            #expect(whole["reasoning_content"] == "abcdef" && whole["content"] == "done")
        }
    }

    @Test func `what comes after the thoughts keeps to its structure`() async throws {
        let message = try await message("open", #","thinking_token_budget":1,"guided_regex":"ok""#)
        #expect(message["reasoning_content"] == "H" && message["content"] == "ok")
    }

    @Test func `a model that does not think has no budget for it`() async throws {
        let refused = try await message("plain", #","thinking_token_budget":5"#)
        #expect(refused["param"] == "thinking_token_budget" && refused["code"] == "unsupported_parameter")
        #expect(try await message("plain", #","thinking_token_budget":0"#)["content"] == "Héllo!")
    }
}
