import ContinualLearning
import ControlPlane
import Engine
import Events
import KafkaStream
import Telemetry

extension DaemonControl {
    func metricList() -> [Metric] {
        let beat = board.beat
        var metrics = [
            Metric(
                .gauge, "build_info", "The version that runs.",
                [
                    .init(
                        1,
                        [
                            ("version", TidemarkVersion.current),
                            ("librdkafka", LibraryVersion.text),
                        ])
                ]),
            Metric(
                .gauge, "live", "Whether the learning thread is not stuck.", live().isYes ? 1 : 0),
            Metric(
                .gauge, "ready", "Whether the stream's end is near enough.", ready().isYes ? 1 : 0),
            Metric(
                .gauge, "learning_step_seconds", "How long the learning thread's step has taken.",
                [
                    .init(
                        Double(milliseconds(since: beat.since)) / 1000,
                        [("activity", beat.activity.rawValue)])
                ]),
        ]
        metrics += PausedPart.allCases.map { part in
            Metric(
                .gauge, "\(part.rawValue)_paused", "1 while a person has it paused.",
                board.pauses.now[part] == nil ? 0 : 1)
        }
        metrics += ProcessFigures.read()?.metrics ?? []
        if let store = board.store,
            let figures = try? StoreFigures(store, nowMs: wallTimeMs())
        {
            metrics += figures.metrics
        }
        metrics.append(logged.counts.metric)
        metrics += Self.metrics(http.counts)
        if let identity = access.tls?.identity {
            metrics.append(
                Metric(
                    .gauge, "http_certificate_end_seconds",
                    "When the certificate of the HTTP interface ends, in seconds since 1970.",
                    Double(identity.endsMs) / 1000))
        }
        if let consumer = board.consumer { metrics += Self.metrics(consumer) }
        if let figures = board.figures { metrics += Self.metrics(figures) }
        if let publishing = board.publishing { metrics += Self.metrics(publishing) }
        return metrics
    }

    private static func metrics(_ http: ControlFigures.Counts) -> [Metric] {
        [
            Metric(
                .gauge, "http_open_connections", "Connections of the HTTP interface, open now.",
                Double(http.connections)),
            Metric(
                .counter, "http_connections_total", "Connections accepted since the start.",
                Double(http.accepted)),
            Metric(
                .counter, "http_answers_total", "Requests answered since the start.", by: "status",
                Dictionary(
                    http.answers.map { ("\($0.key)", Double($0.value)) }, uniquingKeysWith: +),
                known: ControlFigures.statuses.map { "\($0)" }),
            Metric(
                .counter, "http_rejected_total", "Requests and connections cut short.",
                by: "reason", http.rejected.mapValues(Double.init),
                known: ControlFigures.reasons),
            Metric(
                .counter, "http_restarts_total",
                "How often the listening ended by itself and was begun again.",
                Double(http.restarts)),
        ]
    }

    private static func metrics(
        _ publishing: (failure: PublishingFailure?, oldestMs: Int64?)
    ) -> [Metric] {
        [
            Metric(
                .gauge, "publishing_failing", "Whether messages are refused, or not taken.",
                publishing.failure == nil ? 0 : 1),
            Metric(
                .gauge, "outbox_oldest_seconds",
                "How long the first message that was not delivered has waited at least.",
                Double(publishing.oldestMs ?? 0) / 1000),
        ]
    }

