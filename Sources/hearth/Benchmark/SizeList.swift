import ArgumentParser

/// Sizes to measure one after the other, as a user writes them: `512` or `512,2048`.
struct SizeList: ExpressibleByArgument, Equatable {
    /// At least one, at most `limit`.
    var sizes: [Int]
    /// More than this is a mistake rather than a sweep.
    static let limit = 64

    init(_ sizes: [Int]) { self.sizes = sizes }

    init?(argument: String) {
        let words = argument.split(separator: ",", omittingEmptySubsequences: false)
        let sizes = words.compactMap { Int($0) }
        guard sizes.count == words.count, sizes.count <= Self.limit else { return nil }
        self.sizes = sizes
    }

    var defaultValueDescription: String { sizes.map(String.init).joined(separator: ",") }
}
