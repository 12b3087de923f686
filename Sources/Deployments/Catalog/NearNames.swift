/// Names close to one that nobody knows, for messages that help.
package enum NearNames {
    /// Those of `candidates` that a slip of the finger or memory could have meant, nearest first, at most three.
    package static func near(_ name: String, among candidates: some Sequence<String>) -> [String] {
        let wanted = Array(name.lowercased().unicodeScalars)
        var scored: [(distance: Int, name: String)] = []
        for candidate in candidates {
            let other = Array(candidate.lowercased().unicodeScalars)
            // Half a name counts as a slip in the half that was typed.
            let start = editDistance(wanted, Array(other.prefix(wanted.count)))
            let distance = min(editDistance(wanted, other), start + 1)
            let isPart = wanted.count >= 3 && candidate.lowercased().contains(name.lowercased())
            if isPart || min(distance, start) <= max(2, wanted.count / 3) {
                scored.append((isPart ? 0 : distance, candidate))
            }
        }
        return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }

    /// ` Did you mean "a" or "b"?`, or nothing.
    package static func sentence(_ suggestions: [String]) -> String {
        if suggestions.isEmpty { return "" }
        return " Did you mean " + suggestions.map { "\"\($0)\"" }.joined(separator: " or ") + "?"
    }

    /// Insertions, removals and replacements between two names.
    ///
    /// Source: Wagner & Fischer, *The String-to-String Correction Problem*, JACM 21 (1974).
    private static func editDistance(_ from: [Unicode.Scalar], _ to: [Unicode.Scalar]) -> Int {
        var row = Array(0...to.count)
        for (i, left) in from.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in to.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[to.count]
    }
}
