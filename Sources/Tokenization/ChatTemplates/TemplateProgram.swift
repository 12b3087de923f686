/// One instruction of the template machine.
struct TemplateInstruction: Sendable {
    enum Operation: UInt8, Sendable {
        // Output
        case emitData, emit, beginCapture, endCapture, dropCapture
        // Variables
        case load, store, resolve, alias, clear, export, checkNamespace, setNamespaceAttribute
        case jumpIfPresent, missingParameter
        // Values
        case constant, undefinedCondition, tuple, list, dictionary, unpack, duplicate, pop
        case unary, binary, concatenate, compare, compareChain
        case attribute, item, slice
        // Flow
        case jump, jumpIfFalse, jumpIfFalseKeeping, jumpIfTrueKeeping
        case iterate, iterateLoop, iterateRecursive, collect, next
        // Calls
        case filter, test, call, makeMacro, callRecursive, callBlock, finish, refuse
    }

    let operation: Operation
    /// The operands; their meaning is with each operation in `TemplateMachine`.
    var a: Int32 = 0
    var b: Int32 = 0
    var c: Int32 = 0
}

/// How many arguments of which kinds stand on the stack for a call.
struct TemplateCallShape: Sendable, Hashable {
    var positionalCount = 0
    var keywords: [String] = []
    var hasSpread = false
    var hasKeywordSpread = false

    var valueCount: Int { positionalCount + keywords.count + (hasSpread ? 1 : 0) + (hasKeywordSpread ? 1 : 0) }
}

/// The code of a template's main body, a macro, a caller, a recursive loop or a block.
struct TemplateFunction: Sendable {
    /// The macro's name; nil for what has none.
    var name: String?
    var code: [TemplateInstruction] = []
    /// The line of every instruction.
    var lines: [Int32] = []
    var slotCount = 0
    /// The names of a macro's parameters, which are its first slots.
    var parameters: [String] = []
    /// The slots after the parameters, as far as the body uses them.
    var takesCaller = false
    var takesKeywords = false
    var takesPositionals = false
    /// Where an explicit `caller` parameter stands among the parameters.
    var hasExplicitCaller = false
}

/// A compiled template: immutable, and the same for every rendering.
struct TemplateProgram: Sendable {
    /// The main body is the first.
    var functions: [TemplateFunction] = []
    var constants: [TemplateConstant] = []
    var data: [TemplateText] = []
    /// Names for attributes and messages.
    var names: [String] = []
    /// Names that are looked up in the render context.
    var contextNames: [String] = []
    var shapes: [TemplateCallShape] = []
    /// Groups of slots that are cleared together.
    var slotGroups: [[Int32]] = []
    var messages: [String] = []
}

/// Collects the code of one function.
final class TemplateFunctionBuilder {
    /// A loop that `break` and `continue` can leave.
    struct Loop {
        var breaks: [Int] = []
        var continues: [Int] = []
        let captureDepth: Int
    }

    let index: Int
    let parent: TemplateFunctionBuilder?
    var function = TemplateFunction()
    var loops: [Loop] = []
    /// How many captures are open here.
    var captureDepth = 0
    private var slots: [String: Int32] = [:]
    private var hiddenCount = 0

    init(index: Int, parent: TemplateFunctionBuilder?) {
        self.index = index
        self.parent = parent
    }

    /// The slot of a variable, made on first use.
    func slot(_ variable: String) -> Int32 {
        if let slot = slots[variable] { return slot }
        let slot = Int32(slots.count)
        slots[variable] = slot
        function.slotCount = slots.count
        return slot
    }

    /// A slot that no name reaches.
    func hiddenSlot() -> Int32 {
        hiddenCount += 1
        return slot("#\(hiddenCount)")
    }
}
