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
        queue.underlyingQueue = exchanges.queue
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: queue)
    }

    deinit { session.finishTasksAndInvalidate() }

    /// Sends `request` and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - accept: sees the head, when the body begins or ends, and says whether to read it.
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
                // A task that was cancelled before it was added has ended without anybody to tell.
                if Task.isCancelled { exchanges.giveUp(task) }
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
    /// The last one so far: a proxy's, and those that only announce (103), come before the server's own.
    var head: HTTPURLResponse?
    var isAccepted = false
    /// What ended the exchange on our side: not wanting the body, or an error of `accept` or `body`.
    var ending: Result<HTTPURLResponse, any Error>?

    /// Asks whether the body is wanted, once.
    mutating func acceptHead() {
        guard !isAccepted, ending == nil, let head else { return }
        isAccepted = true
        do {
            if try !accept(head) { ending = .success(head) }
        } catch {
            ending = .failure(error)
        }
    }
}

/// The session's delegate: finds the exchange of each call-back. Call-backs come one at a time.
private final class ExchangeTable: NSObject, URLSessionDataDelegate, Sendable {
    private let exchanges = Mutex<[Int: Exchange]>([:])
    /// Has a thread of its own: where those of the process were busy for longer than the idle time, Foundation would end a
    /// redirect by its timer before it hears the answer to it, and stop the process. Here because the session keeps its delegate
    /// as long as it uses this, and an operation queue keeps no queue.
    let queue = DispatchQueue(label: "hearth-hub")

    func add(_ task: URLSessionTask, _ exchange: Exchange) {
        exchanges.withLock { $0[task.taskIdentifier] = exchange }
    }

    /// Ends the exchange of a task that was cancelled, unless it has ended.
    func giveUp(_ task: URLSessionTask) {
        let exchange = exchanges.withLock { $0.removeValue(forKey: task.taskIdentifier) }
        exchange?.continuation.resume(throwing: URLError(.cancelled))
    }

    func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        if let head = response as? HTTPURLResponse {
            exchanges.withLock { $0[dataTask.taskIdentifier]?.head = head }
        }
        completionHandler(.allow)
    }

    /// Nobody here knows a password: the answer that asks for one is the last.
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        guard let head = challenge.failureResponse as? HTTPURLResponse else {
            return completionHandler(.performDefaultHandling, nil)
        }
        exchanges.withLock { exchanges in
            exchanges[task.taskIdentifier]?.head = head
            exchanges[task.taskIdentifier]?.acceptHead()
        }
        completionHandler(.cancelAuthenticationChallenge, nil)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let exchange = exchanges.withLock { exchanges in
            exchanges[dataTask.taskIdentifier]?.acceptHead()
            return exchanges[dataTask.taskIdentifier]
        }
        guard let exchange else { return }
        // The rest of a body that nobody wants may be endless.
        if exchange.ending != nil { return dataTask.cancel() }
        do {
            try exchange.body(data)
        } catch {
            exchanges.withLock { $0[dataTask.taskIdentifier]?.ending = .failure(error) }
            dataTask.cancel()
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard var exchange = exchanges.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
        // Before an error there was no body, or it was accepted: the head may be the proxy's.
        if error == nil {
            exchange.head = exchange.head ?? task.response as? HTTPURLResponse
            exchange.acceptHead()
        }
        if let ending = exchange.ending {
            exchange.continuation.resume(with: ending)
        } else if let error {
            exchange.continuation.resume(throwing: error)
        } else if let head = exchange.head {
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
