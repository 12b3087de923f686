import Foundation
import Testing

@testable import Tokenization

@Suite struct UnicodeTests {
    @Test func `scalars have the categories of the standard`() {
        let expected: [(Unicode.Scalar, CategoryMask)] = [
            ("A", .uppercase), ("a", .lowercase), ("ǅ", .titlecase), ("ʰ", .modifierLetter), ("中", .otherLetter),
            ("\u{301}", .nonspacingMark), ("\t", .whiteControl), ("\u{85}", .whiteControl), ("😀", .otherSymbol),
            ("\u{10FFFF}", .unassigned), ("\u{378}", .unassigned),
        ]
        for (scalar, category) in expected {
            #expect(UnicodeProperties.category(of: scalar.value) == category, "\(scalar)")
        }
        let groups: [(Unicode.Scalar, CategoryMask)] = [
            ("7", .numbers), ("Ⅷ", .numbers), ("½", .numbers), ("!", .punctuation), ("_", .punctuation),
            ("¿", .punctuation), ("+", .symbols), ("€", .symbols), ("\u{3000}", .whitespace), (" ", .separators),
        ]
        for (scalar, group) in groups {
            #expect(!UnicodeProperties.category(of: scalar.value).isDisjoint(with: group), "\(scalar)")
        }
    }

    @Test func `letters, numbers and white space agree with the standard library's tables`() {
        for value in UInt32(0)..<0x3_0000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let ours = UnicodeProperties.category(of: value)
            if ours == .unassigned || scalar.properties.generalCategory == .unassigned { continue }
            #expect(
                ours.isDisjoint(with: .whitespace) == !scalar.properties.isWhitespace,
                "U+\(String(value, radix: 16))"
            )
            if scalar.properties.generalCategory == .decimalNumber { #expect(!ours.isDisjoint(with: .numbers)) }
        }
    }

    @Test func `marks, punctuation and controls younger than Unicode 8 were none of these`() {
        let marks: [(UInt32, Bool)] = [
            (0x301, true), (0x5B0, true), (0x1885, false), (0x898, false), (0x1DF6, false), (0x1734, true),
            (0x1171E, true), (0xA9BD, false), (0x111C9, false), (0x1E944, false), (0x41, false),
        ]
        for (scalar, was) in marks { #expect(UnicodeProperties.wasInUnicode8(scalar, .nonspacingMark) == was) }
        let punctuation: [(UInt32, Bool)] = [
            (0x21, true), (0x2014, true), (0x2E42, true), (0x2E43, false), (0x166D, true), (0x111C9, true),
            (0x61D, false), (0x2E5D, false), (0x2B, false), (0x11_00C3, false),
        ]
        for (scalar, was) in punctuation { #expect(UnicodeProperties.wasInUnicode8(scalar, .punctuation) == was) }
        #expect(UnicodeProperties.wasInUnicode8(0x200B, .other) && !UnicodeProperties.wasInUnicode8(0x8E2, .other))
        #expect(UnicodeProperties.wasInUnicode8(0xE000, .other))
    }

    @Test func `composed and decomposed texts are those of Foundation`() {
        let texts = [
            "e\u{301}", "é", "a\u{323}\u{307}", "a\u{307}\u{323}", "ẛ̣", "한국어", "\u{1112}\u{1161}\u{11AB}", "Å", "Ω",
            "\u{1D15E}", "q\u{307}\u{323}x", "ﬁ ﷺ ①", "plain", "\u{0F73}\u{0F71}",
        ]
        for text in texts {
            let bytes = Array(text.utf8)
            #expect(string(bytes, .composed) == text.precomposedStringWithCanonicalMapping)
            #expect(string(bytes, .decomposed) == text.decomposedStringWithCanonicalMapping)
            #expect(string(bytes, .compatibilityComposed) == text.precomposedStringWithCompatibilityMapping)
        }
    }

    @Test func `bytes that are no characters survive normalising`() {
        let bytes: [UInt8] = [0xFF, 0x65, 0xCC, 0x81, 0xE2, 0x82]
        #expect(UnicodeNormalization.normalize(bytes, to: .composed) == [0xFF, 0xC3, 0xA9, 0xE2, 0x82])
    }

    @Test func `lower case maps one scalar at a time`() {
        #expect(String(decoding: UnicodeNormalization.lowercase(Array("ÀΣİß".utf8)), as: UTF8.self) == "àσi\u{307}ß")
    }

    private func string(_ bytes: [UInt8], _ form: UnicodeNormalization.Form) -> String {
        String(decoding: UnicodeNormalization.normalize(bytes, to: form), as: UTF8.self)
    }
}
