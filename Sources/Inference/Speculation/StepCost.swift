/// What a step costs by the number of its tokens, relative to a step of one token.
///
/// Few tokens cost little more than one, because the weights are read once for all of them; many cost their
/// arithmetic. The figures are those of the default model on two threads (`docs/design/0005-speculation.md`); larger
/// models are flatter. They only decide how much is drafted, never what is drawn.
package struct StepCost: Sendable {
    /// Ascending token counts and their cost, from 1 token on; at least two.
    private let knots: [(tokenCount: Double, cost: Double)]

    /// The default model's: middle of an empty context and one of 1,024 tokens.
    package static let standard = StepCost(knots: [
        (1, 1), (2, 1.12), (3, 1.28), (4, 1.73), (8, 2.35), (16, 4.1), (32, 7.5),
    ])

    init(knots: [(tokenCount: Double, cost: Double)]) {
        precondition(knots.count >= 2, "StepCost: \(knots.count) knots make no line")
        self.knots = knots
    }

    /// Cost of a step of `tokenCount` tokens: linear between the knots and beyond the last.
    func callAsFunction(_ tokenCount: Int) -> Double {
        let count = Double(tokenCount)
        let upper = knots.dropFirst().firstIndex { count <= $0.tokenCount } ?? knots.count - 1
        let (left, right) = (knots[upper - 1], knots[upper])
        let slope = (right.cost - left.cost) / (right.tokenCount - left.tokenCount)
        return left.cost + (count - left.tokenCount) * slope
    }
}
