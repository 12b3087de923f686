package import JSON

/// Why a checkpoint cannot be opened. Every case says which file, and where one exists the field and the byte offset.
package enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is nothing at `path`.
    case notFound(path: String)
    /// The operating system refuses to open, read or map the file.
    case unreadable(path: String, reason: String)
    /// The operating system refuses to write the file.
    case unwritable(path: String, reason: String)
    /// What is there is no checkpoint of a kind that can be read; `reason` says what was looked for.
    case notACheckpoint(path: String, reason: String)
    /// The same for an adapter.
    case notAnAdapter(path: String, reason: String)
    /// A format version, byte order or feature of the format that is not read.
    case unsupportedFormat(file: String, reason: String)
    /// A tensor's element type that is not read; `type` is its name or number in the file.
    case unsupportedElementType(file: String, tensor: String, type: String, offset: Int)
    /// The file ends before the field does.
    case truncated(file: String, field: String, offset: Int, needed: UInt64, available: Int)
    /// A count or length in the file is beyond what any real file has.
    case tooLarge(file: String, field: String, offset: Int, value: UInt64, limit: UInt64)
    /// A field has a value that cannot be right.
    case damaged(file: String, field: String, offset: Int, problem: String)
    /// A JSON file, or the JSON header of a safetensors file, that does not parse.
    case invalidJSON(file: String, JSONError)
    /// A setting that the model cannot do without is not in the file.
    case missingKey(file: String, key: String)
    /// The same for an adapter.
    case missingAdapterKey(file: String, key: String)
    /// A setting that is there, but cannot be used.
    case invalidValue(file: String, key: String, problem: String)
    /// A file that belongs to the checkpoint is not there; `reason` says who names it.
    case missingFile(path: String, reason: String)
    /// A file name inside a checkpoint that would lead out of its folder.
    case unsafePath(file: String, key: String, path: String)
    /// Two tensors of one checkpoint have the same name.
    case duplicateTensor(name: String, file: String, otherFile: String)
    /// The index names a tensor that is not in the file where it should be.
    case missingTensor(name: String, file: String)

    package var description: String {
        switch self {
        case .notFound(let path):
            "There is no file or folder at \(path). Check the path."
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason)."
        case .unwritable(let path, let reason):
            "\(path) cannot be written: \(reason)."
        case .notACheckpoint(let path, let reason):
            "\(path) is no model: \(reason)."
        case .notAnAdapter(let path, let reason):
            "\(path) is no adapter: \(reason)."
        case .unsupportedFormat(let file, let reason):
            "\(file) cannot be used: \(reason)."
        case .unsupportedElementType(let file, let tensor, let type, let offset):
            "\(file): tensor \(tensor) (byte \(offset)) has the element type \(type), which is not supported. "
                + "Use a file with another quantisation, such as Q4_K_M, Q8_0 or BF16."
        case .truncated(let file, let field, let offset, let needed, let available):
            "\(file) is cut short: \(field) at byte \(offset) needs \(needed) bytes and \(available) are left. "
                + "Download the file again."
        case .tooLarge(let file, let field, let offset, let value, let limit):
            "\(file) is damaged: \(field) at byte \(offset) is \(value); the limit is \(limit)."
        case .damaged(let file, let field, let offset, let problem):
            "\(file) is damaged: \(field) at byte \(offset) \(problem)."
        default: configurationDescription
        }
    }

    private var configurationDescription: String {
        switch self {
        case .invalidJSON(let file, let error):
            "\(file) is not valid JSON. \(error)"
        case .missingKey(let file, let key):
            "\(file) does not say \(key), which the model needs."
        case .missingAdapterKey(let file, let key):
            "\(file) does not say \(key), which the adapter needs."
        case .invalidValue(let file, let key, let problem):
            "\(file): \(key) \(problem)."
        case .missingFile(let path, let reason):
            "\(path) is missing: \(reason). Download the model again."
        case .unsafePath(let file, let key, let path):
            "\(file): \(key) names \"\(path)\", which is not a plain file name inside the model's folder."
        case .duplicateTensor(let name, let file, let otherFile):
            file == otherFile
                ? "\(file) is damaged: it has two tensors named \(name)."
                : "The tensor \(name) is in \(file) and again in \(otherFile)."
        case .missingTensor(let name, let file):
            "The index says that the tensor \(name) is in \(file), but it is not."
        case .notFound, .unreadable, .unwritable, .notACheckpoint, .notAnAdapter, .unsupportedFormat,
            .unsupportedElementType,
            .truncated, .tooLarge, .damaged:
            ""
        }
    }
}
