/// Values with behaviour: functions, iterators, loops, namespaces.
class TemplateObject {
    /// Python's name of the type, for messages.
    var typeName: String { "object" }
    /// How deep containers nest within.
    var depth: Int { 0 }
}

/// `namespace(...)`: the one thing that a template may change.
final class TemplateNamespace: TemplateObject {
    var attributes: [(name: String, value: TemplateValue)] = []

    override var typeName: String { "jinja2.utils.Namespace" }

    subscript(name: String) -> TemplateValue? {
        get { attributes.first { $0.name == name }?.value }
        set {
            guard let newValue else { return }
            if let index = attributes.firstIndex(where: { $0.name == name }) {
                attributes[index].value = newValue
            } else {
                attributes.append((name, newValue))
            }
        }
    }
}

/// A macro or caller: a function with the variables around its definition.
final class TemplateMacro: TemplateObject {
    let functionIndex: Int
    let name: String?
    let frame: TemplateFrame

    init(functionIndex: Int, name: String?, frame: TemplateFrame) {
        self.functionIndex = functionIndex
        self.name = name
        self.frame = frame
    }

    override var typeName: String { "jinja2.runtime.Macro" }
}

/// A function of the environment, such as `range`.
final class TemplateGlobal: TemplateObject {
    let name: String

    init(_ name: String) { self.name = name }

    override var typeName: String { name == "range" || name.hasSuffix("now") ? "function" : "type" }
}

/// A method with its receiver, such as `text.strip` before it is called.
final class TemplateMethod: TemplateObject {
    let receiver: TemplateValue
    let name: String

    init(_ receiver: TemplateValue, _ name: String) {
        self.receiver = receiver
        self.name = name
    }

    override var typeName: String { "builtin_function_or_method" }
    override var depth: Int { receiver.depth + 1 }
}

/// `range(...)`.
final class TemplateRange: TemplateObject {
    let start: Int
    let stop: Int
    let step: Int
    let count: Int

    init(start: Int, stop: Int, step: Int) throws(TemplateError) {
        self.start = start
        self.stop = stop
        self.step = step
        let (distance, overflow) = stop.subtractingReportingOverflow(start)
        if step == 0 { throw .failure("range() arg 3 must not be zero") }
        let forwards = (step > 0) == (stop > start) && stop != start
        let steps = forwards ? (distance.magnitude - 1) / step.magnitude + 1 : 0
        if overflow || steps > UInt(TemplateLimits.rangeCount) {
            throw .failure(
                "Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(TemplateLimits.rangeCount))."
            )
        }
        count = Int(steps)
    }

    subscript(index: Int) -> Int { start + index * step }

    override var typeName: String { "range" }
}

/// `dict.items()`, `.keys()` or `.values()`.
final class TemplateDictionaryView: TemplateObject {
    enum Kind: String {
        case items = "dict_items"
        case keys = "dict_keys"
        case values = "dict_values"
    }

    let dictionary: TemplateDictionary
    let kind: Kind

    init(_ dictionary: TemplateDictionary, _ kind: Kind) {
        self.dictionary = dictionary
        self.kind = kind
    }

    override var typeName: String { kind.rawValue }
    override var depth: Int { dictionary.depth + 1 }

    func element(_ index: Int) throws(TemplateError) -> TemplateValue {
        let (key, value) = dictionary.entries[index]
        switch kind {
        case .keys: return key
        case .values: return value
        case .items: return .tuple(try TemplateList([key, value]))
        }
    }
}

/// Something that gives its elements once: Python's iterators and generators.
class TemplateIterator: TemplateObject {
    override var typeName: String { "generator" }

    /// The next element, or nil at the end.
    func next() throws(TemplateError) -> TemplateValue? { nil }
}

/// Iterates over the elements of a container.
final class TemplateElementIterator: TemplateIterator {
    private let source: TemplateValue
    private let count: Int
    private var index = 0
    /// The byte offset, when iterating over a string.
    private var offset = 0

    /// Nil when the value cannot be iterated over by position.
    init?(_ source: TemplateValue) {
        self.source = source
        switch source {
        case .list(let list), .tuple(let list): count = list.items.count
        case .dictionary(let dictionary): count = dictionary.count
        case .text(let text): count = text.bytes.count
        case .undefined: count = 0
        case .object(let range as TemplateRange): count = range.count
        case .object(let view as TemplateDictionaryView): count = view.dictionary.count
        default: return nil
        }
    }

    override var depth: Int { source.depth + 1 }

    override func next() throws(TemplateError) -> TemplateValue? {
        guard index < count else { return nil }
        let position = index
        index += 1
        switch source {
        case .list(let list), .tuple(let list): return list.items[position]
        case .dictionary(let dictionary): return dictionary.entries[position].key
        case .object(let range as TemplateRange): return .integer(range[position])
        case .object(let view as TemplateDictionaryView): return try view.element(position)
        case .text(let text): return nextCharacter(of: text)
        default: return nil
        }
    }

    private func nextCharacter(of text: TemplateText) -> TemplateValue? {
        guard offset < text.bytes.count else { return nil }
        let end = offset + TemplateText.length(ofLead: text.bytes[offset])
        defer { offset = end }
        return .text(text.piece(offset..<end))
    }
}

