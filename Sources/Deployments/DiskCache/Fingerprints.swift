import Checkpoints
import Foundation
import Inference
import Tensors

/// What tells one state of some files from another without reading them: where they are, how large, when changed.
struct FileIdentity: Sendable, Equatable {
    /// One line per file; empty when a file cannot be looked at.
    let text: String
    /// Whether every file has been at rest for so long that a change cannot hide behind the clock's grain.
    let isSettled: Bool

    /// The file at `path`, with its sisters when it is part of a split checkpoint, or the files of the folder there.
    init(of path: String) {
        var lines: [String] = []
        var newest = 0
        for file in Self.files(at: path) {
            var status = stat()
            guard stat(file, &status) == 0 else {
                (text, isSettled) = ("", false)
                return
            }
            #if canImport(Darwin)
                let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
            #else
                let (modified, changed) = (status.st_mtim, status.st_ctim)
            #endif
            newest = max(newest, modified.tv_sec, changed.tv_sec)
            lines.append(
                "\(status.st_dev) \(status.st_ino) \(status.st_size) \(modified.tv_sec).\(modified.tv_nsec) "
                    + "\(changed.tv_sec).\(changed.tv_nsec) \(file)"
            )
        }
        text = lines.joined(separator: "\n")
        isSettled = !lines.isEmpty && time(nil) - newest > 2
    }

    private static func files(at path: String) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return [path] }
        let folder = isFolder.boolValue ? path : (path as NSString).deletingLastPathComponent
        let isPart = !isFolder.boolValue && (path as NSString).lastPathComponent.contains("-of-")
        if !isFolder.boolValue && !isPart { return [path] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        return names.filter { isFolder.boolValue || $0.contains("-of-") }.sorted().map { folder + "/" + $0 }
    }
}

/// Names the content of checkpoints and programs, and remembers the names of files that have not changed since.
///
/// A fingerprint follows from the content alone, so a copy elsewhere has the same. Reading a large checkpoint takes a
/// moment; the note that saves it next time stands in the folder given, one small file for each state of the files.
struct Fingerprints: Sendable {
    /// Where the notes are; made when needed. Without it, nothing is remembered.
    let folder: String

    /// Two checksums over everything in `checkpoint` that decides its arithmetic: configuration, names, shapes, weights.
    ///
    /// Random when the files have changed since they were opened, so that nothing is ever found under it.
    ///
    /// - Parameter identity: of the checkpoint's files, taken before it was opened.
    func fingerprint(of checkpoint: Checkpoint, at path: String, openedAs identity: FileIdentity) -> String {
        remembered(identity, of: path) {
            let configuration = String(describing: checkpoint.configuration)
            var state = (ContentChecksum.of(configuration, seed: 1), ContentChecksum.of(configuration, seed: 2))
            for tensor in checkpoint.tensors.sorted(by: { $0.name < $1.name }) {
                let head = "\(tensor.name) \(tensor.elementType.name) \(tensor.shape)"
                // One pass over the weights: the second half follows from the first and the place in the chain.
                let content = ContentChecksum.of(checkpoint.bytes(of: tensor), seed: state.0)
                state.0 = ContentChecksum.of(head, seed: content)
                state.1 = ContentChecksum.of(head + String(content), seed: state.1)
            }
            return Self.hexadecimal(state.0) + Self.hexadecimal(state.1)
        }
    }

    /// Names the program that runs: another build may round differently. Random when it cannot be read, so that nothing
    /// of another program is ever taken.
    func ofThisProgram() -> String { ofProgram(at: Self.programPath) }

    /// Names the program at `path`; see `ofThisProgram`.
    func ofProgram(at path: String?) -> String {
        guard let path else { return Self.random() }
        return remembered(FileIdentity(of: path), of: path) {
            guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
                return nil
            }
            return Self.hexadecimal(data.withUnsafeBytes { ContentChecksum.of($0) })
        }
    }

    /// Where the program that runs can be read; nil when that is not known.
    private static var programPath: String? {
        #if os(Linux)
            // What runs, also where an upgrade has put another file in its place since.
            return "/proc/self/exe"
        #else
            return Bundle.main.executablePath
        #endif
    }

    /// The fingerprint noted for `identity`, else the one computed, which is noted. Random when there is none, or when
    /// the files at `path` have changed since.
    private func remembered(_ identity: FileIdentity, of path: String, _ compute: () -> String?) -> String {
        let note = folder + "/" + Self.hexadecimal(ContentChecksum.of(identity.text))
        let noted = identity.isSettled ? Self.fingerprint(in: note, for: identity) : nil
        // Looked at last, because they can also change while they are read here. The weights of a file that was written
        // over may have been packed from the old bytes while the checksums are of the new ones: blocks of one model
        // would be kept under the name of another.
        guard let fingerprint = noted ?? compute(), FileIdentity(of: path).text == identity.text else {
            return Self.random() + Self.random()
        }
        if noted != nil || !identity.isSettled { return fingerprint }
        // Without the note the next start reads the files again; nothing else is lost.
        try? FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try? AtomicFile.write(Data("\(fingerprint)\n\(identity.text)".utf8), to: note)
        return fingerprint
    }

    /// The fingerprint in a note, if that is about `identity`.
    private static func fingerprint(in note: String, for identity: FileIdentity) -> String? {
        guard let text = try? String(contentsOfFile: note, encoding: .utf8) else { return nil }
        let lines = text.split(separator: "\n", maxSplits: 1)
        return lines.count == 2 && lines[1] == identity.text ? String(lines[0]) : nil
    }

    private static func random() -> String { hexadecimal(UInt64.random(in: 0 ... .max)) }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
