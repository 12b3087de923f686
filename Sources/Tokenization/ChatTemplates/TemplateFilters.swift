/// A filter: a function of a value and arguments, `value|name(arguments)`.
struct TemplateFilter: Sendable {
    typealias Body =
        @Sendable (TemplateValue, TemplateCallArguments, TemplateEnvironment) throws(TemplateError) -> TemplateValue

    let name: String
    let apply: Body
}

/// All filters of Jinja 3.1, with Hugging Face's `tojson`.
enum TemplateFilters {
    static let all: [TemplateFilter] = table.sorted { $0.key < $1.key }.map {
        TemplateFilter(name: $0.key, apply: $0.value)
    }
    private static let indices: [String: Int] = Dictionary(
        uniqueKeysWithValues: all.enumerated().map { ($0.element.name, $0.offset) }
    )

    static func index(of name: String) -> Int? { indices[name] }

    private static let table: [String: TemplateFilter.Body] = plain.merging(textual) { first, _ in first }
        .merging(TemplateSequenceFilters.table) { first, _ in first }.merging(refused) { first, _ in first }

    /// Filters whose results are random, or which have no place in a prompt.
    private static let refused: [String: TemplateFilter.Body] = [
        "random": refusing("random"), "urlize": refusing("urlize"), "pprint": refusing("pprint"),
    ]

    private static func refusing(_ name: String) -> TemplateFilter.Body {
        { (_, _, _) throws(TemplateError) in
            throw .failure("the filter '\(name)' is not supported in a chat template")
        }
    }

    private static let plain: [String: TemplateFilter.Body] = [
        "abs": { (value, _, _) throws(TemplateError) in try absolute(value) },
        "attr": { (value, arguments, environment) throws(TemplateError) in
            let name = try arguments.bound(to: ["name"], required: 1, of: "attr")[0]?.asText?.string ?? ""
            if case .dictionary = value { return TemplateEnvironment.lacking(value, .string(name)) }
            return try environment.attribute(name, of: value)
        },
        "count": length, "length": length,
        "d": defaulted, "default": defaulted,
        "float": { (value, arguments, _) throws(TemplateError) in
            let fallback = try arguments.bound(to: ["default"], required: 0, of: "float")[0] ?? .float(0)
            return try float(value).map { .float($0) } ?? fallback
        },
        "int": { (value, arguments, _) throws(TemplateError) in try integer(value, arguments) },
        "round": { (value, arguments, _) throws(TemplateError) in try round(value, arguments) },
        "tojson": { (value, arguments, environment) throws(TemplateError) in
            .text(try TemplateJSON.text(of: value, arguments, environment.meter))
        },
        "string": { (value, _, _) throws(TemplateError) in .text(try value.text()) },
        "safe": { (value, _, _) throws(TemplateError) in .text(try value.text().withMarkup(true)) },
        "e": escaped, "escape": escaped,
        "forceescape": { (value, _, _) throws(TemplateError) in
            .text(try value.text().withMarkup(false).escapedMarkup())
        },
    ]

    private static let length: TemplateFilter.Body = { (value, _, _) throws(TemplateError) in
        .integer(try value.length())
    }

    private static let escaped: TemplateFilter.Body = { (value, _, _) throws(TemplateError) in
        .text(try value.text().escapedMarkup())
    }

    private static let defaulted: TemplateFilter.Body = { (value, arguments, _) throws(TemplateError) in
        let values = try arguments.bound(to: ["default_value", "boolean"], required: 0, of: "default")
        let replaces = value.isUndefined || (values[1]?.isTrue ?? false) && !value.isTrue
        return replaces ? values[0] ?? .text(.empty) : value
    }

    private static func absolute(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float(let number) = value { return .float(number.magnitude) }
        guard let number = value.asInteger else {
            throw .failure("bad operand type for abs(): '\(value.shortTypeName)'")
        }
        return number < 0 ? try TemplateNumbers.integers(.subtract, 0, number) : .integer(number)
    }

    /// `float(value)`; nil where Python raises TypeError or ValueError.
    private static func float(_ value: TemplateValue) throws(TemplateError) -> Double? {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let text = value.asText { return TemplateNumbers.float(of: text) }
        return value.asDouble
    }

