/// The evaluated arguments of a call.
struct TemplateCallArguments {
    var positional: [TemplateValue]
    var keywords: [(name: String, value: TemplateValue)]

    mutating func removeKeyword(_ name: String) -> TemplateValue? {
        guard let index = keywords.firstIndex(where: { $0.name == name }) else { return nil }
        return keywords.remove(at: index).value
    }

    /// Matches arguments to the parameters of a Python function; nil where one was not given.
    func bound(
        to names: [String],
        required: Int,
        of function: String
    ) throws(TemplateError) -> [TemplateValue?] {
        if positional.count > names.count {
            throw .failure(
                "\(function)() takes at most \(names.count) arguments (\(positional.count) given)"
            )
        }
        var values: [TemplateValue?] = positional
        values += [TemplateValue?](repeating: nil, count: names.count - positional.count)
        for (name, value) in keywords {
            guard let index = names.firstIndex(of: name) else {
                throw .failure("\(function)() got an unexpected keyword argument '\(name)'")
            }
            if values[index] != nil {
                throw .failure("\(function)() got multiple values for argument '\(name)'")
            }
            values[index] = value
        }
        for index in 0..<required where values[index] == nil {
            throw .failure("\(function)() missing required argument: '\(names[index])'")
        }
        return values
    }
}

extension TemplateMachine {
    /// Pops the arguments of a call.
    mutating func popArguments(_ shape: TemplateCallShape) throws(TemplateError) -> TemplateCallArguments {
        if shape.valueCount == 0 { return TemplateCallArguments(positional: [], keywords: []) }
        let values = try popItems(Int32(shape.valueCount))
        var arguments = TemplateCallArguments(positional: Array(values[..<shape.positionalCount]), keywords: [])
        for (index, name) in shape.keywords.enumerated() {
            arguments.keywords.append((name, values[shape.positionalCount + index]))
        }
        var rest = values[(shape.positionalCount + shape.keywords.count)...]
        if shape.hasSpread, let spread = rest.popFirst() {
            arguments.positional += try spread.elements(meter)
        }
        if shape.hasKeywordSpread, let spread = rest.popFirst() {
            guard case .dictionary(let dictionary) = spread else {
                throw .failure("argument after ** must be a mapping, not \(spread.shortTypeName)")
            }
            try meter.charge(elements: dictionary.count)
            for (key, value) in dictionary.entries {
                guard let name = key.asText?.string else { throw .failure("keywords must be strings") }
                if arguments.keywords.contains(where: { $0.name == name }) {
                    throw .failure("got multiple values for keyword argument '\(name)'")
                }
                arguments.keywords.append((name, value))
            }
        }
        return arguments
    }

    mutating func applyFilter(_ instruction: TemplateInstruction) throws(TemplateError) {
        let arguments = try popArguments(program.shapes[Int(instruction.b)])
        let operand = stack.removeLast()
        let filter = TemplateFilters.all[Int(instruction.a)]
        stack.append(try filter.apply(operand, arguments, TemplateEnvironment(meter: meter)))
    }

    mutating func applyTest(_ instruction: TemplateInstruction) throws(TemplateError) {
        let arguments = try popArguments(program.shapes[Int(instruction.b)])
        let operand = stack.removeLast()
        let test = TemplateTests.all[Int(instruction.a)]
        stack.append(.boolean(try test.apply(operand, arguments, TemplateEnvironment(meter: meter))))
    }

    /// Calls what stands below the arguments.
    mutating func call(_ shape: TemplateCallShape) throws(TemplateError) {
        let arguments = try popArguments(shape)
        let callee = stack.removeLast()
        switch callee {
        case .object(let macro as TemplateMacro): try callMacro(macro, arguments)
        case .object(let loop as TemplateLoop): try callLoop(loop, arguments)
        case .object(let method as TemplateMethod):
            stack.append(try TemplateMethods.call(method, arguments, TemplateEnvironment(meter: meter)))
        case .object(let global as TemplateGlobal): stack.append(try callGlobal(global.name, arguments))
        case .object(let joiner as TemplateJoiner):
            stack.append(joiner.isUsed ? joiner.separator : .text(.empty))
            joiner.isUsed = true
        case .undefined(let undefined): throw undefined.error
        default: throw .failure("'\(callee.shortTypeName)' object is not callable")
        }
    }

    private mutating func callLoop(
        _ loop: TemplateLoop,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) {
        guard let recursion = loop.recursion else {
            throw .failure("The loop must have the 'recursive' marker to be called recursively.")
        }
        guard let iterable = try arguments.bound(to: ["iterable"], required: 1, of: "loop")[0] else { return }
        try enterLoop(recursion, iterable, depth: loop.depth0 + 1)
    }

