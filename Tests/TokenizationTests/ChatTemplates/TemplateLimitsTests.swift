import Foundation
import JSON
import Testing

@testable import Tokenization

@Suite struct TemplateLimitsTests {
    /// Templates that would use up a machine, and the limit that stops each.
    static let hostile: [(String, TemplateLimits.Name)] = [
        ("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", .steps),
        ("{{ 'a' * 10 ** 12 }}", .createdBytes),
        ("{{ [1] * 10 ** 12 }}", .sequenceCount),
        (
            "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            .createdBytes
        ),
        (
            "{% set ns = namespace(x=[]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            .createdBytes
        ),
        (
            "{% set ns = namespace(x=[]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
                + "{% endfor %}{{ ns.x|tojson }}",
            .createdBytes
        ),
        ("{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}", .valueDepth),
        (
            "{% set ns = namespace(x='abc') %}{% for i in range(90000) %}{% set ns.x = ns.x|map('upper') %}"
                + "{% endfor %}",
            .valueDepth
        ),
        ("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", .valueDepth),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", .callDepth),
        ("{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}", .callDepth),
        ("{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", .outputBytes),
        ("{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", .createdBytes),
        ("{{ 'x'|center(10 ** 12) }}", .createdBytes), ("{{ 'x'|indent(10 ** 12) }}", .createdBytes),
        ("{{ 'x'.zfill(10 ** 15) }}", .createdBytes), ("{{ [1]|tojson(indent=10 ** 12) }}", .createdBytes),
        ("{{ [1]|batch(10 ** 12, 0)|list }}", .sequenceCount), ("{{ [1]|slice(10 ** 12)|list }}", .sequenceCount),
    ]

    @Test(arguments: hostile)
    func `a template that would never end or fit is stopped`(source: String, wanted: TemplateLimits.Name) throws {
        let template = try ChatTemplate(source: source)
        do throws(TemplateError) {
            var options = TemplateRenderOptions()
            // Less than the defaults, so that slow builds arrive at them soon.
            options.limits.steps = 1_000_000
            options.limits.outputBytes = 1 << 20
            options.limits.createdBytes = 8 << 20
            _ = try template.render([:], options: options)
            Issue.record("\(source) ended")
        } catch {
            guard case .limitExceeded(let name, _, let line) = error else {
                Issue.record("\(source): \(error)")
                return
            }
            #expect(name == wanted, "\(source)")
            #expect(line == 1)
        }
    }

    /// The least and the greatest integer.
    private static let extremes: JSONObject = ["least": .integer(.min), "most": .integer(.max)]

    @Test(arguments: [
        "{{ 1.5|round(-9223372036854775807 - 1) }}", "{{ '%*d' % (-9223372036854775807 - 1, 5) }}",
        "{{ '%.*f' % (least, 1.5) }}", "{{ -least }}", "{{ least|abs }}", "{{ least // -1 }}", "{{ least * -1 }}",
        "{{ least - 1 }}", "{{ most + 1 }}", "{{ most ** 2 }}", "{{ [1]|sum(start=most) }}", "{{ range(least, most) }}",
        "{{ range(most) }}", "{{ range(0, most, most - 1)[2:] }}", "{{ range(0, 9, 2)[::most] }}",
    ])
    func `integers beyond 64 bits are errors`(source: String) throws {
        let template = try ChatTemplate(source: source)
        let error = try #require(throws: TemplateError.self) { try template.render(Self.extremes) }
        guard case .operation = error else {
            Issue.record("\(source): \(error)")
            return
        }
    }

    @Test(arguments: [
        ("{{ least % -1 }}", "0"), ("{{ least // 1 }}", "-9223372036854775808"), ("{{ 'abc'[::most] }}", "a"),
        ("{{ 'abc'[::least] }}", "c"), ("{{ 'abc'[least:most] }}", "abc"), ("{{ 'ab' * least }}", ""),
        ("{{ [1, 2][least] }}", ""), ("{{ 'abc'.find('a', least, most) }}", "0"), ("{{ 'abc'.ljust(least) }}", "abc"),
        ("{{ '%.*s' % (-1, 'abc') }}", ""), ("{{ '%*d|' % (-3, 5) }}", "5  |"), ("{{ 'abc'|truncate(most) }}", "abc"),
        ("{{ 'a b'|replace(' ', '-', least) }}", "a-b"), ("{{ [1]|slice(least)|list }}", "[]"),
    ])
    func `the least and the greatest integer count as any other`(source: String, text: String) throws {
        #expect(try ChatTemplate(source: source).render(Self.extremes) == text)
    }

