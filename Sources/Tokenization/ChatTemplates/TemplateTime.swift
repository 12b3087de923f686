import Foundation

/// `strftime_now`: the time as C's `strftime` writes it.
enum TemplateTime {
    /// The longest result; a format asks for more only in bad faith.
    private static let maximumBytes = 16_384

    /// Formats a moment. As Python does for a time without a zone, `%z` and `%Z` give nothing and `%f` microseconds.
    static func text(_ format: TemplateText, at date: Date, in zone: TimeZone) -> TemplateText {
        let seconds = date.timeIntervalSince1970
        let local = (seconds + Double(zone.secondsFromGMT(for: date))).rounded(.down)
        guard local.magnitude < 1e12, !format.isEmpty else { return .empty }
        var moment = time_t(local)
        var parts = tm()
        gmtime_r(&moment, &parts)
        let microseconds = Int(((seconds - seconds.rounded(.down)) * 1e6).rounded(.down))
        let prepared = replacingZone(in: format, microseconds: microseconds)
        var buffer = [CChar](repeating: 0, count: maximumBytes)
        let count = strftime(&buffer, buffer.count, prepared, &parts)
        return TemplateText(buffer[..<count].map { UInt8(bitPattern: $0) })
    }

    private static func replacingZone(in format: TemplateText, microseconds: Int) -> String {
        var result = String.UnicodeScalarView()
        var isCode = false
        for scalar in format.scalars where scalar.value != 0 {
            if isCode {
                isCode = false
                switch scalar {
                case "z", "Z": continue
                case "f": result.append(contentsOf: String(String(microseconds + 1_000_000).dropFirst()).unicodeScalars)
                default: result.append(contentsOf: ["%", scalar])
                }
            } else if scalar == "%" {
                isCode = true
            } else {
                result.append(scalar)
            }
        }
        if isCode { result.append("%") }
        return String(result)
    }
}
