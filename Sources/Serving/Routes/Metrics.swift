import Deployments
import Hummingbird
import Inference

/// One number or distribution of an engine under the name monitors know it by.
private struct EngineMetric<Statistics: Sendable>: Sendable {
    let name: String
    let kind: PrometheusText.Kind
    let help: String
    let write: @Sendable (inout PrometheusText, String, PrometheusText.Labels, Statistics) -> Void

    static func gauge(
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (Statistics) -> Double
    ) -> EngineMetric {
        EngineMetric(name: name, kind: .gauge, help: help) { $0.sample($1, $2, value($3)) }
    }

    static func counter(
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (Statistics) -> UInt64
    ) -> EngineMetric {
        EngineMetric(name: name, kind: .counter, help: help) { $0.sample($1, $2, Double(value($3))) }
    }

    static func histogram(
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (Statistics) -> Histogram
    ) -> EngineMetric {
        EngineMetric(name: name, kind: .histogram, help: help) { $0.sample($1, $2, value($3)) }
    }
}

extension PrometheusText {
    /// Writes each metric for every engine.
    fileprivate mutating func write<Statistics>(
        _ metrics: [EngineMetric<Statistics>],
        of engines: [(labels: Labels, statistics: Statistics)]
    ) {
        for metric in metrics {
            begin(metric.name, metric.kind, metric.help)
            for engine in engines { metric.write(&self, metric.name, engine.labels, engine.statistics) }
        }
    }
}

extension EngineMetric<EngineStatistics> {
    /// Names that begin with `vllm:` mean what they mean there, so that its dashboards read this server, too.
    static var vllm: [EngineMetric] {
        [
            .gauge("vllm:num_requests_running", "Requests that are being computed.") { Double($0.runningCount) },
            .gauge("vllm:num_requests_waiting", "Requests that wait to be computed.") { Double($0.waitingCount) },
            .gauge("vllm:kv_cache_usage_perc", "KV cache in use; 1 is all of it.") {
                Double($0.usedBlockCount) / Double(max(1, $0.blockCount))
            },
            .counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.") {
                $0.promptTokens
            },
            .counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache, in memory.") {
                $0.cachedPromptTokens - $0.restoredPromptTokens
            },
            .counter("vllm:external_prefix_cache_queries_total", "Prompt tokens looked up on disk.") {
                $0.disk == nil ? 0 : $0.promptTokens - ($0.cachedPromptTokens - $0.restoredPromptTokens)
            },
            .counter("vllm:external_prefix_cache_hits_total", "Prompt tokens read from disk.") {
                $0.restoredPromptTokens
            },
            .counter("vllm:num_preemptions_total", "Requests that lost their blocks to an older one.") {
                $0.preemptions
            },
            .counter("vllm:prompt_tokens_total", "Prompt tokens of admitted requests.") { $0.promptTokens },
            .counter("vllm:generation_tokens_total", "Tokens generated.") { $0.generatedTokens },
            .counter("vllm:spec_decode_num_drafts_total", "Drafts of guessed tokens that were computed.") { $0.drafts },
            .counter("vllm:spec_decode_num_draft_tokens_total", "Guessed tokens that were computed.") {
                $0.draftTokens
            },
            .counter("vllm:spec_decode_num_accepted_tokens_total", "Guessed tokens that were right.") {
                $0.acceptedDraftTokens
            },
            .histogram("vllm:iteration_tokens_total", "Tokens computed in one step.") { $0.stepTokens },
            .histogram("vllm:time_to_first_token_seconds", "From submission to the first token.") {
                $0.timeToFirstToken
            },
            .histogram("vllm:inter_token_latency_seconds", "Between two tokens of a request.") { $0.interTokenLatency },
            .histogram("vllm:e2e_request_latency_seconds", "From submission to the end.") { $0.requestTime },
            .histogram("vllm:request_queue_time_seconds", "From submission to the first admission.") { $0.queueTime },
            .histogram("vllm:request_prefill_time_seconds", "From admission to the first token.") { $0.prefillTime },
            .histogram("vllm:request_decode_time_seconds", "From the first token to the last.") { $0.decodeTime },
        ]
    }

    /// The disk cache; zeros without one.
    static var disk: [EngineMetric] {
        [
            .gauge("hearth_disk_cache_bytes", "Bytes on disk, of all models that share the folder.") {
                Double($0.disk?.bytes ?? 0)
            },
            .gauge("hearth_disk_cache_blocks", "Blocks on disk, of all models that share the folder.") {
                Double($0.disk?.blockCount ?? 0)
            },
            .counter("hearth_disk_cache_written_bytes_total", "Bytes of blocks written.") { $0.disk?.savedBytes ?? 0 },
            .counter("hearth_disk_cache_read_bytes_total", "Bytes of blocks read.") { $0.disk?.restoredBytes ?? 0 },
            .counter("hearth_disk_cache_failed_writes_total", "Blocks the disk would not take.") {
                $0.disk?.failedSaves ?? 0
            },
            .counter("hearth_disk_cache_absent_blocks_total", "Blocks that were gone when they were to be read.") {
                $0.disk?.absentBlocks ?? 0
            },
            .counter("hearth_disk_cache_damaged_blocks_total", "Blocks that failed their check and were removed.") {
                $0.disk?.damagedBlocks ?? 0
            },
            .counter("hearth_disk_cache_evicted_blocks_total", "Blocks removed for room or age.") {
                $0.disk?.evictedBlocks ?? 0
            },
        ]
    }

    /// What only this server counts.
    static var own: [EngineMetric] {
        [
            .gauge("hearth_cache_blocks", "Blocks of the KV cache.") { Double($0.blockCount) },
            .gauge("hearth_cache_blocks_used", "Blocks that running requests hold.") { Double($0.usedBlockCount) },
            .gauge("hearth_cache_blocks_cached", "Blocks the prefix cache can hit.") { Double($0.cachedBlockCount) },
            .gauge("hearth_cache_block_tokens", "Tokens in a block.") { Double($0.blockSize) },
            .counter("hearth_steps_total", "Steps of the engine.") { $0.steps },
            .counter("hearth_computed_tokens_total", "Tokens computed, those computed again included.") {
                $0.computedTokens
            },
            .counter("hearth_refused_requests_total", "Requests the engine refused.") { $0.refusedRequests },
            .counter("hearth_engine_invariant_violations_total", "Leaks and broken invariants found when idle; 0.") {
                $0.invariantViolations
            },
            .histogram("hearth_step_seconds", "Duration of a step.") { $0.stepTime },
        ]
    }
}

