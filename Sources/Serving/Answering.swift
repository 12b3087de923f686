import Deployments
import HTTPTypes
import Hummingbird
import Inference
import JSON
import Logging
import NIOCore
import OpenAIAPI
import Synchronization

/// Keeps the object of a whole answer for later requests.
typealias AnswerKeeper = @Sendable (JSONValue) async throws(APIError) -> Void

/// A generation that was let in: how its answer is written and counted.
struct Answering: Sendable {
    let exchange: Exchange
    let deployment: Deployment
    let run: GenerationRun
    let format: any AnswerFormat
    let options: AnswerOptions
    let permit: Permit
    let recorder: RunRecorder
    /// Keeps the whole answer before its end is told; nil for answers that nobody asks for again.
    var keep: AnswerKeeper?
}

extension APIService {
    /// Starts one generation for every text and answers with what they come to, in one piece or as a stream.
    ///
    /// - Parameters:
    ///   - keep: keeps the whole answer before its end is told; nil for answers that nobody asks for again.
    ///   - format: how the answer is written, made once the prompts are known.
    func answer(
        _ texts: [TextRequest],
        _ options: AnswerOptions,
        on deployment: Deployment,
        for exchange: Exchange,
        keep: AnswerKeeper? = nil,
        format: (GenerationRun) -> any AnswerFormat
    ) async throws(APIError) -> Response {
        let (run, permit) = try await start(texts, options, on: deployment, for: exchange)
        let answering = Answering(
            exchange: exchange,
            deployment: deployment,
            run: run,
            format: format(run),
            options: options,
            permit: permit,
            recorder: RunRecorder(start: exchange.start),
            keep: keep
        )
        var response = try await answer(answering)
        if let parameters = texts.first?.parameters { response.tell(parameters) }
        return response
    }

    /// Starts one generation for every text. Nothing has been computed yet when this throws.
    func start(
        _ texts: [TextRequest],
        _ options: AnswerOptions,
        on deployment: Deployment,
        for exchange: Exchange
    ) async throws(APIError) -> (GenerationRun, Permit) {
        let texts = try exchange.isolated(texts)
        let interruption = Interruption()
        let permit = try gate.enter { interruption.end($0) }
        let adapter = try await adapter(for: options, of: deployment, exchange, interruption)
        let project = authentication.project(of: exchange.request.headers)
        let requests = texts.map { text in
            var text = text
            (text.adapter, text.project) = (adapter, project)
            return text
        }
        let run: GenerationRun
        do {
            let generations = try await deployment.generate(requests, on: exchange.executor)
            run = GenerationRun(generations: generations, adapter: adapter?.share.name)
        } catch {
            throw APIError(error, prompt: options.promptParameter ?? texts.first?.prompt.parameter ?? "prompt")
        }
        interruption.onEnd { run.interrupt($0) }
        return (run, permit)
    }

    /// Answers in one piece or as a stream. Computing stops when the client goes.
    private func answer(_ answering: Answering) async throws(APIError) -> Response {
        let run = answering.run
        let unwatch = await ConnectionWatch.onClose(of: answering.exchange.scope.channel) { run.abandon() }
        let release: @Sendable () -> Void = {
            unwatch()
            answering.permit.leave()
        }
        if answering.options.streaming != nil { return stream(answering, release: release) }
        defer { release() }
        return try await whole(answering)
    }

    private func whole(_ answering: Answering) async throws(APIError) -> Response {
        var answers = await collect(answering)
        guard answers.isComplete else { throw answers.error(answering.run.interruptionError) }
        let options = answering.options
        if options.candidateCount > options.choiceCount { answers.keepBest(options.choiceCount) }
        let timing = answering.recorder.timing()
        let object = answering.format.whole(answers, timing)
        try await answering.keep?(object)
        var response = Response.json(object)
        response.tell(answers.usage, timing)
        return response
    }

