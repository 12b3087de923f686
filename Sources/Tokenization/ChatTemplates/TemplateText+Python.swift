/// Python's string methods on `TemplateText`. Results keep the `Markup` flag where Python's subclass keeps it.
extension TemplateText {
    /// What `str.isspace` and the regular expression `\s` accept.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 10...13, 28...30, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// `strip`, `lstrip` or `rstrip`; without `characters`, of white space.
    func stripped(_ characters: TemplateText?, left: Bool, right: Bool) -> TemplateText {
        let set = characters.map { Set($0.scalars) }
        func drops(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? Self.isSpace(scalar) }
        var start = 0
        var end = bytes.count
        while left, start < end {
            let (scalar, length) = scalar(at: start)
            if !drops(scalar) { break }
            start += length
        }
        while right, end > start {
            let (scalar, length) = scalar(before: end)
            if !drops(scalar) { break }
            end -= length
        }
        return piece(start..<end)
    }

    /// `split` at a separator.
    func split(at separator: TemplateText, limit: Int) -> [TemplateText] {
        let found = offsets(of: separator.bytes, limit: limit < 0 ? .max : limit)
        var pieces: [TemplateText] = []
        var start = 0
        for offset in found {
            pieces.append(piece(start..<offset))
            start = offset + separator.bytes.count
        }
        pieces.append(piece(start..<bytes.count))
        return pieces
    }

    /// `rsplit` at a separator.
    func splitFromRight(at separator: TemplateText, limit: Int) -> [TemplateText] {
        let size = bytes.count
        let reversed = TemplateText(Array(bytes.reversed()), isASCII: true, isMarkup: false)
        let found = reversed.offsets(of: Array(separator.bytes.reversed()), limit: limit < 0 ? .max : limit)
        var pieces: [TemplateText] = []
        var end = size
        for offset in found {
            let start = size - offset - separator.bytes.count
            pieces.append(piece((start + separator.bytes.count)..<end))
            end = start
        }
        pieces.append(piece(0..<end))
        return pieces.reversed()
    }

    /// `split()` at runs of white space.
    func splitAtSpaces(limit: Int) -> [TemplateText] {
        var pieces: [TemplateText] = []
        var offset = skipSpaces(from: 0)
        while offset < bytes.count {
            if limit >= 0, pieces.count == limit {
                pieces.append(piece(offset..<bytes.count).stripped(nil, left: false, right: true))
                return pieces
            }
            let start = offset
            while offset < bytes.count {
                let (scalar, length) = scalar(at: offset)
                if Self.isSpace(scalar) { break }
                offset += length
            }
            pieces.append(piece(start..<offset))
            offset = skipSpaces(from: offset)
        }
        return pieces
    }

    private func skipSpaces(from start: Int) -> Int {
        var offset = start
        while offset < bytes.count {
            let (scalar, length) = scalar(at: offset)
            if !Self.isSpace(scalar) { break }
            offset += length
        }
        return offset
    }

    /// `rsplit()` at runs of white space.
    func splitAtSpacesFromRight(limit: Int) -> [TemplateText] {
        if limit < 0 { return splitAtSpaces(limit: -1) }
        var pieces: [TemplateText] = []
        var rest = stripped(nil, left: false, right: true)
        while pieces.count < limit, !rest.isEmpty {
            var start = rest.bytes.count
            while start > 0 {
                let (scalar, length) = rest.scalar(before: start)
                if Self.isSpace(scalar) { break }
                start -= length
            }
            pieces.append(rest.piece(start..<rest.bytes.count))
            rest = rest.piece(0..<start).stripped(nil, left: false, right: true)
        }
        if !rest.isEmpty { pieces.append(rest.stripped(nil, left: true, right: false)) }
        return pieces.reversed()
    }

    /// `splitlines`.
    func lines(keepingEnds: Bool = false) -> [TemplateText] {
        var pieces: [TemplateText] = []
        var start = 0
        var offset = 0
        while offset < bytes.count {
            let (scalar, length) = scalar(at: offset)
            guard Self.isLineBreak(scalar) else {
                offset += length
                continue
            }
            var end = offset + length
            if scalar == "\r", end < bytes.count, bytes[end] == 10 { end += 1 }
            pieces.append(piece(start..<(keepingEnds ? end : offset)))
            start = end
            offset = end
        }
        if start < bytes.count { pieces.append(piece(start..<bytes.count)) }
        return pieces
    }

    /// `replace`, with the result's size charged before it is built.
    func replacing(
        _ old: TemplateText,
        with new: TemplateText,
        limit: Int,
        meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        if old.isEmpty { return try interleaving(new, limit: limit, meter: meter) }
        let found = offsets(of: old.bytes, limit: limit < 0 ? .max : limit)
        if found.isEmpty { return self }
        try meter.charge(bytes: bytes.count)
        try meter.charge(bytes: new.bytes.count, times: found.count)
        var result: [UInt8] = []
        var start = 0
        for offset in found {
            result += bytes[start..<offset]
            result += new.bytes
            start = offset + old.bytes.count
        }
        result += bytes[start...]
        return replacingBytes(result)
    }

