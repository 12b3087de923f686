import Foundation
import JSON
import Testing

@testable import Tokenization

/// What the suites about chat templates read: expectations that Python's jinja2 computed.
enum TemplateExpectations {
    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The clock of the oracle: 15 June 2025, 15:06:40 UTC.
    static var options: TemplateRenderOptions {
        TemplateRenderOptions(
            now: { Date(timeIntervalSince1970: 1_750_000_000) },
            timeZone: TimeZone(secondsFromGMT: 0) ?? .current
        )
    }

    static func lines(_ file: URL) throws -> [JSONValue] {
        let text = try String(contentsOf: file, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    static var modelTemplates: URL {
        let given = ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
        let cache = given.map { URL(fileURLWithPath: $0) } ?? packageRoot.appendingPathComponent(".build-testdata")
        return cache.appendingPathComponent("templates-oracle/expected.jsonl")
    }

    /// Whether a rendering did what Python did; otherwise what it did.
    static func difference(_ expected: JSONValue, _ render: () throws(TemplateError) -> String) -> String? {
        do throws(TemplateError) {
            let text = try render()
            guard let wanted = expected["out"]?.stringValue else {
                return "Python failed; here: \(text.debugDescription)"
            }
            if Array(text.utf8) == Array(wanted.utf8) { return nil }
            return "wanted \(wanted.debugDescription), got \(text.debugDescription)"
        } catch {
            if case .raised(let message, _) = error {
                return expected["raised"]?.stringValue == message ? nil : "raised \(message); wanted \(expected)"
            }
            return expected["error"] == nil ? "failed: \(error); wanted \(expected)" : nil
        }
    }
}

@Suite struct ChatTemplateTests {
    @Test func `every published template renders every conversation as Python does`() throws {
        let file = TemplateExpectations.modelTemplates
        guard FileManager.default.fileExists(atPath: file.path) else {
            Issue.record("\(file.path) is missing: run scripts/test-data in the package root to make it")
            return
        }
        let lines = try TemplateExpectations.lines(file)
        let contexts = lines.compactMap { $0["context"]?.objectValue }
        let templates = lines.filter { $0["template"] != nil }
        #expect(templates.count >= 70)
        #expect(contexts.count >= 200)
        for line in templates {
            let name = line["template"]?.stringValue ?? ""
            let template = try ChatTemplate(source: line["source"]?.stringValue ?? "")
            let results = line["results"]?.arrayValue ?? []
            #expect(results.count == contexts.count)
            for (context, expected) in zip(contexts, results) {
                let difference = TemplateExpectations.difference(expected) { () throws(TemplateError) in
                    try template.render(context, options: TemplateExpectations.options)
                }
                if let difference {
                    Issue.record("\(name) with \(JSONValue.object(context).serialized().prefix(300)): \(difference)")
                }
            }
        }
    }

    @Test func `every rule of the language gives what Python gives`() throws {
        let file = TemplateExpectations.packageRoot
            .appendingPathComponent("Tests/TokenizationTests/Fixtures/ChatTemplates/snippets.jsonl")
        let lines = try TemplateExpectations.lines(file)
        #expect(lines.count >= 400)
        for line in lines {
            let source = line["source"]?.stringValue ?? ""
            let context = line["context"]?.objectValue ?? JSONObject()
            let difference = TemplateExpectations.difference(line) { () throws(TemplateError) in
                try ChatTemplate(source: source).render(context, options: TemplateExpectations.options)
            }
            if let difference { Issue.record("\(source.debugDescription): \(difference)") }
        }
    }

    @Test func `what is wrong with a template is told with its line`() {
        #expect(throws: TemplateError.syntax(message: "No filter named 'nope'.", line: 2)) {
            try ChatTemplate(source: "\n{{ x|nope }}")
        }
        #expect(throws: TemplateError.undefined(message: "'dict object' has no attribute 'b'", line: 3)) {
            try ChatTemplate(source: "a\n\n{{ a.b.c }}").render(["a": [:]])
        }
        #expect(throws: TemplateError.raised(message: "Only user roles", line: 1)) {
            try ChatTemplate(source: "{{ raise_exception('Only user roles') }}").render([:])
        }
        #expect(
            throws: TemplateError.forbidden(
                message: "access to attribute 'append' of 'list' object is unsafe.",
                line: 1
            )
        ) {
            try ChatTemplate(source: "{{ [].append(1) }}").render([:])
        }
    }

    @Test func `time is told by the injected clock in the given zone`() throws {
        let template = try ChatTemplate(source: "{{ strftime_now('%d %b %Y %H:%M') }}")
        var options = TemplateExpectations.options
        #expect(try template.render([:], options: options) == "15 Jun 2025 15:06")
        options.timeZone = TimeZone(secondsFromGMT: -16 * 3600) ?? .current
        #expect(try template.render([:], options: options) == "14 Jun 2025 23:06")
    }

    @Test func `capabilities are found by trial`() throws {
        let flat = try ChatTemplate(
            source: "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ tools }}"
        )
        #expect(flat.capabilities.supportsTools)
        #expect(flat.capabilities.supportsSystemRole)
        #expect(!flat.capabilities.expectsContentParts)
        #expect(!flat.capabilities.supportsThinkingSwitch)
        let parts = try ChatTemplate(
            source: """
                {% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}
                {% if m.content is string %}{{ m.content }}{% else %}
                {% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}
                {% if enable_thinking %}<think>{% endif %}{% endfor %}
                """
        )
        #expect(parts.capabilities.expectsContentParts)
        #expect(!parts.capabilities.supportsSystemRole)
        #expect(!parts.capabilities.supportsTools)
        #expect(parts.capabilities.supportsThinkingSwitch)
    }
}
