import Deployments
import Foundation
import Synchronization

/// Shows a pull: a bar that is redrawn on a terminal, plain lines elsewhere.
final class PullDisplay: Sendable {
    private struct State {
        var file = ""
        var byteCount: Int?
        var presentBytes = 0
        var startedBytes = 0
        var startedAt = ContinuousClock.now
        var drawnAt: ContinuousClock.Instant?
        var hasStarted = false
    }

    private let title: String
    private let isQuiet: Bool
    private let state = Mutex(State())

    init(title: String, isQuiet: Bool) {
        self.title = title
        self.isQuiet = isQuiet
    }

    /// Takes the events of the pull.
    var report: PullReport { { self.take($0) } }

    /// Says that all is here.
    func finish(_ model: LocatedModel) {
        clear()
        if isQuiet { return }
        let size = model.stored.map { ", \(ByteCount($0.manifest.byteCount))" } ?? ""
        let licence = model.stored?.manifest.licence.map { ", licence \($0)" } ?? ""
        Output.note("\(title) is here\(size)\(licence)")
    }

    /// Takes the bar away.
    func clear() {
        if Output.hasTerminal, state.withLock({ $0.hasStarted }) { Output.noteRaw("\r\u{1B}[K") }
    }

    private func take(_ event: PullEvent) {
        if isQuiet { return }
        switch event {
        case .waiting(let what): say("another process is working on \(what); waiting for it")
        case .resolved(let fileCount, let byteCount):
            say("pulling \(title): \(fileCount == 1 ? "1 file" : "\(fileCount) files"), \(ByteCount(byteCount))")
        case .started(let file, let present, let byteCount): start(file, present, byteCount)
        case .progressed(let file, let present): progress(file, present)
        case .retrying(let reason, let delay):
            say(
                "\(reason) Trying again in \(Double(delay.components.seconds) + 1e-18 * Double(delay.components.attoseconds)) s."
            )
        case .finished(let file):
            if !Output.hasTerminal { say("\(file) is whole, its SHA-256 is right") }
        }
    }

    private func say(_ text: String) {
        clear()
        Output.note(text)
    }

    private func start(_ file: String, _ present: Int, _ byteCount: Int?) {
        state.withLock { state in
            state = State(file: file, byteCount: byteCount, presentBytes: present, startedBytes: present)
            state.hasStarted = true
        }
        if !Output.hasTerminal {
            let rest = present > 0 ? ", going on at \(ByteCount(present))" : ""
            Output.note("\(file)\(byteCount.map { ", \(ByteCount($0))" } ?? "")\(rest)")
        }
    }

    private func progress(_ file: String, _ present: Int) {
        if !Output.hasTerminal { return }
        let bar: String? = state.withLock { state in
            state.presentBytes = present
            let now = ContinuousClock.now
            if let drawnAt = state.drawnAt, now - drawnAt < .milliseconds(100) { return nil }
            state.drawnAt = now
            return Self.bar(state, now)
        }
        if let bar { Output.noteRaw("\r" + bar + "\u{1B}[K") }
    }

    /// `SmolLM2-135M.gguf  ██████······  45 %  44.1 MB of 98.4 MB  32.0 MB/s  2 s left`
    private static func bar(_ state: State, _ now: ContinuousClock.Instant) -> String {
        let seconds = max((now - state.startedAt) / .seconds(1), 0.001)
        let rate = Double(state.presentBytes - state.startedBytes) / seconds
        let name = state.file.count > 36 ? "…" + state.file.suffix(35) : state.file
        guard let total = state.byteCount, total > 0 else {
            return "\(name)  \(ByteCount(state.presentBytes))  \(ByteCount(Int(max(rate, 0))))/s"
        }
        let share = min(1, Double(state.presentBytes) / Double(total))
        let filled = Int(share * 24)
        let picture = String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
        var text = "\(name)  \(picture)  \(Int(share * 100)) %  \(ByteCount(state.presentBytes)) of \(ByteCount(total))"
        if rate > 1 {
            let left = Int((Double(total - state.presentBytes) / rate).rounded(.up))
            text += "  \(ByteCount(Int(rate)))/s  \(left >= 120 ? "\(left / 60) min" : "\(max(left, 0)) s") left"
        }
        return text
    }
}
