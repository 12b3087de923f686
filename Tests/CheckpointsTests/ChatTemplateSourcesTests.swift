import Checkpoints
import JSON
import Testing

@Suite struct ChatTemplateSourcesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "config.json")
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
    }

    private func open() throws -> Checkpoint { try Checkpoint.open(path: folder.path) }

    @Test func `GGUF metadata hold a template and named ones`() throws {
        var writer = GGUFWriter.tinyLlama
        writer["tokenizer.chat_template"] = .string("main")
        writer["tokenizer.chat_template.tool_use"] = .string("tools")
        writer["tokenizer.chat_templates"] = .strings(["tool_use"])
        let checkpoint = try Checkpoint.open(path: try folder.write(writer.bytes(), to: "a.gguf"))
        #expect(checkpoint.chatTemplate == "main" && checkpoint.namedChatTemplates == ["tool_use": "tools"])
        writer["tokenizer.chat_template"] = .uint8(1)
        let path = try folder.write(writer.bytes(), to: "a.gguf")
        #expect(throws: CheckpointError.self) { _ = try Checkpoint.open(path: path) }
    }

    @Test func `of several places the more special file counts`() throws {
        #expect(try open().chatTemplate == nil)
        try folder.write(#"{"chat_template":"in the tokenizer"}"#, to: "tokenizer_config.json")
        #expect(try open().chatTemplate == "in the tokenizer")
        try folder.write(#"{"chat_template":"in JSON"}"#, to: "chat_template.json")
        #expect(try open().chatTemplate == "in JSON")
        try folder.write("in a file", to: "chat_template.jinja")
        try folder.write("for tools", to: "additional_chat_templates/tool_use.jinja")
        try folder.write("no template", to: "additional_chat_templates/readme.txt")
        let checkpoint = try open()
        #expect(checkpoint.chatTemplate == "in a file")
        #expect(checkpoint.namedChatTemplates == ["tool_use": "for tools"])
    }

    @Test(
        arguments: [
            ["chat_template": [["name": "default", "template": "d"], ["name": "rag", "template": "r"]]],
            ["chat_template": ["default": "d", "rag": "r"]],
        ] as [JSONValue]
    )
    func `a tokenizer configuration may list several`(config: JSONValue) throws {
        try folder.write(config.serialized(), to: "tokenizer_config.json")
        let checkpoint = try open()
        #expect(checkpoint.chatTemplate == "d" && checkpoint.namedChatTemplates == ["rag": "r"])
    }

    @Test(arguments: [1, [1], [["name": "a"]], ["a": 1]] as [JSONValue])
    func `a template that is no text is refused`(template: JSONValue) throws {
        try folder.write(JSONValue.object(["chat_template": template]).serialized(), to: "tokenizer_config.json")
        guard
            case .invalidValue(_, "chat_template", _)? = #expect(
                throws: CheckpointError.self,
                performing: { try open() }
            )
        else {
            Issue.record("\(template) was not refused")
            return
        }
    }
}
