import Foundation
import Testing

@testable import hearth

/// What happens to what commands write.
@Suite struct OutputTests {
    @Test func `all of a text is written`() throws {
        let pipe = Pipe()
        let text = String(repeating: "é", count: 1_000)
        #expect(Output.write(text, to: pipe.fileHandleForWriting.fileDescriptor) == nil)
        try pipe.fileHandleForWriting.close()
        #expect(try pipe.fileHandleForReading.readToEnd() == Data(text.utf8))
    }

    @Test func `a text that is lost is told by the reason`() {
        let descriptor = open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        #expect(Output.write("text", to: descriptor) == EBADF)
        #expect(Output.write("", to: descriptor) == nil)
    }
}
