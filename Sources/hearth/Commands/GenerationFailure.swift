/// Why a command that generates has no result.
enum GenerationFailure: Error, CustomStringConvertible {
    case failed(String)

    var description: String {
        switch self {
        case .failed(let reason): "The run failed: \(reason)"
        }
    }
}
