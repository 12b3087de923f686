/// A test: a question about a value, `value is name(arguments)`.
struct TemplateTest: Sendable {
    typealias Body =
        @Sendable (TemplateValue, TemplateCallArguments, TemplateEnvironment) throws(TemplateError) -> Bool

    let name: String
    let apply: Body
}

/// All tests of Jinja 3.1.
enum TemplateTests {
    static let all: [TemplateTest] = plain.merging(comparisons) { first, _ in first }.merging(numeric) { first, _ in
        first
    }
    .sorted { $0.key < $1.key }.map { TemplateTest(name: $0.key, apply: $0.value) }
    private static let indices: [String: Int] = Dictionary(
        uniqueKeysWithValues: all.enumerated().map { ($0.element.name, $0.offset) }
    )

    static func index(of name: String) -> Int? { indices[name] }

    private static let plain: [String: TemplateTest.Body] = [
        "defined": { (value, _, _) throws(TemplateError) in !value.isUndefined },
        "undefined": { (value, _, _) throws(TemplateError) in value.isUndefined },
        "none": { (value, _, _) throws(TemplateError) in value.isNone },
        "boolean": { (value, _, _) throws(TemplateError) in value.isBoolean },
        "true": { (value, _, _) throws(TemplateError) in value.isBoolean && value.isTrue },
        "false": { (value, _, _) throws(TemplateError) in value.isBoolean && !value.isTrue },
        "integer": { (value, _, _) throws(TemplateError) in value.asInteger != nil && !value.isBoolean },
        "float": { (value, _, _) throws(TemplateError) in value.asDouble != nil && value.asInteger == nil },
        "number": { (value, _, _) throws(TemplateError) in value.asDouble != nil },
        "string": { (value, _, _) throws(TemplateError) in value.asText != nil },
        "mapping": { (value, _, _) throws(TemplateError) in
            if case .dictionary = value { true } else { false }
        },
        "sequence": { (value, _, _) throws(TemplateError) in value.isSequence },
        "iterable": { (value, _, _) throws(TemplateError) in value.isIterable },
        "callable": { (value, _, _) throws(TemplateError) in value.isCallable },
        "escaped": { (value, _, _) throws(TemplateError) in value.asText?.isMarkup ?? false },
        "lower": { (value, _, _) throws(TemplateError) in try value.text().answer(to: "islower") ?? false },
        "upper": { (value, _, _) throws(TemplateError) in try value.text().answer(to: "isupper") ?? false },
        "sameas": { (value, arguments, _) throws(TemplateError) in
            value.isSame(as: try operand(arguments, "sameas"))
        },
        "filter": { (value, _, _) throws(TemplateError) in
            value.asText.map { TemplateFilters.index(of: $0.string) != nil } ?? false
        },
        "test": { (value, _, _) throws(TemplateError) in
            value.asText.map { isKnown($0.string) } ?? false
        },
    ]

    private static func isKnown(_ name: String) -> Bool { indices[name] != nil }

    private static func operand(
        _ arguments: TemplateCallArguments,
        _ name: String
    ) throws(TemplateError) -> TemplateValue {
        try arguments.bound(to: ["other"], required: 1, of: name)[0] ?? .none
    }

    private static let comparisons: [String: TemplateTest.Body] = {
        let names: [(TemplateComparison, [String])] = [
            (.equal, ["==", "eq", "equalto"]), (.notEqual, ["!=", "ne"]), (.greater, [">", "gt", "greaterthan"]),
            (.greaterOrEqual, ["ge", ">="]), (.less, ["<", "lt", "lessthan"]), (.lessOrEqual, ["<=", "le"]),
            (.contained, ["in"]),
        ]
        var table: [String: TemplateTest.Body] = [:]
        for (comparison, aliases) in names {
            for alias in aliases { table[alias] = comparing(comparison, alias) }
        }
        return table
    }()

    private static func comparing(_ comparison: TemplateComparison, _ alias: String) -> TemplateTest.Body {
        { (value, arguments, environment) throws(TemplateError) in
            let right = try operand(arguments, alias)
            return try TemplateOperators.compare(comparison, value, right, environment.meter)
        }
    }

    private static let numeric: [String: TemplateTest.Body] = [
        "odd": { (value, _, environment) throws(TemplateError) in
            try remainder(value, .integer(2), environment).equals(.integer(1), environment.meter)
        },
        "even": { (value, _, environment) throws(TemplateError) in
            try remainder(value, .integer(2), environment).equals(.integer(0), environment.meter)
        },
        "divisibleby": { (value, arguments, environment) throws(TemplateError) in
            let divisor = try operand(arguments, "divisibleby")
            return try remainder(value, divisor, environment).equals(.integer(0), environment.meter)
        },
    ]

    private static func remainder(
        _ value: TemplateValue,
        _ divisor: TemplateValue,
        _ environment: TemplateEnvironment
    ) throws(TemplateError) -> TemplateValue {
        try TemplateOperators.binary(.modulo, value, divisor, environment.meter)
    }
}

extension TemplateValue {
    var isBoolean: Bool {
        if case .boolean = self { true } else { false }
    }

    /// What has a length and elements by index.
    var isSequence: Bool {
        switch self {
        case .text, .list, .tuple, .dictionary, .undefined: true
        case .object(let object): object is TemplateRange
        default: false
        }
    }
}
