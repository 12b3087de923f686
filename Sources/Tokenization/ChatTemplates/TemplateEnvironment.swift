/// Access to attributes and elements by the rules of Jinja's immutable sandbox.
struct TemplateEnvironment {
    let meter: TemplateMeter

    private static let listMethods: Set = ["index", "count", "copy"]
    private static let forbiddenListMethods: Set = [
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
    ]
    private static let dictionaryMethods: Set = ["get", "items", "keys", "values", "copy", "fromkeys"]
    private static let forbiddenDictionaryMethods: Set = ["clear", "pop", "popitem", "setdefault", "update"]
    private static let internals: Set = [
        "__class__", "__doc__", "__init__", "__new__", "__repr__", "__str__", "__eq__", "__ne__", "__hash__", "__dir__",
        "__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__", "__sizeof__", "__format__",
        "__subclasshook__", "__init_subclass__", "__lt__", "__le__", "__gt__", "__ge__", "__len__", "__iter__",
        "__contains__", "__getitem__", "__add__", "__mul__",
    ]

    /// `value.name`.
    func attribute(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let found = try ownAttribute(name, of: value) { return found }
        if case .dictionary(let dictionary) = value, let element = dictionary[text: TemplateText(name)] {
            return element
        }
        return Self.lacking(value, .string(name))
    }

    /// `value[index]`.
    func item(_ index: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let element = try element(index, of: value) { return element }
        if let name = index.asText, let found = try ownAttribute(name.string, of: value) { return found }
        return Self.lacking(value, index)
    }

    static func lacking(_ value: TemplateValue, _ index: TemplateValue) -> TemplateValue {
        let shown = (try? index.representation().string) ?? ""
        if index.asText != nil {
            let owner = TemplateText(value.objectDescription).pythonRepresentation
            return .undefined(TemplateUndefined("\(owner) has no attribute \(shown)"))
        }
        return .undefined(TemplateUndefined("\(value.objectDescription) has no element \(shown)"))
    }

