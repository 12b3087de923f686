import NIOCore
import NIOPosix
import Testing

@testable import Serving

@Suite struct ConnectionExecutorTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test func `a task stays on the connection's thread, before and after it waited`() async throws {
        let executor = ConnectionExecutor(loop)
        let (signal, signaller) = AsyncStream<Void>.makeStream()
        let places = Task(executorPreference: executor) { [loop] in
            let before = loop.inEventLoop
            for await _ in signal {}
            return [before, loop.inEventLoop]
        }
        signaller.finish()
        #expect(await places.value == [true, true])
    }

    @Test func `children of a task run there, too`() async throws {
        let count = await withTaskExecutorPreference(ConnectionExecutor(loop)) { [loop] in
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { loop.inEventLoop } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
        }
        #expect(count == 8)
    }
}