extension EngineMetric<EmbeddingStatistics> {
    /// What embedding models have done.
    static var embedding: [EngineMetric] {
        [
            .gauge("hearth_embedding_requests_running", "Requests whose vectors are not all there yet.") {
                Double($0.runningCount)
            },
            .gauge("hearth_embedding_waiting_tokens", "Tokens of texts that no pass has taken yet.") {
                Double($0.waitingTokenCount)
            },
            .counter("hearth_embedding_requests_total", "Requests that got their vectors.") { $0.finishedRequests },
            .counter("hearth_embedding_refused_requests_total", "Requests the model refused.") { $0.refusedRequests },
            .counter("hearth_embedding_texts_total", "Texts embedded.") { $0.texts },
            .counter("hearth_embedding_tokens_total", "Tokens of the texts.") { $0.tokens },
            .histogram("hearth_embedding_pass_seconds", "Duration of a pass of the model.") { $0.passTime },
            .histogram("hearth_embedding_pass_tokens", "Tokens computed in one pass.") { $0.passTokens },
            .histogram("hearth_embedding_request_seconds", "From submission to the last vector.") {
                $0.requestTime
            },
        ]
    }
}

extension EngineMetric<AdapterRegistry.Statistics> {
    /// The adapters of a model, all together.
    static var adapters: [EngineMetric] {
        [
            .gauge("hearth_adapters", "Adapters that requests may name.") { Double($0.registeredCount) },
            .gauge("hearth_adapters_resident", "Adapters in memory.") { Double($0.residentCount) },
            .gauge("hearth_adapters_resident_bytes", "Bytes of their factors.") { Double($0.residentBytes) },
            .counter("hearth_adapter_loads_total", "Readings of adapters from the disk.") { $0.loads },
            .counter("hearth_adapter_evictions_total", "Adapters that left memory to make room.") { $0.evictions },
        ]
    }
}

