import Daemon
import Foundation
import Records
import SnapshotStore
import Testing

/// Requests that a client means to be done once, however often it sends them.
@Suite(.serialized) struct OnceTests {
    private struct Audit: Decodable {
        struct Entry: Decodable {
            let action: String
        }

        let entries: [Entry]
    }

    private func changes(_ daemon: ServedDaemon, _ action: String) throws -> Int {
        let answer = try #require(daemon.ask("GET /v1/audit?limit=1000"))
        return try JSONDecoder().decode(Audit.self, from: Data(answer.body.utf8)).entries
            .filter { $0.action == action }.count
    }

    @Test("a rollback under a key is done once; its answer is given again, also after a restart")
    func rollback() throws {
        let fixture = try DaemonFixture()
        let first = try ServedDaemon(fixture, events: ServedDaemon.stream(1_500))
        try first.learned(1_500)
        let body = #"{"ref":"head~1","reason":"clicked twice"}"#
        let done = try first.operate("POST /v1/rollback", body, key: #""once-1""#)
        #expect(done.status == 200, "\(done)")
        let again = try first.operate("POST /v1/rollback", body, key: #""once-1""#)
        #expect(again.status == 200 && again.body == done.body)
        // The key is the same one without its quotes.
        #expect(try first.operate("POST /v1/rollback", body, key: "once-1").body == done.body)
        #expect(try changes(first, "rollback") == 1)
        let api = try OpenAPI()
        for (request, other) in [
            ("POST /v1/rollback", #"{"ref":"head~1","reason":"another one"}"#),
            ("POST /v1/learning/pause", #"{"reason":"clicked twice"}"#),
        ] {
            let refused = try first.operate(request, other, key: "once-1")
            #expect(refused.status == 422, "\(refused)")
            #expect(refused.body.contains("Idempotency-Key: it came before with another request"))
            #expect(try api.objections(to: refused.body, status: 422, of: request).isEmpty)
        }
        first.end(SIGKILL)
        let second = try ServedDaemon(fixture)
        let later = try second.operate("POST /v1/rollback", body, key: "once-1")
        #expect(later.status == 200 && later.body == done.body)
        #expect(try changes(second, "rollback") == 1)
        // Without a key it is another request.
        #expect(try second.operate("POST /v1/rollback", body).status == 200)
        #expect(try changes(second, "rollback") == 2)
    }

    @Test("what was refused may come again under its key; what is no key is refused")
    func refused() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(200))
        try daemon.learned(200)
        let body = #"{"tags":["here"]}"#
        #expect(try daemon.operate("POST /v1/snapshots", body).status == 200)
        #expect(try daemon.operate("POST /v1/snapshots", body, key: "k").status == 400)
        let untagged = try tidemark(["snapshots", "untag", "here", "--store", daemon.fixture.store])
        #expect(untagged.status == 0, "\(untagged.errors)")
        #expect(try daemon.operate("POST /v1/snapshots", body, key: "k").status == 200)
        for key in [#""open"#, #""""#, "two words", #""a"b"#, String(repeating: "k", count: 256)] {
            let answer = try daemon.operate("POST /v1/snapshots", "{}", key: key)
            #expect(answer.status == 400, "\(key): \(answer)")
            #expect(answer.body.contains("Idempotency-Key: it must have"), "\(answer)")
        }
    }

    @Test(
        "a request that was begun, changed something and never ended is not done again; answers go after a day, and beyond a bound"
    )
    func held() throws {
        let scratch = try Scratch()
        let store = try SnapshotStore.open(
            path: scratch.path + "/store", mode: .readWrite,
            identity: StoreIdentity(id: "once", base: SHA256.hash("base"), createdMs: 1))
        defer { try? store.close() }
        let held = HeldAnswers(store: store)
        func key(_ number: Int) -> RequestKey {
            RequestKey("key \(number)", asking: SHA256.hash("body \(number)"))
        }
        let startMs: Int64 = 1_795_953_000_000
        try held.begin(key(0), nowMs: startMs)
        // Nothing was changed since: the process ended before it came to that.
        #expect(try held.reply(to: key(0), nowMs: startMs + 1) == nil)
        try store.record(
            AuditEntry(wallTimeMs: startMs, who: "ann", action: "rollback", reason: "x"))
        #expect(throws: RequestError.self) { try held.reply(to: key(0), nowMs: startMs + 1) }
        try held.forget(key(0))
        #expect(try held.reply(to: key(0), nowMs: startMs + 2) == nil)
        for number in 1...HeldAnswers.countMax + 5 {
            let nowMs = startMs + Int64(number)
            try held.begin(key(number), nowMs: nowMs)
            try held.end(key(number), .snapshot(id: "\(number)"), nowMs: nowMs)
        }
        let nowMs = startMs + 10_000
        #expect(try held.reply(to: key(5), nowMs: nowMs) == nil)
        guard case .snapshot("6") = try held.reply(to: key(6), nowMs: nowMs) else {
            Issue.record("the oldest that there is room for is gone")
            return
        }
        #expect(try held.reply(to: key(6), nowMs: startMs + 6 + HeldAnswers.keepMs) == nil)
        guard
            case .keyReused = try held.reply(
                to: RequestKey("key 7", asking: SHA256.hash("other")), nowMs: nowMs)
        else {
            Issue.record("a key of another request was taken")
            return
        }
        // What is too old goes without another request, too.
        try held.forgetOutdated(nowMs: startMs + 6 + HeldAnswers.keepMs)
        #expect(try held.reply(to: key(6), nowMs: nowMs) == nil)
        guard case .snapshot("7") = try held.reply(to: key(7), nowMs: nowMs) else {
            Issue.record("one that is not too old is gone")
            return
        }
        // No learned state has any of it.
        #expect(try store.status().stateDigest == .zero)
    }
}
