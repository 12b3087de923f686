/// Text that came from elsewhere, made fit to be shown.
enum PlainText {
    /// `text` with `\u{FFFD}` for every control character: in a terminal they move the cursor, rename the window or set
    /// the clipboard, and a line break takes a table apart.
    static func shown(_ text: String) -> String {
        if !hasControls(text) { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { shown.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(shown)
    }

    /// Whether there is a control character in `text`.
    static func hasControls(_ text: String) -> Bool { text.unicodeScalars.contains(where: isControl) }

    /// C0, DEL and C1, which are what Unicode's general category Cc holds.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }
}
