import HTTPTypes

/// Checks the key a request shows against the configured ones.
struct Authentication: Sendable {
    private let keys: [[UInt8]]

    init(keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    /// Who asks: the key that was shown, by its place among those of the configuration. nil when no key is asked for.
    ///
    /// Nothing else in a request may say it: salts and user names are the caller's own choice, and whoever invented many of
    /// them would get the part of many.
    func project(of headers: HTTPFields) -> String? {
        let index = keyIndex(Self.bearer(headers[.authorization])) ?? keyIndex(headers[.apiKey])
        return index.map { "key-\($0 + 1)" }
    }

    /// Whether one of the keys stands in `Authorization`, as a bearer's, or in `x-api-key`; always true when none is
    /// configured.
    func allows(_ headers: HTTPFields) -> Bool {
        keys.isEmpty || project(of: headers) != nil
    }

    /// What follows `Bearer` in `header`; nil when that is not what it says.
    private static func bearer(_ header: String?) -> String? {
        guard let header, let space = header.firstIndex(of: " ") else { return nil }
        guard header[..<space].lowercased() == "bearer" else { return nil }
        return String(header[header.index(after: space)...].drop { $0 == " " })
    }

    private func keyIndex(_ text: String?) -> Int? {
        guard let text else { return nil }
        let shown = Array(text.utf8)
        var found: Int?
        // An empty key opens nothing: whoever sends an empty header would show it.
        for (index, key) in keys.enumerated() where !key.isEmpty && Self.isEqual(shown, key) { found = index }
        return found
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