    /// A lag that nobody knows is left out: a gauge at 0 would say that all is learned.
    private static func metrics(_ consumer: ConsumerStatus) -> [Metric] {
        func byPartition(_ value: (PartitionProgress) -> Int64?) -> [Metric.Sample] {
            consumer.partitions.compactMap { partition in
                guard let value = value(partition) else { return nil }
                return .init(
                    Double(value),
                    [
                        ("topic", partition.position.topic),
                        ("partition", "\(partition.position.partition)"),
                    ])
            }
        }
        return [
            Metric(
                .gauge, "partition_lag", "Records that are there and not learned.",
                byPartition(\.knownLag)),
            Metric(
                .gauge, "partition_next_offset", "The next offset to learn.",
                byPartition(\.nextOffset)),
            Metric(
                .gauge, "broker_up", "Whether a broker answers; brokers not in use are left out.",
                consumer.brokers.filter { $0.standing != .unused }.map {
                    .init($0.standing == .up ? 1 : 0, [("broker", $0.address)])
                }),
            Metric(
                .gauge, "without_broker_seconds", "For how long no broker has answered.",
                Double(consumer.withoutBrokerMs ?? 0) / 1000),
            Metric(
                .gauge, "last_data_age_seconds", "Since the last record came.",
                Double(consumer.sinceLastRecordMs) / 1000),
            Metric(
                .gauge, "queued_bytes", "Of records that came and were not learned.",
                Double(consumer.queuedBytes)),
            Metric(
                .counter, "records_received_total", "Records that came since the start.",
                Double(consumer.recordsReceived)),
        ]
    }

    private static func metrics(_ figures: LearnerFigures) -> [Metric] {
        let counters = figures.counters
        func counter(_ name: String, _ help: String, _ value: Int) -> Metric {
            Metric(.counter, name + "_total", help, Double(value))
        }
        func gauge(_ name: String, _ help: String, _ value: Int) -> Metric {
            Metric(.gauge, name, help, Double(value))
        }
        var metrics = [
            Metric(
                .counter, "events_total", "Events accepted since the store began.", by: "type",
                counters.byType.mapValues(Double.init),
                known: EventType.allCases.map(\.rawValue) + [EventError.ignoredCode]),
            Metric(
                .counter, "dead_letters_total", "Records that could not be used.", by: "reason",
                counters.deadLetterReasons.mapValues(Double.init),
                known: DeadLetterReasons.known),
            counter("duplicates", "Events seen before.", counters.duplicates),
            counter("late_events", "Events later than the lateness allows.", counters.late),
            counter(
                "hurried_events", "Events taken early for want of room.", Int(figures.join.hurried)),
            counter(
                "overflowed_examples",
                "Offers closed early for want of room, learned as not taken so far.",
                counters.overflowed),
            counter(
                "late_purchases", "Purchases later than the lateness allows, taken all the same.",
                Int(figures.join.latePurchases)),
            counter(
                "forgotten_purchases", "Purchases that refunds can no longer find.",
                Int(figures.join.forgottenPurchases)),
            gauge(
                "newest_events", "Of the newest events, so many.", figures.lateShare.events),
            gauge(
                "newest_late_events", "Of the newest events, those that came too late.",
                figures.lateShare.late),
            gauge(
                "newest_records", "Of the newest records, so many.", figures.unusableShare.records),
            gauge(
                "newest_unusable_records", "Of the newest records, those that could not be used.",
                figures.unusableShare.unusable),
            gauge(
                "mostly_unusable", "1 while most of the newest records cannot be used.",
                figures.unusableShare.isMost ? 1 : 0),
            counter(
                "unattributed_purchases", "Purchases that no offer was open for.",
                counters.unattributed),
            Metric(
                .counter, "refunds_total", "Refunds, and whether their purchase was known.",
                by: "matched",
                [
                    "true": Double(figures.join.matchedRefunds),
                    "false": Double(counters.unmatchedRefunds),
                ]),
            counter("corrected_labels", "Remembered labels rewritten.", counters.corrected),
            counter("examples", "Examples learned.", counters.examples),
            counter("batches", "Batches learned.", counters.batches),
            counter("recommendations", "Recommendations made.", counters.recommendations),
            counter(
                "rule_violations", "Recommendations that broke a rule.", counters.ruleViolations),
            counter(
                "shadow_decisions", "Decisions for shoppers whom no offers are made to.",
                counters.shadowDecisions),
            counter(
                "withheld_decisions", "Decisions whose deeper discount waits for approval.",
                counters.withheldDecisions),
            counter(
                "unlisted_wishes", "Those of them that the full list of approvals left out.",
                counters.unlistedWishes),
            counter("skipped_updates", "Updates dropped by a guard.", counters.skipped),
            counter(
                "clipped_weights", "Events that count for less than their sampling rate says.",
                counters.clippedWeights),
            counter(
                "ignored_inline", "Events whose item fields were not all taken over.",
                counters.ignoredInline),
            Metric(
                .counter, "bounded_updates_total",
                "Updates that a bound on what may be moved let in less of.", by: "bound",
                [
                    "event": Double(counters.boundedEvents), "user": Double(counters.boundedUsers),
                    "hour": Double(counters.boundedHours),
                ]),
            Metric(
                .counter, "refreshes_total", "Refreshes judged.", by: "verdict",
                [
                    "promoted": Double(counters.gatePassed),
                    "rejected": Double(counters.gateRejected),
                ]),
            Metric(
                .counter, "head_judgements_total", "Judgements of the heads by their anchors.",
                by: "verdict",
                [
                    "promoted": Double(counters.headPassed),
                    "rejected": Double(counters.headRejected),
                ]),
            counter(
                "self_rollbacks", "Rollbacks to the champion after rejections.",
                counters.selfRollbacks),
            Metric(
                .counter, "published_recommendations_total",
                "Recommendations of this process, and whether they said anything new.", by: "new",
                ["true": Double(figures.sent.new), "false": Double(figures.sent.unchanged)]),
            counter(
                "expired_recommendations",
                "Recommendations of this process that had expired before their records were read.",
                figures.sent.expired),
            gauge(
                "open_examples", "Offers that wait for their outcome.", figures.held.openExamples),
            gauge(
                "pending_events", "Events held back until none older can come.",
                figures.held.pendingEvents),
            gauge(
                "remembered_examples", "Examples in replay memory.", figures.held.rememberedExamples
            ),
            gauge("items", "Items of the catalogue.", figures.held.items),
        ]
        if let outbox = figures.sent.outbox {
            metrics.append(
                gauge("outbox_messages", "Committed and not known to have arrived.", outbox))
        }
        if let watermarkMs = figures.watermarkMs {
            metrics.append(
                Metric(
                    .gauge, "watermark_delay_seconds",
                    "Wall time less the time up to which events are joined.",
                    Double(max(0, wallTimeMs() - watermarkMs)) / 1000))
        }
        metrics += Self.metrics(figures.budgets)
        metrics += Self.metrics(figures.held.bounded)
        metrics += scores(figures.recent)
        return metrics
    }

