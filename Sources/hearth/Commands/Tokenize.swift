import ArgumentParser
import Deployments
import Foundation
import JSON
import Tokenization

/// `hearth tokenize`: text as the model sees it.
struct Tokenize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the tokens of a text.",
        discussion: """
            Examples:

              hearth tokenize smollm2-135m "Hello, world"
              hearth tokenize smollm2-135m --file prompt.txt --count
              cat prompt.txt | hearth tokenize smollm2-135m --json

            Without --special the text is only text: nothing is added, and a piece such as <|im_start|> is \
            spelled out. With it the text becomes what a plain completion would read.
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @Argument(help: "The text; without it and --file, standard input is read.")
    var text: String?

    @Option(help: "A file to read.", completion: .file())
    var file: String?

    @Flag(help: "Add the tokens the model wants around a text, and recognise special tokens in it.")
    var special = false

    @Flag(help: "Print the number of tokens and nothing else.")
    var count = false

    @Flag(help: "Print token ids and nothing else.")
    var ids = false

    @Flag(help: "Print {\"tokens\": […], \"pieces\": […], \"count\": n}.")
    var json = false

    func validate() throws {
        if text != nil && file != nil { throw ValidationError("Give a text or --file, not both.") }
    }

    func run() async throws {
        let located = try await ModelAccess().model(model)
        let tokenizer = try Deployment.loadTokenizer(Deployment.openCheckpoint(located.path))
        let input = try text.map { Array($0.utf8) } ?? TextInput.read(file: file)
        let tokens = tokenizer.encode(input, addSpecial: special, parseSpecial: special)
        if json {
            printJSON(tokens, tokenizer)
        } else if count {
            Output.line("\(tokens.count)")
        } else if ids {
            Output.line(tokens.map { "\($0.rawValue)" }.joined(separator: " "))
        } else {
            var lines = ""
            for token in tokens {
                lines += "\(token.rawValue)\t\(Self.shown(tokenizer.bytes(of: token), token, tokenizer))\n"
            }
            Output.write(lines)
            Output.note("\(tokens.count) tokens")
        }
    }

    private func printJSON(_ tokens: [TokenID], _ tokenizer: Tokenizer) {
        let object: JSONValue = [
            "tokens": .array(tokens.map { .integer(Int64($0.rawValue)) }),
            "pieces": .array(tokens.map { .string(tokenizer.piece($0)) }),
            "count": .integer(Int64(tokens.count)),
        ]
        Output.line(object.serialized())
    }

    /// The token's text in quotes, with escapes for what a terminal would not show.
    private static func shown(_ bytes: [UInt8], _ token: TokenID, _ tokenizer: Tokenizer) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !bytes.isEmpty {
            return JSONValue.string(text).serialized()
        }
        return tokenizer.piece(token)
    }
}

/// Text from a file or standard input.
enum TextInput {
    /// The bytes of `file`, or of standard input without one.
    static func read(file: String?) throws -> [UInt8] {
        let path = file == "-" ? nil : file
        if path == nil, isatty(STDIN_FILENO) == 1 { Output.note("reading from the terminal; end with Ctrl-D") }
        do {
            guard let path else { return Array(try FileHandle.standardInput.readToEnd() ?? Data()) }
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw InputError.unreadable(path: path ?? "Standard input", reason: error.localizedDescription)
        }
    }
}

/// Why a command that was used rightly has nothing to work on. That is no wrong usage, and has another exit code.
enum InputError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    /// The file has bytes that are no UTF-8.
    case notText(path: String)
    /// The model has not been pulled, and the command does not do it.
    case modelMissing(name: String)

    var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
        case .notText(let path): "\(path) is no UTF-8 text."
        case .modelMissing(let name): "\(name) is not here yet. `hearth pull \(name)` brings it."
        }
    }
}
