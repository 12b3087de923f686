/// Finds the rules that the empty text satisfies, looking at every part once: a part says so to the one around it when the
/// last of those that it waits for has said so.
///
/// Source: Dowling and Gallier, "Linear-time algorithms for testing the satisfiability of propositional Horn formulae",
/// Journal of Logic Programming 1, 1984.
struct NullableRules {
    private(set) var names: Set<String> = []
    /// The part around each part; -1 for that of a whole rule.
    private var outer: [Int] = []
    /// How many parts each still waits for; 0 when it is nullable.
    private var waitsFor: [Int] = []
    /// The rules of which parts are the whole.
    private var rules: [Int: String] = [:]
    /// The parts that name a rule.
    private var users: [String: [Int]] = [:]
    private var work: [Int] = []

    init(_ rules: [String: GBNFPart]) {
        for (name, part) in rules {
            let number = add(part, within: -1)
            self.rules[number] = name
        }
        while let part = work.popLast() {
            if let name = self.rules[part], names.insert(name).inserted {
                for user in users[name] ?? [] { tell(user) }
            }
            if outer[part] >= 0 { tell(outer[part]) }
        }
    }

    /// Adds a part with all within it; its number.
    private mutating func add(_ part: GBNFPart, within parent: Int) -> Int {
        let number = outer.count
        outer.append(parent)
        waitsFor.append(1)
        switch part {
        case .characters: break
        case .rule(let name): users[name, default: []].append(number)
        case .choice(let parts): for part in parts { _ = add(part, within: number) }
        case .sequence(let parts):
            waitsFor[number] = parts.count
            for part in parts { _ = add(part, within: number) }
        case .repetition(let body, let minimum, _):
            if minimum == 0 { waitsFor[number] = 0 } else { _ = add(body, within: number) }
        }
        if waitsFor[number] == 0 { work.append(number) }
        return number
    }

    /// One of those that a part waits for is nullable.
    private mutating func tell(_ part: Int) {
        guard waitsFor[part] > 0 else { return }
        waitsFor[part] -= 1
        if waitsFor[part] == 0 { work.append(part) }
    }
}
