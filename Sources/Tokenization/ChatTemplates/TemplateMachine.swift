/// Runs a compiled template: a stack machine whose calls, however deep, use no native stack.
struct TemplateMachine {
    /// A function that waits for one it called.
    private struct Caller {
        let functionIndex: Int
        let position: Int
        let frame: TemplateFrame
    }

    let program: TemplateProgram
    let meter: TemplateMeter
    let options: TemplateRenderOptions
    private let constants: [TemplateValue]
    /// The values of `program.contextNames`.
    var context: [TemplateValue]
    var stack: [TemplateValue] = []
    var frame: TemplateFrame
    private var callers: [Caller] = []
    private var functionIndex = 0
    private var position = 0
    /// The text that is being printed: of the prompt, or of the innermost capture.
    private var output: [UInt8] = []
    private var outerOutputs: [[UInt8]] = []
    /// What must be emptied at the end, because it may hold itself.
    private var namespaces: [TemplateNamespace] = []
    private var capturedFrames: [TemplateFrame] = []

    init(_ program: TemplateProgram, context: [TemplateValue], options: TemplateRenderOptions, meter: TemplateMeter) {
        self.program = program
        self.meter = meter
        self.options = options
        self.context = context
        constants = program.constants.map(TemplateValue.init)
        frame = TemplateFrame(slotCount: program.functions[0].slotCount, parent: nil)
    }

    /// Runs to the end and gives the rendered text.
    mutating func run() throws(TemplateError) -> [UInt8] {
        defer {
            // Namespaces and the frames of macros may hold each other in circles; nothing else can.
            for namespace in namespaces { namespace.attributes = [] }
            for frame in capturedFrames { frame.slots = [] }
            frame.slots = []
        }
        do {
            while true {
                let function = program.functions[functionIndex]
                if try runFunction(function) { return output }
            }
        } catch {
            let lines = program.functions[functionIndex].lines
            throw error.at(line: position > 0 && position <= lines.count ? Int(lines[position - 1]) : 0)
        }
    }

    /// Runs until the function changes; true at the end of the template.
    private mutating func runFunction(_ function: TemplateFunction) throws(TemplateError) -> Bool {
        let index = functionIndex
        let depth = callers.count
        while true {
            let instruction = function.code[position]
            position += 1
            try meter.charge(steps: 1)
            try execute(instruction)
            if instruction.operation == .finish, finish() { return true }
            if functionIndex != index || callers.count != depth { return false }
        }
    }

    // One line per operation; the work is in the methods below and in extensions.
    private mutating func execute(_ instruction: TemplateInstruction) throws(TemplateError) {
        switch instruction.operation {
        case .emitData: try emit(program.data[Int(instruction.a)])
        case .emit: try emit(stack.removeLast())
        case .beginCapture: beginCapture()
        case .endCapture: stack.append(try endCapture())
        case .dropCapture: output = outerOutputs.removeLast()
        case .load: load(instruction)
        case .store: frame.slots[Int(instruction.a)] = stack.removeLast()
        case .resolve: frame.slots[Int(instruction.a)] = context[Int(instruction.b)]
        case .alias: frame.slots[Int(instruction.a)] = frame(out: instruction.c).slots[Int(instruction.b)]
        case .clear: for slot in program.slotGroups[Int(instruction.a)] { frame.slots[Int(slot)] = .missing }
        case .export: context[Int(instruction.b)] = frame.slots[Int(instruction.a)]
        case .checkNamespace: try checkNamespace()
        case .setNamespaceAttribute: try setNamespaceAttribute(program.names[Int(instruction.a)])
        case .jumpIfPresent: if !isMissing(instruction.b) { position = Int(instruction.a) }
        case .missingParameter: setMissingParameter(instruction)
        case .constant: stack.append(constants[Int(instruction.a)])
        case .undefinedCondition: pushUndefinedCondition(line: instruction.a)
        case .tuple: stack.append(.tuple(try TemplateList(popItems(instruction.a))))
        case .list: stack.append(.list(try TemplateList(popItems(instruction.a))))
        case .dictionary: try pushDictionary(Int(instruction.a))
        case .unpack: try unpack(Int(instruction.a))
        case .duplicate: stack.append(stack[stack.count - 1])
        case .pop: stack.removeLast()
        case .unary: try applyUnary(instruction.a)
        case .binary: try applyBinary(instruction.a)
        case .concatenate: try concatenate(Int(instruction.a))
        case .compare: try compare(instruction.a)
        case .compareChain: try compareChain(instruction)
        default: try executeAccessOrFlow(instruction)
        }
    }

