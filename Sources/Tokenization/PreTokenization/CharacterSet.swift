/// A set of scalars, as a character class of a pre-tokenizer pattern describes it.
///
/// A plain value without references: testing an ASCII scalar is a shift, any other a table lookup and a mask.
struct CharacterSet: Sendable, Hashable {
    private var asciiLow: UInt64 = 0
    private var asciiHigh: UInt64 = 0
    private let categories: CategoryMask
    private let ranges: ScalarRanges
    private let isInverted: Bool
    private let isOfUnicode8: Bool

    /// The scalars of `categories`, of `ranges` and of `characters` (ASCII only), or with `inverted` all others. With
    /// `ofUnicode8`, categories are those of that version.
    init(
        _ categories: CategoryMask = [],
        _ characters: String = "",
        ranges: ScalarRanges = .none,
        inverted: Bool = false,
        ofUnicode8: Bool = false
    ) {
        self.categories = categories
        self.ranges = ranges
        isInverted = inverted
        isOfUnicode8 = ofUnicode8
        let listed = Set(characters.unicodeScalars.map(\.value))
        precondition(listed.allSatisfy { $0 < 0x80 }, "characters beyond ASCII belong into ScalarRanges")
        for scalar in UInt32(0)..<128 {
            let isMember =
                listed.contains(scalar) || !categories.isDisjoint(with: UnicodeProperties.category(of: scalar))
                || ranges.contains(scalar)
            guard isMember != inverted else { continue }
            if scalar < 64 { asciiLow |= 1 << UInt64(scalar) } else { asciiHigh |= 1 << UInt64(scalar - 64) }
        }
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return asciiLow >> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return asciiHigh >> UInt64(scalar - 64) & 1 != 0 }
        return containsBeyondASCII(scalar)
    }

    private func containsBeyondASCII(_ scalar: UInt32) -> Bool {
        let isInCategories =
            isOfUnicode8
            ? UnicodeProperties.wasInUnicode8(scalar, categories)
            : !categories.isDisjoint(with: UnicodeProperties.category(of: scalar))
        let isMember =
            isInCategories
            || (ranges != .none && ranges.contains(scalar))
        return isMember != isInverted
    }

    static let letters = CharacterSet(.letters)
    static let numbers = CharacterSet(.numbers)
    static let whitespace = CharacterSet(.whitespace)
    static let lineBreaks = CharacterSet([], "\r\n")
    /// What Hugging Face's `Punctuation` and `BertPreTokenizer` set apart.
    static let separatePunctuation = CharacterSet(.punctuation, ranges: .asciiPunctuation, ofUnicode8: true)
}

/// The scalar ranges that some vocabularies list in their patterns instead of naming a category.
enum ScalarRanges: UInt8, Sendable, Hashable {
    case none
    /// The cased letters of DeepSeek LLM.
    case casedLetters
    /// ASCII and full-width punctuation, quotation marks and CJK punctuation of DeepSeek LLM.
    case widePunctuation
    /// Han, everything from Samaritan to Han, and Hangul: DeepSeek LLM and Coder.
    case eastAsian
    /// Han, Hiragana and Katakana: DeepSeek V3.
    case hanAndKana
    /// Sentence punctuation that BLOOM keeps out of words.
    case sentencePunctuation
    /// Hangul syllables and jamo: Youtu.
    case hangul
    /// Punctuation of Chinese texts: Youtu.
    case chinesePunctuation
    /// Bopomofo: Youtu.
    case bopomofo
    /// Scripts without spaces between words: AFMoE.
    case unspacedScripts
    /// ASCII letters, and ASCII punctuation.
    case asciiLetters
    case asciiPunctuation
    case asciiDigits
    case asciiUppercase
    case asciiLowercase
    /// The ideographs that BERT sets apart by spaces, as Hugging Face's `tokenizers` and llama.cpp have them. The original
    /// has U+2B820 to U+2B91F as well, which are no pieces of its vocabularies.
    case ideographs
    /// The block character U+2581 that SentencePiece writes for a space.
    case escapedSpace

    func contains(_ scalar: UInt32) -> Bool {
        let bounds = self.bounds
        var low = 0
        var high = bounds.count / 2
        while low < high {
            let middle = (low + high) / 2
            if scalar < bounds[middle * 2] {
                high = middle
            } else if scalar > bounds[middle * 2 + 1] {
                low = middle + 1
            } else {
                return true
            }
        }
        return false
    }

    /// First and last scalar of each range, ascending.
    private var bounds: [UInt32] {
        switch self {
        case .none: []
        case .casedLetters: Self.casedLetterBounds
        case .widePunctuation: Self.widePunctuationBounds
        case .eastAsian: Self.eastAsianBounds
        case .hanAndKana: Self.hanAndKanaBounds
        case .sentencePunctuation: Self.sentencePunctuationBounds
        case .hangul: Self.hangulBounds
        case .chinesePunctuation: Self.chinesePunctuationBounds
        case .bopomofo: Self.bopomofoBounds
        case .unspacedScripts: Self.unspacedScriptBounds
        case .asciiLetters: Self.asciiLetterBounds
        case .asciiPunctuation: Self.asciiPunctuationBounds
        case .asciiDigits: Self.asciiDigitBounds
        case .asciiUppercase: Self.asciiUppercaseBounds
        case .asciiLowercase: Self.asciiLowercaseBounds
        case .ideographs: Self.ideographBounds
        case .escapedSpace: Self.escapedSpaceBounds
        }
    }

