/// Counts what every client has been served, so that whoever has had least is next. Pure: no clock, no `await`.
///
/// A virtual token counter for each client: a prompt's token that is computed costs 1, one that is drawn costs 2, divided
/// by the request's weight, booked as it is computed. Tokens from a cache cost nothing, nor do those that are computed
/// again after a preemption. A client that has nothing waiting and comes back is lifted to the least counter of those
/// that wait, so that nobody saves up turns by keeping away; what it has had too much stays booked.
///
/// Source: Sheng et al., *Fairness in Serving Large Language Models*, arXiv:2401.00588, algorithms 2 and 4. They book a
/// prompt when it is admitted; we book its chunks as they are computed.
struct ServiceCounters {
    /// A client as long as it is known.
    struct Index: Equatable, Sendable {
        fileprivate let rawValue: Int
    }

    private struct Account {
        var key: ClientKey
        /// Cost of what was served, by weight.
        var counter = 0.0
        /// Requests in the waiting queue.
        var waitingCount = 0
        /// Requests that wait or run.
        var requestCount = 0
    }

    /// What a token of a prompt costs when it is computed.
    static let computedTokenCost = 1.0
    /// What a drawn token costs: the paper's ratio.
    static let drawnTokenCost = 2.0

    private let scheduling: Scheduling
    private var accounts: [Account] = []
    private var indices: [ClientKey: Int] = [:]
    /// Places in `accounts` that nobody has.
    private var vacant: [Int] = []
    /// Clients with requests in the waiting queue.
    private var waitingClientCount = 0
    /// The client whose last waiting request left the queue last.
    private var lastInQueue: Int?
    /// Clients at which those who need not be remembered are forgotten.
    private var sweepCount = Self.leastSweepCount

    private static let leastSweepCount = 256

    init(_ scheduling: Scheduling) { self.scheduling = scheduling }

    /// Clients that are remembered.
    var clientCount: Int { indices.count }

    /// What the client has been served, by its weight.
    func counter(of client: Index) -> Double { accounts[client.rawValue].counter }

    /// Whether `client` has been served less than `other`.
    func precedes(_ client: Index, _ other: Index) -> Bool { counter(of: client) < counter(of: other) }

    /// Whether a queue that is full still takes a request of `key`: when the client holds less than an equal part of it,
    /// so that a flood leaves room for others.
    func mayExceed(_ limit: Int, _ key: ClientKey) -> Bool {
        let own = indices[known(key)].map { accounts[$0].waitingCount } ?? 0
        let sharing = waitingClientCount + (own == 0 ? 1 : 0)
        return own < limit / sharing
    }

    /// Notes that a request of `key` has come.
    mutating func open(_ key: ClientKey) -> Index {
        let key = known(key)
        if let index = indices[key] {
            accounts[index].requestCount += 1
            return Index(rawValue: index)
        }
        if indices.count >= sweepCount { sweep() }
        var account = Account(key: key)
        account.requestCount = 1
        let index = vacant.popLast() ?? accounts.count
        if index == accounts.count { accounts.append(account) } else { accounts[index] = account }
        indices[key] = index
        return Index(rawValue: index)
    }

    /// Notes that a request has ended.
    mutating func close(_ client: Index) {
        precondition(accounts[client.rawValue].requestCount > 0, "ServiceCounters: more requests ended than came")
        accounts[client.rawValue].requestCount -= 1
    }

    /// Notes that a request stands in the waiting queue.
    mutating func beginWaiting(_ client: Index) {
        let index = client.rawValue
        if accounts[index].waitingCount == 0 {
            accounts[index].counter = max(accounts[index].counter, floor ?? 0)
            waitingClientCount += 1
        }
        accounts[index].waitingCount += 1
    }

    /// Notes that a request has left the waiting queue.
    mutating func endWaiting(_ client: Index) {
        let index = client.rawValue
        precondition(accounts[index].waitingCount > 0, "ServiceCounters: more requests left the queue than came")
        accounts[index].waitingCount -= 1
        if accounts[index].waitingCount > 0 { return }
        waitingClientCount -= 1
        lastInQueue = index
    }

    /// Books `cost` for a request of `weight`.
    mutating func charge(_ client: Index, _ cost: Double, weight: Double) {
        precondition(weight > 0, "ServiceCounters: a weight of \(weight)")
        accounts[client.rawValue].counter += cost / weight
    }

    /// In the order of arrival all are one client.
    private func known(_ key: ClientKey) -> ClientKey { scheduling == .fair ? key : ClientKey() }

    /// Least counter of the clients that wait; where none waits, that of who waited last. It never falls.
    private var floor: Double? {
        if waitingClientCount == 0 { return lastInQueue.map { accounts[$0].counter } }
        var least: Double?
        for account in accounts where account.waitingCount > 0 {
            least = min(least ?? account.counter, account.counter)
        }
        return least
    }

    /// Forgets clients that would be lifted in any case if they came back.
    private mutating func sweep() {
        let floor = floor ?? 0
        for (key, index) in indices where index != lastInQueue {
            if accounts[index].requestCount > 0 || accounts[index].counter > floor { continue }
            indices[key] = nil
            vacant.append(index)
        }
        sweepCount = max(Self.leastSweepCount, 2 * indices.count)
    }

    /// What is wrong with the books, in words, given the clients of the requests that wait and run.
    func invariantViolations(waiting: [Index], running: [Index]) -> [String] {
        var violations: [String] = []
        for (key, index) in indices {
            let waitingCount = waiting.count { $0.rawValue == index }
            let requestCount = waitingCount + running.count { $0.rawValue == index }
            if accounts[index].waitingCount != waitingCount || accounts[index].requestCount != requestCount {
                violations.append("client \(key) has other requests than those that are counted")
            }
        }
        if waitingClientCount != indices.values.count(where: { accounts[$0].waitingCount > 0 }) {
            violations.append("\(waitingClientCount) clients wait, by a wrong count")
        }
        return violations
    }
}
