package import Models

/// What the next step will find, as far as its length hangs on it.
package struct StepOutlook: Sendable, Equatable {
    /// Running answers that draw a token in every step, so that somebody waits for the step to end.
    package var answerCount = 0
    /// Their tokens, all together.
    package var answerTokenCount = 0
    /// Tokens before those that will be read next: of several prompts the most, since their tokens cost most.
    package var promptPosition = 0
    /// Whether log probabilities of those that will be read are wanted.
    package var scoresPrompt = false
    /// What changes the model for them; nil for the model as it is.
    package var promptAdapter: Adapter?

    package init() {}

    /// Tokens of a middling answer.
    var answerLength: Int { answerTokenCount / max(answerCount, 1) }
}

extension Scheduler {
    /// What the next step will find.
    package var outlook: StepOutlook {
        var outlook = StepOutlook()
        var isReading = false
        for index in running.indices where running[index].restoreTicket == nil {
            if running[index].missingCount > 1 {
                isReading = true
                outlook.promptPosition = max(outlook.promptPosition, running[index].computedCount)
                outlook.scoresPrompt = outlook.scoresPrompt || running[index].isCollectingPromptLogits
                outlook.promptAdapter = outlook.promptAdapter ?? running[index].adapter
            } else if running[index].outputCount > 0 {
                outlook.answerCount += 1
                outlook.answerTokenCount += running[index].tokens.count
            }
        }
        if outlook.answerCount == 0 || isReading { return outlook }
        // Nobody's prompt is being read: the next will be that of the newcomer whose turn it is, from where its hits end.
        if running.count < limits.maxRunning, let next = nextInLine {
            outlook.promptPosition = blocks.cachedPrefix(of: waiting[next]).count * blocks.blockSize
            outlook.scoresPrompt = waiting[next].isCollectingPromptLogits
            outlook.promptAdapter = waiting[next].adapter
        }
        return outlook
    }
}
