extension ToolCallFormat {
    /// The format of a family.
    package static func of(_ family: Family) -> ToolCallFormat {
        switch family {
        case .hermes: hermes
        case .llama3: llama3
        case .mistralList: mistralList
        case .mistralNamed: mistralNamed
        case .gemma4: gemma(.gemma4, open: "<|tool_call>", close: "<tool_call|>", quote: "<|\"|>")
        case .functionGemma:
            gemma(.functionGemma, open: "<start_function_call>", close: "<end_function_call>", quote: "<escape>")
        case .phi4: phi4
        case .granite3: granite3
        case .deepSeekV3: deepSeekV3
        case .deepSeekV31: deepSeekV31
        case .miniMaxM1: miniMaxM1
        case .apriel: apriel
        case .functionary: functionary
        case .generic: generic
        }
    }

    private static let tagged = ToolCallForm.object(
        "<tool_call>",
        frame: ("", "<tool_call>\n", "\n</tool_call>", "\n", ""),
        closers: ["</tool_call>"]
    )

    /// An object without any frame, where the answer begins.
    private static func bare(_ argumentsKey: String) -> ToolCallForm {
        var form = ToolCallForm.object(#"{"name""#, frame: ("", "", "", "; ", ""), argumentsKey: argumentsKey)
        form.isAtStartOnly = true
        return form
    }

    private static let hermes = ToolCallFormat(.hermes, [tagged], markers: ["<tool_call>", "</tool_call>"])

    private static let generic = ToolCallFormat(
        .generic,
        [tagged, bare("arguments")],
        markers: ["<tool_call>", "</tool_call>"]
    )

    /// Meta's template writes one call per message and refuses more.
    private static let llama3 = ToolCallFormat(
        .llama3,
        [
            bare("parameters"),
            .object("<|python_tag|>", frame: ("<|python_tag|>", "", "", "; ", ""), argumentsKey: "parameters"),
        ],
        callLimit: 1,
        markers: ["<|python_tag|>"]
    )

    private static let mistralList = ToolCallFormat(
        .mistralList,
        [.object("[TOOL_CALLS]", frame: ("[TOOL_CALLS][", "", "", ", ", "]"))],
        markers: ["[TOOL_CALLS]"]
    )

    private static let mistralNamed = ToolCallFormat(
        .mistralNamed,
        [.framed("[TOOL_CALLS]", call: ("[TOOL_CALLS]", "[ARGS]", ""), allowsIdentifier: true)],
        markers: ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"]
    )

    private static func gemma(_ family: Family, open: String, close: String, quote: String) -> ToolCallFormat {
        var form = ToolCallForm.framed(open, call: (open + "call:", "", close), closers: [close])
        form.arguments = .gemma(quote: quote)
        return ToolCallFormat(family, [form], markers: [open, close, quote])
    }

    private static let phi4 = ToolCallFormat(
        .phi4,
        [
            .object(
                "<|tool_call|>",
                frame: ("<|tool_call|>[", "", "", ", ", "]<|/tool_call|>"),
                closers: ["<|/tool_call|>"]
            ), .object("functools", frame: ("functools[", "", "", ", ", "]")),
        ],
        markers: ["<|tool_call|>", "<|/tool_call|>"]
    )

    private static let granite3 = ToolCallFormat(
        .granite3,
        [
            .object("<|tool_call|>", frame: ("<|tool_call|>[", "", "", ", ", "]")),
            .object(
                "<tool_call>",
                frame: ("<tool_call>[", "", "", ", ", "]"),
                closers: ["</tool_call>"]
            ),
        ],
        markers: ["<|tool_call|>"]
    )

    private static let deepSeekMarkers = [
        "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>",
    ]

    private static let deepSeekV3 = ToolCallFormat(
        .deepSeekV3,
        [
            .framed(
                "<｜tool▁calls▁begin｜>",
                section: ("<｜tool▁calls▁begin｜>", "\n", "<｜tool▁calls▁end｜>"),
                call: (
                    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n", "\n```<｜tool▁call▁end｜>"
                ),
                closers: ["```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"]
            )
        ],
        markers: deepSeekMarkers
    )

    private static let deepSeekV31 = ToolCallFormat(
        .deepSeekV31,
        [
            .framed(
                "<｜tool▁calls▁begin｜>",
                section: ("<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁end｜>"),
                call: ("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"),
                closers: ["<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"]
            )
        ],
        markers: deepSeekMarkers
    )

    private static let miniMaxM1 = ToolCallFormat(
        .miniMaxM1,
        [
            .object(
                "<tool_calls>",
                frame: ("<tool_calls>\n", "", "\n", "", "</tool_calls>"),
                closers: ["</tool_calls>"]
            )
        ],
        markers: ["<tool_calls>", "</tool_calls>"]
    )

    private static let apriel = ToolCallFormat(
        .apriel,
        [
            .object(
                "<tool_calls>",
                frame: ("<tool_calls>[", "", "", ", ", "]</tool_calls>"),
                closers: ["</tool_calls>"]
            )
        ],
        markers: ["<tool_calls>", "</tool_calls>"]
    )

    private static let functionary = ToolCallFormat(
        .functionary,
        [.framed("<function=", call: ("<function=", ">", "</function>"), closers: ["</function>", "<|eom_id|>"])],
        markers: ["<function=", "</function>"]
    )
}
