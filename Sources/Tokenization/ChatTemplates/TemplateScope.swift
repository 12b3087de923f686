/// The variables of one block of a template, resolved when it is compiled.
///
/// Jinja compiles a template to Python functions, and its scoping rules are what falls out of that: a loop body gets
/// copies of outer variables that it assigns, a macro sees later assignments of its surroundings, both branches of an
/// `if` share their names. This type follows the analysis of Jinja 3.1 (`jinja2.idtracking`), so that templates see
/// the same values here.
final class TemplateScope {
    /// How a variable gets its value when the scope is entered.
    enum Load: Equatable {
        /// The code of the scope itself stores it.
        case parameter
        /// From the render context.
        case resolve(String)
        /// From the variable of an outer scope.
        case alias(String)
        case undefined
    }

    let level: Int
    let parent: TemplateScope?
    /// The function whose frame holds the scope's variables.
    let function: TemplateFunctionBuilder
    /// Tells apart scopes of the same level in one function that must not share variables.
    private let prefix: String
    private var references: [String: String] = [:]
    private(set) var loads: [(variable: String, load: Load)] = []
    private var loadIndices: [String: Int] = [:]
    private(set) var stores: Set<String> = []

    init(parent: TemplateScope?, function: TemplateFunctionBuilder, prefix: String = "") {
        level = (parent?.level ?? -1) + 1
        self.parent = parent
        self.function = function
        self.prefix = prefix
    }

    private init(copying other: TemplateScope) {
        level = other.level
        parent = other.parent
        function = other.function
        prefix = other.prefix
        references = other.references
        loads = other.loads
        loadIndices = other.loadIndices
        stores = other.stores
    }

    // MARK: Looking up

    /// The variable that a name stands for here, with the scope that holds it.
    func variable(named name: String) -> (variable: String, scope: TemplateScope)? {
        if let own = references[name] { return (own, self) }
        return parent?.variable(named: name)
    }

    private func setLoad(_ variable: String, _ load: Load) {
        if let index = loadIndices[variable] {
            loads[index].load = load
        } else {
            loadIndices[variable] = loads.count
            loads.append((variable, load))
        }
    }

    private func define(_ name: String, _ load: Load) -> String {
        let variable = "\(prefix)\(level).\(name)"
        references[name] = variable
        setLoad(variable, load)
        return variable
    }

    // MARK: Declaring

    /// Notes that the name is assigned here.
    func store(_ name: String) {
        stores.insert(name)
        if references[name] != nil { return }
        if let outer = parent?.variable(named: name) {
            _ = define(name, .alias(outer.variable))
        } else {
            _ = define(name, .undefined)
        }
    }

    @discardableResult
    func declareParameter(_ name: String) -> String {
        stores.insert(name)
        return define(name, .parameter)
    }

    /// Notes that the name is read here.
    func load(_ name: String) {
        if variable(named: name) == nil { _ = define(name, .resolve(name)) }
    }

    /// Analyses branches of which one will run: what any of them assigns must have a value in all.
    private func merge(_ branches: [TemplateScope]) {
        let assigned = branches.reduce(into: Set<String>()) { $0.formUnion($1.stores) }.subtracting(stores)
        for branch in branches {
            references.merge(branch.references) { _, new in new }
            for (variable, load) in branch.loads { setLoad(variable, load) }
            stores.formUnion(branch.stores)
        }
        for name in assigned.sorted() {
            guard let target = variable(named: name)?.variable else { continue }
            setLoad(target, parent?.variable(named: name).map { .alias($0.variable) } ?? .resolve(name))
        }
    }
}

// MARK: - Analysis of statements

extension TemplateScope {
    /// Notes every name that the statements read or assign in this scope (not in scopes within).
    func analyze(_ body: [TemplateStatement]) {
        for statement in body { analyze(statement) }
    }

    private func analyze(_ statement: TemplateStatement) {
        switch statement.kind {
        case .output(let outputs):
            for case .expression(let expression) in outputs { analyze(expression) }
        case .conditional(let branches, let otherwise): analyze(branches, otherwise)
        case .loop(let loop): analyze(loop.iterable)
        case .assignment(let target, let value):
            analyze(value)
            analyzeTarget(target)
        case .blockAssignment(let target, _, _): analyzeTarget(target)
        case .macro(let macro): store(macro.name ?? "")
        case .call(let call, _): analyze(call)
        case .filter(let filter, _): analyze(filter)
        case .with(_, let values, _): values.forEach(analyze)
        case .scope, .block, .generation, .breakLoop, .continueLoop, .refusal: break
        }
    }

    private func analyze(_ branches: [TemplateStatement.Branch], _ otherwise: [TemplateStatement]) {
        guard let first = branches.first else { return }
        analyze(first.test)
        let body = TemplateScope(copying: self)
        body.analyze(first.body)
        let alternatives = TemplateScope(copying: self)
        for branch in branches.dropFirst() { alternatives.analyze([branch], []) }
        let last = TemplateScope(copying: self)
        last.analyze(otherwise)
        merge([body, alternatives, last])
    }