    private static func integer(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["default", "base"], required: 0, of: "int")
        let base = values[1]?.asInteger ?? 10
        if let text = value.asText, let integer = TemplateNumbers.integer(of: text, base: base) {
            return .integer(integer)
        }
        if let integer = value.asInteger { return .integer(integer) }
        guard let number = try float(value), number.isFinite else { return values[0] ?? .integer(0) }
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
            throw .failure("an integer leaves the range of 64 bits")
        }
        return .integer(whole)
    }

    private static func round(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["precision", "method"], required: 0, of: "round")
        let precision = values[0]?.asInteger ?? 0
        let method = values[1]?.asText?.string ?? "common"
        if case .undefined(let undefined) = value { throw undefined.error }
        guard ["common", "ceil", "floor"].contains(method) else {
            throw .failure("method must be common, ceil or floor")
        }
        guard let number = value.asDouble, precision.magnitude <= 300 else {
            throw .failure("type \(value.shortTypeName) doesn't define __round__ method")
        }
        if method == "common" {
            if let integer = value.asInteger, precision >= 0 { return .integer(integer) }
            if precision >= 0 {
                return .float(Double(TemplateFormat.number(number, "f", precision: precision)) ?? number)
            }
        }
        guard case .float(let scale) = try TemplateNumbers.floats(.power, 10, Double(precision)) else { return value }
        let scaled = number * scale
        if method == "common" {
            let rounded = scaled.rounded(.toNearestOrEven) / scale
            return value.asInteger == nil
                ? .float(rounded) : Int(exactly: rounded).map { .integer($0) } ?? .float(rounded)
        }
        return .float(scaled.rounded(method == "ceil" ? .up : .down) / scale)
    }
}

// MARK: - Text

extension TemplateFilters {
    /// A filter that is one of the text's own methods.
    private static func method(_ name: String) -> TemplateFilter.Body {
        { (value, arguments, environment) throws(TemplateError) in
            try TemplateStringMethod(
                text: try value.text(),
                name: name,
                arguments: arguments,
                environment: environment
            ).call()
        }
    }

    private static let textual: [String: TemplateFilter.Body] = [
        "capitalize": method("capitalize"), "lower": method("lower"), "upper": method("upper"),
        "trim": method("strip"),
        "center": { (value, arguments, environment) throws(TemplateError) in
            let width = try arguments.bound(to: ["width"], required: 0, of: "center")[0] ?? .integer(80)
            return try method("center")(value, TemplateCallArguments(positional: [width], keywords: []), environment)
        },
        "title": { (value, _, _) throws(TemplateError) in .text(TemplateTextFilters.titled(try value.text())) },
        "replace": { (value, arguments, environment) throws(TemplateError) in
            let values = try arguments.bound(to: ["old", "new", "count"], required: 2, of: "replace")
            let old = try (values[0] ?? .none).text()
            let new = try (values[1] ?? .none).text()
            return .text(
                try value.text().withMarkup(false).replacing(
                    old,
                    with: new,
                    limit: values[2]?.asInteger ?? -1,
                    meter: environment.meter
                )
            )
        },
        "format": { (value, arguments, environment) throws(TemplateError) in
            if !arguments.positional.isEmpty, !arguments.keywords.isEmpty {
                throw .failure("can't handle positional and keyword arguments at the same time")
            }
            var operand = TemplateValue.tuple(try TemplateList(arguments.positional))
            if !arguments.keywords.isEmpty {
                let dictionary = TemplateDictionary()
                for (name, value) in arguments.keywords { try dictionary.set(.string(name), value) }
                operand = .dictionary(dictionary)
            }
            return try TemplateOperators.binary(.modulo, .text(try value.text()), operand, environment.meter)
        },
        "indent": { (value, arguments, environment) throws(TemplateError) in
            .text(try TemplateTextFilters.indented(value, arguments, environment.meter))
        },
        "truncate": { (value, arguments, _) throws(TemplateError) in
            try TemplateTextFilters.truncated(value, arguments)
        },
        "wordcount": { (value, _, _) throws(TemplateError) in
            .integer(TemplateTextFilters.wordCount(try value.text()))
        },
        "wordwrap": { (value, arguments, environment) throws(TemplateError) in
            .text(try TemplateTextFilters.wrapped(value, arguments, environment.meter))
        },
        "striptags": { (value, _, _) throws(TemplateError) in
            .text(TemplateMarkup.strippedTags(try value.text()))
        },
        "urlencode": { (value, _, environment) throws(TemplateError) in
            .text(try TemplateMarkup.encodedURL(value, environment.meter))
        },
        "xmlattr": { (value, arguments, _) throws(TemplateError) in
            .text(try TemplateMarkup.attributes(value, arguments))
        },
        "filesizeformat": { (value, arguments, _) throws(TemplateError) in
            .string(try TemplateTextFilters.fileSize(value, arguments))
        },
    ]
}
