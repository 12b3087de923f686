/// Code for statements.
extension TemplateCompiler {
    func compile(_ body: [TemplateStatement], _ place: Place) throws(TemplateError) {
        for statement in body {
            line = statement.line
            try compile(statement, place)
        }
    }

    private func compile(_ statement: TemplateStatement, _ place: Place) throws(TemplateError) {
        switch statement.kind {
        case .output(let outputs): try compileOutput(outputs, place)
        case .conditional(let branches, let otherwise): try compileIf(branches, otherwise, place)
        case .loop(let loop): try compileLoop(loop, place)
        case .assignment(let target, let value): try compileAssignment(target, value, place)
        case .blockAssignment(let target, let filter, let body):
            try compileBlockAssignment(target, filter, body, place)
        case .macro(let macro):
            add(.makeMacro, try compileMacro(macro, place))
            store(macro.name ?? "", place)
        case .call(let call, let caller): try compileCallBlock(call, caller, place)
        case .generation(let body):
            add(.makeMacro, try compileMacro(body, place))
            add(.call, shape(TemplateCallShape()))
            add(.emit)
        case .filter(let filter, let body): try compileFilterBlock(filter, body, place)
        case .with(let targets, let values, let body): try compileWith(targets, values, body, place)
        case .scope(let body):
            let scope = innerScope(of: place)
            scope.analyze(body)
            try compileScope(scope, body)
        case .block(let name, let body): try compileBlock(name, body)
        case .breakLoop, .continueLoop: try compileLoopExit(statement)
        case .refusal(let text): add(.refuse, message(text))
        }
    }

    private func compileScope(_ scope: TemplateScope, _ body: [TemplateStatement]) throws(TemplateError) {
        enter(scope)
        try compile(body, Place(scope: scope))
        leave(scope)
    }

    private func compileOutput(_ outputs: [TemplateStatement.Output], _ place: Place) throws(TemplateError) {
        for output in outputs {
            switch output {
            case .data(let text):
                program.data.append(text)
                add(.emitData, Int32(program.data.count - 1))
            case .expression(let expression):
                try compile(expression, place)
                line = expression.line
                add(.emit)
            }
        }
    }

    private func compileIf(
        _ branches: [TemplateStatement.Branch],
        _ otherwise: [TemplateStatement],
        _ outer: Place
    ) throws(TemplateError) {
        let place = outer.softened()
        var ends: [Int] = []
        for branch in branches {
            try compile(branch.test, place)
            let skip = add(.jumpIfFalse)
            try compile(branch.body, place)
            ends.append(add(.jump))
            land(skip)
        }
        try compile(otherwise, place)
        ends.forEach(land)
    }

    // MARK: Assignment

    private func compileAssignment(
        _ target: TemplateExpression,
        _ value: TemplateExpression,
        _ place: Place
    ) throws(TemplateError) {
        compileNamespaceCheck(target, place)
        try compile(value, place)
        compileTarget(target, place)
    }

    private func compileNamespaceCheck(_ target: TemplateExpression, _ place: Place) {
        switch target.kind {
        case .namespaceTarget(let name, _):
            load(name, place)
            add(.checkNamespace)
        case .tuple(let items): for item in items { compileNamespaceCheck(item, place) }
        default: break
        }
    }

    /// Pops a value into a target.
    func compileTarget(_ target: TemplateExpression, _ place: Place) {
        switch target.kind {
        case .name(let name): store(name, place)
        case .namespaceTarget(let name, let attribute):
            load(name, place)
            add(.setNamespaceAttribute, self.name(attribute))
        case .tuple(let items):
            add(.unpack, Int32(items.count))
            for item in items { compileTarget(item, place) }
        default: preconditionFailure("the parser lets no other target through")
        }
    }

    private func compileBlockAssignment(
        _ target: TemplateExpression,
        _ filter: TemplateExpression?,
        _ body: [TemplateStatement],
        _ place: Place
    ) throws(TemplateError) {
        let scope = innerScope(of: place)
        scope.analyze(body)
        if let filter { scope.analyze(filter) }
        enter(scope)
        try compileCapture(body, Place(scope: scope))
        if let filter { try compile(filter, Place(scope: scope)) }
        compileTarget(target, place)
        leave(scope)
    }

    /// Leaves what the body prints on the stack.
    private func compileCapture(_ body: [TemplateStatement], _ place: Place) throws(TemplateError) {
        add(.beginCapture)
        builder.captureDepth += 1
        try compile(body, place)
        builder.captureDepth -= 1
        add(.endCapture)
    }

    private func compileFilterBlock(
        _ filter: TemplateExpression,
        _ body: [TemplateStatement],
        _ place: Place
    ) throws(TemplateError) {
        let scope = innerScope(of: place)
        scope.analyze(body)
        scope.analyze(filter)
        enter(scope)
        try compileCapture(body, Place(scope: scope))
        try compile(filter, Place(scope: scope))
        add(.emit)
        leave(scope)
    }

