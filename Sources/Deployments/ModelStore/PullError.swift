/// Why a model could not be brought here; every case's sentence may be shown to the user.
package enum PullError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The disk or the store's folder.
    case store(StoreError)
    /// The hub or the way to it.
    case hub(HubError)
    /// The package manager.
    case package(PythonPackageError)
    /// A path that leads nowhere.
    case pathMissing(path: String)

    package var description: String {
        switch self {
        case .store(let error): error.description
        case .hub(let error): error.description
        case .package(let error): error.description
        case .pathMissing(let path):
            "\(path) does not exist. Give a .gguf file, a folder with config.json and safetensors, a catalogue name "
                + "(`hearth list --catalogue`), or hf:owner/repository."
        }
    }
}

/// What happens while a model is brought here.
package enum PullEvent: Sendable, Equatable {
    /// Another process works on the same thing; this one goes on when it is done.
    case waiting(String)
    /// The files are known.
    case resolved(fileCount: Int, byteCount: Int)
    /// A file begins, or goes on at `presentBytes`. `byteCount` is nil when the source does not tell.
    case started(file: String, presentBytes: Int, byteCount: Int?)
    /// `presentBytes` of the file are here.
    case progressed(file: String, presentBytes: Int)
    /// The source failed; the next try comes after `delay`.
    case retrying(reason: String, delay: Duration)
    /// The file is whole and its hash is right.
    case finished(file: String)
}

/// Takes what happens while a model is brought here. Called from any thread.
package typealias PullReport = @Sendable (PullEvent) -> Void
