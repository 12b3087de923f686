import JSON
import OpenAIAPI
import Testing

@Suite struct ResponseConversationTests {
    private static let call = ResponseItem(.call(id: "c1", name: "f", arguments: "{}"))
    private static let output = ResponseItem(.callOutput(id: "c1", [.init("4")], isText: true))

    private func message(_ role: ChatMessage.Role, _ texts: String...) -> ResponseItem {
        ResponseItem(.message(role, texts.map { ResponseItem.Part($0) }))
    }

    @Test func `thoughts, text and calls of a turn are one message`() {
        let second = ResponseItem(.call(id: "c2", name: "g", arguments: "{}"))
        let items = [
            message(.user, "hi"), ResponseItem(.reasoning("hm")), message(.assistant, "well"), Self.call, second,
            Self.output, ResponseItem(.reasoning("so")), message(.assistant, "done"), message(.user, "thanks"),
        ]
        let messages = ChatMessage.conversation(items, instructions: nil)
        #expect(messages.map(\.role) == [.user, .assistant, .tool, .assistant, .user])
        #expect(messages[1].reasoning == "hm" && messages[1].content == .text("well"))
        #expect(messages[1].toolCalls.map { $0["id"] } == ["c1", "c2"])
        #expect(messages[2].toolCallID == "c1" && messages[2].content == .text("4"))
        #expect(messages[3].reasoning == "so" && messages[3].toolCalls.isEmpty)
    }

    @Test func `a call needs no text, and two texts are two messages`() {
        let messages = ChatMessage.conversation(
            [Self.call, Self.output, message(.assistant, "a", "b"), message(.assistant, "c")],
            instructions: nil
        )
        #expect(messages.map(\.content) == [.none, .text("4"), .parts(["a", "b"]), .text("c")])
    }

    @Test func `thoughts that nothing follows are left out`() {
        let items = [ResponseItem(.reasoning("hm")), message(.user, "hi"), ResponseItem(.reasoning("oh"))]
        #expect(ChatMessage.conversation(items, instructions: nil).map(\.role) == [.user])
    }

    @Test func `instructions come first, before those of the conversation`() {
        let plain = ChatMessage.conversation([message(.user, "hi")], instructions: "x")
        #expect(plain.map(\.role) == [.system, .user] && plain[0].content == .text("x"))
        let merged = ChatMessage.conversation([message(.developer, "y"), message(.user, "hi")], instructions: "x")
        #expect(merged.map(\.role) == [.developer, .user] && merged[0].content == .parts(["x", "y"]))
    }
}