    private func compileWith(
        _ targets: [TemplateExpression],
        _ values: [TemplateExpression],
        _ body: [TemplateStatement],
        _ place: Place
    ) throws(TemplateError) {
        let scope = innerScope(of: place)
        for target in targets { scope.analyzeTarget(target, asParameter: true) }
        scope.analyze(body)
        enter(scope)
        let inner = Place(scope: scope)
        for (target, value) in zip(targets, values) {
            try compile(value, place)
            compileTarget(target, inner)
        }
        try compile(body, inner)
        leave(scope)
    }

    // MARK: Macros

    /// Makes the function of a macro or caller.
    private func compileMacro(_ macro: TemplateStatement.Macro, _ place: Place) throws(TemplateError) -> Int32 {
        try function { (made) throws(TemplateError) in
            let scope = innerScope(of: place)
            if Set(macro.parameters).count != macro.parameters.count {
                throw .syntax(message: "duplicate argument in the definition of a macro", line: line)
            }
            for parameter in macro.parameters { _ = made.slot(scope.declareParameter(parameter)) }
            made.function.name = macro.name
            made.function.parameters = macro.parameters
            try declareSpecialParameters(of: macro, made, scope)
            for value in macro.defaults { scope.analyze(value) }
            scope.analyze(macro.body)
            enter(scope)
            let inner = Place(scope: scope)
            let required = macro.parameters.count - macro.defaults.count
            for (index, parameter) in macro.parameters.enumerated() {
                let skip = add(.jumpIfPresent, 0, Int32(index))
                if index < required {
                    add(.missingParameter, Int32(index), name(parameter))
                } else {
                    try compile(macro.defaults[index - required], inner)
                    add(.store, Int32(index))
                }
                land(skip)
            }
            try compile(macro.body, inner)
            add(.finish)
        }
    }

    private func declareSpecialParameters(
        of macro: TemplateStatement.Macro,
        _ made: TemplateFunctionBuilder,
        _ scope: TemplateScope
    ) throws(TemplateError) {
        let used = TemplateStatement.undeclared(["caller", "kwargs", "varargs"], in: macro.body)
        if let index = macro.parameters.firstIndex(of: "caller") {
            made.function.hasExplicitCaller = true
            if used.contains("caller"), index < macro.parameters.count - macro.defaults.count {
                throw .syntax(
                    message: "When defining macros or call blocks the special \"caller\" argument must be omitted or "
                        + "be given a default.",
                    line: line
                )
            }
            made.function.takesCaller = used.contains("caller")
        } else if used.contains("caller") {
            made.function.takesCaller = true
            _ = made.slot(scope.declareParameter("caller"))
        }
        if used.contains("kwargs"), !macro.parameters.contains("kwargs") {
            made.function.takesKeywords = true
            _ = made.slot(scope.declareParameter("kwargs"))
        }
        if used.contains("varargs"), !macro.parameters.contains("varargs") {
            made.function.takesPositionals = true
            _ = made.slot(scope.declareParameter("varargs"))
        }
    }

    private func compileCallBlock(
        _ call: TemplateExpression,
        _ caller: TemplateStatement.Macro,
        _ place: Place
    ) throws(TemplateError) {
        guard case .call(let callee, let arguments) = call.kind else {
            preconditionFailure("the parser lets only calls through")
        }
        let function = try compileMacro(caller, place)
        line = call.line
        try compile(callee, place)
        var callShape = try compileArguments(arguments, place, caller: function)
        callShape.keywords.append("caller")
        add(.call, shape(callShape))
        add(.emit)
    }

    private func compileBlock(_ blockName: String, _ body: [TemplateStatement]) throws(TemplateError) {
        let outer = builder
        let index = try function { (made) throws(TemplateError) in
            let detached = TemplateFunctionBuilder(index: made.index, parent: nil)
            builder = detached
            let scope = TemplateScope(parent: nil, function: detached)
            scope.analyze(body)
            enter(scope)
            try compile(body, Place(scope: scope))
            add(.finish)
            made.function = detached.function
            builder = made
        }
        builder = outer
        add(.callBlock, index)
        add(.emit)
    }
}

// MARK: - Loops

extension TemplateCompiler {
    private func compileLoop(_ loop: TemplateStatement.Loop, _ place: Place) throws(TemplateError) {
        let usesLoop =
            loop.isRecursive || !TemplateStatement.undeclared(["loop"], in: loop.body).isEmpty
        let wholeLoop = [TemplateStatement(kind: .loop(loop), line: line)]
        if TemplateStatement.assigns("loop", in: wholeLoop) {
            throw .syntax(message: "Can't assign to special loop variable in for-loop target", line: line)
        }
        if !loop.isRecursive {
            try compile(loop.iterable, place)
            return try compileLoopBody(loop, place, usesLoop: usesLoop)
        }
        let index = try function { (made) throws(TemplateError) in
            // The first slots are what is iterated over and how deep the recursion is.
            add(.load, made.hiddenSlot(), name("loop"))
            _ = made.hiddenSlot()
            try compileLoopBody(loop, place, usesLoop: true)
            add(.finish)
        }
        try compile(loop.iterable, place)
        add(.callRecursive, index)
        add(.emit)
    }

