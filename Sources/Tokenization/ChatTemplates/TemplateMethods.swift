/// The methods of Python's strings, lists and dictionaries that the sandbox allows.
enum TemplateMethods {
    private static let stringMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "replace", "startswith", "endswith", "upper",
        "lower", "title", "capitalize", "casefold", "swapcase", "join", "find", "rfind", "index", "rindex", "count",
        "format", "format_map", "removeprefix", "removesuffix", "zfill", "center", "ljust", "rjust", "partition",
        "rpartition", "expandtabs", "encode", "translate", "maketrans", "isascii", "isprintable", "islower", "isupper",
        "istitle", "isidentifier", "isspace", "isalpha", "isdigit", "isdecimal", "isnumeric", "isalnum",
    ]
    private static let markupMethods = stringMethods.union(["striptags", "unescape", "escape"])

    static func names(markup: Bool) -> Set<String> { markup ? markupMethods : stringMethods }

    static func call(
        _ method: TemplateMethod,
        _ arguments: TemplateCallArguments,
        _ environment: TemplateEnvironment
    ) throws(TemplateError) -> TemplateValue {
        switch method.receiver {
        case .text(let text):
            return try TemplateStringMethod(
                text: text,
                name: method.name,
                arguments: arguments,
                environment: environment
            ).call()
        case .dictionary(let dictionary): return try callDictionary(dictionary, method.name, arguments)
        case .list(let list): return try callList(list, method.name, arguments, environment)
        case .tuple(let list): return try callList(list, method.name, arguments, environment)
        case .integer, .boolean, .float: return callNumber(method.receiver, method.name)
        case .object(let loop as TemplateLoop):
            return method.name == "cycle"
                ? try loop.cycle(arguments.positional) : try loop.changed(arguments.positional, environment.meter)
        case .object(let cycler as TemplateCycler): return callCycler(cycler, method.name)
        default: throw .failure("'\(method.name)' cannot be called")
        }
    }

    private static func callNumber(_ value: TemplateValue, _ name: String) -> TemplateValue {
        if case .float(let number) = value { return .boolean(number.rounded() == number) }
        return .integer(Int.bitWidth - (value.asInteger ?? 0).magnitude.leadingZeroBitCount)
    }

    private static func callCycler(_ cycler: TemplateCycler, _ name: String) -> TemplateValue {
        if name == "reset" {
            cycler.index = 0
            return .none
        }
        defer { cycler.index = (cycler.index + 1) % cycler.items.count }
        return cycler.items[cycler.index]
    }

    private static func callDictionary(
        _ dictionary: TemplateDictionary,
        _ name: String,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "items", "keys", "values", "copy":
            if !arguments.positional.isEmpty || !arguments.keywords.isEmpty {
                throw .failure("dict.\(name)() takes no arguments (\(arguments.positional.count) given)")
            }
            if name == "copy" { return .dictionary(dictionary) }
            let kind: TemplateDictionaryView.Kind = name == "items" ? .items : name == "keys" ? .keys : .values
            return .object(TemplateDictionaryView(dictionary, kind))
        case "get":
            if !arguments.keywords.isEmpty { throw .failure("dict.get() takes no keyword arguments") }
            let values = try arguments.bound(to: ["key", "default"], required: 1, of: "get")
            let wanted = values[0] ?? .none
            guard let key = TemplateKey(wanted) else { throw .failure("unhashable type: '\(wanted.typeName)'") }
            return dictionary.position(of: key).map { dictionary.entries[$0].value } ?? values[1] ?? .none
        default: throw .failure("dict.\(name)() is not supported in a chat template")
        }
    }

    private static func callList(
        _ list: TemplateList,
        _ name: String,
        _ arguments: TemplateCallArguments,
        _ environment: TemplateEnvironment
    ) throws(TemplateError) -> TemplateValue {
        if name == "copy" { return .list(list) }
        guard let wanted = arguments.positional.first else {
            throw .failure("\(name)() takes at least one argument (0 given)")
        }
        try environment.meter.charge(steps: list.items.count)
        var count = 0
        for (index, item) in list.items.enumerated() where try item.equals(wanted, environment.meter) {
            if name == "index" { return .integer(index) }
            count += 1
        }
        if name == "index" { throw .failure("\(try wanted.representation().string) is not in list") }
        return .integer(count)
    }
}