    /// `replace('', new)`: Python puts `new` before every code point and at the end.
    private func interleaving(
        _ new: TemplateText,
        limit: Int,
        meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        let gaps = scalarCount + 1
        let times = limit < 0 ? gaps : min(limit, gaps)
        try meter.charge(bytes: bytes.count)
        try meter.charge(bytes: new.bytes.count, times: times)
        var result: [UInt8] = []
        var offset = 0
        for _ in 0..<times {
            result += new.bytes
            guard offset < bytes.count else { break }
            let length = Self.length(ofLead: bytes[offset])
            result += bytes[offset..<(offset + length)]
            offset += length
        }
        result += bytes[offset...]
        return replacingBytes(result)
    }

    /// The text between code points, as Python slices it.
    func slice(_ indices: TemplateSliceIndices) -> TemplateText {
        if indices.step == 1 {
            if indices.count == 0 { return TemplateText([], isASCII: true, isMarkup: isMarkup) }
            let start = byteOffset(ofScalar: indices.start)
            if isASCII { return piece(start..<(start + indices.count)) }
            var end = start
            for _ in 0..<indices.count { end += Self.length(ofLead: bytes[end]) }
            return piece(start..<end)
        }
        if isASCII {
            return TemplateText(indices.positions.map { bytes[$0] }, isASCII: true, isMarkup: isMarkup)
        }
        let all = scalars
        return TemplateText(scalars: indices.positions.map { all[$0] }).withMarkup(isMarkup)
    }
}

// MARK: - Case

extension TemplateText {
    func lowercased() -> TemplateText {
        if isASCII {
            return TemplateText(bytes.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }, isASCII: true, isMarkup: isMarkup)
        }
        return replacingBytes(Array(Self.lowered(scalars).utf8))
    }

    func uppercased() -> TemplateText {
        if isASCII {
            return TemplateText(bytes.map { $0 >= 97 && $0 <= 122 ? $0 - 32 : $0 }, isASCII: true, isMarkup: isMarkup)
        }
        var result = ""
        for scalar in scalars { result += scalar.properties.uppercaseMapping }
        return replacingBytes(Array(result.utf8))
    }

    func capitalized() -> TemplateText {
        let all = scalars
        guard let first = all.first else { return self }
        return replacingBytes(
            Array(first.properties.titlecaseMapping.utf8) + Array(Self.lowered(Array(all.dropFirst())).utf8)
        )
    }

    /// `str.title`: the first cased letter of every word is a title letter, the rest are small.
    func titled() -> TemplateText {
        var result = ""
        var previousCased = false
        for scalar in scalars {
            result += previousCased ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            previousCased = scalar.properties.isCased
        }
        return replacingBytes(Array(result.utf8))
    }

    func swappedCase() -> TemplateText {
        var result = ""
        for scalar in scalars {
            let properties = scalar.properties
            result += properties.isUppercase ? properties.lowercaseMapping : properties.uppercaseMapping
        }
        return replacingBytes(Array(result.utf8))
    }

    private static func lowered(_ scalars: [Unicode.Scalar]) -> String {
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\u{3A3}" {
                result += isFinalSigma(scalars, index) ? "\u{3C2}" : "\u{3C3}"
            } else {
                result += scalar.properties.lowercaseMapping
            }
        }
        return result
    }

    /// Unicode's Final_Sigma condition: a cased letter before and none after, ignorable marks aside.
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false)
    }
}

// MARK: - Questions

extension TemplateText {
    /// The `is…` methods of Python's `str`; nil when there is no such question.
    func answer(to question: String) -> Bool? {
        let all = scalars
        switch question {
        case "isascii": return isASCII
        case "isprintable": return all.allSatisfy(Self.isPrintable)
        case "islower": return hasCase(all) { $0.properties.isLowercase }
        case "isupper": return hasCase(all) { $0.properties.isUppercase }
        case "istitle": return !all.isEmpty && titled() == self && all.contains { $0.properties.isCased }
        case "isidentifier": return Self.isIdentifier(all)
        default: break
        }
        guard let accepts = Self.classes[question] else { return nil }
        return !all.isEmpty && all.allSatisfy(accepts)
    }

    private static let classes: [String: @Sendable (Unicode.Scalar) -> Bool] = [
        "isspace": isSpace,
        "isalpha": isLetter,
        "isdigit": { $0.properties.numericType == .decimal || $0.properties.numericType == .digit },
        "isdecimal": { $0.properties.numericType == .decimal },
        "isnumeric": { $0.properties.numericType != nil },
        "isalnum": { isLetter($0) || $0.properties.numericType != nil },
    ]

    private func hasCase(_ all: [Unicode.Scalar], _ wanted: (Unicode.Scalar) -> Bool) -> Bool {
        let cased = all.filter { wanted($0) || $0.properties.isCased }
        return !cased.isEmpty && cased.allSatisfy(wanted)
    }

    static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    static func isIdentifier(_ all: [Unicode.Scalar]) -> Bool {
        guard let first = all.first, first == "_" || first.properties.isXIDStart else { return false }
        return all.allSatisfy { $0.properties.isXIDContinue }
    }

    /// Whether `repr` shows a code point as it is.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}
