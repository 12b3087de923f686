import Deployments
import Hummingbird
import Logging
import OpenAIAPI

extension APIService {
    /// `POST /v1/load_lora_adapter`: reads an adapter while the server runs.
    func loadAdapter(_ exchange: Exchange) async throws -> Response {
        try requireAdapterChanges()
        let body = try AdapterLoadRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.baseModel)
        let reference = AdapterReference(name: body.name, path: body.path)
        do throws(AdapterError) {
            try await deployment.adapters.add(reference, replaces: body.replaces ? .any : .none)
        } catch {
            throw APIError(error, parameter: "lora_name", path: "lora_path")
        }
        log("adapter loaded", body.name, of: deployment, for: exchange)
        return .json(AdapterChange(id: "\(deployment.name):\(body.name)", isLoaded: true).json)
    }

    /// `POST /v1/unload_lora_adapter`: new requests cannot name it from now on; answers when the last one that did is done.
    func unloadAdapter(_ exchange: Exchange) async throws -> Response {
        try requireAdapterChanges()
        let body = try AdapterUnloadRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.baseModel)
        do throws(AdapterError) {
            try await deployment.adapters.remove(body.name)
        } catch {
            throw APIError(error, parameter: "lora_name")
        }
        log("adapter unloaded", body.name, of: deployment, for: exchange)
        return .json(AdapterChange(id: "\(deployment.name):\(body.name)", isLoaded: false).json)
    }

    /// `GET /lora-adapters`: what `lora` may name, in llama.cpp's shape. With several models the query says whose: `?model=NAME`.
    func adapters(_ exchange: Exchange) throws(APIError) -> Response {
        let model = exchange.request.uri.queryParameters["model"].map { String($0) }
        let items = try directory.find(model).adapters.statuses.map { status in
            let file = status.reference.path.split(separator: "/").last.map { String($0) } ?? ""
            return AdapterList.Item(name: status.reference.name, file: file)
        }
        return .json(AdapterList(items: items).json)
    }

    /// Who may ask for answers may not therefore read files of this machine.
    private func requireAdapterChanges() throws(APIError) {
        if configuration.allowsAdapterChanges { return }
        throw .forbidden(
            "adapter_changes_not_allowed",
            "This server takes no adapters from requests. Start it with --adapter-updates."
        )
    }

    private func log(_ message: String, _ name: String, of deployment: Deployment, for exchange: Exchange) {
        logger.info(
            "\(message)",
            metadata: ["model": "\(deployment.name)", "adapter": "\(name)"].adding(exchange.names)
        )
    }
}