    private func element(_ index: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue? {
        if case .dictionary(let dictionary) = value {
            return TemplateKey(index).flatMap { dictionary.position(of: $0) }.map { dictionary.entries[$0].value }
        }
        guard let position = index.asInteger else { return nil }
        switch value {
        case .list(let list), .tuple(let list):
            return Self.normalized(position, list.items.count).map { list.items[$0] }
        case .object(let range as TemplateRange):
            return Self.normalized(position, range.count).map { .integer(range[$0]) }
        case .text(let text):
            try meter.charge(steps: text.isASCII ? 0 : text.bytes.count >> 6)
            guard let scalar = Self.normalized(position, text.scalarCount) else { return nil }
            let start = text.byteOffset(ofScalar: scalar)
            return .text(text.piece(start..<(start + TemplateText.length(ofLead: text.bytes[start]))))
        default: return nil
        }
    }

    private static func normalized(_ index: Int, _ count: Int) -> Int? {
        let position = index < 0 ? index + count : index
        return position >= 0 && position < count ? position : nil
    }

    /// An attribute of the Python object itself, as against an entry of a dictionary.
    private func ownAttribute(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue? {
        if name.hasPrefix("__"), Self.internals.contains(name) { return Self.forbidden(name, value) }
        switch value {
        case .text(let text):
            return TemplateMethods.names(markup: text.isMarkup).contains(name) ? Self.method(value, name) : nil
        case .dictionary:
            if Self.forbiddenDictionaryMethods.contains(name) { return Self.forbidden(name, value) }
            return Self.dictionaryMethods.contains(name) ? Self.method(value, name) : nil
        case .list:
            if Self.forbiddenListMethods.contains(name) { return Self.forbidden(name, value) }
            return Self.listMethods.contains(name) ? Self.method(value, name) : nil
        case .tuple: return name == "index" || name == "count" ? Self.method(value, name) : nil
        case .integer, .boolean, .float: return numberAttribute(name, value)
        case .object(let object): return try objectAttribute(name, object, value)
        case .missing, .undefined, .none: return nil
        }
    }

    private static func method(_ value: TemplateValue, _ name: String) -> TemplateValue {
        .object(TemplateMethod(value, name))
    }

    private static func forbidden(_ name: String, _ value: TemplateValue) -> TemplateValue {
        let shown = TemplateText(name).pythonRepresentation
        let type = TemplateText(value.shortTypeName).pythonRepresentation
        return .undefined(
            TemplateUndefined("access to attribute \(shown) of \(type) object is unsafe.", isForbidden: true)
        )
    }

    private func numberAttribute(_ name: String, _ value: TemplateValue) -> TemplateValue? {
        switch name {
        case "real": return value.asInteger.map { .integer($0) } ?? value
        case "imag": return value.asInteger == nil ? .float(0) : .integer(0)
        case "numerator": return value.asInteger.map { .integer($0) }
        case "denominator": return value.asInteger.map { _ in .integer(1) }
        case "bit_length": return value.asInteger == nil ? nil : Self.method(value, name)
        case "is_integer": return value.asInteger == nil ? Self.method(value, name) : nil
        default: return nil
        }
    }

    private func objectAttribute(
        _ name: String,
        _ object: TemplateObject,
        _ value: TemplateValue
    ) throws(TemplateError) -> TemplateValue? {
        switch object {
        case let namespace as TemplateNamespace:
            guard let found = namespace[name] else { return nil }
            return name.hasPrefix("_") ? Self.forbidden(name, value) : found
        case let loop as TemplateLoop: return try loop.attribute(name)
        case let macro as TemplateMacro:
            return name == "name" ? macro.name.map { .string($0) } ?? TemplateValue.none : nil
        case let cycler as TemplateCycler:
            switch name {
            case "next", "reset": return Self.method(value, name)
            case "current": return cycler.items[cycler.index]
            case "pos": return .integer(cycler.index)
            case "items": return .tuple(try TemplateList(cycler.items))
            default: return nil
            }
        case let range as TemplateRange:
            switch name {
            case "start": return .integer(range.start)
            case "stop": return .integer(range.stop)
            case "step": return .integer(range.step)
            default: return nil
            }
        default: return nil
        }
    }

    /// `value[start:stop:step]`.
    func slice(of value: TemplateValue, _ bounds: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        switch value {
        case .text(let text):
            try meter.charge(bytes: text.bytes.count)
            return .text(text.slice(try TemplateSliceIndices(bounds, length: text.scalarCount)))
        case .list(let list): return .list(try TemplateList(try slice(list.items, bounds)))
        case .tuple(let list): return .tuple(try TemplateList(try slice(list.items, bounds)))
        case .object(let range as TemplateRange):
            let indices = try TemplateSliceIndices(bounds, length: range.count)
            let start = try TemplateNumbers.sum(range.start, indices.start, times: range.step)
            let step = try TemplateNumbers.sum(0, indices.step, times: range.step)
            let stop = try TemplateNumbers.sum(start, indices.count, times: step)
            return .object(try TemplateRange(start: start, stop: stop, step: step))
        case .undefined(let undefined): throw undefined.error
        case .dictionary: throw .failure("unhashable type: 'slice'")
        default: throw .failure("'\(value.shortTypeName)' object is not subscriptable")
        }
    }

    private func slice(_ items: [TemplateValue], _ bounds: [TemplateValue]) throws(TemplateError) -> [TemplateValue] {
        let indices = try TemplateSliceIndices(bounds, length: items.count)
        try meter.charge(elements: indices.count)
        return indices.positions.map { items[$0] }
    }
}

extension TemplateMachine {
    var environment: TemplateEnvironment { TemplateEnvironment(meter: meter) }

    func attribute(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        try environment.attribute(name, of: value)
    }

    func item(_ index: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        try environment.item(index, of: value)
    }

    func slice(of value: TemplateValue, _ bounds: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        try environment.slice(of: value, bounds)
    }
}
