/// The formats of JSON Schema (draft 2020-12, section 7.3) that are regular, and OpenAPI's `byte`.
package enum StringFormat {
    /// The texts of a format; nil when the name is none that is known.
    package static func automaton(
        named name: String,
        encoding: CharacterEncoding,
        budget: Int
    ) throws(GrammarError) -> ByteAutomaton? {
        guard let pattern = patterns[name] else { return nil }
        let automaton = try RegularExpression(pattern).automaton(encoding, anchored: true, budget: budget)
        return name == "hostname" ? try automaton.bounded(characters: 1, 253, budget: budget) : automaton
    }

    // RFC 3339: years of four digits, months with their days, leap years.
    private static let leapYear =
        "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
    private static let date =
        "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        + "|02-(?:0[1-9]|1[0-9]|2[0-8]))|\(leapYear)-02-29)"
    private static let offset = "(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    // A second 60 only where a leap second can be, and there only in UTC.
    private static let time =
        "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?\(offset)"
        + "|23:59:60(?:\\.[0-9]+)?(?:[zZ]|[+-]00:00))"

    // ISO 8601 as RFC 3339, appendix A, has it.
    private static let duration =
        "P(?:[0-9]+W|(?:\(dateDuration))(?:T(?:\(timeDuration)))?|T(?:\(timeDuration)))"
    private static let dateDuration =
        "[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?"
    private static let timeDuration =
        "[0-9]+S|[0-9]+M(?:[0-9]+S)?|[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?"

    private static let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    private static let ipv4 = "(?:\(octet)\\.){3}\(octet)"
    private static let ipv6: String = {
        let group = "[0-9a-fA-F]{1,4}"
        let last = "(?:\(group):\(group)|\(ipv4))"
        // RFC 3986, section 3.2.2.
        return [
            "(?:\(group):){6}\(last)", "::(?:\(group):){5}\(last)", "(?:\(group))?::(?:\(group):){4}\(last)",
            "(?:(?:\(group):){0,1}\(group))?::(?:\(group):){3}\(last)",
            "(?:(?:\(group):){0,2}\(group))?::(?:\(group):){2}\(last)",
            "(?:(?:\(group):){0,3}\(group))?::\(group):\(last)", "(?:(?:\(group):){0,4}\(group))?::\(last)",
            "(?:(?:\(group):){0,5}\(group))?::\(group)", "(?:(?:\(group):){0,6}\(group))?::",
        ].joined(separator: "|")
    }()

    // Two hyphens in the third and fourth place announce an internationalised name (RFC 5890), and whether that is
    // valid no automaton decides; so such labels are left out.
    private static let label =
        "[a-zA-Z0-9](?:[a-zA-Z0-9]|[a-zA-Z0-9-](?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]|-[a-zA-Z0-9]"
        + "|(?:[a-zA-Z0-9][a-zA-Z0-9-]|-[a-zA-Z0-9])[a-zA-Z0-9-]{0,58}[a-zA-Z0-9]))?"
    private static let hostname = "\(label)(?:\\.\(label))*"
    private static let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
    private static let localPart = "(?:\(atom)(?:\\.\(atom))*|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])+\")"
    private static let email = "\(localPart)@(?:\(hostname)|\\[(?:\(ipv4)|IPv6:(?:\(ipv6)))\\])"

    /// RFC 3986 (URI) and, with `letters` for what lies beyond ASCII, RFC 3987 (IRI).
    private static func uri(_ letters: String, inQuery: String = "", isReference: Bool) -> String {
        let character = "(?:[a-zA-Z0-9._~!$&'()*+,;=:@\(letters)-]|%[0-9a-fA-F]{2})"
        let first = "(?:[a-zA-Z0-9._~!$&'()*+,;=@\(letters)-]|%[0-9a-fA-F]{2})"
        let user = "(?:[a-zA-Z0-9._~!$&'()*+,;=:\(letters)-]|%[0-9a-fA-F]{2})*"
        let name = "(?:[a-zA-Z0-9._~!$&'()*+,;=\(letters)-]|%[0-9a-fA-F]{2})*"
        let host = "(?:\\[(?:\(ipv6)|[vV][0-9a-fA-F]+\\.[a-zA-Z0-9._~!$&'()*+,;=:-]+)\\]|\(name))"
        let authority = "(?:\(user)@)?\(host)(?::[0-9]*)?"
        let rest = "(?:/\(character)*)*"
        let tail = "(?:\\?(?:\(character)|[/?\(inQuery)])*)?(?:#(?:\(character)|[/?])*)?"
        let path = "(?://\(authority)\(rest)|/(?:\(character)+\(rest))?|\(character)+\(rest)|)"
        let absolute = "[a-zA-Z][a-zA-Z0-9+.-]*:\(path)\(tail)"
        if !isReference { return absolute }
        let relative = "(?://\(authority)\(rest)|/(?:\(character)+\(rest))?|\(first)+\(rest)|)\(tail)"
        return "\(absolute)|\(relative)"
    }

    private static let beyond = "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{EFFFD}"
    private static let privateUse = "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}"
    private static let token = "(?:[^~/]|~[01])*"

    private static let patterns: [String: String] = [
        "date-time": "\(date)[tT]\(time)",
        "date": date,
        "time": time,
        "duration": duration,
        "uuid": "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        "email": email,
        "hostname": hostname,
        "ipv4": ipv4,
        "ipv6": ipv6,
        "uri": uri("", isReference: false),
        "uri-reference": uri("", isReference: true),
        "iri": uri(beyond, inQuery: privateUse, isReference: false),
        "iri-reference": uri(beyond, inQuery: privateUse, isReference: true),
        "json-pointer": "(?:/\(token))*",
        "relative-json-pointer": "(?:0|[1-9][0-9]*)(?:#|(?:/\(token))*)",
        "byte": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
        "base64": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    ]
}