    /// Notes the names that an assignment target stores, or declares them as set on entry.
    func analyzeTarget(_ target: TemplateExpression, asParameter: Bool = false) {
        switch target.kind {
        case .name(let name):
            if asParameter { declareParameter(name) } else { store(name) }
        case .namespaceTarget(let name, _): load(name)
        case .tuple(let items): for item in items { analyzeTarget(item, asParameter: asParameter) }
        default: break
        }
    }

    /// Notes every name that an expression reads.
    func analyze(_ expression: TemplateExpression) {
        if case .name(let name) = expression.kind { return load(name) }
        expression.forEachChild(analyze)
    }
}

// MARK: - Walking the tree

extension TemplateExpression {
    /// Visits direct operands in the order of the source.
    func forEachChild(_ visit: (TemplateExpression) -> Void) {
        switch kind {
        case .constant, .name, .namespaceTarget: break
        case .tuple(let items), .list(let items), .concatenation(let items): items.forEach(visit)
        case .dictionary(let pairs):
            for pair in pairs {
                visit(pair.key)
                visit(pair.value)
            }
        case .unary(_, let operand), .attribute(let operand, _): visit(operand)
        case .binary(_, let left, let right), .and(let left, let right), .or(let left, let right),
            .item(let left, let right):
            visit(left)
            visit(right)
        case .comparison(let first, let rest):
            visit(first)
            for (_, operand) in rest { visit(operand) }
        case .conditional(let test, let then, let otherwise):
            visit(test)
            visit(then)
            if let otherwise { visit(otherwise) }
        case .slice(let base, let parts):
            visit(base)
            for case let part? in parts { visit(part) }
        case .call(let base, let arguments), .test(let base, _, let arguments):
            visit(base)
            arguments.expressions.forEach(visit)
        case .filter(let base, _, let arguments):
            if let base { visit(base) }
            arguments.expressions.forEach(visit)
        }
    }

    /// Visits this expression and all within it.
    func walk(_ visit: (TemplateExpression) -> Void) {
        visit(self)
        forEachChild { $0.walk(visit) }
    }
}

extension TemplateStatement {
    /// What a walk over statements meets.
    enum Visit {
        case expression(TemplateExpression)
        case target(TemplateExpression)
        case parameter(String)
    }

    /// Visits every expression and target of the statements and all within them, in the order of the source.
    static func walk(_ body: [TemplateStatement], _ visit: (Visit) -> Void) {
        for statement in body { statement.walk(visit) }
    }

    private func walk(_ visit: (Visit) -> Void) {
        switch kind {
        case .output(let outputs):
            for case .expression(let expression) in outputs { visit(.expression(expression)) }
        case .conditional(let branches, let otherwise):
            for branch in branches {
                visit(.expression(branch.test))
                Self.walk(branch.body, visit)
            }
            Self.walk(otherwise, visit)
        case .loop(let loop):
            visit(.target(loop.target))
            visit(.expression(loop.iterable))
            Self.walk(loop.body, visit)
            Self.walk(loop.otherwise, visit)
            if let condition = loop.condition { visit(.expression(condition)) }
        case .assignment(let target, let value):
            visit(.target(target))
            visit(.expression(value))
        case .blockAssignment(let target, let filter, let body):
            visit(.target(target))
            if let filter { visit(.expression(filter)) }
            Self.walk(body, visit)
        case .macro(let macro), .generation(let macro): macro.walk(visit)
        case .call(let call, let caller):
            visit(.expression(call))
            caller.walk(visit)
        case .filter(let filter, let body):
            visit(.expression(filter))
            Self.walk(body, visit)
        case .with(let targets, let values, let body):
            targets.forEach { visit(.target($0)) }
            values.forEach { visit(.expression($0)) }
            Self.walk(body, visit)
        case .scope(let body): Self.walk(body, visit)
        case .block, .breakLoop, .continueLoop, .refusal: break
        }
    }

    /// Which of `names` the statements read before they assign them, as Jinja looks for `loop` and `caller`.
    static func undeclared(_ names: Set<String>, in body: [TemplateStatement]) -> Set<String> {
        var open = names
        var found: Set<String> = []
        walk(body) { visit in
            switch visit {
            case .parameter(let name): open.remove(name)
            case .target(let target):
                target.walk { if case .name(let name) = $0.kind { open.remove(name) } }
            case .expression(let expression):
                expression.walk { if case .name(let name) = $0.kind, open.contains(name) { found.insert(name) } }
            }
        }
        return found
    }

    /// Whether the statements assign a name anywhere.
    static func assigns(_ wanted: String, in body: [TemplateStatement]) -> Bool {
        var found = false
        walk(body) { visit in
            guard case .target(let target) = visit else { return }
            target.walk { if case .name(wanted) = $0.kind { found = true } }
        }
        return found
    }
}

extension TemplateStatement.Macro {
    fileprivate func walk(_ visit: (TemplateStatement.Visit) -> Void) {
        parameters.forEach { visit(.parameter($0)) }
        defaults.forEach { visit(.expression($0)) }
        TemplateStatement.walk(body, visit)
    }
}
