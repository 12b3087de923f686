import Testing

/// Asks again and again until `condition` holds. A minute without it is a failure, so that no test waits for ever; but a
/// minute in which other tests kept the pool's threads does not count.
func expectSoon(_ what: String, condition: () async -> Bool) async {
    let end = ContinuousClock.now.advanced(by: .seconds(60))
    var tries = 0
    while ContinuousClock.now < end || tries < 1_000 {
        if await condition() { return }
        tries += 1
        await Task.yield()
    }
    Issue.record("a minute has passed without \(what)")
}
