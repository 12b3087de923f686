import Grammars
import JSON

extension Grammar {
    /// A grammar for answers, from a schema as text.
    convenience init(schemaText: String, options: SchemaOptions = .answer) throws {
        try self.init(schema: JSONValue(parsing: schemaText), options: options)
    }

    /// Whether a text follows the grammar from its first to its last byte.
    func accepts(_ text: String) -> Bool {
        var matcher = GrammarMatcher(self)
        return matcher.accept(text.utf8) && matcher.mayEnd
    }
}

/// Whether a text may go on so; it then does.
func takes(_ matcher: inout GrammarMatcher, _ text: String) -> Bool { matcher.accept(text.utf8) }

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: the same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
