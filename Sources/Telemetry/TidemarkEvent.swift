import ContinualLearning
import Logging

/// What happens in the daemon that people want to hear of.
public enum TidemarkEvent: Sendable {
    /// The daemon begins; nothing is connected yet.
    case starting(version: String, base: String, store: String)
    /// A store's state was taken up.
    case resumed(snapshot: String, examples: Int)
    /// The weights went back, or with `rewind` all that was learned.
    case wentBack(snapshot: String, rewind: Bool, reason: String)
    /// A person has stopped a part of the daemon for now.
    case paused(part: String, who: String, reason: String)
    /// A person has it go on.
    case unpaused(part: String, who: String)
    /// The brokers are of a cluster that the store does not know.
    case newCluster(old: [String], new: String)
    /// Records were lost, as the configuration accepts. `to` is the first that is there.
    case gapAccepted(partition: String, from: Int64, to: Int64)
    /// Reading has begun.
    case consuming(topics: String, partitions: Int, behind: Int64)
    /// Where learning stands, now and then. `lag` is `nil` where no broker tells it.
    case progress(
        events: Int, perSecond: Double, examples: Int,
        scores: [(head: String, logLoss: Double, ne: Double)],
        recommendations: Int, lag: Int64?)
    /// Training has begun, on so many texts of so many examples.
    case refreshStarted(texts: Int, examples: Int)
    /// A gate has judged.
    case judged(GateResult)
    /// Training found nothing better on the texts kept apart.
    case refreshBroughtNothing(steps: Int)
    /// A drift detector sounded.
    case driftFound(head: String, example: Int)
    /// Shoppers answer to discounts otherwise than was learned.
    case answersChanged(model: String, example: Int)
    /// What was decided is bought otherwise than was expected of it, beyond chance.
    case boughtOtherwise(String, more: Bool, model: String, example: Int)
    /// There are more context keys than are learned from; the first one left out.
    case contextKeysLeftOut(key: String, keysMax: Int)
    /// A snapshot was taken.
    case snapshot(id: String, events: Int)
    /// A snapshot has its keyed state now.
    case keptWhole(snapshot: String, megabytes: Double, seconds: Double)
    /// A snapshot could not be given its keyed state; `nil`: not even told which ones need it.
    case notKeptWhole(snapshot: String?, reason: String)
    /// Keys of shoppers of whom nothing is left.
    case keysDestroyed(count: Int, seconds: Double)
    /// Such keys stay for now.
    case keysNotDestroyed(reason: String)
    /// A record could not be used.
    case deadLetter(position: String, reason: String)
    /// Of the last minute: letters without a line of their own, and the reason of one of them.
    case moreDeadLetters(count: Int, reason: String)
    /// So many of the newest records could not be used: perhaps the wrong topics.
    case mostUnusable(letters: Int, records: Int)
    /// The producer failed for good and was made again.
    case producerRestarted
    /// The oldest message has waited for so long, at least.
    case notPublished(reason: String, waiting: Int, oldestSeconds: Int64)
    /// Publishing goes on, after so long.
    case publishedAgain(seconds: Int64)
    /// Records carry Confluent's frame, which is left off.
    case framed(topic: String, schema: Int)
    /// HTTP is answered.
    case serving(host: String, port: Int, isSafe: Bool)
    /// What the HTTP interface met.
    case http(String)
    /// What the control socket met.
    case controlSocket(String)
    /// The process crashed on a batch before: it is learned in parts, of so many records.
    case searchingCulprit(records: Int)
    /// The process crashed so often on this record alone: it goes to the dead letters.
    case refused(position: String, crashes: Int)
    /// The process was ended so often within this batch, and not by a crash of its own.
    case endedHere(batch: String, times: Int)
    /// The store's disk is full.
    case waitingForRoom(reason: String)
    /// There is room again.
    case roomAgain
    /// A schema cannot be had, so learning waits.
    case waitingForSchema(reason: String)
    /// The schema is there.
    case schemaAgain
    /// So many messages wait to be published that learning waits.
    case waitingForBrokers(messages: Int)
    /// Most of the newest events came too late to be learned.
    case mostlyLate(
        late: Int, of: Int, partitions: [(place: String, late: Int, of: Int)], wayBack: String?)
    /// Bounds that were met, and the settings they are.
    case noRoom([(what: String, key: String, value: Int)])
    /// `most`: what one example may count for.
    case weightsClipped(position: String, most: String)
    /// What librdkafka, or the client around it, said.
    case kafka(String)
    /// The configuration was read again: what holds now, and keys that hold from the next start on.
    case reloaded(taken: [String], pending: [String])
    /// It was read again, and something in it is wrong: all stays as it was.
    case notReloaded(reason: String)
    /// The log is told other lines from now on.
    case logLevel(LogLevel, who: String)
    /// The daemon ends.
    case stopping(reason: String)

