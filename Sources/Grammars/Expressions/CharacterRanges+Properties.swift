extension CharacterRanges {
    /// The characters of a Unicode property as `\p{…}` names it: general categories and their groups, by short or long
    /// name, and a few binary properties. Nil when it is none of them.
    init?(property name: String) {
        var name = name
        for prefix in ["General_Category=", "gc=", "Script=", "sc=", "Is"] where name.hasPrefix(prefix) {
            if prefix.hasPrefix("S") || prefix == "sc=" { return nil }
            name = String(name.dropFirst(prefix.count))
        }
        let names = Self.groups[name] ?? Self.groups[Self.longNames[name] ?? ""] ?? [Self.longNames[name] ?? name]
        if name == "Any" {
            self = .all
            return
        }
        if name == "ASCII" {
            self.init([0...0x7F])
            return
        }
        if name == "Alphabetic" || name == "Alpha" {
            self = Self.all(where: \.properties.isAlphabetic)
            return
        }
        let table = Self.categories
        var ranges: [ClosedRange<UInt32>] = []
        for name in names {
            guard let category = table[name] else { return nil }
            ranges += category
        }
        self.init(ranges)
    }

    private static func all(where holds: (Unicode.Scalar) -> Bool) -> CharacterRanges {
        var ranges: [ClosedRange<UInt32>] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), holds(scalar) else { continue }
            if let last = ranges.last, last.upperBound + 1 == value {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                ranges.append(value...value)
            }
        }
        return CharacterRanges(ranges)
    }

    /// The ranges of every general category. Going through all of Unicode takes some 50 ms, once.
    private static let categories: [String: [ClosedRange<UInt32>]] = {
        var table: [String: [ClosedRange<UInt32>]] = [:]
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let name = shortName(scalar.properties.generalCategory)
            if let last = table[name]?.last, last.upperBound + 1 == value {
                _ = table[name]?.popLast()
                table[name]?.append(last.lowerBound...value)
            } else {
                table[name, default: []].append(value...value)
            }
        }
        return table
    }()

    private static let groups: [String: [String]] = [
        "L": ["Lu", "Ll", "Lt", "Lm", "Lo"], "LC": ["Lu", "Ll", "Lt"], "M": ["Mn", "Mc", "Me"],
        "N": ["Nd", "Nl", "No"],
        "P": ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"], "S": ["Sm", "Sc", "Sk", "So"], "Z": ["Zs", "Zl", "Zp"],
        "C": ["Cc", "Cf", "Co", "Cn"],
    ]

    private static let longNames: [String: String] = [
        "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll",
        "Titlecase_Letter": "Lt",
        "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc",
        "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl",
        "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc", "Dash_Punctuation": "Pd",
        "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi", "Final_Punctuation": "Pf",
        "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk",
        "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
        "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Private_Use": "Co",
        "Unassigned": "Cn", "Lowercase": "Ll", "Uppercase": "Lu",
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
