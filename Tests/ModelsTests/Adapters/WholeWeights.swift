import Checkpoints
import Foundation
import Tensors
import TestModels

/// PEFT folders of tiny checkpoints that bring an embedding or a head whole, and what they hold.
struct WholeWeights {
    let path: String
    /// By the module's name, float32 `[vocabulary, width]`.
    private(set) var values: [String: [Float]] = [:]

    /// - Parameters:
    ///   - modules: what the file holds.
    ///   - saved: `modules_to_save` as JSON.
    ///   - more: further settings.
    init(
        _ modules: [String],
        saved: String,
        more: String = "",
        shape: (rows: Int, width: Int) = (320, 256),
        seed: UInt64 = 1
    ) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var (header, data) = ([String](), Data())
        for (index, module) in modules.enumerated() {
            let count = shape.rows * shape.width
            let numbers = Self.numbers(count, seed: seed &+ UInt64(index))
            values[module] = numbers
            let name = "base_model.model." + (module == "lm_head" ? "" : "model.") + module + ".weight"
            let offsets = "[\(data.count),\(data.count + 4 * count)]"
            header.append(
                #""\#(name)":{"dtype":"F32","shape":[\#(shape.rows),\#(shape.width)],"data_offsets":\#(offsets)}"#
            )
            numbers.withUnsafeBytes { data.append(contentsOf: $0) }
        }
        let text = Data("{\(header.joined(separator: ","))}".utf8)
        var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
        file.append(text)
        file.append(data)
        try file.write(to: URL(fileURLWithPath: path + "/adapter_model.safetensors"))
        let settings = #"{"peft_type":"LORA","r":4,"lora_alpha":8,"modules_to_save":\#(saved)\#(more)}"#
        try Data(settings.utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// A tensor of a checkpoint that holds a module's numbers.
    func replacement(_ module: String) -> TensorReplacement {
        let numbers = values[module] ?? []
        return TensorReplacement(elementType: .f32, shape: [numbers.count / 256, 256]) { bytes in
            numbers.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }

    /// Knuth's linear congruential generator: numbers from -0.1 to 0.1.
    private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) / Float(1 << 24) - 0.5) * 0.2
        }
    }
}
