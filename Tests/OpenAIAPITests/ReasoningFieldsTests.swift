import JSON
import OpenAIAPI
import Testing

@Suite struct ReasoningFieldsTests {
    @Test(
        arguments: [
            ("null", nil, nil), (#""none""#, .level(.none), true), (#""minimal""#, .level(.minimal), false),
            (#""high""#, .level(.high), false), ("0", .budget(0), true), ("512", .budget(512), false),
            ("true", .level(.medium), false), ("false", .level(.none), true),
        ] as [(String, ReasoningFields.Effort?, Bool?)]
    )
    func `an effort is a word or a budget`(value: String, effort: ReasoningFields.Effort?, isOff: Bool?) throws {
        let fields = try reasoning(value)
        #expect(fields.effort == effort && fields.isOff == isOff)
    }

    @Test(arguments: [
        (#""lots""#, "invalid_value"), ("-1", "integer_below_min_value"), ("1.5", "invalid_type"),
        ("[]", "invalid_type"),
    ])
    func `any other effort is refused`(value: String, code: String) {
        let error = #expect(throws: APIError.self) { try reasoning(value) }
        #expect(error?.code == code && error?.parameter == "reasoning_effort")
    }

    @Test(
        arguments: [
            (#"{"type":"enabled"}"#, .level(.medium)), (#"{"type":"enabled","budget_tokens":2048}"#, .budget(2048)),
            (#"{"type":"disabled"}"#, .level(.none)), ("null", nil),
        ] as [(String, ReasoningFields.Effort?)]
    )
    func `thinking says the same in other words`(value: String, effort: ReasoningFields.Effort?) throws {
        let fields = try reasoning("null,\"thinking\":\(value)")
        #expect(fields.effort == effort && fields.parameter == (effort == nil ? "reasoning_effort" : "thinking"))
    }

    @Test(arguments: [
        (#"null,"thinking":"on""#, "thinking"), (#"null,"thinking":{}"#, "thinking.type"),
        (#"null,"thinking":{"type":"much"}"#, "thinking.type"), (#"1,"thinking":{"type":"enabled"}"#, "thinking"),
        (#"null,"thinking":{"type":"enabled","budget_tokens":0}"#, "thinking.budget_tokens"),
        (#"null,"thinking":{"type":"disabled","budget_tokens":1}"#, "thinking.budget_tokens"),
        (#"null,"thinking":{"type":"enabled","deep":true}"#, "thinking.deep"),
    ])
    func `thinking that contradicts itself is refused where it stands`(value: String, parameter: String) {
        let error = #expect(throws: APIError.self) { try reasoning(value) }
        #expect(error?.status == 400 && error?.parameter == parameter)
    }

    private func reasoning(_ value: String) throws -> ReasoningFields {
        let text = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":\#(value)}"#
        return try ChatCompletionRequest(try JSONValue(parsing: text)).reasoning
    }
}