    private mutating func executeAccessOrFlow(_ instruction: TemplateInstruction) throws(TemplateError) {
        switch instruction.operation {
        case .attribute: stack.append(try attribute(program.names[Int(instruction.a)], of: stack.removeLast()))
        case .item: try pushItem()
        case .slice: try pushSlice()
        case .jump: position = Int(instruction.a)
        case .jumpIfFalse: if !stack.removeLast().isTrue { position = Int(instruction.a) }
        case .jumpIfFalseKeeping: jump(to: instruction.a, keepingWhen: false)
        case .jumpIfTrueKeeping: jump(to: instruction.a, keepingWhen: true)
        case .iterate: stack.append(.object(try stack.removeLast().iterator()))
        case .iterateLoop: try iterateLoop()
        case .iterateRecursive: try iterateRecursive()
        case .collect: try collect()
        case .next: try next(instruction)
        case .filter: try applyFilter(instruction)
        case .test: try applyTest(instruction)
        case .call: try call(program.shapes[Int(instruction.a)])
        case .makeMacro: makeMacro(Int(instruction.a))
        case .callRecursive: try callRecursive(Int(instruction.a))
        case .callBlock: try enter(Int(instruction.a), TemplateFrame(slotCount: slotCount(instruction.a), parent: nil))
        case .finish: break
        case .refuse: throw .failure(program.messages[Int(instruction.a)])
        default: preconditionFailure("\(instruction.operation) has no meaning")
        }
    }

    private func slotCount(_ index: Int32) -> Int { program.functions[Int(index)].slotCount }
}

// MARK: - Output

extension TemplateMachine {
    private mutating func emit(_ text: TemplateText) throws(TemplateError) {
        output += text.bytes
        try checkOutput()
    }

    private mutating func emit(_ value: TemplateValue) throws(TemplateError) {
        let before = output.count
        try value.appendText(to: &output)
        try meter.charge(steps: (output.count - before) >> 6)
        try checkOutput()
    }

    private func checkOutput() throws(TemplateError) {
        if output.count > meter.limits.outputBytes {
            throw .limitExceeded(.outputBytes, maximum: meter.limits.outputBytes, line: 0)
        }
    }

    private mutating func beginCapture() {
        outerOutputs.append(output)
        output = []
    }

    private mutating func endCapture() throws(TemplateError) -> TemplateValue {
        let text = TemplateText(output)
        try meter.charge(bytes: text.bytes.count)
        output = outerOutputs.removeLast()
        return .text(text)
    }
}

// MARK: - Variables

extension TemplateMachine {
    private func frame(out depth: Int32) -> TemplateFrame {
        var frame = self.frame
        for _ in 0..<depth {
            guard let parent = frame.parent else { preconditionFailure("a frame misses its surroundings") }
            frame = parent
        }
        return frame
    }

    private mutating func load(_ instruction: TemplateInstruction) {
        let source = instruction.c == 0 ? frame : frame(out: instruction.c)
        let value = source.slots[Int(instruction.a)]
        if case .missing = value {
            stack.append(TemplateUndefined.name(program.names[Int(instruction.b)]))
        } else {
            stack.append(value)
        }
    }

    private func isMissing(_ slot: Int32) -> Bool {
        if case .missing = frame.slots[Int(slot)] { true } else { false }
    }

