import Hummingbird
import NIOCore
import OpenAIAPI

/// A streamed answer under way: its generations, its bytes, and the bounds it lives within.
struct StreamedAnswer: Sendable {
    let run: GenerationRun
    let stream: TokenStream
    let recorder: RunRecorder
    let limits: ServingConfiguration
    let clock: any Clock<Duration>
    /// Closes the connection, which ends a write that nobody reads.
    let hangUp: @Sendable () -> Void

    /// Writes the stream until it is complete or its client has gone.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        stream.open()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follow() }
            group.addTask { await watch() }
            do {
                for await _ in stream.readiness {
                    let bytes = stream.beginWrite()
                    if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
                    stream.endWrite()
                }
            } catch {
                run.abandon()
            }
            group.cancelAll()
        }
        if run.clientHasGone { throw CancellationError() }
    }

    /// Turns events into bytes until every generation has ended.
    private func follow() async {
        await run.forEachEvent { prompt, event in
            recorder.take(event)
            stream.take(event, prompt: prompt)
            if stream.isOverfull { giveUp() }
        }
        if run.clientHasGone {
            stream.abandon()
        } else {
            stream.close(interruption: run.interruptionError, timing: recorder.timing())
        }
    }

    private func giveUp() {
        run.abandon()
        hangUp()
    }

    /// Keeps the connection alive through long silences and gives up on clients that stopped reading.
    private func watch() async {
        while (try? await clock.sleep(for: limits.keepAliveInterval)) != nil {
            if stream.tick(patience: limits.stalledWriteTimeout) { giveUp() }
        }
    }
}
