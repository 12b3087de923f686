import Checkpoints
import Testing

@Suite struct GGUFFileTests {
    @Test func `a path that does not exist is named in the error`() {
        #expect(throws: CheckpointError.notFound(path: "/nowhere/model.gguf")) {
            _ = try GGUFFile(path: "/nowhere/model.gguf")
        }
    }
}
