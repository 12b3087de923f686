import Deployments
import Foundation
import JSON

/// A conversation on a terminal.
struct TerminalChat {
    private let deployment: Deployment
    private let parameters: GenerationParameters
    private var conversation: Conversation
    /// What changes the model; nil for the model as it is.
    var adapter: AdapterLease?

    init(deployment: Deployment, system: String?, parameters: GenerationParameters) {
        self.deployment = deployment
        self.parameters = parameters
        conversation = Conversation(system: system)
    }

    /// Reads lines until the user leaves.
    mutating func run() async throws {
        Output.note("\(deployment.name) is listening. /help lists commands, Ctrl-C stops an answer, Ctrl-D leaves.\n")
        while let line = readMessage() {
            switch ChatInput(line) {
            case .nothing: continue
            case .message(let text):
                conversation.ask(text)
                try await answer()
            case .command(let command):
                if try await !obey(command) { return }
            case .unknown(let name):
                Output.note(
                    "There is no /\(name)." + NearNames.sentence(NearNames.near(name, among: ChatInput.names))
                        + " /help lists all."
                )
            }
        }
        Output.line()
    }

    /// A line, or several between lines of three quotes.
    private func readMessage() -> String? {
        Output.write(Output.bold(">>> "))
        guard let first = readLine() else { return nil }
        guard first.hasPrefix("\"\"\"") else { return first }
        var lines = [String(first.dropFirst(3))]
        while let line = readLine() {
            if line.hasSuffix("\"\"\"") {
                lines.append(String(line.dropLast(3)))
                break
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n").trimmingCharacters(in: .newlines)
    }

    private mutating func answer() async throws {
        let prompt = PromptSource.chat(ChatPrompt(messages: conversation.messages))
        do {
            var request = TextRequest(id: "chat", prompt: prompt, parameters: parameters)
            request.adapter = adapter
            let generation = try await deployment.generate(request)
            let answer = try await AnswerPrinter().print(generation)
            conversation.hear(answer.text)
            Output.line(answer.isInterrupted ? Output.dim(" (stopped)") + "\n" : "\n")
        } catch DeploymentError.contextLengthExceeded(let promptTokens, _, let limit) {
            conversation.forgetQuestion()
            Output.note(
                "The conversation has grown to \(promptTokens) tokens; this model holds \(limit). /clear begins anew."
            )
        }
    }

    /// Returns false when the user wants to leave.
    private mutating func obey(_ command: ChatCommand) async throws -> Bool {
        switch command {
        case .help: Output.note(ChatInput.help)
        case .clear:
            conversation.clear()
            Output.note("A new conversation.")
        case .system(let text):
            conversation.setSystem(text)
            Output.note(text.isEmpty ? "No instructions; a new conversation." : "New instructions; a new conversation.")
        case .retry:
            if conversation.forgetAnswer() {
                try await answer()
            } else {
                Output.note("There is nothing to answer again.")
            }
        case .history:
            for message in conversation.messages {
                Output.line(
                    Output.dim(message["role"]?.stringValue ?? "") + " " + (message["content"]?.stringValue ?? "")
                )
            }
        case .exit: return false
        }
        return true
    }
}

/// What was said so far. Pure.
struct Conversation {
    private(set) var messages: [JSONValue] = []
    private var system: String?

    init(system: String?) {
        self.system = system
        clear()
    }

    /// Forgets everything but the instructions.
    mutating func clear() { messages = system.map { [["role": "system", "content": .string($0)]] } ?? [] }

    /// Begins anew with other instructions; an empty text has none.
    mutating func setSystem(_ text: String) {
        system = text.isEmpty ? nil : text
        clear()
    }

    mutating func ask(_ text: String) { messages.append(["role": "user", "content": .string(text)]) }

    mutating func hear(_ text: String) { messages.append(["role": "assistant", "content": .string(text)]) }

    /// Takes the last question back.
    mutating func forgetQuestion() {
        if messages.last?["role"] == "user" { messages.removeLast() }
    }

    /// Takes the last answer back, so that its question can be answered again; false when there is none.
    mutating func forgetAnswer() -> Bool {
        if messages.last?["role"] == "assistant" { messages.removeLast() }
        return messages.last?["role"] == "user"
    }
}

/// A command of the chat.
enum ChatCommand: Equatable {
    case help, clear, retry, history, exit
    case system(String)
}

/// A line of the chat, understood.
enum ChatInput: Equatable {
    case nothing
    case message(String)
    case command(ChatCommand)
    case unknown(String)

    /// The commands' names.
    static let names = ["help", "clear", "system", "retry", "history", "exit"]

    /// What `/help` prints.
    static let help = """
        /clear           begin a new conversation
        /system TEXT     give the model instructions and begin anew
        /retry           answer the last question again
        /history         show the conversation
        /exit            leave (also Ctrl-D)
        \"\"\"              begin and end a message of several lines
        """

    init(_ line: String) {
        let trimmed = line.trimmingCharacters(in: .whitespacesAndNewlines)
        if trimmed.isEmpty {
            self = .nothing
        } else if trimmed.hasPrefix("/") {
            let parts = trimmed.dropFirst().split(separator: " ", maxSplits: 1).map(String.init)
            self = Self.command(parts.first ?? "", parts.count > 1 ? parts[1] : "")
        } else {
            self = .message(line)
        }
    }

    private static func command(_ name: String, _ rest: String) -> ChatInput {
        switch name {
        case "help", "?": .command(.help)
        case "clear", "new": .command(.clear)
        case "system": .command(.system(rest))
        case "retry": .command(.retry)
        case "history": .command(.history)
        case "exit", "quit", "bye": .command(.exit)
        default: .unknown(name)
        }
    }
}
