import Console
import ContinualLearning
import ControlPlane
import Engine
import Events
import Foundation
import Records
import SnapshotStore
import Telemetry

/// What can be asked of the daemon over HTTP. What changes something, and what only the learning thread
/// can answer, becomes a `ControlRequest`, as over the socket in the store's folder.
extension DaemonControl {
    package var endpoints: [Endpoint] {
        [console] + figureEndpoints + storeEndpoints + learningEndpoints
    }

    /// How long a request may wait until the learning thread comes to it.
    private static let patienceMs = 20_000

    /// The page, which holds no figure: it asks for them as everyone does.
    private var console: Endpoint {
        Endpoint(.get, "/", access: .anyone, lane: .atOnce) { _ in
            Reply(
                contentType: "text/html; charset=utf-8", body: ConsolePage.html,
                headers: ConsolePage.headers)
        }
    }

    // MARK: From figures at hand

    private var figureEndpoints: [Endpoint] {
        [
            Endpoint(.get, "/v1/effects", access: .read, lane: .figures) { call in
                Self.replying {
                    try call.requireNoQuery()
                    return try self.figures().effects
                }
            },
            Endpoint(.get, "/v1/history", access: .read, lane: .figures) { call in
                Self.replying {
                    try call.requireNoQuery()
                    return History(
                        started_at: self.startedMs,
                        windows: self.board.figures?.scores.windows ?? [],
                        events: self.logged.newest.newest)
                }
            },
            Endpoint(.get, "/v1/recommendations", access: .read, lane: .figures) { call in
                Self.replying {
                    try call.requireNoQuery()
                    let offers = try self.figures().offers
                    return ["recommendations": offers]
                }
            },
        ]
    }

    /// Learning over time, and what happened since the process began.
    private struct History: Encodable {
        let started_at: Int64
        let windows: [WindowReport]
        let events: [RecentLogEvent]
    }

    private func figures() throws -> LearnerFigures {
        guard let figures = board.figures else { throw Self.notYet }
        return figures
    }

    private static let notYet = APIProblem(503, "the daemon is starting; ask again")

    // MARK: From the store

    private var storeEndpoints: [Endpoint] {
        [
            Endpoint(.get, "/v1/snapshots", access: .read, lane: .store) { call in
                Self.replying {
                    var query = try QueryFields(call)
                    let limit = try query.number("limit", 1...1_000, default: 50)
                    try query.finish()
                    let listings = try self.store().snapshots(limit: limit)
                    return ["snapshots": listings.map { SnapshotView($0) }]
                }
            },
            Endpoint(.get, "/v1/snapshots/{ref}", access: .read, lane: .store) { call in
                Self.replying {
                    try call.requireNoQuery()
                    return try SnapshotView(full: call.reference("ref"), of: self.store())
                }
            },
            Endpoint(.get, "/v1/snapshots/{from}/diff/{to}", access: .read, lane: .store) { call in
                Self.replying {
                    try call.requireNoQuery()
                    let (from, to) = (try call.reference("from"), try call.reference("to"))
                    let store = try self.store()
                    // Which of the two is wrong is said by its name.
                    let ids = (
                        try store.resolve(from, as: "from").id, try store.resolve(to, as: "to").id
                    )
                    return DiffView(
                        try store.diff(ids.0, ids.1, until: .now + .milliseconds(Self.diffMs)))
                }
            },
            Endpoint(.get, "/v1/approvals", access: .read, lane: .store) { call in
                Self.replying {
                    try call.requireNoQuery()
                    return try ApprovalView(of: try self.store())
                }
            },
            Endpoint(.get, "/v1/audit", access: .read, lane: .store) { call in
                Self.replying {
                    var query = try QueryFields(call)
                    let limit = try query.number("limit", 1...1_000, default: 100)
                    let sinceMs = try query.time("since")
                    try query.finish()
                    return AuditView(try self.store().audit(limit: limit, sinceMs: sinceMs))
                }
            },
        ]
    }

    /// How long two snapshots may be compared; others wait for the store's thread meanwhile.
    private static let diffMs = 5_000

