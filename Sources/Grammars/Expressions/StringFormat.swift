import Synchronization

/// The formats of JSON Schema (draft 2020-12, section 7.3) that are regular, and OpenAPI's `byte`.
///
/// Exact as their RFCs have them, with these exceptions. Leap seconds: see `leapSecond`. Host names have no labels that
/// announce an encoded name. `email` has no limit of length. `idn-hostname` and `idn-email` are not here: their limits are on
/// an encoded form that no automaton knows.
package enum StringFormat {
    /// The texts of a format; nil when the name is none that is known.
    package static func automaton(
        named name: String,
        encoding: CharacterEncoding,
        budget: Int
    ) throws(GrammarError) -> ByteAutomaton? {
        let key = Key(name: name, encoding: encoding)
        if let known = made.withLock({ $0[key] }) {
            guard known.stateCount <= budget else { throw .tooManyStates(budget) }
            return known
        }
        guard let automaton = try makeAutomaton(named: name, encoding, budget) else { return nil }
        made.withLock { $0[key] = automaton }
        return automaton
    }

    private struct Key: Hashable {
        var name: String
        var encoding: CharacterEncoding
    }

    /// The formats that were asked for: some take milliseconds to make, and a schema asks for the same ones often. Only
    /// names of formats enter, so it stays small.
    private static let made = Mutex<[Key: ByteAutomaton]>([:])

    private static func makeAutomaton(
        named name: String,
        _ encoding: CharacterEncoding,
        _ budget: Int
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
    private static let time =
        "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?\(offset)|\(leapSecond))"

    // A second 60 only where a leap second can be: at 23:59 in UTC. Of offsets from it those of whole quarters of an
    // hour, as all in use are: any minute would take 15 times the states.
    private static let leapSecond: String = {
        func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        func clock(_ minutes: Int) -> String { "\(twoDigits(minutes / 60)):\(twoDigits(minutes % 60))" }
        let day = 24 * 60
        let options = stride(from: 0, to: day, by: 15).map { offset in
            let local = (day - 1 + offset) % day
            let other = (day - offset) % day
            return
                "\(clock(local)):60(?:\\.[0-9]+)?(?:\\+\(clock(offset))|-\(clock(other))\(offset == 0 ? "|[zZ]" : ""))"
        }
        return options.joined(separator: "|")
    }()

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

    private static let beyond =
        (["\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF", "\\u{E1000}-\\u{EFFFD}"]
        + (1...13).map { plane in
            let digits = String(plane, radix: 16)
            return "\\u{\(digits)0000}-\\u{\(digits)FFFD}"
        }).joined()
    private static let privateUse = "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}"
    /// RFC 6570.
    private static let uriTemplate: String = {
        let encoded = "%[0-9a-fA-F]{2}"
        let literal = "(?:[!#$&'(-;=?-\\[\\]_a-z~\(beyond)\(privateUse)]|\(encoded))"
        let character = "(?:[a-zA-Z0-9_]|\(encoded))"
        let variable = "\(character)(?:\\.?\(character))*(?::[1-9][0-9]{0,3}|\\*)?"
        return "(?:\(literal)|\\{[+#./;?&=,!@|]?\(variable)(?:,\(variable))*\\})*"
    }()

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
        "uri-template": uriTemplate,
        "json-pointer": "(?:/\(token))*",
        "relative-json-pointer": "(?:0|[1-9][0-9]*)(?:#|(?:/\(token))*)",
        "byte": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
        "base64": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    ]
}
