/// Turns a syntax tree into the code of `TemplateMachine`.
///
/// Code instead of a walk over the tree, because a machine's stack is an array: macros that call themselves use no
/// native stack, of which an engine's thread may have little.
final class TemplateCompiler {
    var program = TemplateProgram()
    var builder: TemplateFunctionBuilder
    private var builders: [TemplateFunctionBuilder] = []
    private var constantIndices: [TemplateConstant: Int32] = [:]
    private var nameIndices: [String: Int32] = [:]
    private var contextIndices: [String: Int32] = [:]
    private var shapeIndices: [TemplateCallShape: Int32] = [:]
    private var testScopeCount = 0
    var blockIndices: [String: Int] = [:]
    var exportsVariables = false
    var line = 1

    /// Where in the template code is being made.
    struct Place {
        let scope: TemplateScope
        /// Whether assignments here are seen by blocks.
        var isTopLevel = false
        /// Whether the code may never run, so that an unknown filter is only an error when it does.
        var isSoft = false

        func softened() -> Place {
            var place = self
            place.isSoft = true
            return place
        }
    }

    private init() {
        builder = TemplateFunctionBuilder(index: 0, parent: nil)
        builders = [builder]
    }

    static func compile(_ body: [TemplateStatement]) throws(TemplateError) -> TemplateProgram {
        let compiler = TemplateCompiler()
        try compiler.findBlocks(in: body)
        let scope = TemplateScope(parent: nil, function: compiler.builder)
        scope.analyze(body)
        let place = Place(scope: scope, isTopLevel: true)
        compiler.enter(scope)
        try compiler.compile(body, place)
        compiler.add(.finish)
        compiler.program.functions = compiler.builders.map(\.function)
        return compiler.program
    }

    // MARK: Emitting

    var position: Int { builder.function.code.count }

    @discardableResult
    func add(_ operation: TemplateInstruction.Operation, _ a: Int32 = 0, _ b: Int32 = 0, _ c: Int32 = 0) -> Int {
        builder.function.code.append(TemplateInstruction(operation: operation, a: a, b: b, c: c))
        builder.function.lines.append(Int32(truncatingIfNeeded: line))
        return position - 1
    }

    /// Lets the jump at `index` lead here.
    func land(_ index: Int) {
        builder.function.code[index].a = Int32(position)
    }

    func constant(_ value: TemplateConstant) {
        let index = constantIndices[value] ?? Int32(program.constants.count)
        if index == program.constants.count {
            program.constants.append(value)
            constantIndices[value] = index
        }
        add(.constant, index)
    }

    func name(_ name: String) -> Int32 {
        if let index = nameIndices[name] { return index }
        let index = Int32(program.names.count)
        program.names.append(name)
        nameIndices[name] = index
        return index
    }

    func contextName(_ name: String) -> Int32 {
        if let index = contextIndices[name] { return index }
        let index = Int32(program.contextNames.count)
        program.contextNames.append(name)
        contextIndices[name] = index
        return index
    }

    func shape(_ shape: TemplateCallShape) -> Int32 {
        if let index = shapeIndices[shape] { return index }
        let index = Int32(program.shapes.count)
        program.shapes.append(shape)
        shapeIndices[shape] = index
        return index
    }

    func message(_ text: String) -> Int32 {
        program.messages.append(text)
        return Int32(program.messages.count - 1)
    }

    // MARK: Functions and scopes

    /// Makes another function with `body` and gives its index.
    func function(_ body: (TemplateFunctionBuilder) throws(TemplateError) -> Void) throws(TemplateError) -> Int32 {
        let outer = builder
        builder = TemplateFunctionBuilder(index: builders.count, parent: outer)
        builders.append(builder)
        let made = builder
        defer { builder = outer }
        try body(made)
        return Int32(made.index)
    }

    /// A scope within a place; its variables live in the frame of the function that is being made.
    func innerScope(of place: Place, separately: Bool = false) -> TemplateScope {
        if separately { testScopeCount += 1 }
        return TemplateScope(
            parent: place.scope,
            function: builder,
            prefix: separately ? "test\(testScopeCount)." : ""
        )
    }

    /// Gives a scope's variables their first values.
    func enter(_ scope: TemplateScope) {
        var missing: [Int32] = []
        for (variable, load) in scope.loads {
            let slot = builder.slot(variable)
            switch load {
            case .parameter: break
            case .resolve(let name): add(.resolve, slot, contextName(name))
            case .undefined: missing.append(slot)
            case .alias(let outer):
                let (source, depth) = address(of: outer, from: scope.parent)
                add(.alias, slot, source, depth)
            }
        }
        clear(missing)
    }

    /// Forgets a scope's variables.
    func leave(_ scope: TemplateScope) {
        clear(scope.loads.map { builder.slot($0.variable) })
    }

    private func clear(_ slots: [Int32]) {
        if slots.isEmpty { return }
        program.slotGroups.append(slots)
        add(.clear, Int32(program.slotGroups.count - 1))
    }

    /// Where an outer scope's variable is: its slot and how many functions further out.
    private func address(of variable: String, from scope: TemplateScope?) -> (slot: Int32, depth: Int32) {
        var owner = scope
        while let candidate = owner, !candidate.loads.contains(where: { $0.variable == variable }) {
            owner = candidate.parent
        }
        return address(variable, in: owner?.function ?? builder)
    }

    private func address(_ variable: String, in function: TemplateFunctionBuilder) -> (slot: Int32, depth: Int32) {
        var depth: Int32 = 0
        var candidate: TemplateFunctionBuilder? = builder
        while let current = candidate, current !== function {
            depth += 1
            candidate = current.parent
        }
        return (function.slot(variable), depth)
    }

    /// Pushes the value that a name has at a place.
    func load(_ name: String, _ place: Place) {
        guard let (variable, scope) = place.scope.variable(named: name) else {
            preconditionFailure("the name \(name) was not analysed")
        }
        let (slot, depth) = address(variable, in: scope.function)
        add(.load, slot, self.name(name), depth)
    }

    /// Pops a value into a name.
    func store(_ name: String, _ place: Place) {
        guard let (variable, scope) = place.scope.variable(named: name) else {
            preconditionFailure("the name \(name) was not analysed")
        }
        let slot = scope.function.slot(variable)
        add(.store, slot)
        if place.isTopLevel, exportsVariables { add(.export, slot, contextName(name)) }
    }

    private func findBlocks(in body: [TemplateStatement]) throws(TemplateError) {
        for statement in body {
            switch statement.kind {
            case .block(let name, let inner):
                if blockIndices.updateValue(-1, forKey: name) != nil {
                    throw .syntax(message: "block '\(name)' defined twice", line: statement.line)
                }
                exportsVariables = true
                try findBlocks(in: inner)
            case .conditional(let branches, let otherwise):
                for branch in branches { try findBlocks(in: branch.body) }
                try findBlocks(in: otherwise)
            case .loop(let loop):
                try findBlocks(in: loop.body)
                try findBlocks(in: loop.otherwise)
            case .macro(let macro), .call(_, let macro), .generation(let macro): try findBlocks(in: macro.body)
            case .with(_, _, let inner), .scope(let inner), .filter(_, let inner), .blockAssignment(_, _, let inner):
                try findBlocks(in: inner)
            case .output, .assignment, .breakLoop, .continueLoop, .refusal: break
            }
        }
    }
}
