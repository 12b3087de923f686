package import Foundation
package import JSON

/// What one rendering may be told besides its context.
package struct TemplateRenderOptions: Sendable {
    /// How much the rendering may do.
    package var limits: TemplateLimits
    /// The clock behind `strftime_now`.
    package var now: @Sendable () -> Date
    /// The zone in which `strftime_now` tells the time.
    package var timeZone: TimeZone

    package init(
        limits: TemplateLimits = TemplateLimits(),
        now: @escaping @Sendable () -> Date = { Date() },
        timeZone: TimeZone = .current
    ) {
        self.limits = limits
        self.now = now
        self.timeZone = timeZone
    }
}

/// A model's chat template: Jinja that turns a conversation into the text of a prompt.
///
/// The language is Jinja 3.1 as Hugging Face's `apply_chat_template` sets it up: the immutable sandbox with
/// `trim_blocks`, `lstrip_blocks`, loop controls, `{% generation %}`, `raise_exception`, `strftime_now` and a `tojson`
/// that is `json.dumps`. Results are the same byte for byte. `docs/chat-templates.md` lists what is left out.
///
/// A template is parsed once and can be rendered from many tasks at once. Rendering takes time linear in what the
/// template does, holds no native stack worth naming, and is bounded by `TemplateLimits`.
package struct ChatTemplate: Sendable {
    /// The template's text.
    package let source: String
    /// What the template does with a conversation.
    package let capabilities: TemplateCapabilities
    private let program: TemplateProgram

    /// Parses a template.
    package init(source: String) throws(TemplateError) {
        self.source = source
        var parser = try TemplateParser(source: source)
        let body = try parser.parse()
        let program = try TemplateCompiler.compile(body)
        self.program = program
        capabilities = TemplateCapabilities(body: body) { context, options throws(TemplateError) in
            try Self.render(program, context, options)
        }
    }

    /// Renders a conversation.
    ///
    /// - Parameter context: the names a template may use: `messages`, `tools`, `documents`, `add_generation_prompt`,
    ///   `bos_token`, `eos_token` and whatever the caller passes as template arguments. What is not there is undefined.
    package func render(
        _ context: JSONObject,
        options: TemplateRenderOptions = TemplateRenderOptions()
    ) throws(TemplateError) -> String {
        try Self.render(program, context, options)
    }

    private static func render(
        _ program: TemplateProgram,
        _ context: JSONObject,
        _ options: TemplateRenderOptions
    ) throws(TemplateError) -> String {
        let meter = TemplateMeter(limits: options.limits)
        var values: [TemplateValue] = []
        for name in program.contextNames {
            if let value = context[name] {
                values.append(try TemplateValue(value, meter, level: 0))
            } else if TemplateMachine.globals.contains(name) {
                values.append(.object(TemplateGlobal(name)))
            } else {
                values.append(.missing)
            }
        }
        var machine = TemplateMachine(program, context: values, options: options, meter: meter)
        return String(decoding: try machine.run(), as: UTF8.self)
    }
}

extension TemplateValue {
    /// A value of the context.
    init(_ json: JSONValue, _ meter: TemplateMeter, level: Int) throws(TemplateError) {
        if level > TemplateLimits.valueDepth {
            throw .limitExceeded(.valueDepth, maximum: TemplateLimits.valueDepth, line: 0)
        }
        switch json {
        case .null: self = .none
        case .bool(let value): self = .boolean(value)
        case .integer(let value): self = .integer(Int(value))
        case .number(let value): self = .float(value)
        case .string(let string):
            let text = TemplateText(string)
            try meter.charge(bytes: text.bytes.count)
            self = .text(text)
        case .array(let array):
            try meter.charge(elements: array.count)
            var items: [TemplateValue] = []
            items.reserveCapacity(array.count)
            for element in array { items.append(try TemplateValue(element, meter, level: level + 1)) }
            self = .list(try TemplateList(items))
        case .object(let object):
            try meter.charge(elements: object.count)
            let dictionary = TemplateDictionary()
            for (key, value) in object {
                try dictionary.set(.string(key), try TemplateValue(value, meter, level: level + 1))
            }
            self = .dictionary(dictionary)
        }
    }
}
