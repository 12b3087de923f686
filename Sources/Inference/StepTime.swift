import Models

/// Learns how long steps take from what they compute: so much in any case, so much for an operation of products, so much
/// for one of attention. Pure: it is told durations.
///
/// The three are fitted to the steps seen, by least squares of the relative error; a step counts half after some hundred
/// others. A pull towards figures that are always sensible keeps apart what the steps at hand do not tell apart, as when
/// all are of one size. What slows the machine down for a while changes all three alike and is followed at once.
struct StepTime {
    /// What a step computes, `[1, products, attention]`, each in seconds at the pace of the first step seen.
    typealias Work = SIMD3<Double>

    /// Seconds of an operation in the first step; nil before it.
    private var unit: Double?
    /// Seconds that a step is first taken to spend beside its operations.
    private let fixedUnit: Double
    /// Σ w wᵀ by columns and Σ w of the steps seen, w being a step's work relative to its duration, the older the less.
    private var information = (Work.zero, Work.zero, Work.zero)
    private var moment = Work.zero
    /// What a unit of each kind of work takes.
    private var costs = Work(1, 1, 1)
    /// What steps took of late relative to what the costs say.
    private var pace = 1.0

    /// What is left of a step's weight after the next.
    private static let memory = 0.993
    /// The weight of the figures that are always sensible, in steps.
    private static let pull = 0.02
    /// How far from the expected a step may be to be fitted as it is: beyond, something else held it up.
    private static let credible = 0.8...1.25

    /// - Parameter limit: about how long steps are to be, in seconds.
    init(limit: Double) { fixedUnit = 0.03 * limit }

    /// Whether anything is known.
    var isKnown: Bool { unit != nil }

    /// Seconds that a step of this work will take; needs a step before.
    func predicted(_ parts: RowCost.Parts) -> Double { pace * product(costs, work(parts)) }

    /// Takes in that a step of this work took so many seconds.
    mutating func learn(_ parts: RowCost.Parts, seconds: Double) {
        if unit == nil { unit = seconds / (parts.products + parts.attention) }
        let work = work(parts)
        let expected = pace * product(costs, work)
        let credible = min(max(seconds, expected * Self.credible.lowerBound), expected * Self.credible.upperBound)
        fit(work / credible)
        let observed = seconds / product(costs, work)
        // Slower counts more at once; faster has to last.
        pace += (observed - pace) * (observed > pace ? 0.4 : 0.2)
    }

    private func work(_ parts: RowCost.Parts) -> Work {
        let unit = unit ?? 0
        return Work(fixedUnit, unit * parts.products, unit * parts.attention)
    }

    private func product(_ left: Work, _ right: Work) -> Double { (left * right).sum() }

    /// Adds a step whose relative work is `share`: its costs should come to 1.
    private mutating func fit(_ share: Work) {
        information.0 = information.0 * Self.memory + share * share.x
        information.1 = information.1 * Self.memory + share * share.y
        information.2 = information.2 * Self.memory + share * share.z
        moment = moment * Self.memory + share
        // Towards all three costing what an operation costs on the whole.
        let level = moment.sum() / max((information.0 + information.1 + information.2).sum(), 1e-12)
        let pull = Work(repeating: Self.pull)
        let solved = solve(
            information.0 + Work(pull.x, 0, 0),
            information.1 + Work(0, pull.y, 0),
            information.2 + Work(0, 0, pull.z),
            moment + pull * level
        )
        // No cost is below nothing, nor far from the others: what the steps could not tell apart.
        costs = solved.clamped(lowerBound: level * Work(0, 0.2, 0.2), upperBound: level * Work(20, 5, 5))
    }

    /// x of A x = b by Cramer's rule; A has the columns a, b and c and is positive definite.
    private func solve(_ a: Work, _ b: Work, _ c: Work, _ right: Work) -> Work {
        let scale = 1 / determinant(a, b, c)
        return scale * Work(determinant(right, b, c), determinant(a, right, c), determinant(a, b, right))
    }

    private func determinant(_ a: Work, _ b: Work, _ c: Work) -> Double {
        a.x * (b.y * c.z - b.z * c.y) - b.x * (a.y * c.z - a.z * c.y) + c.x * (a.y * b.z - a.z * b.y)
    }
}