/// One call of a string method.
struct TemplateStringMethod {
    let text: TemplateText
    let name: String
    let arguments: TemplateCallArguments
    let environment: TemplateEnvironment

    private var meter: TemplateMeter { environment.meter }

    func call() throws(TemplateError) -> TemplateValue {
        // Every method reads its text at least once.
        try meter.charge(steps: text.bytes.count >> 6)
        switch name {
        case "strip", "lstrip", "rstrip": return try strip()
        case "split", "rsplit": return try split()
        case "splitlines": return try splitLines()
        case "replace": return try replace()
        case "startswith", "endswith": return .boolean(try hasAffix())
        case "removeprefix", "removesuffix": return try removeAffix()
        case "find", "rfind", "index", "rindex", "count": return try search()
        case "join": return try join()
        case "format", "format_map": return .text(try TemplateBraceFormat.apply(text, arguments, name, environment))
        case "partition", "rpartition": return try partition()
        case "center", "ljust", "rjust", "zfill", "expandtabs": return try pad()
        case "upper", "lower", "title", "capitalize", "casefold", "swapcase": return changeCase()
        case "striptags": return .text(TemplateMarkup.strippedTags(text).withMarkup(true))
        default:
            if let answer = text.answer(to: name) { return .boolean(answer) }
            throw .failure("str.\(name)() is not supported in a chat template")
        }
    }

    private func changeCase() -> TemplateValue {
        switch name {
        case "upper": .text(text.uppercased())
        case "title": .text(text.titled())
        case "capitalize": .text(text.capitalized())
        case "swapcase": .text(text.swappedCase())
        default: .text(text.lowercased())
        }
    }

    private func wrongType(_ value: TemplateValue, position: Int = 1) -> TemplateError {
        if case .undefined(let undefined) = value, undefined.isForbidden { return undefined.error }
        return .failure("\(name)() argument \(position) must be str, not \(value.shortTypeName)")
    }

    private func textArgument(_ value: TemplateValue?, position: Int = 1) throws(TemplateError) -> TemplateText {
        guard let value, let text = value.asText else { throw wrongType(value ?? .none, position: position) }
        return text
    }

    private func integerArgument(_ value: TemplateValue?, default fallback: Int) throws(TemplateError) -> Int {
        guard let value, !value.isNone else { return fallback }
        guard let integer = value.asInteger else {
            throw .failure("'\(value.shortTypeName)' object cannot be interpreted as an integer")
        }
        return integer
    }

