import Checkpoints
import Tensors

/// The activations of one step, reused from step to step; they grow to the largest step seen.
struct DecoderWorkspace {
    /// `[tokens, width]`: the residual stream.
    let hidden = FloatMatrix()
    /// Rows on their way from one product to the next: those that threads are at, or `[tokens, …]` of them where weights
    /// take float32 or a branch is normed.
    let scratch = FloatMatrix()
    /// `[tokens, (heads + 2 · kvHeads) · headWidth]`: queries, keys and values of every token.
    let queryKeyValue = FloatMatrix()
    /// `[tokens, heads · headWidth]`.
    let attended = FloatMatrix()
    /// `[tokens, 2 · feedForwardWidth]`.
    let gateUp = FloatMatrix()
    /// `[tokens, width]`: result of a half of a layer where it is normed before it joins the residual.
    let branch = FloatMatrix()
    /// `[logit rows, width]`: the normed residual of the tokens whose logits are wanted.
    let selected = FloatMatrix()
    /// `[logit rows, vocabulary]`.
    let logits = FloatMatrix()
    /// Rows of `selected` that go through one adapter's own output projection, and what it makes of them.
    let headRows = FloatMatrix()
    let headLogits = FloatMatrix()

    /// Gives every buffer the shape of a step; contents are undefined.
    func prepare(for configuration: ModelConfiguration, tokenCount: Int, logitCount: Int) {
        let heads = configuration.headCount + 2 * configuration.kvHeadCount
        hidden.reshape(rows: tokenCount, width: configuration.width)
        queryKeyValue.reshape(rows: tokenCount, width: heads * configuration.headWidth, isSpread: true)
        gateUp.reshape(rows: tokenCount, width: 2 * configuration.feedForwardWidth, isSpread: true)
        branch.reshape(rows: tokenCount, width: configuration.width)
        logits.reshape(rows: logitCount, width: configuration.vocabularySize)
    }

    /// Leaves these tokens, between the products of queries, keys and values and what comes of them.
    func keep(tokens: [Int]) {
        hidden.keep(rows: tokens)
        queryKeyValue.keep(rows: tokens)
        gateUp.reshape(rows: tokens.count, width: gateUp.width, isSpread: true)
        branch.reshape(rows: tokens.count, width: branch.width)
    }
}

extension ModelConfiguration {
    /// What attention scores are multiplied by.
    var queryScale: Float { attentionScale ?? 1 / Float(headWidth).squareRoot() }
}
