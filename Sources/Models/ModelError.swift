package import Checkpoints

/// Why a checkpoint cannot be run; every case can be put to the user as it stands.
package enum ModelError: Error, Equatable, CustomStringConvertible {
    case unknownArchitecture(name: String, known: [String])
    case missingTensor(name: String)
    case unexpectedTensor(name: String, architecture: String)
    case wrongShape(tensor: String, expected: [Int], found: [Int])
    case unsupportedType(tensor: String, type: String)
    case notPackable(tensors: String, reason: String)
    case unsupportedSetting(name: String, value: String, architecture: String)
    /// An adapter is for another model.
    case adapterUnfit(weight: String, reason: String)
    /// The system gives no memory.
    case memoryRefused(bytes: Int, purpose: String)
    /// The checkpoint's settings for embeddings are missing or cannot be used.
    case unreadableSettings(CheckpointError)
    /// Never reaches a user: the weights are packed again.
    case unusablePack(PackError)

    package var description: String {
        switch self {
        case .unknownArchitecture(let name, let known):
            "The model's architecture is '\(name)', which is not supported. Supported are: "
                + known.joined(separator: ", ") + "."
        case .missingTensor(let name):
            "The checkpoint has no tensor '\(name)'. It may be incomplete: download it again."
        case .unexpectedTensor(let name, let architecture):
            "The checkpoint has a tensor '\(name)' that a \(architecture) model has no use for. "
                + "It is a variant that is not supported; running it without that tensor would give wrong answers."
        case .wrongShape(let tensor, let expected, let found):
            "The tensor '\(tensor)' has the shape \(found), but its configuration asks for \(expected)."
        case .unsupportedType(let tensor, let type):
            "The tensor '\(tensor)' has the element type \(type), which cannot be computed with."
        case .notPackable(let tensors, let reason):
            "The weights of \(tensors) cannot be used: \(reason)."
        case .unsupportedSetting(let name, let value, let architecture):
            "The \(architecture) model's setting \(name) = \(value) is not supported."
        case .adapterUnfit(let weight, let reason):
            "The adapter is not for this model: \(weight): \(reason)."
        case .memoryRefused(let bytes, let purpose):
            "The system gives no \(bytes) bytes of address space for \(purpose) (ulimit -v, vm.overcommit_memory)."
        case .unreadableSettings(let error): error.description
        case .unusablePack(let error): error.description
        }
    }
}
