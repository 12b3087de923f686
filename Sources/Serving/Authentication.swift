/// Checks the key a request shows against the configured ones.
struct Authentication: Sendable {
    private let keys: [[UInt8]]

    init(keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    /// Whether `header`, the value of `Authorization`, names one of the keys; always true when none is configured.
    func allows(_ header: String?) -> Bool {
        if keys.isEmpty { return true }
        guard let header, let space = header.firstIndex(of: " ") else { return false }
        guard header[..<space].lowercased() == "bearer" else { return false }
        let shown = Array(header[header.index(after: space)...].drop { $0 == " " }.utf8)
        var isAllowed = false
        for key in keys where Self.isEqual(shown, key) { isAllowed = true }
        return isAllowed
    }

    /// Compares in a time that depends on the length of `shown` only: how far it matches must not be measurable.
    static func isEqual(_ shown: [UInt8], _ key: [UInt8]) -> Bool {
        var difference = shown.count ^ key.count
        for (index, byte) in shown.enumerated() {
            difference |= Int(byte ^ (key.isEmpty ? 0 : key[index % key.count]))
        }
        return difference == 0
    }
}
