import Hummingbird
import JSON
import NIOCore
import OpenAIAPI

/// A streamed answer under way: its generations, its bytes, and the bounds it lives within.
struct StreamedAnswer: Sendable {
    let run: GenerationRun
    let stream: TokenStream
    let recorder: RunRecorder
    /// Keeps the whole answer before its end is told; nil for answers that nobody asks for again.
    let keep: AnswerKeeper?
    let keepAliveInterval: Duration
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
            let timing = recorder.timing()
            let failure = await keepWhole(timing)
            stream.close(interruption: run.interruptionError, failure: failure, timing: timing)
        }
    }

    /// Keeps the whole answer; nil unless that failed.
    private func keepWhole(_ timing: RunTiming) async -> APIError? {
        guard let keep, let object = stream.whole(timing) else { return nil }
        do {
            try await keep(object)
            return nil
        } catch {
            return error
        }
    }

    private func giveUp() {
        run.abandon()
        hangUp()
    }

    /// Keeps the connection alive through long silences.
    private func watch() async {
        while (try? await clock.sleep(for: keepAliveInterval)) != nil {
            stream.tick()
        }
    }
}
