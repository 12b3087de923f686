import Foundation
import FoundationNetworking
import Synchronization

/// Sends GET requests and hands their answers on as they arrive.
///
/// Redirects are not followed here: whoever asks must decide what to tell another host.
final class HTTPSession: Sendable {
    private let session: URLSession
    private let exchanges = ExchangeTable()

    /// - Parameter idleTimeout: the longest silence of a server before an exchange fails.
    init(idleTimeout: Duration) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.timeoutIntervalForRequest = Double(idleTimeout.components.seconds)
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: queue)
    }

    deinit { session.finishTasksAndInvalidate() }

    /// Sends `request` and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - accept: sees the head and says whether to read the body.
    ///   - body: takes pieces of the body in order, one at a time. What it throws ends the exchange.
    /// - Returns: the head.
    func get(
        _ request: URLRequest,
        accept: @escaping @Sendable (HTTPURLResponse) throws -> Bool,
        body: @escaping @Sendable (Data) throws -> Void
    ) async throws -> HTTPURLResponse {
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                exchanges.add(task, Exchange(accept: accept, body: body, continuation: continuation))
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }
}

/// One request on its way.
private struct Exchange: Sendable {
    var accept: @Sendable (HTTPURLResponse) throws -> Bool
    var body: @Sendable (Data) throws -> Void
    var continuation: CheckedContinuation<HTTPURLResponse, any Error>
    var head: HTTPURLResponse?
    /// What ended the exchange on our side: not wanting the body, or an error of `accept` or `body`.
    var ending: Result<HTTPURLResponse, any Error>?
}

/// The session's delegate: finds the exchange of each call-back. Call-backs come one at a time.
private final class ExchangeTable: NSObject, URLSessionDataDelegate, Sendable {
    private let exchanges = Mutex<[Int: Exchange]>([:])

    func add(_ task: URLSessionTask, _ exchange: Exchange) {
        exchanges.withLock { $0[task.taskIdentifier] = exchange }
    }

    func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        let isWanted = exchanges.withLock { exchanges in
            guard let head = response as? HTTPURLResponse, var exchange = exchanges[dataTask.taskIdentifier] else {
                return false
            }
            exchange.head = head
            do {
                if try !exchange.accept(head) { exchange.ending = .success(head) }
            } catch {
                exchange.ending = .failure(error)
            }
            exchanges[dataTask.taskIdentifier] = exchange
            return exchange.ending == nil
        }
        completionHandler(isWanted ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let exchange = exchanges.withLock { $0[dataTask.taskIdentifier] }
        guard let exchange, exchange.ending == nil else { return }
        do {
            try exchange.body(data)
        } catch {
            exchanges.withLock { $0[dataTask.taskIdentifier]?.ending = .failure(error) }
            dataTask.cancel()
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let exchange = exchanges.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
        if let ending = exchange.ending {
            exchange.continuation.resume(with: ending)
        } else if let error {
            exchange.continuation.resume(throwing: error)
        } else if let head = exchange.head ?? (task.response as? HTTPURLResponse) {
            exchange.continuation.resume(returning: head)
        } else {
            exchange.continuation.resume(throwing: URLError(.badServerResponse))
        }
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        exchanges.withLock { $0[task.taskIdentifier]?.head = response }
        completionHandler(nil)
    }
}