    private static let casedLetterBounds: [UInt32] = [
        0x41, 0x5A, 0x61, 0x7A, 0xB5, 0xB5, 0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x1BA,
        0x1BC, 0x1BF, 0x1C4, 0x293, 0x295, 0x2AF, 0x370, 0x373, 0x376, 0x376, 0x377, 0x377,
        0x37B, 0x37D, 0x37F, 0x37F, 0x386, 0x386, 0x388, 0x38A, 0x38C, 0x38C, 0x38E, 0x3A1,
        0x3A3, 0x3F5, 0x3F7, 0x481, 0x48A, 0x52F, 0x531, 0x556, 0x10A0, 0x10C5, 0x13A0, 0x13F5,
        0x13F8, 0x13FD, 0x1C90, 0x1CBA, 0x1CBD, 0x1CBF, 0x1D00, 0x1D2B, 0x1D6B, 0x1D77, 0x1D79, 0x1D9A,
        0x1E00, 0x1F15, 0x1F18, 0x1F1D, 0x1F20, 0x1F45, 0x1F48, 0x1F4D, 0x1F50, 0x1F57, 0x1F59, 0x1F59,
        0x1F5B, 0x1F5B, 0x1F5D, 0x1F5D, 0x1F5F, 0x1F7D, 0x1F80, 0x1FB4, 0x1FB6, 0x1FBC, 0x1FBE, 0x1FBE,
        0x1FC2, 0x1FC4, 0x1FC6, 0x1FCC, 0x1FD0, 0x1FD3, 0x1FD6, 0x1FDB, 0x1FE0, 0x1FEC, 0x1FF2, 0x1FF4,
        0x1FF6, 0x1FFC, 0x2102, 0x2102, 0x2107, 0x2107, 0x210A, 0x2113, 0x2115, 0x2115, 0x2119, 0x211D,
        0x2124, 0x2124, 0x2126, 0x2126, 0x2128, 0x2128, 0x212A, 0x212D, 0x212F, 0x2134, 0x2139, 0x2139,
        0x213C, 0x213F, 0x2145, 0x2149, 0x214E, 0x214E, 0x2183, 0x2183, 0x2184, 0x2184, 0x2C00, 0x2C7B,
        0x2C7E, 0x2CE4, 0x2CEB, 0x2CEE, 0x2CF2, 0x2CF2, 0x2CF3, 0x2CF3, 0xA640, 0xA66D, 0xA680, 0xA69B,
        0xA722, 0xA76F, 0xA771, 0xA787, 0xA78B, 0xA78E, 0xAB70, 0xABBF, 0xFB00, 0xFB06, 0xFB13, 0xFB17,
        0xFF21, 0xFF3A, 0xFF41, 0xFF5A, 0x10400, 0x1044F, 0x104B0, 0x104D3, 0x104D8, 0x104FB, 0x10C80, 0x10CB2,
        0x10CC0, 0x10CF2, 0x118A0, 0x118DF, 0x1E900, 0x1E943,
    ]

    private static let widePunctuationBounds: [UInt32] = [
        0x21, 0x2F, 0x3A, 0x7E, 0x2018, 0x201F, 0x3000, 0x3002, 0xFF01, 0xFF0F, 0xFF1A, 0xFF5E,
    ]
    private static let eastAsianBounds: [UInt32] = [0x0800, 0x9FA5, 0xAC00, 0xD7FF]
    private static let hanAndKanaBounds: [UInt32] = [0x3040, 0x30FF, 0x4E00, 0x9FA5]
    private static let sentencePunctuationBounds: [UInt32] = [
        0x060C, 0x060C, 0x06D4, 0x06D4, 0x0964, 0x0964, 0x2026, 0x2026, 0x3001, 0x3002, 0xFF0C, 0xFF0C,
    ]
    private static let hangulBounds: [UInt32] = [0x3131, 0x318E, 0xAC00, 0xD7A3]
    private static let chinesePunctuationBounds: [UInt32] = [
        0x2014, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x2026, 0x3001, 0x303F, 0xFE30, 0xFE4F,
        0xFF01, 0xFF01, 0xFF0C, 0xFF0C, 0xFF1A, 0xFF1B,
    ]
    private static let bopomofoBounds: [UInt32] = [0x3105, 0x312F]
    private static let unspacedScriptBounds: [UInt32] = [
        0x0E40, 0x0E7F, 0x0E80, 0x0EFF, 0x1000, 0x109F, 0x1100, 0x11FF, 0x1780, 0x17FF, 0x2F00, 0x2FDF,
        0x3040, 0x30FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xA9E0, 0xA9FF, 0xAA60, 0xAA7F, 0xAC00, 0xD7AF,
        0xF900, 0xFAFF, 0xFF65, 0xFF9F,
    ]
    private static let asciiLetterBounds: [UInt32] = [0x41, 0x5A, 0x61, 0x7A]
    private static let asciiPunctuationBounds: [UInt32] = [0x21, 0x2F, 0x3A, 0x40, 0x5B, 0x60, 0x7B, 0x7E]
    private static let asciiDigitBounds: [UInt32] = [0x30, 0x39]
    private static let asciiUppercaseBounds: [UInt32] = [0x41, 0x5A]
    private static let asciiLowercaseBounds: [UInt32] = [0x61, 0x7A]
    private static let ideographBounds: [UInt32] = [
        0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xF900, 0xFAFF, 0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F,
        0x2B920, 0x2CEAF, 0x2F800, 0x2FA1F,
    ]
    private static let escapedSpaceBounds: [UInt32] = [0x2581, 0x2581]
}
