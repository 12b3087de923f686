import Foundation

/// Writes what commands have to say: results to standard output, everything else to standard error.
enum Output {
    /// Whether standard error is a terminal on which lines can be rewritten.
    static let hasTerminal = isatty(STDERR_FILENO) == 1 && Environment()["TERM"] != "dumb"
    /// Whether colours may be used on standard output.
    static let hasColour =
        isatty(STDOUT_FILENO) == 1 && Environment()["NO_COLOR"] == nil && Environment()["TERM"] != "dumb"

    /// Writes `text` as it stands to standard output. Ends the process where that is not possible: a result that is
    /// lost must not look like one.
    static func write(_ text: String) {
        if let code = write(text, to: STDOUT_FILENO) {
            note("Error: " + lossSentence(code))
            exit(1)
        }
    }

    /// Writes a line to standard output.
    static func line(_ text: String = "") { write(text + "\n") }

    /// Writes a line to standard output that is no result: a server whose greeting is lost serves all the same.
    static func greet(_ text: String) {
        if let code = write(text + "\n", to: STDOUT_FILENO) { note(lossSentence(code)) }
    }

    /// Writes a line to standard error.
    static func note(_ text: String) { noteRaw(text + "\n") }

    /// Writes `text` as it stands to standard error. There is no place to tell that it was lost.
    static func noteRaw(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// `text`, dim where colours may be used.
    static func dim(_ text: String) -> String { hasColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// `text`, bold where colours may be used.
    static func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    private static func lossSentence(_ code: Int32) -> String {
        "Standard output cannot be written: \(String(cString: strerror(code)))."
    }

    /// Writes all of `text`. Returns the `errno` that the rest of it was lost to, nil when nothing was.
    static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            let code = errno
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if code == EPIPE {
                // The reader has gone, as in `hearth list | head`: end as the signal would have it, without a word.
                exit(128 + SIGPIPE)
            } else if code != EINTR && code != EAGAIN {
                return code
            }
        }
        return nil
    }
}

/// Rows in columns as wide as their widest cell.
struct Table {
    /// The first row is the heading.
    var rows: [[String]]

    /// The table with two spaces between columns.
    var text: String {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