    /// Binds arguments as Jinja's `Macro.__call__` does and enters the macro.
    private mutating func callMacro(
        _ macro: TemplateMacro,
        _ given: TemplateCallArguments
    ) throws(TemplateError) {
        let function = program.functions[macro.functionIndex]
        let newFrame = TemplateFrame(slotCount: function.slotCount, parent: macro.frame)
        let parameters = function.parameters
        var arguments = given
        var slots = Array(given.positional.prefix(parameters.count))
        let isFull = slots.count == parameters.count
        for name in parameters.dropFirst(slots.count) { slots.append(arguments.removeKeyword(name) ?? .missing) }
        let foundCaller =
            function.hasExplicitCaller && (isFull || parameters.dropFirst(given.positional.count).contains("caller"))
        if function.takesCaller, !foundCaller {
            let missing = TemplateValue.undefined(TemplateUndefined("No caller defined"))
            slots.append(arguments.removeKeyword("caller") ?? missing)
        }
        if function.takesKeywords {
            let dictionary = TemplateDictionary()
            for (name, value) in arguments.keywords { try dictionary.set(.string(name), value) }
            slots.append(.dictionary(dictionary))
        } else if let first = arguments.keywords.first {
            throw unexpectedKeyword(first.name, arguments, function)
        }
        if function.takesPositionals {
            slots.append(.tuple(try TemplateList(Array(given.positional.dropFirst(parameters.count)))))
        } else if given.positional.count > parameters.count {
            throw .failure(
                "macro \(macroName(function)) takes not more than \(parameters.count) argument(s)"
            )
        }
        newFrame.slots.replaceSubrange(0..<slots.count, with: slots)
        try enter(macro.functionIndex, newFrame)
    }

    private func macroName(_ function: TemplateFunction) -> String {
        function.name.map { TemplateText($0).pythonRepresentation } ?? "None"
    }

    private func unexpectedKeyword(
        _ first: String,
        _ arguments: TemplateCallArguments,
        _ function: TemplateFunction
    ) -> TemplateError {
        if arguments.keywords.contains(where: { $0.name == "caller" }) {
            return .failure(
                "macro \(macroName(function)) was invoked with two values for the special caller argument. "
                    + "This is most likely a bug."
            )
        }
        return .failure("macro \(macroName(function)) takes no keyword argument '\(first)'")
    }
}

// MARK: - Globals

extension TemplateMachine {
    /// The names that every template knows.
    static let globals: Set<String> = [
        "range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception", "strftime_now",
    ]

    private mutating func callGlobal(
        _ name: String,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "range": return try makeRange(arguments)
        case "dict": return .dictionary(try makeDictionary(arguments))
        case "namespace":
            let namespace = TemplateNamespace()
            for (key, value) in try makeDictionary(arguments).entries { namespace[try key.text().string] = value }
            adopt(namespace)
            return .object(namespace)
        case "cycler":
            if arguments.positional.isEmpty { throw .failure("at least one item has to be provided") }
            return .object(TemplateCycler(try TemplateList(arguments.positional).items))
        case "joiner":
            let separator = try arguments.bound(to: ["sep"], required: 0, of: name)[0]
            return .object(TemplateJoiner(separator ?? .string(", ")))
        case "raise_exception":
            let message = try arguments.bound(to: ["message"], required: 1, of: name)[0] ?? .none
            throw .raised(message: try message.text().string, line: 0)
        case "strftime_now":
            let format = try arguments.bound(to: ["format"], required: 1, of: name)[0] ?? .none
            guard let text = format.asText else {
                throw .failure("strftime() argument 1 must be str, not \(format.shortTypeName)")
            }
            return .text(TemplateTime.text(text, at: options.now(), in: options.timeZone))
        default: throw .failure("'\(name)' is not supported in a chat template")
        }
    }

    private func makeRange(_ arguments: TemplateCallArguments) throws(TemplateError) -> TemplateValue {
        if !arguments.keywords.isEmpty { throw .failure("range() takes no keyword arguments") }
        var bounds: [Int] = []
        for value in arguments.positional {
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let integer = value.asInteger else {
                throw .failure("'\(value.shortTypeName)' object cannot be interpreted as an integer")
            }
            bounds.append(integer)
        }
        switch bounds.count {
        case 1: return .object(try TemplateRange(start: 0, stop: bounds[0], step: 1))
        case 2: return .object(try TemplateRange(start: bounds[0], stop: bounds[1], step: 1))
        case 3: return .object(try TemplateRange(start: bounds[0], stop: bounds[1], step: bounds[2]))
        default: throw .failure("range expected 1 to 3 arguments, got \(bounds.count)")
        }
    }

    private func makeDictionary(_ arguments: TemplateCallArguments) throws(TemplateError) -> TemplateDictionary {
        let dictionary = TemplateDictionary()
        if arguments.positional.count > 1 {
            throw .failure("dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        if let source = arguments.positional.first {
            if case .dictionary(let other) = source {
                try meter.charge(elements: other.count)
                for (key, value) in other.entries { try dictionary.set(key, value) }
            } else {
                for (index, pair) in try source.elements(meter).enumerated() {
                    let items = try pair.elements(meter)
                    if items.count != 2 {
                        throw .failure(
                            "dictionary update sequence element #\(index) has length \(items.count); 2 is required"
                        )
                    }
                    try dictionary.set(items[0], items[1])
                }
            }
        }
        for (name, value) in arguments.keywords { try dictionary.set(.string(name), value) }
        return dictionary
    }
}
