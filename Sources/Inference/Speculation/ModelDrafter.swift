package import Models
import Tokenization

/// Lets a smaller model with the same tokens guess what the larger one will say.
///
/// It keeps a KV cache of its own. A text that it has not followed yet is computed in chunks, one a step, and guessed
/// for once it has caught up; of a text that went on otherwise than it had guessed, the part that agrees stays. When
/// its blocks run out, the text that was asked for longest ago is forgotten and computed again when its turn comes.
///
/// Guesses are drawn by a copy of the request's sampler, with the random numbers of the places they are for: where the
/// two models agree on the probabilities, they draw the same token at any temperature.
///
/// Leviathan et al., *Fast Inference from Transformers via Speculative Decoding*, arXiv:2211.17192; the acceptance rule
/// is ours (`docs/design/0005-speculation.md`), so that tokens, not only their distribution, stay the same.
package final class ModelDrafter: Drafter {
    package let tokenCost: Double

    private let model: any LanguageModel
    private let blockSize: Int
    private let tokensPerStep: Int
    private var pool: BlockPool
    private var texts: [RequestID: DraftText] = [:]
    private var scratch: SamplerScratch
    private var callCount: UInt64 = 0

    /// Reserves the draft model's KV cache.
    ///
    /// - Parameters:
    ///   - model: has the vocabulary of the model it drafts for; used by this drafter only from here on.
    ///   - tokenCost: cost of a step of `model` relative to one of the model it drafts for, about the ratio of their
    ///     sizes.
    ///   - blockCount: blocks of its cache, of `blockSize` tokens.
    ///   - tokensPerStep: most tokens computed in one go: the bound on how long catching up holds up a step.
    package init(
        model: sending any LanguageModel,
        tokenCost: Double,
        blockCount: Int,
        blockSize: Int = 32,
        tokensPerStep: Int = 128
    ) {
        model.allocateCache(blockCount: blockCount, blockSize: blockSize)
        self.model = model
        scratch = SamplerScratch(instructionSet: model.instructionSet)
        self.tokenCost = max(tokenCost, .leastNonzeroMagnitude)
        self.blockSize = blockSize
        self.tokensPerStep = tokensPerStep
        pool = BlockPool(blockCount: blockCount)
    }

    /// The tokens the draft model would say, for texts that it has caught up with.
    package func appendDrafts(for wishes: [DraftWish], to drafts: inout [Draft]) {
        callCount += 1
        var runs = wishes.map { DraftRun(wish: $0, sampler: $0.sampler) }
        for wish in wishes { texts[wish.id, default: DraftText()].follow(wish.tokens, call: callCount) }
        var budget = tokensPerStep
        // The first round catches up with the texts, each further one guesses a token more.
        while step(&runs, budget: &budget) { budget = tokensPerStep }
        for run in runs { drafts.append(Draft(tokens: run.guesses, evidence: .model)) }
    }

    /// Gives back the blocks of a request that is over.
    package func forget(_ id: RequestID) {
        guard let text = texts.removeValue(forKey: id) else { return }
        release(text)
    }

    /// Computes what is missing of every text and draws a guess where nothing is; false when there was nothing to do.
    private func step(_ runs: inout [DraftRun], budget: inout Int) -> Bool {
        var batch = ForwardBatch()
        var drawing: [Int] = []
        for index in runs.indices where !runs[index].isDone {
            guard let row = row(for: runs[index], budget: budget, tokens: &batch.tokens) else {
                runs[index].isDone = true
                continue
            }
            budget -= row.tokenCount
            batch.rows.append(row)
            // Catching up takes more than one step; the rest of it comes with the next one of the engine.
            if row.logitCount == 1 { drawing.append(index) } else { runs[index].isDone = true }
        }
        if batch.rows.isEmpty { return false }
        let logits = model.forward(batch)
        for (logitIndex, index) in drawing.enumerated() { draw(&runs[index], logits, at: logitIndex) }
        return true
    }

    /// The row that computes what the draft model lacks; nil when no token or no block is left for it.
    private func row(for run: DraftRun, budget: Int, tokens: inout [TokenID]) -> ForwardRow? {
        let id = run.wish.id
        guard let text = texts[id], budget > 0 else { return nil }
        let first = text.computed.count
        let missing = (run.wish.tokens + run.guesses)[first...]
        let count = min(missing.count, budget)
        let end = first + count
        guard end <= model.traits.contextLength, reserve(id, tokenCount: end) else { return nil }
        tokens += missing.prefix(count)
        texts[id]?.computed += missing.prefix(count)
        return ForwardRow(
            firstPosition: first,
            tokenCount: count,
            blockTable: Array(texts[id, default: text].blocks.prefix((end + blockSize - 1) / blockSize)),
            logitCount: count == missing.count ? 1 : 0
        )
    }

    private func draw(_ run: inout DraftRun, _ logits: Logits, at logitIndex: Int) {
        guard let drawn = try? run.sampler.draw(from: logits.row(logitIndex), scratch: &scratch) else {
            run.isDone = true
            return
        }
        run.guesses.append(drawn.token)
        if run.guesses.count >= run.wish.limit { run.isDone = true }
    }

    /// Blocks for the first `tokenCount` tokens of a text; false when those of all texts at hand leave none.
    private func reserve(_ id: RequestID, tokenCount: Int) -> Bool {
        while let held = texts[id]?.blocks.count, held * blockSize < tokenCount {
            if let block = pool.allocate() {
                texts[id]?.blocks.append(block)
            } else {
                let idle = texts.filter { $0.value.lastCall < callCount }
                guard let oldest = idle.min(by: { $0.value.lastCall < $1.value.lastCall }) else { return false }
                forget(oldest.key)
            }
        }
        return true
    }

    private func release(_ text: DraftText) {
        for block in text.blocks { pool.release(block, keepsContent: false) }
    }
}

/// What the draft model has computed of one request's text.
private struct DraftText {
    /// The tokens whose keys and values are in the blocks.
    var computed: [TokenID] = []
    var blocks: [BlockID] = []
    /// The call that asked for it last.
    var lastCall: UInt64 = 0
    /// How far `computed` has been compared with the text.
    private var checkedCount = 0

    /// Drops what the text turned out not to be. Its last token stays to be computed, for its logits.
    mutating func follow(_ text: [TokenID], call: UInt64) {
        lastCall = call
        while checkedCount < min(computed.count, text.count - 1), computed[checkedCount] == text[checkedCount] {
            checkedCount += 1
        }
        computed.removeSubrange(checkedCount...)
    }
}

/// A draft in the making.
private struct DraftRun {
    let wish: DraftWish
    var sampler: Sampler
    var guesses: [TokenID] = []
    var isDone = false
}
