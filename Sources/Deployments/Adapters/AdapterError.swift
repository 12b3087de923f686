/// Why an adapter cannot be added, used or removed; every case can be put to the user as it stands.
package enum AdapterError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No adapter of the model is called so.
    case unknown(name: String, model: String)
    /// One is called so already.
    case nameTaken(name: String, model: String)
    /// A name that requests could not tell from others.
    case invalidName(String)
    /// The model runs where nothing can be changed by adapters.
    case unsupported(model: String)
    /// Adapters whose ranks come to too much together.
    case mixTooWide(names: [String], rank: Int, limit: Int)
    /// An adapter that brings weights whole, which cannot be scaled or added to others.
    case notMixable(name: String)
    /// More requests wait for it to be read than may.
    case crowded(name: String)
    /// The files are none that can be used with this model.
    case unusable(reason: String)

    package var description: String {
        switch self {
        case .unknown(let name, let model):
            "The model '\(model)' has no adapter called '\(name)'."
        case .nameTaken(let name, let model):
            "The model '\(model)' has an adapter called '\(name)' already. Remove that one first, or choose another name."
        case .invalidName(let name):
            "'\(name)' is no name for an adapter: it must not be empty, begin with a dot, be 'latest' "
                + "or longer than 200 bytes, or hold ':', '/' or line breaks."
        case .unsupported(let model):
            "The model '\(model)' takes no adapters."
        case .mixTooWide(let names, let rank, let limit):
            "The adapters \(names.map { "'\($0)'" }.joined(separator: ", ")) together have the rank \(rank) for some matrix; "
                + "a mix may have \(limit). Name fewer of them."
        case .notMixable(let name):
            "The adapter '\(name)' replaces weights whole (modules_to_save), so it is used alone and with the scale 1."
        case .crowded(let name):
            "Too many requests wait for the adapter '\(name)' to be read. Try again shortly."
        case .unusable(let reason): reason
        }
    }
}
