import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Serving

@Suite struct ConnectionWatchTests {
    /// An open channel with a watch in its pipeline.
    private func watchedChannel() async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        try await channel.pipeline.addHandler(ConnectionWatch()).get()
        return channel
    }

    /// Closes `channel` and waits until its handlers are gone.
    private func close(_ channel: any Channel) async throws {
        try await channel.close().get()
        try await channel.closeFuture.get()
    }

    @Test func `a client that goes is told once, and not to those who no longer ask`() async throws {
        let channel = try await watchedChannel()
        let asked = Mutex(0)
        let forgotten = Mutex(0)
        _ = await ConnectionWatch.onClose(of: channel) { asked.withLock { $0 += 1 } }
        let unwatch = await ConnectionWatch.onClose(of: channel) { forgotten.withLock { $0 += 1 } }
        unwatch()
        let before = asked.withLock { $0 }
        try await close(channel)
        let after = asked.withLock { $0 }
        let forgottenCount = forgotten.withLock { $0 }
        #expect([before, after, forgottenCount] == [0, 1, 0])
    }

    @Test func `a client that has gone with its watch is told at once`() async throws {
        let channel = try await watchedChannel()
        try await close(channel)
        let count = Mutex(0)
        let unwatch = await ConnectionWatch.onClose(of: channel) { count.withLock { $0 += 1 } }
        unwatch()
        let calls = count.withLock { $0 }
        #expect(calls == 1)
    }
}
