/// A regular expression as a tree.
indirect enum ExpressionNode: Sendable, Hashable {
    case empty
    case characters(CharacterRanges)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    case repetition(ExpressionNode, minimum: Int, maximum: Int?)
    /// Matches nothing, at the beginning of the text only.
    case textStart
    case textEnd
    /// What must, or must not, match from the beginning on.
    case lookahead(ExpressionNode, isPositive: Bool)
}