    private func setMissingParameter(_ instruction: TemplateInstruction) {
        let name = TemplateText(program.names[Int(instruction.b)]).pythonRepresentation
        frame.slots[Int(instruction.a)] = .undefined(TemplateUndefined("parameter \(name) was not provided"))
    }

    private mutating func checkNamespace() throws(TemplateError) {
        if case .object(is TemplateNamespace) = stack.removeLast() { return }
        throw .failure("cannot assign attribute on non-namespace object")
    }

    private mutating func setNamespaceAttribute(_ name: String) throws(TemplateError) {
        guard case .object(let namespace as TemplateNamespace) = stack.removeLast() else {
            throw .failure("cannot assign attribute on non-namespace object")
        }
        namespace[name] = stack.removeLast()
    }

    mutating func adopt(_ namespace: TemplateNamespace) {
        namespaces.append(namespace)
    }
}

// MARK: - Values

extension TemplateMachine {
    /// Pops a number of values, in the order in which they were pushed.
    mutating func popItems(_ count: Int32) throws(TemplateError) -> [TemplateValue] {
        try meter.charge(elements: Int(count))
        let items = Array(stack.suffix(Int(count)))
        stack.removeLast(Int(count))
        return items
    }

    private mutating func pushUndefinedCondition(line: Int32) {
        let message =
            "the inline if-expression on line \(line) evaluated to false and no else section was defined."
        stack.append(.undefined(TemplateUndefined(message)))
    }

    private mutating func pushDictionary(_ count: Int) throws(TemplateError) {
        let items = try popItems(Int32(count * 2))
        let dictionary = TemplateDictionary()
        for index in 0..<count { try dictionary.set(items[index * 2], items[index * 2 + 1]) }
        stack.append(.dictionary(dictionary))
    }

    private mutating func unpack(_ count: Int) throws(TemplateError) {
        let value = stack.removeLast()
        if !value.isIterable { throw .failure("cannot unpack non-iterable \(value.shortTypeName) object") }
        let items = try value.elements(meter)
        if items.count < count {
            throw .failure("not enough values to unpack (expected \(count), got \(items.count))")
        }
        if items.count > count { throw .failure("too many values to unpack (expected \(count))") }
        stack.append(contentsOf: items.reversed())
    }

    private mutating func applyUnary(_ code: Int32) throws(TemplateError) {
        let operation = TemplateUnaryOperator(rawValue: code) ?? .not
        stack.append(try TemplateOperators.unary(operation, stack.removeLast()))
    }

    private mutating func applyBinary(_ code: Int32) throws(TemplateError) {
        let right = stack.removeLast()
        let left = stack.removeLast()
        let operation = TemplateBinaryOperator(rawValue: code) ?? .add
        stack.append(try TemplateOperators.binary(operation, left, right, meter))
    }

    private mutating func concatenate(_ count: Int) throws(TemplateError) {
        var bytes: [UInt8] = []
        for value in stack.suffix(count) { try value.appendText(to: &bytes) }
        try meter.charge(bytes: bytes.count)
        stack.removeLast(count)
        stack.append(.text(TemplateText(bytes)))
    }

    private mutating func compare(_ code: Int32) throws(TemplateError) {
        let right = stack.removeLast()
        let left = stack.removeLast()
        let comparison = TemplateComparison(rawValue: code) ?? .equal
        stack.append(.boolean(try TemplateOperators.compare(comparison, left, right, meter)))
    }

    private mutating func compareChain(_ instruction: TemplateInstruction) throws(TemplateError) {
        let right = stack.removeLast()
        let left = stack.removeLast()
        let comparison = TemplateComparison(rawValue: instruction.b) ?? .equal
        if try TemplateOperators.compare(comparison, left, right, meter) {
            stack.append(right)
        } else {
            stack.append(.boolean(false))
            position = Int(instruction.a)
        }
    }

    private mutating func jump(to target: Int32, keepingWhen wanted: Bool) {
        if stack[stack.count - 1].isTrue == wanted {
            position = Int(target)
        } else {
            stack.removeLast()
        }
    }

