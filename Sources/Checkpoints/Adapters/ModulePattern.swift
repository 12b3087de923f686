import Foundation

/// A key of `rank_pattern` or `alpha_pattern`: the name of a module, or a regular expression for the end of one.
///
/// Source: `peft.utils.get_pattern_key`, which matches `(.*\.)?(KEY)$` from the name's start.
struct ModulePattern {
    /// A module's name, taken apart once for all patterns.
    struct Name {
        fileprivate let text: String
        fileprivate let scalars: [Unicode.Scalar]

        init(_ text: String) {
            self.text = text
            scalars = Array(text.unicodeScalars)
        }
    }

    private enum Form {
        /// Letters, digits, underscores and dots, which stand for any character. Some ways to train name every module of the
        /// model: hundreds of expressions against hundreds of names take longer than all else that is read.
        case plain([Unicode.Scalar])
        case expression(NSRegularExpression)
    }

    private let form: Form

    /// nil for what is no regular expression.
    init?(_ key: String) {
        if key.utf8.allSatisfy({ Self.isPlain(Unicode.Scalar($0)) }) {
            form = .plain(Array(key.unicodeScalars))
        } else if let expression = try? NSRegularExpression(pattern: "(.*\\.)?(?:\(key))$") {
            form = .expression(expression)
        } else {
            return nil
        }
    }

    func matches(_ name: Name) -> Bool {
        switch form {
        case .plain(let key): Self.ends(name.scalars, with: key)
        case .expression(let expression):
            expression.firstMatch(
                in: name.text,
                options: .anchored,
                range: NSRange(name.text.startIndex..., in: name.text)
            ) != nil
        }
    }

    /// Whether the key is all of the name, or what stands behind one of its dots.
    private static func ends(_ name: [Unicode.Scalar], with key: [Unicode.Scalar]) -> Bool {
        let start = name.count - key.count
        if start < 0 || (start > 0 && name[start - 1] != ".") { return false }
        // From the end: names mostly differ there, and their beginnings are all alike.
        return key.indices.reversed().allSatisfy { key[$0] == "." || key[$0] == name[start + $0] }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "." || scalar == "_" || ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar)
            || ("A"..."Z").contains(scalar)
    }
}
