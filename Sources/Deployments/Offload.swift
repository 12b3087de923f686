import Dispatch

/// Does what takes long on a thread that Swift's tasks do not share, so that they go on meanwhile.
enum Offload {
    static func result<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(Failure) in try work() })
            }
        }
    }
}
