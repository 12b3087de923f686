/// What a vocabulary or a `tokenizer.json` may have that this program cannot use. Encoding and decoding never fail.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// A file could not be read.
    case unreadable(path: String, reason: String)
    /// A file is not the JSON it should be.
    case malformed(file: String, reason: String)
    /// A field that a tokenizer needs is absent or has another type.
    case missing(field: String)
    /// A field has a value that cannot be right.
    case invalid(field: String, reason: String)
    /// A part of a tokenizer that this program does not have: a pre-tokenizer name, a pattern, a normalizer type.
    case unsupported(component: String, name: String)

    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "The tokenizer file \(path) cannot be read: \(reason)."
        case .malformed(let file, let reason):
            "\(file) is not a valid tokenizer file: \(reason)."
        case .missing(let field):
            "The tokenizer has no usable \"\(field)\". The model file is incomplete or of another kind."
        case .invalid(let field, let reason):
            "The tokenizer's \"\(field)\" cannot be used: \(reason)."
        case .unsupported(let component, let name):
            "The tokenizer uses the \(component) \"\(name)\", which is not supported."
        }
    }
}
