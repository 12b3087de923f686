/// The text between values: brackets, commas, colons, and the space that may stand around them.
struct JSONGlue: Sendable {
    let array: ArrayGlue
    let object: ArrayGlue
    /// A colon, after names that have no lexeme of their own.
    let colon: Int32

    // One new line with its indentation, so that no model spends its answer on space.
    private static let line = #"(?:\n {0,64}|\n\t{0,16})?"#
    private static let openArray = compiled(#"\["# + line)
    private static let closeArray = compiled(line + #"\]"#)
    private static let openObject = compiled(#"\{"# + line)
    private static let closeObject = compiled(line + #"\}"#)
    private static let separator = compiled(", ?" + line)
    private static let colonAndSpace = compiled(": ?")

    private static func compiled(_ pattern: String) -> Result<ByteAutomaton, GrammarError> {
        Result { () throws(GrammarError) in
            try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: GrammarBuilder.automatonBudget)
        }
    }

    init(_ builder: inout GrammarBuilder) throws(GrammarError) {
        let separator = try builder.lexeme(Self.separator.get())
        array = ArrayGlue(
            open: try builder.lexeme(Self.openArray.get()),
            separator: separator,
            close: try builder.lexeme(Self.closeArray.get()),
            closeEmpty: try builder.literal("]")
        )
        object = ArrayGlue(
            open: try builder.lexeme(Self.openObject.get()),
            separator: separator,
            close: try builder.lexeme(Self.closeObject.get()),
            closeEmpty: try builder.literal("}")
        )
        colon = try builder.lexeme(Self.colonAndSpace.get())
    }

    /// The node of a member's name and its colon.
    func name(_ name: String, _ builder: inout GrammarBuilder) throws(GrammarError) -> Int32 {
        let text = Self.quoted(name) + [0x3A]
        return try builder.lexeme(.anyOf([text, text + [0x20]], budget: GrammarBuilder.automatonBudget))
    }

    /// A string as canonical JSON, with its quotes.
    static func quoted(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = [0x22]
        for byte in text.utf8 {
            switch byte {
            case 0x22: bytes += [0x5C, 0x22]
            case 0x5C: bytes += [0x5C, 0x5C]
            case 0x08: bytes += [0x5C, 0x62]
            case 0x0C: bytes += [0x5C, 0x66]
            case 0x0A: bytes += [0x5C, 0x6E]
            case 0x0D: bytes += [0x5C, 0x72]
            case 0x09: bytes += [0x5C, 0x74]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
        return bytes
    }
}
