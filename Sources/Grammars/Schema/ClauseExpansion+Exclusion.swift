import JSON

/// Choices of which exactly one may hold.
extension ClauseExpansion {
    /// One holds and the others do not. Where two cannot hold together anyhow, that need not be said.
    ///
    /// Options that a value tells apart, of themselves or of one of their members, are not compared with each other: as many
    /// as a large `oneOf` has would take the square of that time.
    mutating func exactlyOne(_ options: [SchemaLiteral]) throws(GrammarError) -> [[SchemaLiteral]] {
        var choices = options.map { [$0] }
        guard options.count > 1 else { return choices }
        let rivals = try rivals(options)
        for first in options.indices {
            for second in rivals.rivals(of: first) where second != first {
                if try isSurelyEmpty([options[first], options[second]], depth: 3) { continue }
                choices[first].append(options[second].negated)
            }
        }
        return choices
    }

    /// Whether no value can satisfy all `literals`; false when that is not seen at once.
    mutating func isSurelyEmpty(_ literals: [SchemaLiteral], depth: Int) throws(GrammarError) -> Bool {
        // A schema whose options name it again would be asked about for ever.
        guard nesting < Self.deepestNesting else { return false }
        nesting += 1
        defer { nesting -= 1 }
        for clause in try clauses(of: literals) {
            if clause.values.map({ $0.isEmpty || !clause.typesAllow($0) }) == true { continue }
            guard depth > 0, clause.types == .object else { return false }
            var isEmpty = false
            for name in clause.object.required {
                let literals = clause.object.members.compactMap { $0.properties[name] }
                if literals.count > 1, try isSurelyEmpty(literals, depth: depth - 1) { isEmpty = true }
            }
            if !isEmpty { return false }
        }
        return true
    }

    /// Tells `options` apart as far as that takes no comparison of two of them.
    private mutating func rivals(_ options: [SchemaLiteral]) throws(GrammarError) -> OptionRivals {
        guard nesting < Self.deepestNesting else { return OptionRivals(options.map { _ in OptionMarks() }) }
        nesting += 1
        defer { nesting -= 1 }
        var marks: [OptionMarks] = []
        for option in options { marks.append(OptionMarks(try clauses(of: [option]), document)) }
        return OptionRivals(marks)
    }
}

/// What is known of the values that satisfy one option of a choice.
private struct OptionMarks {
    /// Types that they may have.
    var types = JSONTypes.all
    /// Identities of the values listed for members that every value has; under nil, of the values themselves.
    var listed: [[UInt8]?: Set<[UInt8]>] = [:]

    init() {}

    init(_ clauses: [SchemaClause], _ document: SchemaDocument) {
        types = clauses.reduce(into: JSONTypes()) { $0.formUnion($1.types) }
        for (index, clause) in clauses.enumerated() {
            let found = Self.listed(clause, document)
            if index == 0 {
                listed = found
            } else {
                // What one clause does not list may be anything.
                listed = listed.reduce(into: [:]) { both, entry in
                    if let more = found[entry.key] { both[entry.key] = entry.value.union(more) }
                }
            }
        }
    }

    private static func listed(_ clause: SchemaClause, _ document: SchemaDocument) -> [[UInt8]?: Set<[UInt8]>] {
        var found: [[UInt8]?: Set<[UInt8]>] = [:]
        if let values = clause.values { found[nil] = Set(values.map(\.identity)) }
        guard clause.types == .object else { return found }
        for name in clause.object.required {
            for literal in clause.object.members.compactMap({ $0.properties[name] }) where literal.isPositive {
                let schema = document.schemas[Int(literal.location)]
                guard let values = schema["enum"]?.arrayValue ?? schema["const"].map({ [$0] }) else { continue }
                found[Array(name.utf8)] = Set(values.map(\.identity))
            }
        }
        return found
    }
}

/// Which of several options may hold together, as far as it is seen without comparing two of them.
private struct OptionRivals {
    private let types: [JSONTypes]
    /// Of each option, the values by which it is told from others; nil for one that is told by its types alone.
    private let keys: [Set<[UInt8]>?]
    /// The options with a value.
    private var places: [[UInt8]: [Int]] = [:]
    /// Those without values.
    private let others: [Int]

    init(_ marks: [OptionMarks]) {
        types = marks.map(\.types)
        var counts: [[UInt8]?: Int] = [:]
        for mark in marks { for key in mark.listed.keys { counts[key, default: 0] += 1 } }
        // The place that most options list values for; of several such, always the same.
        let best = counts.max { ($0.value, $1.key ?? []) < ($1.value, $0.key ?? []) }
        keys = marks.map { mark in best.flatMap { mark.listed[$0.key] } }
        others = keys.indices.filter { [keys] in keys[$0] == nil }
        for (index, key) in keys.enumerated() {
            for value in key ?? [] { places[value, default: []].append(index) }
        }
    }

    /// The options that may hold where option `index` does, in order.
    func rivals(of index: Int) -> [Int] {
        let found = keys[index].map { Set($0.flatMap { places[$0] ?? [] }) + others } ?? Array(keys.indices)
        return found.sorted().filter { !types[$0].isDisjoint(with: types[index]) }
    }
}

/// In the order of their bytes, so that the choice among equals is the same in every process.
private func < (left: (Int, [UInt8]), right: (Int, [UInt8])) -> Bool {
    left.0 != right.0 ? left.0 < right.0 : left.1.lexicographicallyPrecedes(right.1)
}
