/// Filters on sequences. Those that are generators in Jinja are lazy here too: an error in them shows when, and only
/// if, their elements are used.
enum TemplateSequenceFilters {
    static let table: [String: TemplateFilter.Body] = [
        "batch": batch, "slice": slice, "dictsort": dictionarySort, "first": first, "last": last, "items": items,
        "join": join, "list": list, "map": map,
        "max": { (value, arguments, environment) throws(TemplateError) in
            try extreme(value, arguments, environment, isMaximum: true)
        },
        "min": { (value, arguments, environment) throws(TemplateError) in
            try extreme(value, arguments, environment, isMaximum: false)
        },
        "reject": selection("reject", byAttribute: false, keeps: false),
        "rejectattr": selection("rejectattr", byAttribute: true, keeps: false),
        "select": selection("select", byAttribute: false, keeps: true),
        "selectattr": selection("selectattr", byAttribute: true, keeps: true),
        "reverse": reverse, "sort": sort, "sum": sum, "unique": unique, "groupby": groupBy,
    ]

    // MARK: Parts

    /// How to get at what filters sort and compare by: `'author.name'` or `0`.
    static func getter(
        _ attribute: TemplateValue?,
        _ environment: TemplateEnvironment,
        default fallback: TemplateValue? = nil
    ) throws(TemplateError) -> (TemplateValue) throws(TemplateError) -> TemplateValue {
        var parts: [TemplateValue] = []
        if let text = attribute?.asText {
            parts = text.split(at: TemplateText("."), limit: -1).map { part in
                part.answer(to: "isdigit") == true ? Int(part.string).map { .integer($0) } ?? .text(part) : .text(part)
            }
        } else if let attribute, !attribute.isNone {
            parts = [attribute]
        }
        return { (item: TemplateValue) throws(TemplateError) -> TemplateValue in
            var value = item
            for part in parts {
                value = try environment.item(part, of: value)
                if let fallback, !fallback.isNone, value.isUndefined { value = fallback }
            }
            return value
        }
    }

    private static func ignoringCase(_ value: TemplateValue) -> TemplateValue {
        value.asText.map { .text($0.lowercased()) } ?? value
    }