    @Test func `a negative size gives back none of the steps that were taken`() throws {
        var options = TemplateRenderOptions()
        options.limits.steps = 10_000
        let template = try ChatTemplate(
            source: "{% for i in range(9000) %}{% set x = 1|tojson(indent=least) %}{% endfor %}"
        )
        let error = try #require(throws: TemplateError.self) { try template.render(Self.extremes, options: options) }
        guard case .limitExceeded(.steps, _, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(arguments: ["(", "[", "{1:", "{% if 1 %}", "{% for i in x %}", "-", "not ", "x if "])
    func `nesting is bounded while reading`(opener: String) {
        let nested = String(repeating: opener, count: 20_000)
        let source = opener.hasPrefix("{%") ? nested : "{{ " + nested + "1 }}"
        #expect(throws: TemplateError.self) { try ChatTemplate(source: source) }
    }

    @Test(arguments: [" + 1", ".a", "|upper", " and x", "[0]", " is odd", "()", " ~ 1", " < 2"])
    func `long chains are bounded or flat`(link: String) {
        let source = "{{ x" + String(repeating: link, count: 20_000) + " }}"
        do throws(TemplateError) {
            _ = try ChatTemplate(source: source)
        } catch {
            if case .limitExceeded = error { return }
            if case .syntax("You cannot chain multiple tests with is", _) = error { return }
            Issue.record("\(link): \(error)")
        }
    }

    @Test func `the deepest template and value fit a small stack`() async throws {
        let depth = TemplateLimits.nestingDepth / 2 - 1
        let source =
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(190) }}"
            + "{{ " + String(repeating: "(", count: depth) + "1" + String(repeating: " + 1)", count: depth) + " }}"
            + "{{ x" + String(repeating: "|string", count: TemplateLimits.expressionDepth - 3)
            + " }}{{ deep|tojson }}{{ deep }}{{ deep == deep }}"
        var deep: JSONValue = 1
        for _ in 0..<180 { deep = [deep] }
        let context: JSONObject = ["deep": deep, "x": 5]
        let outcome = try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(with: Result { try ChatTemplate(source: source).render(context) })
            }
            #if DEBUG
                // Frames of unoptimised code are some five times larger.
                thread.stackSize = 2 << 20
            #else
                thread.stackSize = 512 << 10
            #endif
            thread.start()
        }
        #expect(outcome.hasPrefix("\(depth + 1)5[["))
        #expect(outcome.hasSuffix("True"))
    }
}

/// Numbers that are the same in every run.
struct TemplateSeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite struct TemplateFuzzTests {
    private static let pieces = [
        "{% for x in messages %}", "{% for x in y if x recursive %}", "{% endfor %}", "{% if a %}", "{% else %}",
        "{% endif %}",
        "{% set x = 1 %}", "{% set ns.x = ns %}", "{% set ns = namespace(x=[]) %}", "{% macro f(a, b=1) %}",
        "{% endmacro %}",
        "{{ f(1) }}", "{{ loop(x) }}", "{{ x.y[1:2] }}", "{{ 'é%s'|format(x) }}", "{{ x|map('upper')|list }}",
        "{% break %}",
        "{{ messages|tojson(indent=2) }}", "{% call f(1) %}", "{% endcall %}", "{{ caller() }}", "{% filter upper %}",
        "{% endfilter %}", "{{ [1, {'a': (2,)}] ~ ns }}", "{{ x ** 9 // 7 % -3 }}", "{{ range(99)|batch(7)|list }}",
        "{# c #}",
        "{%- raw %}", "{% endraw -%}", "text é\n", "{{ '{0:>9}'.format(x) }}", "{% set q %}", "{% endset %}",
        "{{ q[::-1] }}",
        "{% with a = 1 %}", "{% endwith %}", "{{ loop.length }}", "{{ a is in b }}", "{{ ns.x|sort|unique|sum }}",
        "{% block b %}",
        "{% endblock %}", "{% generation %}", "{% endgeneration %}", "{{ (", "}}", "{%", "%}", "'", "|", "is not", "\\",
    ]

    @Test(arguments: 1...20)
    func `random templates end with a text or an error`(seed: Int) throws {
        var random = TemplateSeededGenerator(state: UInt64(seed))
        var options = TemplateExpectations.options
        options.limits.steps = 20_000
        options.limits.createdBytes = 1 << 20
        var parsedCount = 0
        for _ in 0..<400 {
            var source = ""
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                source += Self.pieces.randomElement(using: &random) ?? ""
            }
            do throws(TemplateError) {
                let template = try ChatTemplate(source: source)
                parsedCount += 1
                let context: JSONObject = [
                    "messages": [["role": "user", "content": "hi"], "x", 5], "x": "é", "y": [[1], []],
                ]
                _ = try template.render(context, options: options)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(parsedCount > 0)
    }

    @Test(arguments: 1...10)
    func `damaged snippets end with a text or an error`(seed: Int) throws {
        var random = TemplateSeededGenerator(state: UInt64(seed) &* 7919)
        let file = TemplateExpectations.packageRoot
            .appendingPathComponent("Tests/TokenizationTests/Fixtures/ChatTemplates/snippets.jsonl")
        let sources = try TemplateExpectations.lines(file).compactMap { $0["source"]?.stringValue }
        var options = TemplateExpectations.options
        options.limits.steps = 20_000
        options.limits.createdBytes = 1 << 20
        for source in sources {
            var scalars = Array(source.unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &random) where !scalars.isEmpty {
                let index = Int.random(in: 0..<scalars.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: scalars.remove(at: index)
                case 1: scalars.insert("({[|%'}].:é0 ".unicodeScalars.randomElement(using: &random) ?? " ", at: index)
                default: scalars.swapAt(index, Int.random(in: 0..<scalars.count, using: &random))
                }
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            do throws(TemplateError) {
                _ = try ChatTemplate(source: String(view)).render(["x": [1, "a"], "messages": []], options: options)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }
}