    private func strip() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["chars"], required: 0, of: name)
        var characters: TemplateText?
        if let value = values[0], !value.isNone {
            guard let given = value.asText else {
                throw .failure("\(name) arg must be None or str")
            }
            characters = given
        }
        return .text(text.stripped(characters, left: name != "rstrip", right: name != "lstrip"))
    }

    private func split() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["sep", "maxsplit"], required: 0, of: name)
        let limit = try integerArgument(values[1], default: -1)
        let fromRight = name == "rsplit"
        var pieces: [TemplateText]
        if let value = values[0], !value.isNone {
            guard let separator = value.asText else {
                throw .failure("must be str or None, not \(value.shortTypeName)")
            }
            if separator.isEmpty { throw .failure("empty separator") }
            pieces =
                fromRight ? text.splitFromRight(at: separator, limit: limit) : text.split(at: separator, limit: limit)
        } else {
            pieces = fromRight ? text.splitAtSpacesFromRight(limit: limit) : text.splitAtSpaces(limit: limit)
        }
        return try list(pieces)
    }

    private func list(_ pieces: [TemplateText]) throws(TemplateError) -> TemplateValue {
        try meter.charge(elements: pieces.count)
        try meter.charge(bytes: text.bytes.count)
        return .list(TemplateList(flat: pieces.map { .text($0) }))
    }

    private func splitLines() throws(TemplateError) -> TemplateValue {
        let keep = try arguments.bound(to: ["keepends"], required: 0, of: name)[0]?.isTrue ?? false
        return try list(text.lines(keepingEnds: keep))
    }

    private func replace() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["old", "new", "count"], required: 2, of: name)
        let old = try textArgument(values[0])
        var new = try textArgument(values[1], position: 2)
        if text.isMarkup { new = new.escapedMarkup() }
        return .text(
            try text.replacing(old, with: new, limit: try integerArgument(values[2], default: -1), meter: meter)
        )
    }

    /// The byte range that optional start and end arguments select.
    private func range(_ start: TemplateValue?, _ end: TemplateValue?) throws(TemplateError) -> Range<Int>? {
        if (start?.isNone ?? true) && (end?.isNone ?? true) { return 0..<text.bytes.count }
        let count = text.scalarCount
        func clamp(_ index: Int) -> Int { max(0, index < 0 ? index + count : index) }
        let first = clamp(try integerArgument(start, default: 0))
        let last = min(count, clamp(try integerArgument(end, default: count)))
        return first <= last ? text.byteOffset(ofScalar: first)..<text.byteOffset(ofScalar: last) : nil
    }

    private func hasAffix() throws(TemplateError) -> Bool {
        let values = try arguments.bound(to: ["prefix", "start", "end"], required: 1, of: name)
        guard let range = try range(values[1], values[2]) else { return false }
        let part = text.piece(range)
        func matches(_ affix: TemplateText) -> Bool {
            name == "startswith" ? part.hasPrefix(affix.bytes) : part.hasSuffix(affix.bytes)
        }
        switch values[0] {
        case .text(let affix)?: return matches(affix)
        case .tuple(let list)?:
            for item in list.items {
                guard let affix = item.asText else {
                    throw .failure("tuple for \(name) must only contain str, not \(item.shortTypeName)")
                }
                if matches(affix) { return true }
            }
            return false
        case let other:
            throw .failure(
                "\(name) first arg must be str or a tuple of str, not \((other ?? .none).shortTypeName)"
            )
        }
    }

    private func removeAffix() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["affix"], required: 1, of: name)
        let affix = try textArgument(values[0])
        let count = text.bytes.count
        if name == "removeprefix", text.hasPrefix(affix.bytes) { return .text(text.piece(affix.bytes.count..<count)) }
        if name == "removesuffix", text.hasSuffix(affix.bytes) {
            return .text(text.piece(0..<(count - affix.bytes.count)))
        }
        return .text(text)
    }

    private func search() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["sub", "start", "end"], required: 1, of: name)
        let needle = try textArgument(values[0])
        let range = try range(values[1], values[2])
        if name == "count" { return .integer(range.map { count(of: needle, in: $0) } ?? 0) }
        var offset: Int?
        if let range {
            offset =
                name.hasPrefix("r")
                ? text.lastOffset(of: needle.bytes, from: range.lowerBound, to: range.upperBound)
                : text.firstOffset(of: needle.bytes, from: range.lowerBound, to: range.upperBound)
        }
        if let offset { return .integer(text.scalarIndex(ofByte: offset)) }
        if name.hasSuffix("index") { throw .failure("substring not found") }
        return .integer(-1)
    }

    private func count(of needle: TemplateText, in range: Range<Int>) -> Int {
        if needle.isEmpty { return text.piece(range).scalarCount + 1 }
        return text.offsets(of: needle.bytes, from: range.lowerBound, to: range.upperBound).count
    }

    private func join() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["iterable"], required: 1, of: name)
        guard let iterable = values[0], iterable.isIterable else { throw .failure("can only join an iterable") }
        var parts: [TemplateText] = []
        for (index, item) in try iterable.elements(meter).enumerated() {
            guard let part = item.asText else {
                throw .failure("sequence item \(index): expected str instance, \(item.shortTypeName) found")
            }
            parts.append(text.isMarkup ? part.escapedMarkup() : part)
        }
        return .text(try Self.joined(parts, by: text, meter))
    }

    static func joined(
        _ parts: [TemplateText],
        by separator: TemplateText,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        try meter.charge(bytes: separator.bytes.count, times: parts.count)
        try meter.charge(bytes: parts.reduce(0) { $0 + $1.bytes.count })
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if index > 0 { bytes += separator.bytes }
            bytes += part.bytes
        }
        return TemplateText(bytes, isMarkup: separator.isMarkup)
    }

    private func partition() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["sep"], required: 1, of: name)
        let separator = try textArgument(values[0])
        if separator.isEmpty { throw .failure("empty separator") }
        let isLeft = name == "partition"
        let empty = TemplateText([], isMarkup: text.isMarkup)
        let found = isLeft ? text.firstOffset(of: separator.bytes) : text.lastOffset(of: separator.bytes)
        guard let found else {
            let parts = isLeft ? [text, empty, empty] : [empty, empty, text]
            return .tuple(TemplateList(flat: parts.map { .text($0) }))
        }
        let end = found + separator.bytes.count
        let parts = [text.piece(0..<found), text.piece(found..<end), text.piece(end..<text.bytes.count)]
        return .tuple(TemplateList(flat: parts.map { .text($0) }))
    }

    private func pad() throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["width", "fillchar"], required: name == "expandtabs" ? 0 : 1, of: name)
        let width = try integerArgument(values[0], default: 8)
        let count = text.scalarCount
        if name == "expandtabs" {
            try meter.charge(bytes: text.bytes.count)
            try meter.charge(bytes: max(0, width), times: text.bytes.filter { $0 == 9 }.count)
            return .text(expandedTabs(width))
        }
        if width <= count { return .text(text) }
        let fill =
            name == "zfill"
            ? TemplateText("0")
            : try values[1].map { (value) throws(TemplateError) in
                try textArgument(value, position: 2)
            } ?? TemplateText(" ")
        if fill.scalarCount != 1 {
            throw .failure("The fill character must be exactly one character long")
        }
        let missing = width - count
        try meter.charge(bytes: text.bytes.count)
        try meter.charge(bytes: 4, times: missing)
        func padding(_ count: Int) -> [UInt8] { Array(repeatElement(fill.bytes, count: count).joined()) }
        switch name {
        case "ljust": return .text(text.replacingBytes(text.bytes + padding(missing)))
        case "rjust": return .text(text.replacingBytes(padding(missing) + text.bytes))
        case "zfill":
            let sign = text.bytes.prefix(text.hasPrefix([0x2B]) || text.hasPrefix([0x2D]) ? 1 : 0)
            return .text(text.replacingBytes(sign + padding(missing) + text.bytes.dropFirst(sign.count)))
        default:
            let left = missing / 2 + (missing & width & 1)
            return .text(text.replacingBytes(padding(left) + text.bytes + padding(missing - left)))
        }
    }

    private func expandedTabs(_ width: Int) -> TemplateText {
        var result: [UInt8] = []
        var column = 0
        for byte in text.bytes {
            if byte == 9 {
                let blanks = width > 0 ? width - column % width : 0
                result += [UInt8](repeating: 32, count: blanks)
                column += blanks
            } else {
                result.append(byte)
                if byte & 0xC0 != 0x80 { column = byte == 10 || byte == 13 ? 0 : column + 1 }
            }
        }
        return text.replacingBytes(result)
    }
}
