import JSON

/// The arguments of a call as an object, for the APIs whose calls hold no text.
extension JSONObject {
    /// Levels of arrays and objects that are read.
    private static let limits = JSONLimits(maximumDepth: 1024)

    /// The object that `arguments` write; nil where they are none, or nested deeper than 1,024 levels. A number too large
    /// for a 64-bit float becomes the largest one.
    init?(arguments: String) {
        var bytes = Array(arguments.utf8)
        // Every round makes one more number readable.
        while true {
            do throws(JSONError) {
                guard let object = try JSONValue(parsing: bytes, limits: Self.limits).objectValue else { return nil }
                self = object
                return
            } catch {
                guard case .numberOutOfRange(let start) = error else { return nil }
                let end = bytes[start...].firstIndex { !Self.isOfNumber($0) } ?? bytes.endIndex
                let isNegative = bytes[start] == UInt8(ascii: "-")
                let largest = (isNegative ? -Double.greatestFiniteMagnitude : .greatestFiniteMagnitude).description
                bytes.replaceSubrange(start..<end, with: largest.utf8)
            }
        }
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        case UInt8(ascii: "e"), UInt8(ascii: "E"): true
        default: false
        }
    }

    /// What is certain of arguments whose text was cut off anywhere, as Anthropic's clients read them while a call is
    /// streamed: whole values stay, the one that was cut goes, and what was open is closed.
    ///
    /// - Parameter text: the beginning of a JSON object.
    init(cutOff text: String) {
        let text = text.utf8
        let all = Self.brackets(in: text)
        let whole = text.prefix(all.wholeCount)
        let closed = [
            Array(text) + all.open.reversed(), Array(whole) + Self.brackets(in: whole).open.reversed(),
        ]
        let objects = closed.lazy.compactMap { JSONObject(arguments: String(decoding: $0, as: UTF8.self)) }
        self = objects.first ?? JSONObject()
    }

    /// The closing brackets that `text` lacks, the outermost first, and how many of its bytes lie before its last comma,
    /// or up to its last bracket, whichever comes later: there, everything is whole.
    private static func brackets(in text: some Sequence<UInt8>) -> (open: [UInt8], wholeCount: Int) {
        var open: [UInt8] = []
        var wholeCount = 0
        var (isInString, isEscaped) = (false, false)
        for (index, byte) in text.enumerated() {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isInString
            case UInt8(ascii: "\""): isInString.toggle()
            case _ where isInString: break
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                // Closing brackets stand two behind opening ones.
                open.append(byte + 2)
                wholeCount = index + 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                wholeCount = index + 1
            case UInt8(ascii: ","): wholeCount = index
            default: break
            }
        }
        return (open, wholeCount)
    }
}