    private mutating func pushItem() throws(TemplateError) {
        let index = stack.removeLast()
        stack.append(try item(index, of: stack.removeLast()))
    }

    private mutating func pushSlice() throws(TemplateError) {
        let bounds = Array(stack.suffix(3))
        stack.removeLast(3)
        stack.append(try slice(of: stack.removeLast(), bounds))
    }
}

// MARK: - Loops

extension TemplateMachine {
    private mutating func iterateLoop() throws(TemplateError) {
        let iterable = stack.removeLast()
        let iterator = try iterable.iterator()
        stack.append(.object(TemplateLoop(iterable, iterator, depth0: 0, recursion: nil)))
    }

    /// In the function of a recursive loop, whose first two slots are the iterable and the depth.
    private mutating func iterateRecursive() throws(TemplateError) {
        let iterable = stack.removeLast()
        let iterator = try iterable.iterator()
        guard let surroundings = frame.parent else { preconditionFailure("a loop function misses its surroundings") }
        let recursion = TemplateMacro(functionIndex: functionIndex, name: nil, frame: surroundings)
        let depth = frame.slots[1].asInteger ?? 0
        capture(surroundings)
        stack.append(.object(TemplateLoop(iterable, iterator, depth0: depth, recursion: recursion)))
    }

    private mutating func next(_ instruction: TemplateInstruction) throws(TemplateError) {
        let index = stack.count - 1 - Int(instruction.b)
        guard case .object(let iterator as TemplateIterator) = stack[index] else {
            preconditionFailure("a loop misses its iterator")
        }
        if let value = try iterator.next() {
            stack.append(value)
        } else {
            stack.remove(at: index)
            position = Int(instruction.a)
        }
    }

    /// Adds an element to the list below it when the condition on top is true.
    private mutating func collect() throws(TemplateError) {
        let isWanted = stack.removeLast().isTrue
        let item = stack.removeLast()
        guard case .list(let list) = stack[stack.count - 1], isWanted else { return }
        try meter.charge(elements: 1)
        try list.collect(item)
    }
}

// MARK: - Functions

extension TemplateMachine {
    /// Continues in another function; the caller goes on when that finishes.
    mutating func enter(_ index: Int, _ newFrame: TemplateFrame) throws(TemplateError) {
        if callers.count >= meter.limits.callDepth {
            throw .limitExceeded(.callDepth, maximum: meter.limits.callDepth, line: 0)
        }
        callers.append(Caller(functionIndex: functionIndex, position: position, frame: frame))
        functionIndex = index
        position = 0
        frame = newFrame
        beginCapture()
    }

    /// Ends the running function, leaving what it printed on the stack; true when it was the template itself.
    private mutating func finish() -> Bool {
        guard let caller = callers.popLast() else { return true }
        let text = TemplateText(output)
        output = outerOutputs.removeLast()
        stack.append(.text(text))
        functionIndex = caller.functionIndex
        position = caller.position
        frame = caller.frame
        return false
    }

    private mutating func makeMacro(_ index: Int) {
        capture(frame)
        let name = program.functions[index].name
        stack.append(.object(TemplateMacro(functionIndex: index, name: name, frame: frame)))
    }

    private mutating func capture(_ frame: TemplateFrame) {
        if frame.isCaptured { return }
        frame.isCaptured = true
        capturedFrames.append(frame)
    }

    private mutating func callRecursive(_ index: Int) throws(TemplateError) {
        let iterable = stack.removeLast()
        try enterLoop(TemplateMacro(functionIndex: index, name: nil, frame: frame), iterable, depth: 0)
    }

    mutating func enterLoop(
        _ function: TemplateMacro,
        _ iterable: TemplateValue,
        depth: Int
    ) throws(TemplateError) {
        let count = program.functions[function.functionIndex].slotCount
        let newFrame = TemplateFrame(slotCount: count, parent: function.frame)
        newFrame.slots[0] = iterable
        newFrame.slots[1] = .integer(depth)
        try enter(function.functionIndex, newFrame)
    }
}