    /// Waits for the whole answer, or its end within.
    func collect(_ answering: Answering) async -> AnswerCollector {
        let run = answering.run
        let options = answering.options
        let collector = Mutex(
            AnswerCollector(
                promptCount: run.generations.count,
                choiceCount: options.candidateCount,
                countsTime: options.returnsComputeTime
            )
        )
        await withTaskExecutorPreference(answering.exchange.executor) {
            await withDeadline(run) {
                await run.forEachEvent { prompt, event in
                    answering.recorder.take(event)
                    collector.withLock { $0.take(event, prompt: prompt) }
                }
            }
        }
        finish(answering)
        return collector.withLock { $0 }
    }

    private func stream(_ answering: Answering, release: @escaping @Sendable () -> Void) -> Response {
        let answers = AnswerCollector(
            promptCount: answering.run.generations.count,
            choiceCount: answering.options.choiceCount,
            countsTime: answering.options.returnsComputeTime
        )
        let bytes = configuration.streamBufferBytes
        let answer = StreamedAnswer(
            run: answering.run,
            stream: TokenStream(format: answering.format, answers: answers, limit: bytes),
            recorder: answering.recorder,
            keep: answering.keep,
            keepAliveInterval: configuration.keepAliveInterval,
            clock: environment.clock,
            hangUp: { [channel = answering.exchange.scope.channel] in channel.close(promise: nil) }
        )
        let headers: HTTPFields = [
            .contentType: answering.format.framing.contentType, .cacheControl: "no-cache", .accelBuffering: "no",
        ]
        let body = ResponseBody { writer in
            defer { release() }
            try await write(answer, answering, to: &writer)
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func write(
        _ answer: StreamedAnswer,
        _ answering: Answering,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        let deadline = Task { try await interrupt(answer.run, after: configuration.requestTimeout) }
        defer {
            deadline.cancel()
            finish(answering)
        }
        do {
            try await withTaskExecutorPreference(answering.exchange.executor) {
                try await answer.write(to: &writer)
            }
        } catch {
            answering.exchange.scope.channel.close(promise: nil)
            throw error
        }
    }

    /// Runs `body`, and interrupts `run` when that takes longer than a request may.
    private func withDeadline(_ run: GenerationRun, _ body: () async -> Void) async {
        let deadline = Task { try await interrupt(run, after: configuration.requestTimeout) }
        await body()
        deadline.cancel()
    }

    private func interrupt(_ run: GenerationRun, after timeout: Duration) async throws {
        try await environment.clock.sleep(for: timeout)
        run.interrupt(.generationTimedOut(after: timeout))
    }

    /// Counts the request and writes its line in the log. Prompts and answers are never logged.
    private func finish(_ answering: Answering) {
        if answering.run.clientHasGone { metrics.countDisconnect() }
        let summary = answering.recorder.summary
        let start = answering.exchange.start
        let end = ContinuousClock.now
        let firstToken = summary.firstToken ?? end
        let gapCount = Double(max(1, summary.completionTokenCount - 1))
        var names: Logger.Metadata = ["model": "\(answering.deployment.name)"]
        if let adapter = answering.run.adapter { names["adapter"] = "\(adapter)" }
        logger.info(
            "request done",
            metadata: [
                "tokens.prompt": "\(summary.promptTokenCount)", "tokens.cached": "\(summary.cachedTokenCount)",
                "tokens.completion": "\(summary.completionTokenCount)",
                "seconds": "\(Self.rounded(start.duration(to: end).seconds))",
                "seconds.first_token": "\(Self.rounded(start.duration(to: firstToken).seconds))",
                "seconds.inter_token": "\(Self.rounded(firstToken.duration(to: end).seconds / gapCount))",
                "seconds.compute": "\(Self.rounded(summary.computeTime.seconds))",
                "finish": "\(answering.run.clientHasGone ? "gone" : summary.finishes.joined(separator: ","))",
            ].adding(names).adding(answering.exchange.names)
        )
    }

    /// For the log: tenths of a millisecond.
    static func rounded(_ seconds: Double) -> Double { (seconds * 10_000).rounded() / 10_000 }
}

extension PromptSource {
    /// The parameter of a request that holds such a prompt.
    var parameter: String {
        switch self {
        case .chat: "messages"
        case .text, .tokens, .between: "prompt"
        }
    }
}