    var level: Logger.Level {
        switch self {
        case .wentBack, .newCluster, .gapAccepted, .producerRestarted, .kafka, .http,
            .controlSocket, .paused, .unpaused, .reloaded, .notReloaded,
            .logLevel:
            .warning
        case .notPublished, .publishedAgain: .warning
        case .judged(let result): result.isAlarming ? .warning : .info
        case .moreDeadLetters, .mostUnusable: .warning
        case .deadLetter, .driftFound, .searchingCulprit, .refused, .waitingForBrokers: .warning
        case .notKeptWhole, .keysNotDestroyed, .endedHere, .roomAgain, .schemaAgain, .mostlyLate,
            .noRoom,
            .weightsClipped, .contextKeysLeftOut, .answersChanged, .boughtOtherwise:
            .warning
        case .waitingForRoom, .waitingForSchema: .error
        default: .info
        }
    }

    var message: Logger.Message {
        switch self {
        case .starting(let version, let base, let store):
            "Tidemark \(version) starts on base \(base), store \(store)"
        case .resumed(let snapshot, let examples):
            "going on from snapshot \(snapshot), \(examples) examples learned before"
        case .wentBack(let snapshot, let rewind, let reason):
            rewind
                ? "the learned state went back to snapshot \(snapshot) (\(reason)); its stream is learned again, and nothing is published a second time"
                : "the weights of snapshot \(snapshot) are in service again: \(reason)"
        case .paused(let part, let who, let reason):
            "\(part) is paused by \(who) until it is resumed: \(reason)"
        case .unpaused(let part, let who): "\(part) is resumed by \(who)"
        case .newCluster(let old, let new):
            "this is another cluster (\(new)) than the store's (\(old.joined(separator: ", "))): reading it from its beginning, as kafka.on_gap: accept says"
        case .gapAccepted(let partition, let from, let to):
            "records \(from) to \(to) of \(partition) are gone; going on behind them, as kafka.on_gap: accept says"
        case .consuming(let topics, let partitions, let behind):
            "consuming \(partitions) partitions of \(topics), \(behind) records behind"
        case .progress(let events, let rate, let examples, let scores, let recommendations, let lag):
            Self.progressLine(events, rate, examples, scores, recommendations, lag)
        case .refreshStarted(let texts, let examples):
            "refreshing the adapters beside serving: \(texts) texts of \(examples) remembered examples"
        case .judged(let result): "\(result.sentence)"
        case .refreshBroughtNothing(let steps):
            "refreshed adapters dropped: after \(steps) steps no better on the texts kept for validation"
        case .driftFound(let head, let example):
            "drift: the \(head) head's predictions are worse than they say they are, at example \(example)"
        case .answersChanged(let model, let example):
            "shoppers answer to discounts otherwise than was learned (\(model), at example \(example)): half of it is forgotten, and prices are tried again"
        case .boughtOtherwise(let offers, let more, let model, let example):
            "decisions \(offers) are bought \(more ? "more" : "less") often than was expected of them (\(model), at example \(example)): what is published of them is wrong; look for a feed that changed"
        case .contextKeysLeftOut(let key, let most):
            "context key \(key) is not learned from, as there are more than \(most) (heads.context_keys); the report lists those left out"
        case .snapshot(let id, let events): "snapshot \(id) after \(events) events"
        case .keptWhole(let snapshot, let megabytes, let seconds):
            "snapshot \(snapshot) is kept whole, \(decimals(megabytes, 1)) MB, \(decimals(seconds, 1)) s beside learning"
        case .notKeptWhole(let snapshot, let reason):
            snapshot.map { "the keyed state of snapshot \($0) is not kept: \(reason)" }
                ?? "which snapshots need their keyed state kept cannot be told: \(reason)"
        case .keysDestroyed(let count, let seconds):
            "\(count) keys of shoppers of whom nothing is left are gone, \(decimals(seconds, 1)) s beside learning"
        case .keysNotDestroyed(let reason):
            "keys of shoppers of whom nothing is left stay for now: \(reason)"
        case .deadLetter(let position, let reason): "dead letter: \(position): \(reason)"
        case .moreDeadLetters(let count, let reason):
            "\(count) more dead letters in the last minute, the newest: \(reason)"
        case .mostUnusable(let letters, let records):
            "\(letters) of the last \(records) records could not be used: are these the right topics? Types that Tidemark has no use for go into ignore_types of their topic"
        case .producerRestarted: "the producer failed and is made again; the outbox is sent again"
        case .notPublished(let reason, let waiting, let seconds):
            "\(waiting) messages wait to be published, the oldest for \(seconds) s or more: \(reason)"
        case .framed(let topic, let schema):
            "records of topic \(topic) carry Confluent's frame (schema id \(schema)): it is left off, their JSON is read, and the schema is not looked at"
        case .publishedAgain(let seconds): "messages are published again, after \(seconds) s"
        case .serving(let host, let port, let isSafe):
            "\(isSafe ? "HTTPS" : "HTTP") is served on \(host) port \(port)"
        case .http(let text): "HTTP: \(text)"
        case .controlSocket(let text): "control socket: \(text)"
        case .searchingCulprit(let records):
            "the daemon crashed here before: learning \(records) records at a time to find the one it ends at"
        case .refused(let position, let crashes):
            "the daemon crashed \(crashes) times on record \(position) alone: it goes to the dead letters"
        case .endedHere(let batch, let times):
            "the daemon was ended \(times) times in a row while it learned \(batch), without a crash of its own: look for what kills it there (the kernel for want of memory, a probe); no record is refused for it"
        case .waitingForRoom(let reason):
            "\(reason). Learning waits; nothing is lost, and it goes on when there is room"
        case .waitingForSchema(let reason):
            "\(reason). Learning waits; nothing is lost, and it goes on when the registry gives the schema"
        case .schemaAgain: "the registry gave the schema: learning goes on"
        case .roomAgain: "there is room on the store's disk again: learning goes on"
        case .waitingForBrokers(let messages):
            "\(messages) messages wait to be published: learning waits for the brokers"
        case .mostlyLate(let late, let all, let partitions, let wayBack):
            Self.lateLine(late, all, partitions, wayBack)
        case .noRoom(let bounds):
            "\(bounds.map { "\($0.what): raise \($0.key) (\($0.value))" }.joined(separator: "; "))"
        case .weightsClipped(let position, let most):
            "\(position): a sampling_rate or propensity below 1/\(most) counts as that (learning.weight_max); further ones are only counted, under weights_clipped"
        case .kafka(let text): "Kafka: \(text)"
        case .reloaded(let taken, let pending):
            "\(Self.reloadedLine(taken, pending))"
        case .notReloaded(let reason):
            "the configuration was read again and is not taken: \(reason)"
        case .logLevel(let level, let who): "the log's level is \(level.rawValue) now, by \(who)"
        case .stopping(let reason): "stopping: \(reason)"
        }
    }

