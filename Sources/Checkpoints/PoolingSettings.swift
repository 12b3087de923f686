import Foundation
import JSON
package import Tensors

extension Checkpoint {
    /// How the model's makers want the tokens of a text made one vector; nil where they do not say.
    ///
    /// GGUF says it in `{arch}.pooling_type`; a folder as sentence-transformers lays it out, in `modules.json` and the
    /// `config.json` of its pooling. A module with weights of its own is refused: vectors without it would be others.
    package func pooling() throws(CheckpointError) -> Pooling? {
        if let gguf { return try Self.pooling(GGUFSettings(gguf)) }
        guard let folder else { return nil }
        return try ModelFolder(path: folder.path).pooling()
    }

    private static func pooling(_ settings: GGUFSettings) throws(CheckpointError) -> Pooling? {
        guard let value = settings.metadata[settings.key("pooling_type")] else { return nil }
        switch value.intValue {
        case 0: return nil
        case 1: return .mean
        case 2: return .first
        case 3: return .last
        default: throw settings.invalid("pooling_type", "is of a kind that makes no embeddings")
        }
    }
}

extension ModelFolder {
    fileprivate func pooling() throws(CheckpointError) -> Pooling? {
        guard let modules = try json("modules.json") else { return try poolingSettings("1_Pooling") }
        var pooling: Pooling?
        for module in modules.value.arrayValue ?? [] {
            let type = module["type"]?.stringValue ?? ""
            switch type.split(separator: ".").last {
            case "Transformer", "Normalize": continue
            case "Pooling": pooling = try poolingSettings(module["path"]?.stringValue ?? "")
            default:
                throw .invalidValue(file: modules.file, key: "type", problem: "is \(type), which is not supported")
            }
        }
        return pooling
    }

    private func poolingSettings(_ path: String) throws(CheckpointError) -> Pooling? {
        guard !path.isEmpty, !path.hasPrefix("."), !path.contains("/"), !path.contains("\0") else {
            throw .unsafePath(file: self.path(of: "modules.json"), key: "path", path: path)
        }
        guard let settings = try settings(path + "/config.json") else { return nil }
        var chosen: [String] = []
        if let mode = try settings.string("pooling_mode") { chosen.append(mode) }
        for (key, value) in settings.object where key.hasPrefix("pooling_mode_") && value.boolValue == true {
            chosen.append(String(key.dropFirst("pooling_mode_".count)))
        }
        switch chosen {
        case ["mean_tokens"], ["mean"]: return .mean
        case ["cls_token"], ["cls"]: return .first
        case ["lasttoken"]: return .last
        default: throw settings.invalid("pooling_mode", "is \(chosen.joined(separator: " + ")), which is not supported")
        }
    }
}
