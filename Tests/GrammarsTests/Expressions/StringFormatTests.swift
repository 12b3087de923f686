import Grammars
import Testing

@Suite struct StringFormatTests {
    private func automaton(_ name: String, _ encoding: CharacterEncoding = .utf8) throws -> ByteAutomaton {
        try #require(try StringFormat.automaton(named: name, encoding: encoding, budget: 100_000))
    }

    @Test(arguments: [
        (
            "date", ["2024-02-29", "2000-02-29", "0000-02-29", "1999-12-31"],
            ["2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "24-01-01"]
        ),
        (
            "time", ["00:00:00Z", "23:59:59.999+23:59", "23:59:60z", "15:59:60-08:00", "05:14:60.5+05:15"],
            ["24:00:00Z", "12:00:60Z", "12:00:00", "23:59:60+01:00", "1:00:00Z"]
        ),
        (
            "date-time", ["2024-02-29T12:00:00Z", "1990-12-31t23:59:60Z"],
            ["2024-02-30T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29T12:00Z"]
        ),
        ("duration", ["P1Y2M3DT4H5M6S", "PT0S", "P4W", "P1D"], ["P", "PT", "P1Y2D", "P1W2D", "1D", "P1S"]),
        (
            "uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
            ["2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g"]
        ),
        (
            "email", ["joe.bloggs@example.com", "\"a b\"@x.de", "a@[127.0.0.1]", "a@[IPv6:::1]"],
            [".a@b.c", "a..b@c.d", "a@", "@b", "a@-b.c"]
        ),
        ("hostname", ["a", "www.example.com", "a-b.c1"], ["-a", "a-", "a..b", "a_b", "", "é.de"]),
        ("ipv4", ["0.0.0.0", "255.249.199.99"], ["256.0.0.0", "1.2.3", "01.2.3.4", "1.2.3.4.5"]),
        (
            "ipv6", ["::", "::1", "1:2:3:4:5:6:7:8", "1::8", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::"],
            ["1:2:3:4:5:6:7", ":::", "1::2::3", "12345::", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9"]
        ),
        (
            "uri", ["http://u@h:80/p/q?a=b#c", "urn:a:b", "http://[::1]/", "mailto:a@b.c"],
            ["//h/p", "http://[::1/", "a b:c", "%41:b", "http://a\\b"]
        ),
        ("uri-reference", ["//h/p", "a/b?c#d", "", "#x"], ["a\\b", "[a]", "1:2"]),
        ("iri", ["http://ƒøø.ßår/?∂éœ=πîx#πîüx"], ["ƒøø", "http://\u{E000}"]),
        ("uri-template", ["http://e.com/{term:1}/{+path}{?q*,r}", ""], ["{", "{a", "{a,}", "{a:0}", "a b"]),
        ("json-pointer", ["", "/a~1b/~0", "//", "/é"], ["a", "/~2", "/~"]),
        ("relative-json-pointer", ["0", "1/a", "12#"], ["", "01", "-1/a", "0##", "/a"]),
        ("byte", ["", "YQ==", "YWI=", "YWJj"], ["YQ", "YQ=", "Y===", "Y Q="]),
    ])
    func `formats are their RFCs'`(name: String, yes: [String], no: [String]) throws {
        let automaton = try automaton(name)
        for text in yes { #expect(automaton.accepts(text.utf8), "\(name): \(text)") }
        for text in no { #expect(!automaton.accepts(text.utf8), "\(name): \(text)") }
    }

    @Test func `every day of four centuries is a date, and no other`() throws {
        let dates = try automaton("date")
        let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        var wrong: [String] = []
        for year in 1800..<2200 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for month in 1...12 {
                let last = days[month - 1] + (month == 2 && isLeap ? 1 : 0)
                for day in 28...32 {
                    let text = "\(year)-\(twoDigits(month))-\(twoDigits(day))"
                    if dates.accepts(text.utf8) != (day <= last) { wrong.append(text) }
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func `a name that is no format has no automaton`() throws {
        #expect(try StringFormat.automaton(named: "colour", encoding: .utf8, budget: 1000) == nil)
    }

    @Test func `formats are escaped within JSON strings`() throws {
        #expect(try automaton("email", .jsonString).accepts(#"\"a b\"@x.de"#.utf8))
        #expect(try !automaton("email", .jsonString).accepts(#""a b"@x.de"#.utf8))
        #expect(try automaton("json-pointer", .jsonString).accepts(#"/\"\\\n"#.utf8))
    }

    @Test func `formats keep to their budget, also when they are known`() throws {
        for _ in 0..<2 {
            #expect(throws: GrammarError.self) { try StringFormat.automaton(named: "uri", encoding: .utf8, budget: 50) }
            #expect(try automaton("uri").stateCount > 50)
        }
    }
}
