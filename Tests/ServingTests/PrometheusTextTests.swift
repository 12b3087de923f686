import Testing

@testable import Serving

@Suite struct PrometheusTextTests {
    @Test func `labels are escaped and numbers plain`() {
        var text = PrometheusText()
        text.begin("a", .gauge, "Help.")
        text.sample("a", [("b", "x\"\\\n")], 2.5)
        text.sample("a", [], 3)
        #expect(text.text == "# HELP a Help.\n# TYPE a gauge\na{b=\"x\\\"\\\\\\n\"} 2.5\na 3\n")
    }

    @Test func `an accent hides nothing that must be escaped`() {
        var text = PrometheusText()
        text.sample("a", [("b", "\"\u{301}\\\u{301}\n\u{301}\r\n")], 1)
        #expect(Array(text.text.utf8) == Array("a{b=\"\\\"\u{301}\\\\\u{301}\\n\u{301}\r\\n\"} 1\n".utf8))
    }
}