    private func store() throws -> SnapshotStore {
        guard let store = board.store else { throw Self.notYet }
        return store
    }

    // MARK: By the learning thread

    private var learningEndpoints: [Endpoint] {
        [
            Endpoint(.post, "/v1/snapshots", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    .snapshot(tags: try fields.texts("tags"), who: who)
                }
            },
            Endpoint(.post, "/v1/rollback", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    .rollback(try self.rollback(&fields, who: who))
                }
            },
            pausing("/v1/learning/pause", .learning, true),
            pausing("/v1/learning/resume", .learning, false),
            pausing("/v1/publishing/pause", .publishing, true),
            pausing("/v1/publishing/resume", .publishing, false),
            Endpoint(.post, "/v1/erase", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    let userID = try fields.shopper("user")
                    return .erase(
                        try ErasureRequest(
                            userID: userID, in: try self.store(), reason: try fields.text("reason"),
                            who: who))
                }
            },
            Endpoint(.post, "/v1/reload", access: .operate, lane: .learning) { call in
                self.asking(call) { _, who in .reload(who: who) }
            },
            Endpoint(.post, "/v1/log-level", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    guard let level = LogLevel(rawValue: try fields.text("level")) else {
                        let all = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
                        throw APIProblem.field("level", "it must be one of \(all)")
                    }
                    return .logLevel(
                        level, reason: try fields.optionalText("reason") ?? "", who: who)
                }
            },
            Endpoint(.post, "/v1/approvals/{item}", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    .approve(
                        try ApprovalRequest(
                            itemID: call.parameters["item"] ?? "",
                            upTo: try fields.optionalNumber("up_to"),
                            declines: try fields.flag("decline"),
                            untilMs: try fields.time("until"),
                            reason: try fields.text("reason"), who: who))
                }
            },
            Endpoint(.post, "/v1/objections", access: .operate, lane: .learning) { call in
                self.asking(call) { fields, who in
                    .object(
                        try ObjectionRequest(
                            userID: try fields.shopper("user"), reason: try fields.text("reason"),
                            who: who))
                }
            },
            Endpoint(.post, "/v1/rank", access: .read, lane: .learning) { call in
                self.asking(call, isRead: true) { fields, _ in .rank(try Self.ranking(&fields)) }
            },
            Endpoint(.post, "/v1/recommend", access: .read, lane: .learning) { call in
                self.asking(call, isRead: true) { fields, _ in .recommend(try Question(&fields)) }
            },
        ]
    }

    private static func ranking(_ fields: inout BodyFields) throws -> RankingRequest {
        RankingRequest(
            userID: try fields.optionalText("user"), itemIDs: try fields.texts("items"),
            count: try fields.optionalCount("count") ?? 10,
            perCategory: try fields.optionalCount("per_category"),
            perBrand: try fields.optionalCount("per_brand"),
            context: try fields.circumstances("context"), isView: try fields.flag("view"))
    }

    private func pausing(_ path: String, _ part: PausedPart, _ isPaused: Bool) -> Endpoint {
        Endpoint(.post, path, access: .operate, lane: .learning) { call in
            self.asking(call) { fields, who in
                guard isPaused else {
                    return .resume(
                        part, reason: try fields.optionalText("reason") ?? "", who: who)
                }
                return .pause(part, reason: try fields.text("reason"), who: who)
            }
        }
    }

    private func rollback(
        _ fields: inout BodyFields, who: String
    ) throws -> RollbackRequest {
        let reference = try fields.text("ref")
        let request = RollbackRequest(
            reference: reference, rewind: try fields.flag("rewind"),
            skips: try fields.texts("skip"), dryRun: try fields.flag("dry_run"),
            reason: try fields.optionalText("reason") ?? "", who: who)
        guard request.dryRun || !request.reason.isEmpty else {
            throw APIProblem.field("reason", "it is missing: the audit must say why")
        }
        do { _ = try request.skipRanges() } catch {
            throw APIProblem.field("skip", "\(error)")
        }
        _ = try store().resolve(reference, as: "ref")
        return request
    }

    /// Reads the body, has the learning thread do what it asks for, and says what came of it.
    ///
    /// - Parameter isRead: nothing is changed, and so nobody is noted, and doing it twice is no matter.
    private func asking(
        _ call: Call, isRead: Bool = false,
        _ request: (inout BodyFields, _ who: String) throws -> ControlRequest
    ) -> Reply {
        do {
            try call.requireNoQuery()
            var fields = try BodyFields(call)
            let name = isRead ? nil : try fields.optionalText("who")
            let asked = try request(&fields, call.caller.name(name))
            try fields.finish()
            let key = isRead ? nil : try call.requestKey()
            guard let desk else { throw Self.notYet }
            return try Self.reply(to: desk.ask(asked, patienceMs: Self.patienceMs, key: key))
        } catch { return Self.problem(error) }
    }

    private static func reply(to reply: ControlReply) throws -> Reply {
        switch reply {
        case .status(let status): try json(status)
        case .snapshot(let id): try json(["snapshot": id])
        case .untagged(let name): try json(["untagged": name])
        case .rollback(let outcome): try json(outcome)
        case .paused(let state): try json(["paused": state])
        case .explanation(let explanation): try json(explanation)
        case .ranking(let ranking): try json(ranking)
        case .erased(let outcome): try json(outcome)
        case .reloaded(let outcome): try json(outcome)
        case .logLevel(let level): try json(["level": level])
        case .objected(let outcome): try json(outcome)
        case .answered(let entry): try json(entry)
        case .keyReused(let sentence): .problem(422, sentence)
        case .failed(let code, let message):
            .problem(status(of: FailureKind(rawValue: code) ?? .bug), message)
        }
    }

    // MARK: Replies

    private static func replying<Value: Encodable>(_ make: () throws -> Value) -> Reply {
        do { return try json(try make()) } catch { return problem(error) }
    }

    /// As the command line prints it with `--json`.
    private static func json(_ value: some Encodable) throws -> Reply {
        Reply(
            body: try JSONText.data(
                value, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]))
    }

    private static func problem(_ error: any Error) -> Reply {
        if let problem = error as? APIProblem { return .problem(problem.status, problem.sentence) }
        return .problem(status(of: FailureKind(error)), sentence(of: error))
    }

    private static func status(of kind: FailureKind) -> Int {
        switch kind {
        case .usage: 400
        case .badData, .badConfiguration: 409
        case .unavailable, .interrupted: 503
        case .bug: 500
        }
    }
}

