import Testing

@testable import Inference

@Suite struct ServiceCountersTests {
    private let a = ClientKey(adapter: "a")
    private let b = ClientKey(adapter: "b")
    private let c = ClientKey(adapter: "c")

    @Test func `project and adapter together are a client`() {
        var counters = ServiceCounters(.fair)
        let first = counters.open(ClientKey(project: "p", adapter: "a"))
        #expect(counters.open(ClientKey(project: "p", adapter: "a")) == first)
        #expect(counters.open(ClientKey(project: "q", adapter: "a")) != first)
        #expect(counters.open(ClientKey(project: "p")) != first)
        #expect(counters.clientCount == 3)
    }

    @Test func `in the order of arrival all are one client`() {
        var counters = ServiceCounters(.arrival)
        #expect(counters.open(a) == counters.open(b))
        #expect(counters.clientCount == 1)
    }

    @Test func `the same service counts half for twice the weight`() {
        var counters = ServiceCounters(.fair)
        let (light, heavy) = (counters.open(a), counters.open(b))
        counters.charge(light, 6, weight: 1)
        counters.charge(heavy, 6, weight: 2)
        #expect(counters.counter(of: light) == 6)
        #expect(counters.counter(of: heavy) == 3)
        #expect(counters.precedes(heavy, light) && !counters.precedes(light, heavy))
    }

    @Test func `who comes back is lifted to the least of those that wait, and never lowered`() {
        var counters = ServiceCounters(.fair)
        let (first, second, third) = (counters.open(a), counters.open(b), counters.open(c))
        for client in [first, second] { counters.beginWaiting(client) }
        counters.charge(first, 10, weight: 1)
        counters.charge(second, 7, weight: 1)
        counters.beginWaiting(third)
        #expect(counters.counter(of: third) == 7)
        counters.charge(third, 20, weight: 1)
        counters.endWaiting(third)
        counters.beginWaiting(third)
        #expect(counters.counter(of: third) == 27)
    }

    @Test func `a second waiting request lifts nobody`() {
        var counters = ServiceCounters(.fair)
        let (first, second) = (counters.open(a), counters.open(b))
        counters.beginWaiting(first)
        counters.beginWaiting(second)
        counters.charge(second, 9, weight: 1)
        counters.beginWaiting(first)
        #expect(counters.counter(of: first) == 0)
    }

    @Test func `where nobody waits, who comes back is lifted to the one that waited last`() {
        var counters = ServiceCounters(.fair)
        let (first, second) = (counters.open(a), counters.open(b))
        counters.beginWaiting(first)
        counters.endWaiting(first)
        counters.charge(first, 5, weight: 1)
        counters.beginWaiting(second)
        #expect(counters.counter(of: second) == 5)
    }

    @Test func `a full queue takes requests of clients that hold less than an equal part of it`() {
        var counters = ServiceCounters(.fair)
        let flood = counters.open(a)
        for _ in 0..<8 { counters.beginWaiting(flood) }
        #expect(!counters.mayExceed(8, a))
        #expect(counters.mayExceed(8, b))
        let other = counters.open(b)
        for _ in 0..<3 { counters.beginWaiting(other) }
        #expect(counters.mayExceed(8, b))
        counters.beginWaiting(other)
        #expect(!counters.mayExceed(8, b))
        #expect(counters.mayExceed(8, c))
        #expect(!ServiceCounters(.fair).mayExceed(0, a))
    }

    @Test func `clients are forgotten once they would be lifted in any case, and debts are not`() {
        var counters = ServiceCounters(.fair)
        let debtor = ClientKey(adapter: "debtor")
        let owing = counters.open(debtor)
        counters.beginWaiting(owing)
        counters.endWaiting(owing)
        counters.close(owing)
        for number in 0..<10_000 {
            let client = counters.open(ClientKey(adapter: "\(number)"))
            if number == 1 { counters.charge(owing, 100_000, weight: 1) }
            counters.beginWaiting(client)
            counters.charge(client, 1, weight: 1)
            counters.endWaiting(client)
            counters.close(client)
        }
        #expect(counters.clientCount < 600)
        #expect(counters.counter(of: counters.open(debtor)) == 100_000)
    }
}
