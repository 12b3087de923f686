import Grammars
import Inference
import Tokenization

/// How the text of a chat's answer is told apart: thoughts, what is said, calls.
struct AnswerInterpretation: Sendable {
    var expectation: AnswerExpectation
    /// Control tokens whose text is kept, since it marks the parts.
    var markers: Set<TokenID>
}

extension Deployment {
    /// nil for plain text, and for a chat that neither has functions nor thinks.
    func interpretation(of request: TextRequest, prompt: [TokenID]) -> AnswerInterpretation? {
        guard case .chat(let chat) = request.prompt, !chat.continueFinalMessage else { return nil }
        let support = toolSupport
        guard support.reasoning != nil || request.functions != nil else { return nil }
        return AnswerInterpretation(
            expectation: AnswerExpectation(
                tools: request.functions == nil ? nil : support.format,
                names: Set(request.functions?.functions.map(\.name) ?? []),
                reasoning: support.reasoning,
                startsInReasoning: startsInReasoning(after: prompt),
                isConstrained: request.functions != nil
            ),
            markers: support.markerTokens(in: tokenizer, withTools: request.functions != nil)
        )
    }

    /// What ends an answer's thoughts when they have had their tokens, and keeps to `structure`; `structure` alone where no
    /// budget was asked for.
    func thoughtBudget(
        for request: TextRequest,
        _ interpretation: AnswerInterpretation?,
        within structure: (any TokenConstraint)?
    ) -> (any TokenConstraint)? {
        guard case .chat(let chat) = request.prompt, let limit = chat.reasoning?.budget else { return structure }
        guard let expectation = interpretation?.expectation, let format = expectation.reasoning else {
            return structure
        }
        return ThoughtBudget(
            limit,
            format,
            isOpen: expectation.startsInReasoning,
            tokenizer: tokenizer,
            within: structure
        )
    }

    /// What keeps an answer to the structure and the functions that were asked for; nil when nothing was.
    func constraint(
        for request: TextRequest,
        _ interpretation: AnswerInterpretation?
    ) throws(DeploymentError) -> (any TokenConstraint)? {
        let structure = request.parameters.structure
        let continuesText = request.prompt.isContinued
        guard structure != nil || request.functions != nil else { return nil }
        let thoughts = ThoughtSyntax(
            interpretation?.expectation.reasoning,
            isOpen: interpretation?.expectation.startsInReasoning ?? false
        )
        guard request.functions != nil || thoughts != nil, let content = AnswerGrammar.Content(structure?.kind) else {
            guard let structure else { return nil }
            if request.functions != nil {
                throw .invalidParameter(
                    name: structure.parameter,
                    message: "An answer in a grammar of its own cannot also call functions; leave out one of the two."
                )
            }
            return try structures.constraint(
                .structure(structure.kind),
                parameter: structure.parameter,
                continuesText: continuesText
            )
        }
        var answer = AnswerGrammar(content: content)
        answer.thoughts = thoughts
        if let calls = request.functions {
            answer.allow(calls, writtenAs: toolSupport.format)
        }
        do throws(DeploymentError) {
            return try structures.constraint(
                .answer(answer),
                parameter: request.functions?.parameter ?? structure?.parameter ?? "",
                continuesText: continuesText
            )
        } catch {
            // Beside functions, the structure may be what cannot be followed: then it refuses by itself, under its name.
            if request.functions != nil, let structure {
                _ = try structures.constraint(
                    .structure(structure.kind),
                    parameter: structure.parameter,
                    continuesText: continuesText
                )
            }
            throw error
        }
    }
}