extension Call {
    /// A reference to a snapshot, as the path has it.
    fileprivate func reference(_ name: String) throws -> String {
        let text = parameters[name] ?? ""
        guard (1...BodyFields.textBytesMax).contains(text.utf8.count) else {
            throw APIProblem.field(name, "it must have 1 to \(BodyFields.textBytesMax) bytes")
        }
        return text
    }
}

extension Caller {
    /// For the audit: a name that the request gives, its role, where it comes from and the certificate that
    /// it has shown.
    fileprivate func name(_ given: String?) -> String {
        let shown = certificate.map { ", certificate \($0)" } ?? ""
        return (given.map { "\($0) " } ?? "") + "(HTTP, \(role.rawValue) token, \(peer)\(shown))"
    }
}

extension SnapshotStore {
    /// The snapshot that a field names.
    ///
    /// - Throws: `APIProblem` that names the field: 404 where there is no such snapshot, 400 where it is no
    ///   reference.
    fileprivate func resolve(_ reference: String, as field: String) throws -> SnapshotRecord {
        do throws(StoreError) { return try resolve(reference) } catch {
            switch error {
            case .unknownReference: throw APIProblem(404, "\(field): \(error)")
            case .ambiguousReference, .badReference: throw APIProblem.field(field, "\(error)")
            default: throw error
            }
        }
    }
}

extension SnapshotView {
    /// With its configuration, platform and tables.
    fileprivate init(full reference: String, of store: SnapshotStore) throws {
        let id = try store.resolve(reference, as: "ref").id
        try self.init(full: try store.snapshot(id), of: store)
    }
}
