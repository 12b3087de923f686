import Deployments
import Foundation
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import OpenAIAPI
import ServiceLifecycle
package import Storage
import UnixSignals

/// The HTTP server: listens, answers, and stops without dropping what is under way.
package struct ServingApplication: Sendable {
    private let service: APIService
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - directory: the deployments requests can name; more may be added while the server runs.
    ///   - storage: where responses are kept for later requests; nil keeps none.
    ///   - onListening: called once with the port, as soon as connections are accepted.
    package init(
        configuration: ServingConfiguration,
        directory: DeploymentDirectory,
        environment: ServingEnvironment = ServingEnvironment(),
        storage: (any RecordStore)? = nil,
        logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        service = APIService(
            configuration: configuration,
            directory: directory,
            environment: environment,
            storage: storage,
            logger: logger
        )
        self.onListening = onListening
    }

    /// Begins a graceful stop, as the first signal does.
    package func stop() { service.gate.beginDraining() }

    /// Generations under way.
    package var runningCount: Int { service.gate.runningCount }

    /// Serves until a signal or `stop()`, then lets running generations end within the grace period while newcomers get
    /// 503. A second signal ends it at once. Deployments are shut down before this returns.
    package func run(stopSignals: [StopSignal] = [.terminate, .interrupt]) async throws(ServingError) -> StopOutcome {
        let (listening, listener) = AsyncStream<Void>.makeStream()
        let application = makeApplication { listener.finish() }
        let group = ServiceGroup(configuration: .init(services: [application], logger: quietLogger))
        let outcome: StopOutcome
        do {
            outcome = try await supervise(group, stopSignals, listening)
        } catch is CancellationError {
            outcome = .forced
        } catch {
            let configuration = service.configuration
            throw .cannotListen(host: configuration.host, port: configuration.port, reason: Self.reason(error))
        }
        for deployment in service.directory.deployments { await deployment.shutdown(gracePeriod: .zero) }
        for embedder in service.directory.embedders { await embedder.shutdown() }
        return outcome
    }

    private enum Milestone { case serverStopped, drained, forced }

    /// - Parameter listening: ends once connections are accepted: a server can be stopped only after it has started.
    private func supervise(
        _ group: ServiceGroup,
        _ signals: [StopSignal],
        _ listening: AsyncStream<Void>
    ) async throws -> StopOutcome {
        try await withThrowingTaskGroup(of: Milestone.self) { tasks in
            tasks.addTask {
                try await group.run()
                return .serverStopped
            }
            if !signals.isEmpty { tasks.addTask { await follow(signals) } }
            tasks.addTask {
                for await _ in listening {}
                return await drain()
            }
            defer {
                service.gate.cancelAll()
                tasks.cancelAll()
            }
            while let milestone = try await tasks.next() {
                switch milestone {
                case .serverStopped: return .drained
                case .forced: return .forced
                case .drained:
                    await group.triggerGracefulShutdown()
                    tasks.addTask { await giveUpOnConnections() }
                }
            }
            return .drained
        }
    }

    /// The first signal begins the graceful stop, the second forces it.
    private func follow(_ signals: [StopSignal]) async -> Milestone {
        var count = 0
        for await signal in await UnixSignalsSequence(trapping: signals.map(\.unix)) {
            count += 1
            if count > 1 { return .forced }
            let seconds = service.configuration.gracePeriod.components.seconds
            service.logger.notice(
                "stopping",
                metadata: ["signal": "\(signal)", "grace.seconds": "\(seconds)", "running": "\(runningCount)"]
            )
            service.gate.beginDraining()
        }
        return .forced
    }

    /// Waits for the stop to begin, then for running generations to end or the grace period to be over.
    private func drain() async -> Milestone {
        await service.gate.waitForDraining()
        let clock = service.environment.clock
        let gracePeriod = service.configuration.gracePeriod
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await service.gate.waitUntilIdle() }
            group.addTask { try? await clock.sleep(for: gracePeriod) }
            await group.next()
            group.cancelAll()
        }
        service.gate.cancelAll()
        return .drained
    }

    /// Clients that neither read nor close must not keep the process alive.
    private func giveUpOnConnections() async -> Milestone {
        try? await service.environment.clock.sleep(for: .seconds(5))
        return .serverStopped
    }

    private func makeApplication(onStart: @escaping @Sendable () -> Void) -> some Service {
        let configuration = service.configuration
        let idle = TimeAmount(configuration.idleTimeout)
        let patience = TimeAmount(configuration.stalledWriteTimeout)
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: configuration.headerBytes,
            maxHeaderListSize: configuration.headerBytes,
            maxHeaderFieldCount: 200
        )
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionHeadersInsertion(), StalledWrites(patience: patience), ConnectionWatch(),
                NamelessAnswers(makeID: service.environment.makeID),
            ],
            idleTimeout: idle,
            httpDecoderConfiguration: decoder
        )
        return Application(
            responder: Responder(service: service),
            server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "hearth",
                availableConnectionsDelegate: .maximum(configuration.connectionLimit, logger: quietLogger)
            ),
            onServerRunning: { [onListening, service] channel in
                if let address = channel.localAddress?.ipAddress { service.crossOriginProtection.listen(on: address) }
                onStart()
                await onListening(channel.localAddress?.port ?? configuration.port)
            },
            logger: quietLogger
        )
    }

    /// The HTTP library's own remarks matter only when something is wrong.
    private var quietLogger: Logger {
        var logger = service.logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return String(describing: error)
    }
}

extension StopSignal {
    fileprivate var unix: UnixSignal {
        switch self {
        case .terminate: .sigterm
        case .interrupt: .sigint
        case .user2: .sigusr2
        }
    }
}
