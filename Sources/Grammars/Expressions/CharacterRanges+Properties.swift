extension CharacterRanges {
    /// The characters of a Unicode property as `\p{…}` names it: general categories and their groups and some scripts, by
    /// short or long name, and the usual binary properties. Nil when it is none of them.
    init?(property name: String) {
        for prefix in ["Script=", "sc=", "Script_Extensions=", "scx="] where name.hasPrefix(prefix) {
            guard let script = Self.scripts[String(name.dropFirst(prefix.count))] else { return nil }
            self = script
            return
        }
        var category = name
        for prefix in ["General_Category=", "gc="] where name.hasPrefix(prefix) {
            category = String(name.dropFirst(prefix.count))
        }
        if let set = Self.categories[Self.longNames[category] ?? category] {
            self = set
        } else if category == name, let set = Self.binary(name) ?? Self.scripts[name] {
            self = set
        } else {
            return nil
        }
    }

    private static func binary(_ name: String) -> CharacterRanges? {
        switch name {
        case "Any": .all
        case "ASCII": CharacterRanges([0...0x7F])
        case "Assigned": categories["Cn"]?.inverted
        case "Alphabetic", "Alpha": alphabetic
        case "Lowercase", "Lower": lowercase
        case "Uppercase", "Upper": uppercase
        case "White_Space", "space": whiteSpace
        case "ASCII_Hex_Digit", "AHex": CharacterRanges([0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "ID_Start", "IDS": identifierStart
        case "ID_Continue", "IDC": identifierContinue
        case "Emoji": emoji
        case "Emoji_Presentation", "EPres": emojiPresentation
        case "Ideographic", "Ideo": ideographic
        default: nil
        }
    }

    private static let alphabetic = all(where: \.isAlphabetic)
    private static let lowercase = all(where: \.isLowercase)
    private static let uppercase = all(where: \.isUppercase)
    private static let whiteSpace = all(where: \.isWhitespace)
    private static let identifierStart = all(where: \.isIDStart)
    private static let identifierContinue = all(where: \.isIDContinue)
    private static let emoji = all(where: \.isEmoji)
    private static let emojiPresentation = all(where: \.isEmojiPresentation)
    private static let ideographic = all(where: \.isIdeographic)

    /// All characters with a property. Going through all of Unicode takes some 20 ms, once for each.
    static func all(where holds: (Unicode.Scalar.Properties) -> Bool) -> CharacterRanges {
        var ranges: [ClosedRange<UInt32>] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), holds(scalar.properties) else { continue }
            if let last = ranges.last, last.upperBound + 1 == value {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                ranges.append(value...value)
            }
        }
        return CharacterRanges(ranges)
    }

    /// The characters of every general category and of their groups, by short name.
    private static let categories: [String: CharacterRanges] = {
        var table: [String: [ClosedRange<UInt32>]] = ["Cs": []]
        var (runStart, runName) = (UInt32(0), "Cc")
        for value in UInt32(1)...0x110000 {
            let name = Unicode.Scalar(value).map { shortName($0.properties.generalCategory) }
            if name == runName { continue }
            if !runName.isEmpty { table[runName, default: []].append(runStart...(value - 1)) }
            (runStart, runName) = (value, name ?? "")
        }
        for (group, members) in groups { table[group] = members.flatMap { table[$0] ?? [] } }
        return table.mapValues(CharacterRanges.init)
    }()

    private static let groups: [String: [String]] = [
        "L": ["Lu", "Ll", "Lt", "Lm", "Lo"], "LC": ["Lu", "Ll", "Lt"], "M": ["Mn", "Mc", "Me"],
        "N": ["Nd", "Nl", "No"],
        "P": ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"], "S": ["Sm", "Sc", "Sk", "So"], "Z": ["Zs", "Zl", "Zp"],
        "C": ["Cc", "Cf", "Cs", "Co", "Cn"],
    ]

    private static let longNames: [String: String] = [
        "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll",
        "Titlecase_Letter": "Lt",
        "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M", "Nonspacing_Mark": "Mn",
        "Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd",
        "Letter_Number": "Nl", "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc",
        "Dash_Punctuation": "Pd", "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
        "Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm",
        "Currency_Symbol": "Sc",
        "Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs",
        "Line_Separator": "Zl",
        "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Surrogate": "Cs",
        "Private_Use": "Co", "Unassigned": "Cn",
    ]

    private static func shortName(_ category: Unicode.GeneralCategory) -> String {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
