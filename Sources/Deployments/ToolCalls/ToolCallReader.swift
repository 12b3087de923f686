import JSON

/// Reads one function call byte by byte, from where the trigger ended to the end of the call's JSON.
struct ToolCallReader: Sendable {
    /// What a byte did.
    enum Step: Equatable {
        /// The call goes on.
        case more
        /// The byte ended the call.
        case done
        /// This is no call.
        case mismatch
    }

    private enum Phase {
        /// What is left of a literal, without its blanks.
        case literal([UInt8])
        case name
        /// Between name and arguments, in a form that has texts around them.
        case between([UInt8])
        /// Before the object of a call, perhaps in a list.
        case beforeObject
        case object
        case json
        case gemma
    }

    let form: ToolCallForm
    /// Whether the calls stand in a list.
    private(set) var isInList: Bool
    private var framedName: String?
    private var framedArguments: [UInt8] = []
    private var nameBytes: [UInt8] = []
    private var phase: Phase
    // Beside the phase and not in it, so that a byte costs no copy of what came before.
    private var object = ToolCallObjectReader()
    private var scanner = JSONScanner()
    private var gemmaScanner = GemmaArguments.Scanner(quote: [])

    /// - Parameters:
    ///   - literal: what must follow before the name, in a form that has texts around calls.
    ///   - isInList: whether an earlier call opened a list that is still open.
    init(_ form: ToolCallForm, after literal: String, isInList: Bool = false) {
        self.form = form
        self.isInList = isInList
        switch form.reading {
        case .object: phase = .beforeObject
        case .framed:
            let rest = literal.utf8.filter { !JSONScanner.isBlank($0) }
            phase = rest.isEmpty ? .name : .literal(rest)
        }
    }

    /// The function's name once it is known.
    var name: String? { form.reading == .object ? object.name : framedName }

    /// The JSON text of the arguments so far. While the call goes on it means something only if `isStreamable`.
    var arguments: [UInt8] { form.reading == .object ? object.arguments : framedArguments }

    /// Whether `arguments` only grows from here on, so that it can be passed on.
    var isStreamable: Bool {
        form.reading == .object ? object.isStreamable : form.arguments == .json && !framedArguments.isEmpty
    }

    mutating func take(_ byte: UInt8) -> Step {
        switch phase {
        case .literal(let rest):
            if JSONScanner.isBlank(byte) { return .more }
            if rest.first != byte { return .mismatch }
            phase = rest.count == 1 ? .name : .literal(Array(rest.dropFirst()))
            return .more
        case .name: return takeName(byte)
        case .between(let text): return takeBetween(byte, text)
        case .beforeObject: return takeBeforeObject(byte)
        case .object: return object.take(byte)
        case .json: return takeArgument(byte, scanner.take(byte))
        case .gemma: return takeArgument(byte, gemmaScanner.take(byte))
        }
    }

    private mutating func takeName(_ byte: UInt8) -> Step {
        if ToolCallObjectReader.isNameByte(byte) {
            nameBytes.append(byte)
            return nameBytes.count > ToolCallObjectReader.nameLength ? .mismatch : .more
        }
        if nameBytes.isEmpty { return JSONScanner.isBlank(byte) ? .more : .mismatch }
        framedName = String(decoding: nameBytes, as: UTF8.self)
        phase = .between([])
        return takeBetween(byte, [])
    }

    private mutating func takeBetween(_ byte: UInt8, _ text: [UInt8]) -> Step {
        if JSONScanner.isBlank(byte) { return .more }
        if byte == UInt8(ascii: "{"), isSeparation(text) {
            switch form.arguments {
            case .json: phase = .json
            case .gemma(let quote):
                phase = .gemma
                gemmaScanner = GemmaArguments.Scanner(quote: Array(quote.utf8))
            }
            return take(byte)
        }
        if text.count > 64 { return .mismatch }
        phase = .between(text + [byte])
        return .more
    }

    /// Whether `text`, without blanks, may stand between name and arguments.
    private func isSeparation(_ text: [UInt8]) -> Bool {
        if text == form.afterName.utf8.filter({ !JSONScanner.isBlank($0) }) { return true }
        guard form.reading == .framed(allowsIdentifier: true) else { return false }
        let mark = Array("[CALL_ID]".utf8)
        let end = Array("[ARGS]".utf8)
        if text.isEmpty { return true }
        guard text.starts(with: mark) else { return false }
        let identifier = text.dropFirst(mark.count)
        let bare = identifier.suffix(end.count).elementsEqual(end) ? identifier.dropLast(end.count) : identifier
        return bare.allSatisfy(ToolCallObjectReader.isNameByte)
    }

    private mutating func takeArgument(_ byte: UInt8, _ step: JSONScanner.Step) -> Step {
        guard step == .more || step == .done else { return .mismatch }
        framedArguments.append(byte)
        if step == .more { return .more }
        guard case .gemma(let quote) = form.arguments else { return .done }
        guard let json = GemmaArguments.json(framedArguments, quote: Array(quote.utf8)) else { return .mismatch }
        framedArguments = Array(json.utf8)
        return .done
    }

    private mutating func takeBeforeObject(_ byte: UInt8) -> Step {
        switch byte {
        case UInt8(ascii: "[") where !isInList:
            isInList = true
        case UInt8(ascii: "{"):
            phase = .object
        default:
            return JSONScanner.isBlank(byte) ? .more : .mismatch
        }
        return .more
    }
}
