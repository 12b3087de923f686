/// A Python string: UTF-8 bytes that are compared byte by byte and counted in code points.
///
/// Not `String`: that compares by canonical equivalence and counts grapheme clusters, and a template that slices or
/// compares would then differ from Python on accented text.
struct TemplateText: Sendable, Hashable {
    let bytes: [UInt8]
    /// Whether code points are bytes, which makes indexing constant-time.
    let isASCII: Bool
    /// Whether this is Jinja's `Markup` (after `|safe` or `|escape`), which escapes what is joined to it.
    let isMarkup: Bool

    static let empty = TemplateText(ascii: [])

    init(_ bytes: [UInt8], isMarkup: Bool = false) {
        self.bytes = bytes
        isASCII = bytes.withUnsafeBufferPointer { buffer in
            var union: UInt8 = 0
            for byte in buffer { union |= byte }
            return union < 0x80
        }
        self.isMarkup = isMarkup
    }

    /// Bytes that are known to be below 128.
    init(ascii bytes: [UInt8]) {
        self.init(bytes, isASCII: true, isMarkup: false)
    }

    init(_ string: String) {
        self.init(Array(string.utf8))
    }

    init(scalars: some Sequence<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(String(view))
    }

    init(_ bytes: [UInt8], isASCII: Bool, isMarkup: Bool) {
        self.bytes = bytes
        self.isASCII = isASCII
        self.isMarkup = isMarkup
    }

    static func == (left: TemplateText, right: TemplateText) -> Bool { left.bytes == right.bytes }

    func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
    var isEmpty: Bool { bytes.isEmpty }
    var scalars: [Unicode.Scalar] { Array(string.unicodeScalars) }

    /// The length that Python's `len` gives.
    var scalarCount: Int {
        if isASCII { return bytes.count }
        return bytes.withUnsafeBufferPointer { buffer in
            var count = 0
            for byte in buffer where byte & 0xC0 != 0x80 { count += 1 }
            return count
        }
    }

    func withMarkup(_ markup: Bool) -> TemplateText { TemplateText(bytes, isASCII: isASCII, isMarkup: markup) }

    /// The same kind of string (plain or markup) with other bytes.
    func replacingBytes(_ newBytes: [UInt8]) -> TemplateText { TemplateText(newBytes, isMarkup: isMarkup) }

    /// The piece between two byte offsets, which must lie between code points.
    func piece(_ range: Range<Int>) -> TemplateText {
        if range.lowerBound == 0, range.upperBound == bytes.count { return self }
        if isASCII { return TemplateText(Array(bytes[range]), isASCII: true, isMarkup: isMarkup) }
        return TemplateText(Array(bytes[range]), isMarkup: isMarkup)
    }

    /// The byte offset of a code point, from 0 up to and including the length.
    func byteOffset(ofScalar index: Int) -> Int {
        if isASCII { return index }
        var remaining = index
        var offset = 0
        while remaining > 0, offset < bytes.count {
            offset += Self.length(ofLead: bytes[offset])
            remaining -= 1
        }
        return offset
    }

    /// How many code points stand before a byte offset.
    func scalarIndex(ofByte offset: Int) -> Int {
        if isASCII { return offset }
        var count = 0
        for byte in bytes[0..<offset] where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    static func length(ofLead byte: UInt8) -> Int {
        byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
    }

    /// The code point that begins at a byte offset, and its length in bytes.
    func scalar(at offset: Int) -> (Unicode.Scalar, length: Int) {
        let lead = bytes[offset]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = min(Self.length(ofLead: lead), bytes.count - offset)
        var value = UInt32(lead) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
        for byte in bytes[(offset + 1)..<(offset + length)] { value = value << 6 | UInt32(byte & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
    }

    /// The code point that ends at a byte offset, and its length in bytes.
    func scalar(before offset: Int) -> (Unicode.Scalar, length: Int) {
        var start = offset - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }

    static func concatenation(_ left: TemplateText, _ right: TemplateText) -> TemplateText {
        var bytes = [UInt8]()
        bytes.reserveCapacity(left.bytes.count + right.bytes.count)
        bytes += left.bytes
        bytes += right.bytes
        return TemplateText(bytes, isASCII: left.isASCII && right.isASCII, isMarkup: left.isMarkup)
    }
}

// MARK: - Searching

extension TemplateText {
    /// The first byte offset at or after `start` where `needle` begins, before `end`.
    ///
    /// Linear in the worst case: a long needle goes through Knuth, Morris and Pratt's automaton, because both texts
    /// may come from a caller who wishes us ill.
    func firstOffset(of needle: [UInt8], from start: Int = 0, to end: Int? = nil) -> Int? {
        let end = end ?? bytes.count
        if needle.isEmpty { return start <= end ? start : nil }
        if end - start < needle.count { return nil }
        if needle.count > 16 { return automatonOffset(of: needle, from: start, to: end) }
        return bytes.withUnsafeBufferPointer { hay in
            needle.withUnsafeBufferPointer { pin in
                let first = pin[0]
                var offset = start
                let last = end - pin.count
                while offset <= last {
                    if hay[offset] == first {
                        var matched = 1
                        while matched < pin.count, hay[offset + matched] == pin[matched] { matched += 1 }
                        if matched == pin.count { return offset }
                    }
                    offset += 1
                }
                return nil
            }
        }
    }

    private func automatonOffset(of needle: [UInt8], from start: Int, to end: Int) -> Int? {
        var fallback = [Int](repeating: 0, count: needle.count)
        var length = 0
        for index in 1..<needle.count {
            while length > 0, needle[index] != needle[length] { length = fallback[length - 1] }
            if needle[index] == needle[length] { length += 1 }
            fallback[index] = length
        }
        length = 0
        for index in start..<end {
            while length > 0, bytes[index] != needle[length] { length = fallback[length - 1] }
            if bytes[index] == needle[length] { length += 1 }
            if length == needle.count { return index - needle.count + 1 }
        }
        return nil
    }

    /// All byte offsets where `needle` begins, from the left and without overlaps.
    func offsets(of needle: [UInt8], from start: Int = 0, to end: Int? = nil, limit: Int = .max) -> [Int] {
        var found: [Int] = []
        var position = start
        while found.count < limit, let offset = firstOffset(of: needle, from: position, to: end) {
            found.append(offset)
            position = offset + needle.count
        }
        return found
    }

    /// The last byte offset where `needle` begins, wholly within the range.
    func lastOffset(of needle: [UInt8], from start: Int = 0, to end: Int? = nil) -> Int? {
        let reversed = TemplateText(Array(bytes.reversed()), isASCII: true, isMarkup: false)
        let end = end ?? bytes.count
        let size = bytes.count
        guard let offset = reversed.firstOffset(of: Array(needle.reversed()), from: size - end, to: size - start) else {
            return nil
        }
        return size - offset - needle.count
    }

    func hasPrefix(_ prefix: [UInt8], at start: Int = 0) -> Bool {
        start + prefix.count <= bytes.count && bytes[start..<(start + prefix.count)].elementsEqual(prefix)
    }

    func hasSuffix(_ suffix: [UInt8]) -> Bool {
        suffix.count <= bytes.count && bytes[(bytes.count - suffix.count)...].elementsEqual(suffix)
    }

    func contains(_ needle: TemplateText) -> Bool { firstOffset(of: needle.bytes) != nil }
}

// MARK: - Order

extension TemplateText: Comparable {
    /// Python orders strings by code point, which is the order of their UTF-8 bytes.
    static func < (left: TemplateText, right: TemplateText) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
