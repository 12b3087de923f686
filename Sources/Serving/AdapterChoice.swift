import Deployments
import Logging
import OpenAIAPI

extension APIService {
    /// The adapter that a request asks for, by the model's name or in `lora`; nil for the model as it is. One that is not in
    /// memory is waited for, no longer than a request may take, and not for a client that has gone.
    ///
    /// - Parameter interruption: what ends the request meanwhile.
    func adapter(
        for options: AnswerOptions,
        of deployment: Deployment,
        _ exchange: Exchange,
        _ interruption: Interruption
    ) async throws(APIError) -> AdapterLease? {
        let name = try deployment.adapterName(of: options)
        if options.adapters == nil {
            guard let name else { return nil }
            if let lease = deployment.adapters.residentLease(name) { return lease }
        }
        let (choices, choice) = AsyncStream<Result<AdapterLease?, APIError>>.makeStream()
        interruption.onEnd { choice.yield(.failure($0)) }
        let unwatch = await ConnectionWatch.onClose(of: exchange.scope.channel) {
            choice.yield(.failure(.clientGone))
        }
        defer { unwatch() }
        let (timeout, clock) = (configuration.requestTimeout, environment.clock)
        let deadline = Task {
            try await clock.sleep(for: timeout)
            choice.yield(.failure(.generationTimedOut(after: timeout)))
        }
        defer { deadline.cancel() }
        // Reading cannot be interrupted. A lease that comes too late stays in the stream, and ends with it.
        let reading = Task {
            do throws(APIError) {
                choice.yield(.success(try await chosenAdapter(options, name, of: deployment)))
            } catch {
                choice.yield(.failure(error))
            }
        }
        defer { reading.cancel() }
        for await result in choices {
            if case .failure(.clientGone) = result { metrics.countDisconnect() }
            return try result.get()
        }
        throw .clientGone
    }

    private func chosenAdapter(
        _ options: AnswerOptions,
        _ name: String?,
        of deployment: Deployment
    ) async throws(APIError) -> AdapterLease? {
        if let selections = options.adapters {
            if let name {
                throw .invalidValue(
                    "lora",
                    "the model '\(options.model)' is the adapter '\(name)' already; name the model '\(deployment.name)'."
                )
            }
            return try await mix(selections, of: deployment)
        }
        guard let name else { return nil }
        return try await lease(name, of: deployment, parameter: "model")
    }

    /// What several adapters come to together. Those with the scale 0 must be there, and are not read.
    private func mix(
        _ selections: [AdapterSelection],
        of deployment: Deployment
    ) async throws(APIError) -> AdapterLease? {
        var parts: [AdapterMix.Part] = []
        var names: Set<String> = []
        // All at once: while one is read others may come and go, and an index would mean another adapter.
        let registered = deployment.adapters.names
        var chosen: [String] = []
        for (index, selection) in selections.enumerated() {
            let parameter = "lora[\(index)].id"
            chosen.append(try deployment.adapterName(for: selection.identity, of: registered, parameter: parameter))
        }
        for (index, selection) in selections.enumerated() {
            let (parameter, name) = ("lora[\(index)].id", chosen[index])
            if !names.insert(name).inserted {
                throw .invalidValue(parameter, "the adapter '\(name)' is there already; add the scales up.")
            }
            if Task.isCancelled { throw .clientGone }
            let scale = Float(selection.scale)
            if scale == 0, deployment.adapters.contains(name) { continue }
            let lease = try await lease(name, of: deployment, parameter: parameter)
            parts.append(AdapterMix.Part(name: name, lease: lease, scale: scale))
        }
        do throws(AdapterError) {
            return try deployment.adapters.mix(parts)
        } catch {
            throw APIError(error, parameter: "lora")
        }
    }

    private func lease(
        _ name: String,
        of deployment: Deployment,
        parameter: String
    ) async throws(APIError) -> AdapterLease {
        do throws(AdapterError) {
            return try await deployment.adapters.lease(name)
        } catch {
            if case .unusable(let reason) = error {
                logger.error(
                    "adapter not read",
                    metadata: ["model": "\(deployment.name)", "adapter": "\(name)", "reason": "\(reason)"]
                )
            }
            throw APIError(error, parameter: parameter)
        }
    }
}

extension Deployment {
    /// The adapter that the model's name means; nil where it means the model itself.
    fileprivate func adapterName(of options: AnswerOptions) throws(APIError) -> String? {
        let requested = [options.model, OllamaTag.removed(from: options.model)]
        for model in requested {
            if let found = adapterName(forModel: model) { return found }
        }
        // An adapter that was there when the model was looked up: the model's own answer is not what was asked for.
        if requested.contains(where: names.contains) { return nil }
        throw .modelNotFound(options.model, known: [name] + variantNames)
    }

    /// The name of the adapter that an entry of `lora` means.
    ///
    /// - Parameters:
    ///   - names: of the adapters, in the order that indices mean.
    ///   - parameter: where the request says it.
    fileprivate func adapterName(
        for identity: AdapterSelection.Identity,
        of names: [String],
        parameter: String
    ) throws(APIError) -> String {
        switch identity {
        case .name(let name): return adapterName(forModel: name) ?? name
        case .index(let index):
            if names.indices.contains(index) { return names[index] }
            let range = names.isEmpty ? "none" : "those from 0 to \(names.count - 1)"
            throw APIError(
                status: 404,
                code: "adapter_not_found",
                parameter: parameter,
                "There is no adapter \(index): the model '\(self.name)' has \(range). GET /lora-adapters lists them."
            )
        }
    }
}
