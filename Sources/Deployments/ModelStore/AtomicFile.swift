import Foundation

/// Small files that are there whole or not at all.
enum AtomicFile {
    /// Writes `data` to a file of its own beside `path`, brings it to the disk and renames it.
    static func write(_ data: Data, to path: String) throws(StoreError) {
        let temporary = "\(path).\(getpid()).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw .system("write", path) }
        let written = data.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, data.count) }
        let isWhole = written == data.count && fsync(descriptor) == 0
        let code = written >= 0 && written < data.count ? ENOSPC : errno
        close(descriptor)
        if !isWhole || rename(temporary, path) != 0 {
            unlink(temporary)
            throw .system("write", path, code: isWhole ? errno : code)
        }
        syncFolder(of: path)
    }

    /// Brings a rename to the disk. File systems that cannot do this lose at most the rename, never half a file.
    static func syncFolder(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }

    /// Makes `path` and the folders above it.
    static func makeFolder(_ path: String) throws(StoreError) {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            if isFolder.boolValue { return }
            throw .fileSystem(operation: "use the folder", path: path, reason: "it is a file")
        }
        let parent = (path as NSString).deletingLastPathComponent
        if !parent.isEmpty, parent != path { try makeFolder(parent) }
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw .system("make the folder", path) }
    }

    /// Size of the file at `path` (what a link points to) in bytes; nil when there is none.
    static func byteCount(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Bytes that may be written to the file system of `path`; nil when it does not tell.
    static func availableBytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        // Some network file systems claim as many blocks as there are numbers.
        let (bytes, isTooMany) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isTooMany ? .max : Int(clamping: bytes)
    }
}
