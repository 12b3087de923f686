/// `'{} and {name!r:>10}'.format(...)` as the sandbox runs it.
struct TemplateBraceFormat {
    private let environment: TemplateEnvironment
    private let arguments: TemplateCallArguments
    /// Whether the format is markup, which escapes its fields.
    private let isMarkup: Bool
    private var nextIndex = 0
    private var numbering: Numbering?

    private enum Numbering { case automatic, manual }

    static func apply(
        _ format: TemplateText,
        _ arguments: TemplateCallArguments,
        _ method: String,
        _ environment: TemplateEnvironment
    ) throws(TemplateError) -> TemplateText {
        var given = arguments
        if method == "format_map" {
            guard arguments.positional.count == 1, arguments.keywords.isEmpty,
                case .dictionary(let mapping) = arguments.positional[0]
            else { throw .failure("format_map() takes exactly one argument, a mapping") }
            given = TemplateCallArguments(positional: [], keywords: [])
            for (key, value) in mapping.entries {
                if let name = key.asText { given.keywords.append((name.string, value)) }
            }
        }
        var formatter = TemplateBraceFormat(
            environment: environment,
            arguments: given,
            isMarkup: format.isMarkup,
            nextIndex: 0,
            numbering: nil
        )
        let text = try formatter.format(format.scalars, depth: 2)
        try environment.meter.charge(bytes: text.utf8.count)
        return TemplateText(text).withMarkup(format.isMarkup)
    }

    private mutating func format(_ all: [Unicode.Scalar], depth: Int) throws(TemplateError) -> String {
        if depth < 0 { throw .failure("Max string recursion exceeded") }
        var result = String.UnicodeScalarView()
        var index = 0
        while index < all.count {
            let scalar = all[index]
            let isDoubled = index + 1 < all.count && all[index + 1] == scalar
            if scalar == "{" || scalar == "}", isDoubled {
                result.append(scalar)
                index += 2
            } else if scalar == "{" {
                let end = try fieldEnd(all, index + 1)
                let field = try field(Array(all[(index + 1)..<end]), depth)
                result.append(contentsOf: field.unicodeScalars)
                index = end + 1
            } else if scalar == "}" {
                throw .failure("Single '}' encountered in format string")
            } else {
                result.append(scalar)
                index += 1
            }
        }
        return String(result)
    }

    private func fieldEnd(_ all: [Unicode.Scalar], _ start: Int) throws(TemplateError) -> Int {
        var open = 1
        for index in start..<all.count {
            if all[index] == "{" { open += 1 }
            if all[index] == "}" { open -= 1 }
            if open == 0 { return index }
        }
        throw .failure(
            start == all.count ? "Single '{' encountered in format string" : "expected '}' before end of string"
        )
    }

    private mutating func field(_ all: [Unicode.Scalar], _ depth: Int) throws(TemplateError) -> String {
        let nameEnd = all.firstIndex { $0 == "!" || $0 == ":" } ?? all.count
        var value = try lookUp(Array(all[..<nameEnd]))
        var rest = all[nameEnd...]
        if rest.first == "!" {
            rest = rest.dropFirst()
            guard let conversion = rest.popFirst() else {
                throw .failure("end of string while looking for conversion specifier")
            }
            switch conversion {
            case "s": value = .text(try value.text())
            case "r", "a": value = .text(try value.representation())
            default: throw .failure("Unknown conversion specifier '\(conversion)'")
            }
            if let next = rest.first, next != ":" { throw .failure("expected ':' after conversion specifier") }
        }
        let specification = try format(Array(rest.dropFirst()), depth: depth - 1)
        let text = try TemplateFormatSpecification.apply(specification, to: value)
        if !isMarkup { return text }
        let isSafe = value.asText?.isMarkup ?? false
        return isSafe ? text : TemplateText(text).escapedMarkup().string
    }

    private mutating func lookUp(_ all: [Unicode.Scalar]) throws(TemplateError) -> TemplateValue {
        let firstEnd = all.firstIndex { $0 == "." || $0 == "[" } ?? all.count
        var value = try argument(String(String.UnicodeScalarView(all[..<firstEnd])))
        var rest = all[firstEnd...]
        while let mark = rest.popFirst() {
            if mark == "." {
                let end = rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
                if end == rest.startIndex { throw .failure("Empty attribute in format string") }
                value = try environment.attribute(String(String.UnicodeScalarView(rest[..<end])), of: value)
                rest = rest[end...]
            } else {
                guard mark == "[", let end = rest.firstIndex(of: "]") else {
                    throw .failure("Missing ']' in format string")
                }
                let key = String(String.UnicodeScalarView(rest[..<end]))
                value = try environment.item(Int(key).map { .integer($0) } ?? .string(key), of: value)
                rest = rest[(end + 1)...]
            }
        }
        return value
    }

    private mutating func argument(_ name: String) throws(TemplateError) -> TemplateValue {
        guard name.isEmpty || Int(name) != nil else {
            if let value = arguments.keywords.first(where: { $0.name == name })?.value { return value }
            throw .failure(TemplateText(name).pythonRepresentation)
        }
        let wanted: Numbering = name.isEmpty ? .automatic : .manual
        if let numbering, numbering != wanted {
            throw .failure("cannot switch between manual field specification and automatic field numbering")
        }
        numbering = wanted
        var index = Int(name) ?? 0
        if wanted == .automatic {
            index = nextIndex
            nextIndex += 1
        }
        guard index >= 0, index < arguments.positional.count else {
            throw .failure("Replacement index \(index) out of range for positional args tuple")
        }
        return arguments.positional[index]
    }
}
