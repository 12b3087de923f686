/// A literal in the source.
enum TemplateConstant: Sendable, Hashable {
    case none
    case boolean(Bool)
    case integer(Int)
    case float(Double)
    case text(TemplateText)
}

/// An expression with the line it began on and the height of its tree.
struct TemplateExpression: Sendable {
    indirect enum Kind: Sendable {
        case constant(TemplateConstant)
        case name(String)
        /// `namespace.attribute` as the target of `set`.
        case namespaceTarget(String, attribute: String)
        case tuple([TemplateExpression])
        case list([TemplateExpression])
        case dictionary([(key: TemplateExpression, value: TemplateExpression)])
        case unary(TemplateUnaryOperator, TemplateExpression)
        case binary(TemplateBinaryOperator, TemplateExpression, TemplateExpression)
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        case concatenation([TemplateExpression])
        case comparison(TemplateExpression, [(TemplateComparison, TemplateExpression)])
        case conditional(test: TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
        case attribute(TemplateExpression, String)
        case item(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, [TemplateExpression?])
        case call(TemplateExpression, TemplateArguments)
        /// Without an operand, in `{% filter %}` and block `set`, the operand is the block's text.
        case filter(TemplateExpression?, String, TemplateArguments)
        case test(TemplateExpression, String, TemplateArguments)
    }

    let kind: Kind
    let line: Int
    let height: Int
}

/// The arguments of a call, filter or test as they are written.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var keywords: [(name: String, value: TemplateExpression)] = []
    /// The operand of `*`.
    var spread: TemplateExpression?
    /// The operand of `**`.
    var keywordSpread: TemplateExpression?

    /// All argument expressions in the order in which they are evaluated.
    var expressions: [TemplateExpression] {
        positional + keywords.map(\.value) + [spread, keywordSpread].compactMap { $0 }
    }
}

enum TemplateUnaryOperator: Int32, Sendable {
    case negate, plus, not
}

enum TemplateBinaryOperator: Int32, Sendable {
    case add, subtract, multiply, divide, floorDivide, modulo, power

    var symbol: String {
        switch self {
        case .add: "+"
        case .subtract: "-"
        case .multiply: "*"
        case .divide: "/"
        case .floorDivide: "//"
        case .modulo: "%"
        case .power: "** or pow()"
        }
    }
}

enum TemplateComparison: Int32, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, contained, notContained

    var symbol: String {
        switch self {
        case .equal: "=="
        case .notEqual: "!="
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        case .contained: "in"
        case .notContained: "not in"
        }
    }
}

/// A statement with the line it began on.
struct TemplateStatement: Sendable {
    indirect enum Kind: Sendable {
        case output([Output])
        case conditional([Branch], otherwise: [TemplateStatement])
        case loop(Loop)
        case assignment(target: TemplateExpression, value: TemplateExpression)
        case blockAssignment(target: TemplateExpression, filter: TemplateExpression?, body: [TemplateStatement])
        case macro(Macro)
        /// `{% call %}`: `macro` is what the callee sees as `caller`.
        case call(TemplateExpression, caller: Macro)
        /// `{% generation %}`: Hugging Face's mark around what the assistant says; renders its body in a scope.
        case generation(Macro)
        case filter(TemplateExpression, body: [TemplateStatement])
        case with(targets: [TemplateExpression], values: [TemplateExpression], body: [TemplateStatement])
        case scope([TemplateStatement])
        case block(String, body: [TemplateStatement])
        case breakLoop
        case continueLoop
        /// A statement that Jinja's sandbox refuses when it is reached, such as `include` without a loader.
        case refusal(String)
    }

    enum Output: Sendable {
        case data(TemplateText)
        case expression(TemplateExpression)
    }

    struct Branch: Sendable {
        let test: TemplateExpression
        let body: [TemplateStatement]
    }

    struct Loop: Sendable {
        let target: TemplateExpression
        let iterable: TemplateExpression
        let condition: TemplateExpression?
        let isRecursive: Bool
        let body: [TemplateStatement]
        let otherwise: [TemplateStatement]
    }

    struct Macro: Sendable {
        /// Nil for the body of a call block.
        let name: String?
        let parameters: [String]
        /// The defaults of the last parameters.
        let defaults: [TemplateExpression]
        let body: [TemplateStatement]
    }

    let kind: Kind
    let line: Int
}