    /// What came of reading the configuration again, as a sentence without an end.
    package static func reloadedLine(_ taken: [String], _ pending: [String]) -> String {
        var parts = ["the configuration was read again"]
        if !taken.isEmpty { parts.append("now " + taken.joined(separator: ", ")) }
        if !pending.isEmpty {
            parts.append("changed from the next start on: " + pending.joined(separator: ", "))
        }
        if parts.count == 1 { parts.append("nothing has changed") }
        return parts.joined(separator: "; ")
    }

    private static func lateLine(
        _ late: Int, _ all: Int, _ partitions: [(place: String, late: Int, of: Int)],
        _ wayBack: String?
    ) -> Logger.Message {
        var line =
            "\(late) of the newest \(all) events were later than attribution.lateness allows and not learned"
        if !partitions.isEmpty {
            line +=
                ", most of those of "
                + partitions.map { "\($0.place) (\($0.late) of \($0.of))" }.joined(separator: ", ")
        }
        return "\(line); \(wayBack ?? "where they always come so late, raise attribution.lateness")"
    }

    private static func progressLine(
        _ events: Int, _ rate: Double, _ examples: Int,
        _ scores: [(head: String, logLoss: Double, ne: Double)], _ recommendations: Int,
        _ lag: Int64?
    ) -> Logger.Message {
        let losses = scores.map { score in
            " · \(score.head) log-loss \(decimals(score.logLoss, 4)) (NE \(decimals(score.ne, 3)))"
        }.joined()
        return
            "\(events) events (\(Int(exactly: rate.rounded()).map(String.init) ?? "–")/s) · \(examples) examples\(losses) · \(recommendations) recommendations · \(lag.map { "\($0) behind" } ?? "no broker says how far behind")"
    }
}

/// With so many decimals, as people read them.
func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "–" }
    let scale = (0..<count).reduce(1.0) { scale, _ in scale * 10 }
    var text = "\((value * scale).rounded() / scale)"
    if let point = text.firstIndex(of: ".") {
        let have = text.distance(from: point, to: text.endIndex) - 1
        if have < count { text += String(repeating: "0", count: count - have) }
    }
    return text
}
