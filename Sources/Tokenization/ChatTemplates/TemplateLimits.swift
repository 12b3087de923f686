/// How much one rendering may do before it is stopped with `TemplateError.limitExceeded`.
///
/// A template comes with a model and a conversation comes from a caller; neither is trusted to end or to stay small.
package struct TemplateLimits: Sendable, Equatable {
    /// The names under which limits appear in errors.
    package enum Name: String, Sendable, Equatable {
        case steps, outputBytes, createdBytes, sequenceCount, callDepth, valueDepth, nestingDepth, sourceBytes
    }

    /// Machine instructions, and work of long operations in the same coin.
    package var steps = 50_000_000
    /// Bytes of the rendered prompt.
    package var outputBytes = 32 << 20
    /// Bytes of all strings and lists that a rendering creates, summed (so also a bound on its memory).
    package var createdBytes = 256 << 20
    /// Elements of one list, tuple or dictionary.
    package var sequenceCount = 1_000_000
    /// Macros, callers and recursive loops that are running at once.
    package var callDepth = 200

    /// The defaults.
    package init() {}

    /// How deep lists and dictionaries may hold each other. Fixed: freeing a value recurses as deep.
    static let valueDepth = 200
    /// How deep the source may nest brackets and blocks. Fixed: the parser recurses as deep.
    static let nestingDepth = 48
    /// The height of one expression's tree. Fixed: the compiler recurses as deep.
    static let expressionDepth = 80
    /// The largest template source.
    static let sourceBytes = 4 << 20
    /// The longest text of one value. Fixed.
    static let textBytes = 16 << 20
    /// The most values in one dictionary key.
    static let keyParts = 10_000
    /// The longest `range`, as in Jinja's sandbox.
    static let rangeCount = 100_000
}

/// Counts what a rendering spends. A class, because values being built deep in a filter charge the same purse.
final class TemplateMeter {
    let limits: TemplateLimits
    private(set) var steps = 0
    private var createdBytes = 0

    init(limits: TemplateLimits) {
        self.limits = limits
    }

    /// Counts instructions or equally long pieces of work.
    func charge(steps count: Int) throws(TemplateError) {
        // A negative count must not give back what was spent.
        steps &+= max(0, count)
        if steps > limits.steps { throw .limitExceeded(.steps, maximum: limits.steps, line: 0) }
    }

    /// Counts bytes before they are allocated, so that a refused allocation never happens.
    func charge(bytes count: Int) throws(TemplateError) {
        let (sum, overflow) = createdBytes.addingReportingOverflow(max(0, count))
        if overflow || sum > limits.createdBytes {
            throw .limitExceeded(.createdBytes, maximum: limits.createdBytes, line: 0)
        }
        createdBytes = sum
        try charge(steps: count >> 6)
    }

    /// Counts the bytes of `count` times `size`, which may overflow.
    func charge(bytes size: Int, times count: Int) throws(TemplateError) {
        let (product, overflow) = max(0, size).multipliedReportingOverflow(by: max(0, count))
        try charge(bytes: overflow ? Int.max : product)
    }

    /// Counts a list of `count` elements before it is built.
    func charge(elements count: Int) throws(TemplateError) {
        if count > limits.sequenceCount {
            throw .limitExceeded(.sequenceCount, maximum: limits.sequenceCount, line: 0)
        }
        try charge(bytes: 16, times: count)
        try charge(steps: count)
    }
}
