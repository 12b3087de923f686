import Checkpoints
import Inference
import Models
import Tensors

extension Deployment {
    /// Opens the disk cache for the form in which `configuration` runs `checkpoint`; nil when none is wanted.
    ///
    /// - Parameters:
    ///   - identity: of the checkpoint's files, taken before it was opened.
    ///   - traits: of the model as it was loaded.
    static func openDiskCache(
        _ served: ServedCheckpoint,
        openedAs identity: FileIdentity,
        _ traits: ModelTraits,
        _ configuration: DeploymentConfiguration
    ) throws(DeploymentError) -> DiskCache? {
        guard let settings = configuration.diskCache else { return nil }
        let fingerprints = Fingerprints(folder: settings.folder + "/fingerprints")
        let weights = fingerprints.fingerprint(of: served.base, at: configuration.path, openedAs: identity)
        var facts = [
            "weights=\(weights)",
            "cache=\(traits.cacheLayout)",
            "block=\(EngineConfiguration.standard.blockSize)",
            "arithmetic=\(configuration.instructionSet.name)",
            "program=\(fingerprints.ofThisProgram())",
        ]
        facts += served.cacheFacts
        let form = CacheForm(modelName: configuration.name, facts: facts)
        do {
            return try DiskCache(settings, form: form, logger: configuration.logger)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }
}
