import Testing

/// Asks again and again until `condition` holds. A minute without it is a failure, so that no test waits for ever.
func expectSoon(_ what: String, condition: () async -> Bool) async {
    let end = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < end {
        if await condition() { return }
        await Task.yield()
    }
    Issue.record("a minute has passed without \(what)")
}