extension EngineMetric<AdapterUsage> {
    /// What requests under one adapter came to.
    static var adapter: [EngineMetric] {
        [
            .counter("hearth_adapter_requests_total", "Requests under the adapter, whatever their end.") {
                $0.requests
            },
            .counter("hearth_adapter_prompt_tokens_total", "Their prompt tokens.") { $0.promptTokens },
            .counter("hearth_adapter_computed_prompt_tokens_total", "Prompt tokens computed, for every answer.") {
                $0.computedPromptTokens
            },
            .counter("hearth_adapter_cached_tokens_total", "Those found in the prefix cache.") { $0.cachedTokens },
            .counter("hearth_adapter_generated_tokens_total", "Tokens generated for them.") { $0.generatedTokens },
            EngineMetric(
                name: "hearth_adapter_compute_seconds_total",
                kind: .counter,
                help: "Their part of the time of the engine's steps."
            ) { $0.sample($1, $2, $3.computeTime.seconds) },
            EngineMetric(
                name: "hearth_adapter_resident_byte_seconds_total",
                kind: .counter,
                help: "Bytes of the adapter in memory, times seconds."
            ) { $0.sample($1, $2, $3.residentByteSeconds) },
        ]
    }
}

extension APIService {
    /// `GET /metrics`
    func prometheus() async -> Response {
        var engines: [(labels: PrometheusText.Labels, statistics: EngineStatistics)] = []
        for deployment in directory.deployments {
            engines.append(([("model_name", deployment.name)], await deployment.statistics()))
        }
        var text = PrometheusText()
        text.write(EngineMetric.vllm + EngineMetric.own + EngineMetric.disk, of: engines)
        let finished = "vllm:request_success_total"
        text.begin(finished, .counter, "Requests done, by how they ended.")
        for engine in engines {
            for kind in EngineStatistics.EndingKind.allCases {
                let count = engine.statistics.finishedRequests[kind] ?? 0
                text.sample(finished, engine.labels + [("finished_reason", kind.rawValue)], Double(count))
            }
        }
        var embedders: [(labels: PrometheusText.Labels, statistics: EmbeddingStatistics)] = []
        for embedder in directory.embedders {
            embedders.append(([("model_name", embedder.name)], await embedder.statistics()))
        }
        if !embedders.isEmpty { text.write(EngineMetric.embedding, of: embedders) }
        writeAdapters(&text)
        writeOwn(&text)
        return .text(text.text, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private func writeAdapters(_ text: inout PrometheusText) {
        var all: [(labels: PrometheusText.Labels, statistics: AdapterRegistry.Statistics)] = []
        var each: [(labels: PrometheusText.Labels, statistics: AdapterUsage)] = []
        for deployment in directory.deployments {
            let model = ("model_name", deployment.name)
            all.append(([model], deployment.adapters.statistics))
            for (name, usage) in deployment.adapters.usages { each.append(([model, ("adapter", name)], usage)) }
        }
        text.write(EngineMetric.adapters, of: all)
        if !each.isEmpty { text.write(EngineMetric.adapter, of: each) }
    }

    private func writeOwn(_ text: inout PrometheusText) {
        let snapshot = metrics.snapshot
        let responses = "hearth_http_responses_total"
        text.begin(responses, .counter, "Responses, by route and status.")
        let classes = snapshot.responses.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
        for (key, count) in classes {
            text.sample(responses, [("route", key.route), ("status", String(key.status))], Double(count))
        }
        text.begin("hearth_client_disconnects_total", .counter, "Generations whose client left before their end.")
        text.sample("hearth_client_disconnects_total", [], Double(snapshot.disconnectCount))
        text.begin("hearth_generations_running", .gauge, "Generations the server has let in.")
        text.sample("hearth_generations_running", [], Double(gate.runningCount))
        text.begin("hearth_ready", .gauge, "Whether requests are taken.")
        text.sample("hearth_ready", [], directory.isReady && !gate.isDraining ? 1 : 0)
    }
}
