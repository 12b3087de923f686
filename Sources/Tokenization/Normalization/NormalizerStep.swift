/// One change of a text before it is cut into words.
enum NormalizerStep: Sendable, Equatable {
    /// A Unicode normalisation form.
    case normalize(UnicodeNormalization.Form)
    /// Lower case of every character.
    case lowercase
    /// Drops marks.
    case stripAccents
    /// Every occurrence of some bytes becomes other bytes.
    case replace([UInt8], with: [UInt8])
    /// Every run of two or more spaces becomes the bytes.
    case replaceSpaceRuns(with: [UInt8])
    /// Puts bytes before a text that is not empty.
    case prepend([UInt8], Prefixing)
    /// Drops white space at the ends.
    case strip(left: Bool, right: Bool)
    /// What BERT does to a text.
    case bert(BertCleaning)
    /// A compiled table of SentencePiece.
    case characterMap(PrecompiledCharacterMap)
    /// SentencePiece's treatment of spaces.
    case spaces(SpaceRules)
    /// Drops all white space and puts the bytes before every word.
    case prefixWords([UInt8])

    /// Which texts get a prefix.
    enum Prefixing: Sendable, Equatable {
        /// All.
        case always
        /// Those that do not begin with it.
        case unlessPresent
        /// The same, but only the text at the beginning of the input, not one after a special token.
        case firstUnlessPresent
    }

    /// How spaces are written, merged and added.
    struct SpaceRules: Sendable, Equatable {
        /// Whether a space becomes `▁`.
        var escapes = true
        /// Whether the text begins with a space, or ends with one when `isSuffix`.
        var addsPrefix = true
        /// Whether runs of spaces become one and those at the ends go.
        var removesExtra = true
        /// Whether the space that is added comes after the text.
        var isSuffix = false
    }

    struct BertCleaning: Sendable, Equatable {
        /// Drops controls and makes every white space a space.
        var cleansText = true
        /// Puts spaces around ideographs.
        var separatesIdeographs = true
        var stripsAccents = true
        var lowercases = true
    }

    /// The text after the step. `isFirst` says whether it is at the beginning of the input.
    func apply(_ text: [UInt8], isFirst: Bool) -> [UInt8] {
        switch self {
        case .normalize(let form): UnicodeNormalization.normalize(text, to: form)
        case .lowercase: UnicodeNormalization.lowercase(text)
        case .stripAccents: Self.strippingMarks(text)
        case .replace(let old, let new): Self.replacing(old, with: new, in: text)
        case .replaceSpaceRuns(let new): Self.replacingSpaceRuns(with: new, in: text)
        case .prepend(let prefix, let when): Self.prepending(prefix, when, to: text, isFirst: isFirst)
        case .strip(let left, let right): Self.stripping(text, left: left, right: right)
        case .bert(let cleaning): cleaning.apply(text)
        case .characterMap(let map): map.apply(text)
        case .spaces(let rules): rules.apply(text)
        case .prefixWords(let prefix): Self.prefixingWords(prefix, text)
        }
    }

    private static func strippingMarks(_ text: [UInt8]) -> [UInt8] {
        if !text.contains(where: { $0 >= 0x80 }) { return text }
        return UTF8Decoding.bytes(
            UTF8Decoding.scalars(text).filter { UnicodeProperties.category(of: $0).isDisjoint(with: .marks) }
        )
    }

    private static func replacing(_ old: [UInt8], with new: [UInt8], in text: [UInt8]) -> [UInt8] {
        guard let first = old.first, text.contains(first) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8 * max(0, new.count - old.count))
        var position = 0
        while position < text.count {
            if text[position] == first, position + old.count <= text.count,
                old.count == 1 || text[position..<(position + old.count)].elementsEqual(old)
            {
                result.append(contentsOf: new)
                position += old.count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    private static func replacingSpaceRuns(with new: [UInt8], in text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            var end = position
            while end < text.count, text[end] == 0x20 { end += 1 }
            if end - position >= 2 {
                result.append(contentsOf: new)
                position = end
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    private static func prepending(
        _ prefix: [UInt8],
        _ when: Prefixing,
        to text: [UInt8],
        isFirst: Bool
    ) -> [UInt8] {
        guard !text.isEmpty else { return text }
        switch when {
        case .always: return prefix + text
        case .unlessPresent: return text.starts(with: prefix) ? text : prefix + text
        case .firstUnlessPresent: return !isFirst || text.starts(with: prefix) ? text : prefix + text
        }
    }

    private static func stripping(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        var scalars = UTF8Decoding.scalars(text)[...]
        if left { scalars = scalars.drop { CharacterSet.whitespace.contains($0) } }
        if right { while let last = scalars.last, CharacterSet.whitespace.contains(last) { scalars.removeLast() } }
        return UTF8Decoding.bytes(scalars)
    }

    private static func prefixingWords(_ prefix: [UInt8], _ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        var isInWord = false
        for scalar in UTF8Decoding.scalars(text) {
            if CharacterSet.whitespace.contains(scalar) {
                isInWord = false
                continue
            }
            if !isInWord { result.append(contentsOf: prefix) }
            isInWord = true
            UTF8Decoding.append(scalar, to: &result)
        }
        return result
    }
}

extension NormalizerStep.SpaceRules {
    private static let escapedSpace: [UInt8] = [0xE2, 0x96, 0x81]

    func apply(_ text: [UInt8]) -> [UInt8] {
        let space = escapes ? Self.escapedSpace : [0x20]
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2 + 8)
        var isInWord = false
        var isPrefixed = false
        for byte in text {
            guard byte == 0x20 else {
                if !isInWord, removesExtra || (addsPrefix && !isSuffix && !isPrefixed) {
                    result.append(contentsOf: space)
                    isPrefixed = true
                }
                isInWord = true
                result.append(byte)
                continue
            }
            isInWord = false
            if !removesExtra { result.append(contentsOf: space) }
        }
        if isSuffix, addsPrefix { result.append(contentsOf: space) }
        return result
    }
}

extension NormalizerStep.BertCleaning {
    private static let ideographs = CharacterSet(ranges: .ideographs)

    func apply(_ text: [UInt8]) -> [UInt8] {
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.count)
        for scalar in UTF8Decoding.scalars(text) {
            if cleansText {
                if isDropped(scalar) { continue }
                if CharacterSet.whitespace.contains(scalar) {
                    scalars.append(0x20)
                    continue
                }
            }
            if separatesIdeographs, scalar >= 0x3400, Self.ideographs.contains(scalar) {
                scalars.append(contentsOf: [0x20, scalar, 0x20])
            } else {
                scalars.append(scalar)
            }
        }
        if stripsAccents {
            scalars = UnicodeNormalization.decompose(scalars, compatible: false)
                .filter { !UnicodeProperties.wasInUnicode8($0, .nonspacingMark) }
        }
        let bytes = UTF8Decoding.bytes(scalars)
        return lowercases ? UnicodeNormalization.lowercase(bytes) : bytes
    }

    private static let controls: CategoryMask = .other.subtracting(.unassigned)

    private func isDropped(_ scalar: UInt32) -> Bool {
        if scalar == 9 || scalar == 10 || scalar == 13 { return false }
        return scalar == 0xFFFD || scalar >= 0x11_0000 || UnicodeProperties.wasInUnicode8(scalar, Self.controls)
    }
}
