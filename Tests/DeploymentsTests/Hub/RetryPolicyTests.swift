import Testing

@testable import Deployments

/// When to try again.
@Suite struct RetryPolicyTests {
    @Test func `waits grow, have a ceiling and end`() {
        var policy = RetryPolicy()
        policy.failureLimit = 9
        let delays = (0..<9).map { _ in policy.delay(hasProgress: false) }
        let seconds = [0.5, 1, 2, 4, 8, 16, 20, 20]
        #expect(delays == seconds.map { Duration.seconds($0) } + [nil])
    }

    @Test func `progress starts the count anew`() {
        var policy = RetryPolicy()
        for _ in 0..<100 {
            #expect(policy.delay(hasProgress: true) == .milliseconds(500))
            #expect(policy.delay(hasProgress: false) == .seconds(1))
        }
    }

    @Test func `a server's wish is followed within reason`() {
        var policy = RetryPolicy()
        #expect(policy.delay(hasProgress: false, requestedDelay: .seconds(100)) == .seconds(100))
        #expect(policy.delay(hasProgress: false, requestedDelay: .seconds(121)) == nil)
    }
}
