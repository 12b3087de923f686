import Testing
import Tokenization

@testable import Inference

@Suite struct LookupDrafterTests {
    @Test func `the guess is what followed the same tokens before, and longer matches are better evidence`() {
        let drafter = LookupDrafter()
        let short = tokens(1, 2, 3, 4, 9, 1, 2, 3)
        let long = tokens(from: 10, count: 12) + tokens(1) + tokens(from: 10, count: 12)
        let drafts = drafter.drafts(for: [
            wish(1, short, limit: 2), wish(2, long, limit: 1), wish(3, tokens(1), limit: 4),
        ])
        #expect(
            drafts == [
                Draft(tokens: tokens(4, 9), evidence: .shortMatch), Draft(tokens: tokens(1), evidence: .longMatch),
                .none,
            ]
        )
    }

    @Test func `texts grow on their own, and a forgotten one begins anew`() {
        let drafter = LookupDrafter()
        let text = tokens(1, 2, 3, 4, 5)
        #expect(drafter.drafts(for: [wish(1, text, limit: 2)]) == [.none])
        let grown = text + tokens(1, 2, 3)
        #expect(drafter.drafts(for: [wish(1, grown, limit: 2)]) == [Draft(tokens: tokens(4, 5), evidence: .shortMatch)])
        #expect(drafter.drafts(for: [wish(2, tokens(1, 2, 3), limit: 2)]) == [.none])
        drafter.forget(RequestID(1))
        #expect(drafter.drafts(for: [wish(1, tokens(7, 8), limit: 2)]) == [.none])
    }
}

/// A wish of a greedy request.
func wish(_ id: UInt64, _ text: [TokenID], limit: Int) -> DraftWish {
    DraftWish(id: RequestID(id), tokens: text, limit: limit, sampler: Sampler(request(id, text)))
}
