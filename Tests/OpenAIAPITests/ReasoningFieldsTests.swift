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

    private func reasoning(_ value: String) throws -> ReasoningFields {
        let text = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":\#(value)}"#
        return try ChatCompletionRequest(try JSONValue(parsing: text)).reasoning
    }
}
