/// Filters on text that are more than one of Python's string methods.
enum TemplateTextFilters {
    /// Jinja's `title`: words begin after blanks, hyphens and opening brackets.
    static func titled(_ text: TemplateText) -> TemplateText {
        var result = ""
        var atStart = true
        var word: [Unicode.Scalar] = []
        func flush() {
            guard let first = word.first else { return }
            result += first.properties.uppercaseMapping
            result += TemplateText(scalars: word.dropFirst()).lowercased().string
            word = []
        }
        for scalar in text.scalars {
            let separates = TemplateText.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
            if separates != atStart, !word.isEmpty, separates { flush() }
            if separates { result.unicodeScalars.append(scalar) } else { word.append(scalar) }
            atStart = separates
        }
        flush()
        return text.replacingBytes(Array(result.utf8))
    }

    static func indented(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        let values = try arguments.bound(to: ["width", "first", "blank"], required: 0, of: "indent")
        guard let text = value.asText else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw .failure("unsupported operand type(s) for +=: '\(value.shortTypeName)' and 'str'")
        }
        var margin: [UInt8] = []
        if let given = values[0]?.asText {
            margin = given.bytes
        } else {
            let width = max(0, values[0]?.asInteger ?? 4)
            try meter.charge(bytes: width)
            margin = [UInt8](repeating: 32, count: width)
        }
        let indentsBlank = values[2]?.isTrue ?? false
        let lines = text.replacingBytes(text.bytes + [10]).lines()
        try meter.charge(bytes: text.bytes.count)
        try meter.charge(bytes: margin.count, times: lines.count)
        var result = values[1]?.isTrue ?? false ? margin : []
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result.append(10)
                if indentsBlank || !line.isEmpty { result += margin }
            }
            result += line.bytes
        }
        return text.replacingBytes(result)
    }

    static func truncated(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try arguments.bound(to: ["length", "killwords", "end", "leeway"], required: 0, of: "truncate")
        let length = values[0]?.asInteger ?? 255
        let end = values[2]?.asText ?? TemplateText("...")
        let leeway = values[3]?.asInteger ?? 5
        let text = try value.text()
        if length < end.scalarCount { throw .failure("expected length >= \(end.scalarCount), got \(length)") }
        if leeway < 0 { throw .failure("expected leeway >= 0, got \(leeway)") }
        if text.scalarCount - leeway <= length { return value }
        let head = text.piece(0..<text.byteOffset(ofScalar: length - end.scalarCount))
        let kept = values[1]?.isTrue ?? false ? head : head.splitFromRight(at: TemplateText(" "), limit: 1)[0]
        return .text(.concatenation(kept, end))
    }

    static func wordCount(_ text: TemplateText) -> Int {
        var count = 0
        var inWord = false
        for scalar in text.scalars {
            let isWord = scalar == "_" || TemplateText.isLetter(scalar) || scalar.properties.numericType != nil
            if isWord, !inWord { count += 1 }
            inWord = isWord
        }
        return count
    }

    static func wrapped(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> TemplateText {
        let values = try arguments.bound(
            to: ["width", "break_long_words", "wrapstring", "break_on_hyphens"],
            required: 0,
            of: "wordwrap"
        )
        let width = values[0]?.asInteger ?? 79
        if width <= 0 { throw .failure("invalid width \(width) (must be > 0)") }
        let separator = values[2]?.asText ?? TemplateText("\n")
        let wrapper = TemplateLineWrapper(
            width: width,
            breaksWords: values[1]?.isTrue ?? true,
            breaksHyphens: values[3]?.isTrue ?? true
        )
        var lines: [TemplateText] = []
        for line in try value.text().lines() {
            lines.append(try TemplateStringMethod.joined(wrapper.lines(of: line), by: separator, meter))
        }
        return try TemplateStringMethod.joined(lines, by: separator, meter)
    }

    static func fileSize(_ value: TemplateValue, _ arguments: TemplateCallArguments) throws(TemplateError) -> String {
        let isBinary = try arguments.bound(to: ["binary"], required: 0, of: "filesizeformat")[0]?.isTrue ?? false
        guard let size = value.asDouble ?? value.asText.flatMap(TemplateNumbers.float(of:)), size.isFinite else {
            throw .failure("could not convert to a number of bytes")
        }
        if size == 1 { return "1 Byte" }
        let base = isBinary ? 1024.0 : 1000.0
        if size < base { return "\(Int(exactly: size.rounded(.towardZero)) ?? 0) Bytes" }
        let letters =
            isBinary ? ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] : ["k", "M", "G", "T", "P", "E", "Z", "Y"]
        var unit = base
        for letter in letters {
            unit *= base
            if size < unit || letter == letters.last {
                return TemplateFormat.number(base * size / unit, "f", precision: 1) + " \(letter)B"
            }
        }
        return ""
    }
}

/// Breaks a line at blanks (and after hyphens) as Python's `textwrap.wrap` does.
struct TemplateLineWrapper {
    let width: Int
    let breaksWords: Bool
    let breaksHyphens: Bool

    /// The pieces between which a line may break: words, with their hyphens, and runs of blanks.
    private func chunks(of line: TemplateText) -> [[Unicode.Scalar]] {
        var chunks: [[Unicode.Scalar]] = []
        let all = line.scalars
        for (index, scalar) in all.enumerated() {
            let isBlank = TemplateText.isSpace(scalar)
            guard var last = chunks.popLast() else {
                chunks.append([scalar])
                continue
            }
            let lastIsBlank = last.last.map(TemplateText.isSpace) ?? false
            let afterHyphen =
                breaksHyphens && last.last == "-" && last.count > 2 && TemplateText.isLetter(scalar)
                && TemplateText.isLetter(last[last.count - 2]) && index + 1 < all.count
            if isBlank == lastIsBlank, !afterHyphen {
                last.append(scalar)
                chunks.append(last)
            } else {
                chunks.append(last)
                chunks.append([scalar])
            }
        }
        return chunks
    }

    func lines(of line: TemplateText) -> [TemplateText] {
        var lines: [TemplateText] = []
        var rest = Array(chunks(of: line).reversed())
        func isBlank(_ chunk: [Unicode.Scalar]) -> Bool { chunk.allSatisfy(TemplateText.isSpace) }
        while !rest.isEmpty {
            var current: [[Unicode.Scalar]] = []
            var length = 0
            if let next = rest.last, isBlank(next), !lines.isEmpty { rest.removeLast() }
            while let next = rest.last, length + next.count <= width {
                length += next.count
                current.append(rest.removeLast())
            }
            if let next = rest.last, next.count > width {
                let room = width - length
                if breaksWords, room > 0 {
                    current.append(Array(next.prefix(room)))
                    rest[rest.count - 1] = Array(next.dropFirst(room))
                } else if current.isEmpty {
                    current.append(rest.removeLast())
                }
            }
            if let last = current.last, isBlank(last) { current.removeLast() }
            if !current.isEmpty { lines.append(TemplateText(scalars: current.joined())) }
        }
        return lines
    }
}
