import Testing

@testable import Inference

@Suite struct StepCostTests {
    @Test func `the cost is linear between the knots and beyond the last`() {
        let cost = StepCost(knots: [(1, 1), (3, 2), (5, 6)])
        #expect([1, 2, 3, 4, 5, 7].map { cost($0) } == [1, 1.5, 2, 4, 6, 10])
    }

    @Test func `the standard cost starts at one and never falls`() {
        #expect(StepCost.standard(1) == 1)
        for count in 1..<600 { #expect(StepCost.standard(count + 1) > StepCost.standard(count)) }
    }
}