    /// A stable sort by keys, which may fail to compare.
    static func sorted(
        _ items: [TemplateValue],
        keys: [TemplateValue],
        reverse: Bool,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> [TemplateValue] {
        var order = Array(items.indices)
        var failure: TemplateError?
        order.sort { left, right in
            if failure != nil { return left < right }
            do throws(TemplateError) {
                try meter.charge(steps: 1)
                let (low, high) = reverse ? (right, left) : (left, right)
                if try keys[low].precedes(keys[high], meter) { return true }
                if try keys[high].precedes(keys[low], meter) { return false }
            } catch {
                failure = error
            }
            return left < right
        }
        if let failure { throw failure }
        return order.map { items[$0] }
    }

    // MARK: Order

    private static let sort: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["reverse", "case_sensitive", "attribute"], required: 0, of: "sort")
        let isSensitive = values[1]?.isTrue ?? false
        let items = try value.elements(environment.meter)
        let attributes: [TemplateValue?] =
            values[2]?.asText.map { text in
                text.split(at: TemplateText(","), limit: -1).map { .text($0) }
            } ?? [values[2]]
        var keys: [TemplateValue] = []
        for item in items {
            var key: [TemplateValue] = []
            for attribute in attributes {
                let part = try getter(attribute, environment)(item)
                key.append(isSensitive ? part : ignoringCase(part))
            }
            keys.append(.list(try TemplateList(key)))
        }
        let result = try sorted(items, keys: keys, reverse: values[0]?.isTrue ?? false, environment.meter)
        return .list(try TemplateList(result))
    }

    private static let dictionarySort: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["case_sensitive", "by", "reverse"], required: 0, of: "dictsort")
        let by = values[1]?.asText?.string ?? "key"
        guard by == "key" || by == "value" else { throw .failure("You can only sort by either \"key\" or \"value\"") }
        if case .undefined(let undefined) = value { throw undefined.error }
        guard case .dictionary(let dictionary) = value else {
            throw .failure("'\(value.shortTypeName)' object has no attribute 'items'")
        }
        var items: [TemplateValue] = []
        var keys: [TemplateValue] = []
        for (key, item) in dictionary.entries {
            items.append(.tuple(try TemplateList([key, item])))
            let part = by == "key" ? key : item
            keys.append(values[0]?.isTrue ?? false ? part : ignoringCase(part))
        }
        let result = try sorted(items, keys: keys, reverse: values[2]?.isTrue ?? false, environment.meter)
        return .list(try TemplateList(result))
    }

    private static let reverse: TemplateFilter.Body = { (value, _, environment) throws(TemplateError) in
        if let text = value.asText {
            try environment.meter.charge(bytes: text.bytes.count)
            return .text(TemplateText(scalars: text.scalars.reversed()).withMarkup(text.isMarkup))
        }
        guard value.isIterable else { throw .failure("argument must be iterable") }
        let items = Array(try value.elements(environment.meter).reversed())
        if case .undefined = value { return .list(try TemplateList(items)) }
        if case .object(is TemplateIterator) = value { return .list(try TemplateList(items)) }
        let list = TemplateValue.list(try TemplateList(items))
        let iterator = try list.iterator()
        return .object(
            try TemplateGenerator(over: list, name: "list_reverseiterator") { () throws(TemplateError) in
                try iterator.next()
            }
        )
    }

    private static let groupBy: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["attribute", "default", "case_sensitive"], required: 1, of: "groupby")
        let isSensitive = values[2]?.isTrue ?? false
        let get = try getter(values[0], environment, default: values[1])
        let items = try value.elements(environment.meter)
        var keys: [TemplateValue] = []
        for item in items { keys.append(isSensitive ? try get(item) : ignoringCase(try get(item))) }
        let ordered = try sorted(items, keys: keys, reverse: false, environment.meter)
        var groups: [(key: TemplateValue, items: [TemplateValue])] = []
        for item in ordered {
            let own = try get(item)
            let key = isSensitive ? own : ignoringCase(own)
            if let last = groups.last {
                let lastKey = isSensitive ? last.key : ignoringCase(last.key)
                if try lastKey.equals(key, environment.meter) {
                    groups[groups.count - 1].items.append(item)
                    continue
                }
            }
            groups.append((own, [item]))
        }
        var result: [TemplateValue] = []
        for group in groups {
            result.append(.tuple(try TemplateList([group.key, .list(try TemplateList(group.items))])))
        }
        return .list(try TemplateList(result))
    }

    // MARK: Choice

    private static let first: TemplateFilter.Body = { (value, _, _) throws(TemplateError) in
        try value.iterator().next() ?? .undefined(TemplateUndefined("No first item, sequence was empty."))
    }

    private static let last: TemplateFilter.Body = { (value, _, environment) throws(TemplateError) in
        switch value {
        case .list(let list), .tuple(let list):
            if let item = list.items.last { return item }
        case .text(let text):
            if !text.isEmpty { return try environment.item(.integer(-1), of: value) }
        case .dictionary(let dictionary):
            if let entry = dictionary.entries.last { return entry.key }
        case .object(is TemplateRange), .object(is TemplateDictionaryView):
            if let item = try value.elements(environment.meter).last { return item }
        case .undefined(let undefined): throw undefined.error
        case .object(let generator as TemplateGenerator) where generator.typeName != "list_reverseiterator":
            throw .failure("'generator' object is not reversible")
        default: throw .failure("'\(value.shortTypeName)' object is not reversible")
        }
        return .undefined(TemplateUndefined("No last item, sequence was empty."))
    }

    private static func extreme(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ environment: TemplateEnvironment,
        isMaximum: Bool
    ) throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(
            to: ["case_sensitive", "attribute"],
            required: 0,
            of: isMaximum ? "max" : "min"
        )
        let get = try getter(values[1], environment)
        let isSensitive = values[0]?.isTrue ?? false
        var best: (key: TemplateValue, item: TemplateValue)?
        for item in try value.elements(environment.meter) {
            let own = try get(item)
            let key = isSensitive ? own : ignoringCase(own)
            guard let current = best else {
                best = (key, item)
                continue
            }
            let comparison: TemplateComparison = isMaximum ? .greater : .less
            if try TemplateOperators.compare(comparison, key, current.key, environment.meter) { best = (key, item) }
        }
        return best?.item ?? .undefined(TemplateUndefined("No aggregated item, sequence was empty."))
    }

    private static let unique: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["case_sensitive", "attribute"], required: 0, of: "unique")
        let get = try getter(values[1], environment)
        let isSensitive = values[0]?.isTrue ?? false
        let source = Lazy { () throws(TemplateError) in try value.iterator() }
        var seen: Set<TemplateKey> = []
        return .object(
            try TemplateGenerator(over: value) { () throws(TemplateError) in
                while let item = try source.iterator().next() {
                    try environment.meter.charge(elements: 1)
                    let own = try get(item)
                    let key = isSensitive ? own : ignoringCase(own)
                    guard let hashed = TemplateKey(key) else { throw .failure("unhashable type: '\(key.typeName)'") }
                    if seen.insert(hashed).inserted { return item }
                }
                return nil
            }
        )
    }

    /// An iterator that is made, and may fail, only when it is first used.
    final class Lazy {
        private let make: () throws(TemplateError) -> TemplateIterator
        private var made: TemplateIterator?

        init(_ make: @escaping () throws(TemplateError) -> TemplateIterator) {
            self.make = make
        }

        func iterator() throws(TemplateError) -> TemplateIterator {
            if let made { return made }
            let iterator = try make()
            made = iterator
            return iterator
        }
    }

    /// `select`, `reject` and their `attr` forms.
    private static func selection(_ name: String, byAttribute: Bool, keeps: Bool) -> TemplateFilter.Body {
        { (value, arguments, environment) throws(TemplateError) in
            let source = Lazy { () throws(TemplateError) in
                value.isTrue ? try value.iterator() : try TemplateValue.tuple(TemplateList([])).iterator()
            }
            return .object(
                try TemplateGenerator(over: value) { () throws(TemplateError) in
                    let iterator = try source.iterator()
                    while let item = try iterator.next() {
                        try environment.meter.charge(steps: 4)
                        if try accepts(item, arguments, environment, byAttribute) == keeps { return item }
                    }
                    return nil
                }
            )
        }
    }

    private static func accepts(
        _ item: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ environment: TemplateEnvironment,
        _ byAttribute: Bool
    ) throws(TemplateError) -> Bool {
        var rest = arguments
        var subject = item
        if byAttribute {
            guard !rest.positional.isEmpty else { throw .failure("Missing parameter for attribute name") }
            subject = try getter(rest.positional.removeFirst(), environment)(item)
        }
        guard !rest.positional.isEmpty else { return subject.isTrue }
        let name = rest.positional.removeFirst()
        guard let text = name.asText, let index = TemplateTests.index(of: text.string) else {
            throw .failure("No test named \(try name.representation().string).")
        }
        return try TemplateTests.all[index].apply(subject, rest, environment)
    }

    // MARK: Change

    private static let map: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let source = Lazy { () throws(TemplateError) in
            value.isTrue ? try value.iterator() : try TemplateValue.tuple(TemplateList([])).iterator()
        }
        var function: ((TemplateValue) throws(TemplateError) -> TemplateValue)?
        return .object(
            try TemplateGenerator(over: value) { () throws(TemplateError) in
                let iterator = try source.iterator()
                if function == nil, value.isTrue { function = try mapping(arguments, environment) }
                guard let item = try iterator.next(), let function else { return nil }
                try environment.meter.charge(steps: 4)
                return try function(item)
            }
        )
    }

    private static func mapping(
        _ given: TemplateCallArguments,
        _ environment: TemplateEnvironment
    ) throws(TemplateError) -> (TemplateValue) throws(TemplateError) -> TemplateValue {
        var arguments = given
        if arguments.positional.isEmpty, let attribute = arguments.removeKeyword("attribute") {
            let fallback = arguments.removeKeyword("default")
            if let other = arguments.keywords.first {
                throw .failure("Unexpected keyword argument '\(other.name)'")
            }
            return try getter(attribute, environment, default: fallback)
        }
        guard !arguments.positional.isEmpty else { throw .failure("map requires a filter argument") }
        let name = arguments.positional.removeFirst()
        guard let text = name.asText, let index = TemplateFilters.index(of: text.string) else {
            throw .failure("No filter named \(try name.representation().string).")
        }
        let rest = arguments
        return { (item: TemplateValue) throws(TemplateError) -> TemplateValue in
            try TemplateFilters.all[index].apply(item, rest, environment)
        }
    }

    private static let list: TemplateFilter.Body = { (value, _, environment) throws(TemplateError) in
        let items = try value.elements(environment.meter)
        try environment.meter.charge(elements: items.count)
        return .list(try TemplateList(items))
    }

    private static let items: TemplateFilter.Body = { (value, _, _) throws(TemplateError) in
        let source = Lazy { () throws(TemplateError) in
            if case .undefined = value { return try value.iterator() }
            guard case .dictionary(let dictionary) = value else {
                throw .failure("Can only get item pairs from a mapping.")
            }
            return try TemplateValue.object(TemplateDictionaryView(dictionary, .items)).iterator()
        }
        return .object(
            try TemplateGenerator(over: value) { () throws(TemplateError) in try source.iterator().next() }
        )
    }

    private static let join: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["d", "attribute"], required: 0, of: "join")
        let get = try getter(values[1], environment)
        var parts: [TemplateText] = []
        for item in try value.elements(environment.meter) { parts.append(try get(item).text()) }
        let separator = try (values[0] ?? .text(.empty)).text().withMarkup(false)
        return .text(try TemplateStringMethod.joined(parts, by: separator, environment.meter))
    }

    private static let sum: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["attribute", "start"], required: 0, of: "sum")
        let get = try getter(values[0], environment)
        var total = values[1] ?? .integer(0)
        if total.asText != nil { throw .failure("sum() can't sum strings [use ''.join(seq) instead]") }
        for item in try value.elements(environment.meter) {
            total = try TemplateOperators.binary(.add, total, try get(item), environment.meter)
        }
        return total
    }

    private static let batch: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["linecount", "fill_with"], required: 1, of: "batch")
        let size = values[0]?.asInteger ?? 0
        var rows: [[TemplateValue]] = []
        for item in try value.elements(environment.meter) {
            if let last = rows.last, last.count != size {
                rows[rows.count - 1].append(item)
            } else {
                rows.append([item])
            }
        }
        if let fill = values[1], !fill.isNone, let last = rows.last, last.count < size {
            try environment.meter.charge(elements: size)
            rows[rows.count - 1] += [TemplateValue](repeating: fill, count: size - last.count)
        }
        return try generator(of: rows)
    }

    private static let slice: TemplateFilter.Body = { (value, arguments, environment) throws(TemplateError) in
        let values = try arguments.bound(to: ["slices", "fill_with"], required: 1, of: "slice")
        let items = try value.elements(environment.meter)
        let count = values[0]?.asInteger ?? 0
        if count == 0 { throw .failure("integer division or modulo by zero") }
        try environment.meter.charge(elements: max(0, count))
        var rows: [[TemplateValue]] = []
        var start = 0
        for number in 0..<max(0, count) {
            let isLonger = number < items.count % count
            let end = start + items.count / count + (isLonger ? 1 : 0)
            var row = Array(items[start..<end])
            if let fill = values[1], !fill.isNone, !isLonger { row.append(fill) }
            rows.append(row)
            start = end
        }
        return try generator(of: rows)
    }

    private static func generator(of rows: [[TemplateValue]]) throws(TemplateError) -> TemplateValue {
        var lists: [TemplateValue] = []
        for row in rows { lists.append(.list(try TemplateList(row))) }
        let all = TemplateValue.list(try TemplateList(lists))
        let iterator = try all.iterator()
        return .object(try TemplateGenerator(over: all) { () throws(TemplateError) in try iterator.next() })
    }
}
