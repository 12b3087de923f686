import Foundation
import Synchronization
import Testing

@testable import Deployments

/// Locks between processes and within one.
@Suite struct FileLockTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.path + "/x.lock" }

    /// Whether somebody holds the lock. Taking it to find out releases it again.
    private func isHeld() throws -> Bool {
        switch try FileLock.attempt(path: path) {
        case .some: false
        case .none: true
        }
    }

    @Test func `a held lock is refused until it is released, and leaves no file`() throws {
        do {
            let held = try FileLock.attempt(path: path)
            #expect(try isHeld())
            withExtendedLifetime(held) {}
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try !isHeld())
    }

    @Test func `a waiter says so once and gets its turn`() async throws {
        var held = try FileLock.attempt(path: path)
        #expect(try isHeld())
        let waits = Mutex(0)
        async let turn: Void = { [path] in
            let lock = try await FileLock.acquire(path: path, clock: ContinuousClock()) { waits.withLock { $0 += 1 } }
            withExtendedLifetime(lock) {}
        }()
        while waits.withLock({ $0 }) == 0 { await Task.yield() }
        withExtendedLifetime(held) {}
        held = nil
        try await turn
        #expect(waits.withLock { $0 } == 1)
    }

    @Test func `a process that is killed leaves no lock behind`() throws {
        let holder = Process()
        let output = Pipe()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script =
            "import fcntl,sys,time; f=open(sys.argv[1],'w'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); time.sleep(60)"
        holder.arguments = ["python3", "-c", script, path]
        holder.standardOutput = output
        try holder.run()
        #expect(try output.fileHandleForReading.read(upToCount: 4) == Data("held".utf8))
        #expect(try isHeld())
        kill(holder.processIdentifier, SIGKILL)
        holder.waitUntilExit()
        #expect(try !isHeld())
    }

    @Test func `many tasks never hold it together`() async throws {
        let crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [path] in
                    let lock = try await FileLock.acquire(path: path, clock: ImpatientClock()) {}
                    crowd.enter()
                    await Task.yield()
                    crowd.leave()
                    withExtendedLifetime(lock) {}
                }
            }
            try await group.waitForAll()
        }
        #expect(crowd.most == 1)
    }

    @Test func `a place without permission is an error, not a wait`() {
        #expect(throws: StoreError.self) { _ = try FileLock.attempt(path: folder.path + "/none/x.lock") }
    }
}

/// Counts who is inside at a time.
private final class Crowd: Sendable {
    private let state = Mutex((inside: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func enter() { state.withLock { $0 = ($0.inside + 1, max($0.most, $0.inside + 1)) } }

    func leave() { state.withLock { $0.inside -= 1 } }
}
