import HTTPTypes

/// Checks the key a request shows against the configured ones.
struct Authentication: Sendable {
    private let keys: [[UInt8]]

    init(keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    /// Whether one of the keys stands in `Authorization`, as a bearer's, or in `x-api-key`; always true when none is
    /// configured.
    func allows(_ headers: HTTPFields) -> Bool {
        keys.isEmpty || isKey(Self.bearer(headers[.authorization])) || isKey(headers[.apiKey])
    }

    /// What follows `Bearer` in `header`; nil when that is not what it says.
    private static func bearer(_ header: String?) -> String? {
        guard let header, let space = header.firstIndex(of: " ") else { return nil }
        guard header[..<space].lowercased() == "bearer" else { return nil }
        return String(header[header.index(after: space)...].drop { $0 == " " })
    }

    private func isKey(_ text: String?) -> Bool {
        guard let text else { return false }
        let shown = Array(text.utf8)
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