    private static func metrics(_ kept: BoundReport) -> [Metric] {
        [
            Metric(
                .gauge, "shoppers", "Shoppers whose history is kept.", Double(kept.shoppers)),
            Metric(
                .gauge, "vector_bytes", "Of vectors of texts.", Double(kept.vectorBytes)),
            Metric(
                .gauge, "context_keys", "Context keys that are learned from.",
                Double(kept.contextKeys)),
            Metric(
                .counter, "context_entries_left_out_total",
                "Context entries not learned from, as their keys were too many.",
                Double(kept.contextEntriesLeftOut)),
            Metric(
                .counter, "forgotten_total",
                "Forgotten for not being seen, or for want of room.", by: "what",
                [
                    "items": Double(kept.itemsForgotten),
                    "shoppers": Double(kept.shoppersForgotten),
                    "vectors": Double(kept.vectorsForgotten),
                ]),
        ]
    }

    private static func scores(_ recent: [String: ScoreReport]) -> [Metric] {
        [
            Metric(
                .gauge, "log_loss", "Of the newest window, predicted before learned.", by: "head",
                recent.compactMapValues(\.logLoss)),
            Metric(
                .gauge, "normalized_entropy", "Log-loss by that of the base rate.", by: "head",
                recent.compactMapValues(\.normalizedEntropy)),
        ]
    }
}