/// A generator of the lazy filters: takes elements from another iterator as they are asked for.
final class TemplateGenerator: TemplateIterator {
    typealias Step = () throws(TemplateError) -> TemplateValue?
    private var step: Step?
    private let sourceDepth: Int
    private let name: String

    init(over source: TemplateValue, name: String = "generator", _ step: @escaping Step) throws(TemplateError) {
        self.step = step
        self.name = name
        sourceDepth = try TemplateList.level(above: source.depth)
    }

    override var typeName: String { name }
    override var depth: Int { sourceDepth }

    override func next() throws(TemplateError) -> TemplateValue? {
        guard let running = step else { return nil }
        if let value = try running() { return value }
        step = nil
        return nil
    }
}

/// `cycler(...)`.
final class TemplateCycler: TemplateObject {
    let items: [TemplateValue]
    var index = 0

    init(_ items: [TemplateValue]) { self.items = items }

    override var typeName: String { "jinja2.utils.Cycler" }
    override var depth: Int { (items.map(\.depth).max() ?? 0) + 1 }
}

/// `joiner(...)`.
final class TemplateJoiner: TemplateObject {
    let separator: TemplateValue
    var isUsed = false

    init(_ separator: TemplateValue) { self.separator = separator }

    override var typeName: String { "jinja2.utils.Joiner" }
}

/// The `loop` variable, which is also the iterator of its loop.
final class TemplateLoop: TemplateIterator {
    private let iterable: TemplateValue
    private var iterator: TemplateIterator
    private(set) var index0 = -1
    private var knownLength: Int?
    private var before: TemplateValue?
    private var current: TemplateValue?
    /// An element that was looked ahead at; the inner nil is the end.
    private var after: TemplateValue??
    private var lastChanged: [TemplateValue]?
    let depth0: Int
    /// The function of a recursive loop.
    let recursion: TemplateMacro?

    init(
        _ iterable: TemplateValue,
        _ iterator: TemplateIterator,
        depth0: Int,
        recursion: TemplateMacro?
    ) {
        self.iterable = iterable
        self.iterator = iterator
        self.depth0 = depth0
        self.recursion = recursion
    }

    override var typeName: String { "jinja2.runtime.LoopContext" }
    override var depth: Int { iterable.depth + 1 }

    override func next() throws(TemplateError) -> TemplateValue? {
        let value: TemplateValue?
        if let peeked = after, peeked != nil {
            value = peeked
            after = nil
        } else {
            value = try iterator.next()
        }
        guard let value else { return nil }
        index0 += 1
        before = current
        current = value
        return value
    }

    private func peek() throws(TemplateError) -> TemplateValue? {
        if let after, after != nil { return after }
        let value = try iterator.next()
        after = .some(value)
        return value
    }

    private func length() throws(TemplateError) -> Int {
        if let knownLength { return knownLength }
        var length = try? iterable.length()
        if length == nil {
            var rest: [TemplateValue] = []
            while let value = try iterator.next() { rest.append(value) }
            let list = TemplateValue.list(try TemplateList(rest))
            iterator = TemplateElementIterator(list) ?? iterator
            var peekedCount = 0
            if let after, after != nil { peekedCount = 1 }
            length = rest.count + index0 + 1 + peekedCount
        }
        knownLength = length
        return length ?? 0
    }

    /// The attribute of `loop` with a name, or nil when there is none.
    func attribute(_ name: String) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "index": return .integer(index0 + 1)
        case "index0": return .integer(index0)
        case "first": return .boolean(index0 == 0)
        case "last": return .boolean(try peek() == nil)
        case "length": return .integer(try length())
        case "revindex": return .integer(try length() - index0)
        case "revindex0": return .integer(try length() - index0 - 1)
        case "depth": return .integer(depth0 + 1)
        case "depth0": return .integer(depth0)
        case "previtem":
            if index0 == 0 { return .undefined(TemplateUndefined("there is no previous item")) }
            return before ?? .undefined(TemplateUndefined("there is no previous item"))
        case "nextitem": return try peek() ?? .undefined(TemplateUndefined("there is no next item"))
        case "cycle", "changed": return .object(TemplateMethod(.object(self), name))
        default: return nil
        }
    }

    func cycle(_ values: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        if values.isEmpty { throw .failure("no items for cycling given") }
        return values[max(0, index0) % values.count]
    }

    /// Whether the values differ from those of the call before.
    func changed(_ values: [TemplateValue], _ meter: TemplateMeter) throws(TemplateError) -> TemplateValue {
        if let last = lastChanged, last.count == values.count {
            var isSame = true
            for (old, new) in zip(last, values) where isSame { isSame = try old.equals(new, meter) }
            if isSame { return .boolean(false) }
        }
        lastChanged = values
        return .boolean(true)
    }
}

/// The variables of one running function.
final class TemplateFrame {
    var slots: [TemplateValue]
    /// The frame of the function in which this one was defined.
    let parent: TemplateFrame?
    /// Whether a macro holds on to this frame, so that it is cleared when the rendering ends.
    var isCaptured = false

    init(slotCount: Int, parent: TemplateFrame?) {
        slots = [TemplateValue](repeating: .missing, count: slotCount)
        self.parent = parent
    }
}
