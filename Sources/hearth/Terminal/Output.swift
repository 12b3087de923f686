import Foundation

/// Writes what commands have to say: results to standard output, everything else to standard error.
enum Output {
    /// Whether standard error is a terminal on which lines can be rewritten.
    static let hasTerminal = isatty(STDERR_FILENO) == 1 && Environment()["TERM"] != "dumb"
    /// Whether colours may be used on standard output.
    static let hasColour =
        isatty(STDOUT_FILENO) == 1 && Environment()["NO_COLOR"] == nil && Environment()["TERM"] != "dumb"

    /// Writes `text` as it stands to standard output.
    static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes a line to standard output.
    static func line(_ text: String = "") { write(text + "\n") }

    /// Writes a line to standard error.
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Writes `text` as it stands to standard error.
    static func noteRaw(_ text: String) { write(text, to: STDERR_FILENO) }

    /// `text`, dim where colours may be used.
    static func dim(_ text: String) -> String { hasColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// `text`, bold where colours may be used.
    static func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EPIPE {
                // The reader has gone, as in `hearth list | head`: end as the signal would have it, without a word.
                exit(128 + SIGPIPE)
            } else if errno != EINTR && errno != EAGAIN {
                return
            }
        }
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
