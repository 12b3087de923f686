import JSON
import Testing

@testable import hearth

/// The chat's lines and memory.
@Suite struct TerminalChatTests {
    @Test(arguments: [
        ("", ChatInput.nothing), ("   ", .nothing), ("hello /help", .message("hello /help")),
        ("/help", .command(.help)),
        ("/system be brief", .command(.system("be brief"))), ("/system", .command(.system(""))),
        ("/quit", .command(.exit)),
        ("/retry ", .command(.retry)), ("/hlep", .unknown("hlep")), ("/", .unknown("")),
    ])
    func `a line is a message, a command, or neither`(line: String, expected: ChatInput) {
        #expect(ChatInput(line) == expected)
    }

    @Test func `the conversation remembers, retries and forgets`() {
        var conversation = Conversation(system: "brief")
        conversation.ask("one")
        conversation.hear("1")
        conversation.ask("two")
        conversation.hear("2")
        #expect(roles(conversation) == ["system", "user", "assistant", "user", "assistant"])
        let hadAnswer = conversation.forgetAnswer()
        #expect(hadAnswer)
        #expect(conversation.messages.last?["content"] == "two")
        let hasQuestion = conversation.forgetAnswer()
        #expect(hasQuestion, "a question without an answer can be answered again")
        conversation.forgetQuestion()
        #expect(conversation.messages.count == 3)
        conversation.clear()
        #expect(roles(conversation) == ["system"])
        let isEmptyHanded = !conversation.forgetAnswer()
        #expect(isEmptyHanded)
        conversation.setSystem("")
        #expect(conversation.messages.isEmpty)
    }

    private func roles(_ conversation: Conversation) -> [String] {
        conversation.messages.map { $0["role"]?.stringValue ?? "" }
    }

    @Test func `every command the help names is understood`() {
        for name in ChatInput.names {
            if case .command = ChatInput("/\(name) x") { continue }
            Issue.record("/\(name) is not understood")
        }
        #expect(ChatInput.names.filter { $0 != "help" }.allSatisfy { ChatInput.help.contains("/\($0)") })
    }
}