    /// The loop over what is on the stack.
    private func compileLoopBody(
        _ loop: TemplateStatement.Loop,
        _ place: Place,
        usesLoop: Bool
    ) throws(TemplateError) {
        let scope = innerScope(of: place)
        let loopSlot = usesLoop ? builder.slot(scope.declareParameter("loop")) : nil
        scope.analyzeTarget(loop.target, asParameter: true)
        scope.analyze(loop.body)
        var condition = try loop.condition.map { (test) throws(TemplateError) in
            LoopCondition(test: test, target: loop.target, scope: enteredTestScope(test, loop.target, place))
        }
        if let lazy = condition, usesLoop {
            // `loop.length` and `loop.last` look ahead, past items that the condition drops.
            try compileCollection(lazy)
            condition = nil
        }
        if loop.isRecursive {
            add(.iterateRecursive)
        } else {
            add(usesLoop ? .iterateLoop : .iterate)
        }
        let indicator = loop.otherwise.isEmpty ? nil : builder.hiddenSlot()
        if let indicator {
            constant(.boolean(true))
            add(.store, indicator)
        }
        try compileIterations(loop, Place(scope: scope), Iteration(condition: condition, loopSlot: loopSlot, indicator))
        leave(scope)
        if let indicator { try compileElse(loop.otherwise, indicator, place) }
    }

    struct LoopCondition {
        let test: TemplateExpression
        let target: TemplateExpression
        let scope: TemplateScope
    }

    private struct Iteration {
        let condition: LoopCondition?
        let loopSlot: Int32?
        /// Holds whether no iteration has come to its end, which is when `else` runs.
        let indicator: Int32?

        init(condition: LoopCondition?, loopSlot: Int32?, _ indicator: Int32?) {
            self.condition = condition
            self.loopSlot = loopSlot
            self.indicator = indicator
        }
    }

    private func enteredTestScope(
        _ test: TemplateExpression,
        _ target: TemplateExpression,
        _ place: Place
    ) -> TemplateScope {
        let scope = innerScope(of: place, separately: true)
        scope.analyzeTarget(target, asParameter: true)
        scope.analyze(test)
        enter(scope)
        return scope
    }

    /// Replaces the iterable on the stack by a list of what the condition lets through.
    private func compileCollection(_ condition: LoopCondition) throws(TemplateError) {
        let inner = Place(scope: condition.scope)
        add(.iterate)
        add(.list, 0)
        let start = position
        // The list is on top of the iterator here.
        let next = add(.next, 0, 1)
        add(.duplicate)
        compileTarget(condition.target, inner)
        try compile(condition.test, inner)
        add(.collect)
        add(.jump, Int32(start))
        land(next)
    }

    private func compileIterations(
        _ loop: TemplateStatement.Loop,
        _ place: Place,
        _ iteration: Iteration
    ) throws(TemplateError) {
        let start = position
        let next = add(.next)
        if let condition = iteration.condition {
            let inner = Place(scope: condition.scope)
            add(.duplicate)
            compileTarget(condition.target, inner)
            try compile(condition.test, inner)
            let accepted = add(.jumpIfFalse)
            let skip = add(.jump)
            land(accepted)
            add(.pop)
            add(.jump, Int32(start))
            land(skip)
        }
        compileTarget(loop.target, place)
        if let slot = iteration.loopSlot {
            add(.duplicate)
            add(.store, slot)
        }
        enter(place.scope)
        builder.loops.append(.init(captureDepth: builder.captureDepth))
        try compile(loop.body, place)
        if let indicator = iteration.indicator {
            constant(.boolean(false))
            add(.store, indicator)
        }
        let exits = builder.loops.removeLast()
        add(.jump, Int32(start))
        for index in exits.continues { builder.function.code[index].a = Int32(start) }
        exits.breaks.forEach(land)
        if !exits.breaks.isEmpty {
            // A break arrives with the iterator still on the stack; running out has already popped it.
            add(.pop)
        }
        land(next)
    }

    private func compileElse(
        _ otherwise: [TemplateStatement],
        _ indicator: Int32,
        _ place: Place
    ) throws(TemplateError) {
        add(.load, indicator, name("loop"))
        let skip = add(.jumpIfFalse)
        let scope = innerScope(of: place)
        scope.analyze(otherwise)
        enter(scope)
        try compile(otherwise, Place(scope: scope))
        leave(scope)
        land(skip)
    }

    private func compileLoopExit(_ statement: TemplateStatement) throws(TemplateError) {
        let isBreak = if case .breakLoop = statement.kind { true } else { false }
        guard let loop = builder.loops.last else {
            let word = isBreak ? "'break' outside loop" : "'continue' not properly in loop"
            throw .syntax(message: word, line: statement.line)
        }
        for _ in loop.captureDepth..<builder.captureDepth { add(.dropCapture) }
        let jump = add(.jump)
        if isBreak {
            builder.loops[builder.loops.count - 1].breaks.append(jump)
        } else {
            builder.loops[builder.loops.count - 1].continues.append(jump)
        }
    }
}
