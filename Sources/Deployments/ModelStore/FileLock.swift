import Foundation

/// An advisory lock that other processes see, held until the value is gone.
///
/// The kernel drops it with the process, so a lock cannot outlive its holder. The lock file is removed on release; a
/// waiter that opened the removed file notices by its inode and opens anew.
package struct FileLock: ~Copyable, Sendable {
    private let descriptor: Int32
    private let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    /// Takes the lock when it is free; nil when another process, or another lock of this process, holds it.
    package static func attempt(path: String) throws(StoreError) -> FileLock? {
        while true {
            // Close on exec: a child that outlives us must not keep the lock.
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            if descriptor < 0 { throw .system("open", path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                close(descriptor)
                if code == EWOULDBLOCK { return nil }
                if code == EINTR { continue }
                throw .system("lock", path, code: code)
            }
            if isSameFile(descriptor, path) {
                // What a killed holder noted in it is void.
                _ = ftruncate(descriptor, 0)
                return FileLock(descriptor: descriptor, path: path)
            }
            close(descriptor)
        }
    }

    /// Whether somebody holds the lock, or may: finding out takes it for a moment, and that can fail.
    static func isHeld(path: String) -> Bool {
        guard let lock = try? attempt(path: path) else { return true }
        withExtendedLifetime(lock) {}
        return false
    }

    /// Takes the lock, waiting as long as it takes.
    ///
    /// - Parameters:
    ///   - clock: what waiting goes by; the lock is tried every tenth of a second.
    ///   - onWait: called once, when there is something to wait for.
    package static func acquire(
        path: String,
        clock: any Clock<Duration>,
        onWait: @Sendable () -> Void
    ) async throws(StoreError) -> FileLock {
        var hasWaited = false
        while true {
            if let lock = try attempt(path: path) { return lock }
            if !hasWaited { onWait() }
            hasWaited = true
            do {
                try await clock.sleep(for: .milliseconds(100))
            } catch {
                throw .cancelled
            }
        }
    }

    private static func isSameFile(_ descriptor: Int32, _ path: String) -> Bool {
        var opened = stat()
        var named = stat()
        guard fstat(descriptor, &opened) == 0, stat(path, &named) == 0 else { return false }
        return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }
}
