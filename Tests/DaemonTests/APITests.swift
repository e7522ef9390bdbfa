import ControlPlane
import Daemon
import Foundation
import Records
import SnapshotStore
import Telemetry
import Testing

@Suite(.serialized) struct APITests {
    private struct Named: Decodable {
        let snapshot: String
    }

    private struct Failure: Decodable {
        let error: String
    }

    @Test("every path and method is described, and every one described is there, with who may ask")
    func described() throws {
        let api = try OpenAPI()
        let control = DaemonControl(
            board: StatusBoard(),
            health: DaemonControl.Health(readyLag: 1, brokerGraceMs: 1, stallMs: 1_000),
            startedMs: 0)
        var access: [String: String] = [
            "GET /live": "anyone", "GET /ready": "anyone", "GET /metrics": "read",
            "GET /v1/status": "read",
        ]
        for endpoint in control.endpoints {
            access["\(endpoint.method.rawValue) \(endpoint.path)"] = "\(endpoint.access)"
        }
        #expect(Set(access.keys) == Set(api.operations.keys))
        for (name, operation) in api.operations {
            let said =
                switch api.security(of: operation) {
                case []: "anyone"
                case [["operator"]]: "operate"
                default: "read"
                }
            #expect(said == access[name], "\(name) is said to be for \(said)")
        }
    }

    @Test("answers are as the description says, and the state answers as its snapshot does")
    func answers() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(1_500))
        try daemon.learned(1_500)
        let api = try OpenAPI()
        let head = try JSONDecoder().decode(
            Named.self,
            from: Data(try daemon.operate("POST /v1/snapshots", #"{"tags":["here"]}"#).body.utf8)
        ).snapshot
        for (request, name) in [
            ("GET /v1/status", "GET /v1/status"), ("GET /v1/history", "GET /v1/history"),
            ("GET /v1/effects", "GET /v1/effects"),
            ("GET /v1/recommendations", "GET /v1/recommendations"),
            ("GET /v1/snapshots?limit=3", "GET /v1/snapshots"),
            ("GET /v1/snapshots/here", "GET /v1/snapshots/{ref}"),
            ("GET /v1/snapshots/head~1/diff/\(head)", "GET /v1/snapshots/{from}/diff/{to}"),
            ("GET /v1/audit?limit=9", "GET /v1/audit"),
        ] {
            let answer = try #require(daemon.ask(request))
            #expect(answer.status == 200, "\(request): \(answer.body)")
            let objections = try api.objections(
                to: answer.body, status: answer.status, of: name)
            #expect(objections.isEmpty, "\(objections.joined(separator: "\n"))")
        }
        let question = #"{"user":"u3","item":"i5","context":{"weekday":3,"device":"phone"}}"#
        let offer = try #require(daemon.ask("POST /v1/recommend", question))
        #expect(
            try api.objections(to: offer.body, status: 200, of: "POST /v1/recommend").isEmpty)
        let offline = try tidemark([
            "recommend", "--store", daemon.fixture.store, "--snapshot", "here", "--user", "u3",
            "--item", "i5", "--context", "weekday=3", "--context", "device=phone", "--json",
        ])
        #expect(offline.output == offer.body + "\n", "\(offline.errors)")
    }

    @Test("a wrong request is refused with a sentence that names the field")
    func strict() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(40))
        let api = try OpenAPI()
        for (request, body, status, begins) in [
            ("POST /v1/rollback", #"{"ref":"head","why":"x"}"#, 400, "reason: "),
            ("POST /v1/rollback", #"{"ref":"head","reason":"x","why":1}"#, 400, "why: "),
            ("POST /v1/rollback", #"{"ref":7,"reason":"x"}"#, 400, "ref: "),
            ("POST /v1/rollback", #"{"ref":"nowhere","reason":"x"}"#, 404, "ref: "),
            ("POST /v1/rollback", #"{"ref":"@never","reason":"x"}"#, 400, "ref: "),
            ("POST /v1/rollback", #"{"reason":"x"}"#, 400, "ref: "),
            ("POST /v1/rollback", #"{"ref":"head","dry_run":"yes"}"#, 400, "dry_run: "),
            (
                "POST /v1/rollback", #"{"ref":"head","dry_run":true,"skip":["t:0:1-2"]}"#, 400,
                "skip: "
            ),
            ("POST /v1/rollback", #"{"ref":"head","ref":"head"}"#, 400, "the body is no JSON"),
            ("POST /v1/rollback", "[]", 400, "the body must be"),
            ("POST /v1/learning/pause", "{}", 400, "reason: "),
            ("POST /v1/snapshots", #"{"tags":"x"}"#, 400, "tags: "),
            ("POST /v1/recommend", #"{"user":"u"}"#, 400, "item: "),
            (
                "POST /v1/recommend", #"{"user":"u","item":"i1","context":{"a":[1]}}"#, 400,
                "context.a: "
            ),
            ("POST /v1/recommend", #"{"user":"u","item":"i1","price":"9"}"#, 400, "price: "),
            ("POST /v1/recommend?x=1", #"{"user":"u","item":"i1"}"#, 400, "x: "),
        ] {
            let answer = try daemon.operate(request, body)
            let error = try JSONDecoder().decode(Failure.self, from: Data(answer.body.utf8)).error
            #expect(
                answer.status == status && error.hasPrefix(begins), "\(request) \(body): \(answer)")
            let name = String(request.prefix { $0 != "?" })
            #expect(try api.objections(to: answer.body, status: status, of: name).isEmpty)
        }
        for (request, status) in [
            ("GET /v1/snapshots?limit=0", 400), ("GET /v1/snapshots?limit=1&limit=2", 400),
            ("GET /v1/snapshots/nowhere", 404), ("GET /v1/snapshots/head/diff/nowhere", 404),
            ("GET /v1/audit?size=3", 400), ("GET /v1/audit?since=yesterday", 400),
            ("GET /v1/audit?since=2026-11-23T12:00:00Z&limit=5", 200), ("GET /v1/effects?x", 400),
        ] {
            #expect(daemon.ask(request)?.status == status, "\(request)")
        }
    }

    @Test("a rollback over HTTP needs the token, goes back, and is audited with who")
    func rollback() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(1_500))
        try daemon.learned(1_500)
        let body = #"{"ref":"head~1","reason":"a bad feed","who":"ann"}"#
        func head() throws -> String {
            try status(daemon.fixture.store, "a status") { _ in true }.head
        }
        let before = try head()
        #expect(daemon.ask("POST /v1/rollback", body)?.status == 401)
        #expect(daemon.ask("POST /v1/rollback", body, token: "wrong")?.status == 401)
        #expect(daemon.ask("POST /v1/rollback", body, token: ServedDaemon.reader)?.status == 403)
        let dry = try daemon.operate(
            "POST /v1/rollback", #"{"ref":"head~1","dry_run":true,"reason":null}"#)
        #expect(dry.status == 200 && dry.body.contains("\"dry_run\" : true"), "\(dry)")
        #expect(try head() == before)
        let done = try daemon.operate("POST /v1/rollback", body)
        #expect(done.status == 200, "\(done)")
        #expect(
            try OpenAPI().objections(to: done.body, status: 200, of: "POST /v1/rollback").isEmpty)
        #expect(try head() != before)
        let audit = try #require(daemon.ask("GET /v1/audit?limit=2")).body
        #expect(
            audit.contains("ann (HTTP, operate token, 127.0.0.1)") && audit.contains("a bad feed"))
    }

    @Test("the configuration is read again and the log's level set over HTTP, with the token alone")
    func reloaded() throws {
        let daemon = try ServedDaemon(try DaemonFixture())
        let api = try OpenAPI()
        for (request, body) in [
            ("POST /v1/reload", #"{"who":"ann"}"#), ("POST /v1/log-level", #"{"level":"debug"}"#),
        ] {
            #expect(daemon.ask(request, body)?.status == 401)
            #expect(daemon.ask(request, body, token: ServedDaemon.reader)?.status == 403)
            let done = try daemon.operate(
                request, body, key: "once \(body.count)".replacing(" ", with: ""))
            #expect(done.status == 200, "\(done)")
            #expect(try api.objections(to: done.body, status: 200, of: request).isEmpty)
        }
        let loud = try daemon.operate("POST /v1/log-level", #"{"level":"loud"}"#)
        #expect(loud.status == 400 && loud.body.contains("level: it must be one of debug, info"))
        #expect(try daemon.operate("POST /v1/reload", "").body.contains("log.level: error"))
        let audit = try #require(daemon.ask("GET /v1/audit?limit=9")).body
        #expect(audit.contains("ann (HTTP, operate token, 127.0.0.1)"))
        #expect(audit.contains(#""action" : "log-level""#))
        let remote = try tidemark([
            "log-level", "error", "--url", daemon.url, "--token-file", daemon.tokenFile,
        ])
        #expect(remote.status == 0 && remote.output.contains("error now"), "\(remote.errors)")
    }

    @Test(
        "paused learning reads nothing until it is resumed, also through a kill; a pause needs the token"
    )
    func paused() throws {
        let fixture = try DaemonFixture()
        let first = try ServedDaemon(fixture, events: ServedDaemon.stream(300))
        try first.learned(300)
        #expect(first.ask("POST /v1/learning/pause", #"{"reason":"x"}"#)?.status == 401)
        let answer = try first.operate(
            "POST /v1/learning/pause", #"{"reason":"a poisoned feed","who":"ann"}"#)
        #expect(answer.status == 200 && answer.body.contains("a poisoned feed"), "\(answer)")
        #expect(
            try OpenAPI().objections(to: answer.body, status: 200, of: "POST /v1/learning/pause")
                .isEmpty)
        // All that was learned is committed with it.
        #expect(try first.operate("POST /v1/snapshots", "{}").status == 200)
        try fixture.send((0..<50).map { "rubbish \($0)" }, partition: 0)
        first.end(SIGKILL)
        let second = try ServedDaemon(fixture)
        let ready = try #require(second.ask("GET /ready"))
        #expect(ready.status == 503 && ready.body.contains("learning is paused"))
        _ = try eventually("a lag") {
            second.ask("GET /v1/status").flatMap { $0.body.contains("\"lag\" : 50") ? () : nil }
        }
        try second.learned(300)
        let resumed = try tidemark([
            "resume", "learning", "--url", "http://127.0.0.1:\(second.port)", "--token-file",
            second.tokenFile, "--who", "bob",
        ])
        #expect(resumed.status == 0 && resumed.output.contains("learning goes on"), "\(resumed)")
        try second.learned(350)
        let audit = try #require(second.ask("GET /v1/audit")).body
        #expect(audit.contains("pause learning") && audit.contains("resume learning"))
    }

    @Test("a run that is to end with its stream ends when learning is paused, and says so")
    func pausedAtEnd() throws {
        let fixture = try DaemonFixture()
        try fixture.send(ServedDaemon.stream(50), partition: 0)
        let settings = ["model.base=\(ShopStream.base)"]
        #expect(try fixture.run(try fixture.configuration(settings)).events.read == 50)
        let paused = try tidemark([
            "pause", "learning", "--reason", "a sale", "--who", "ann", "--store", fixture.store,
        ])
        #expect(paused.status == 0, "\(paused.errors)")
        try fixture.send(["rubbish"], partition: 0)
        let ended = try tidemark(
            ["run", "--exit-when-idle", "300ms"]
                + (try fixture.overrides(settings)).flatMap { ["--set", $0] })
        #expect(ended.status == 69)
        #expect(
            ended.errors.contains("learning is paused since")
                && ended.errors.contains("by ann (a sale)"), "\(ended.errors)")
        #expect(
            ended.output.contains("50 events") || ended.output.contains("50"), "\(ended.output)")
    }

    @Test("paused publishing sends nothing, and all of it once it is resumed")
    func unpublished() throws {
        let fixture = try DaemonFixture()
        let daemon = try ServedDaemon(fixture)
        let paused = try daemon.operate("POST /v1/publishing/pause", #"{"reason":"x"}"#)
        #expect(paused.status == 200, "\(paused)")
        try fixture.send(ServedDaemon.stream(200), partition: 0)
        try daemon.learned(200)
        let waiting = try status(fixture.store, "messages that wait") { $0.outbox > 0 }.outbox
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        #expect(try daemon.operate("POST /v1/publishing/resume", "").status == 200)
        try status(fixture.store, "an empty outbox") { $0.outbox == 0 }
        #expect(try fixture.read(fixture.recommendations).count == waiting)
    }

    @Test("commands ask a daemon elsewhere, and end with the code of what it says")
    func remote() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(600))
        try daemon.learned(600)
        let url = ["--url", "http://127.0.0.1:\(daemon.port)/"]
        let writes = url + ["--token-file", daemon.tokenFile]
        let list = try tidemark(["snapshots", "list", "--json"] + url)
        #expect(list.status == 0 && list.output.contains("\"champion\" : true"), "\(list.errors)")
        #expect(try tidemark(["status"] + url).output.contains("events-"))
        #expect(
            try tidemark(["snapshots", "show", "head"] + url).output.contains("weights_sha256"))
        #expect(try tidemark(["snapshots", "show", "nowhere"] + url).status == 64)
        #expect(try tidemark(["rollback", "head~1", "--dry-run"] + url).status == 64)
        let back = try tidemark(["rollback", "head~1", "--reason", "a trial"] + writes)
        #expect(back.status == 0 && back.output.contains("The weights went back"), "\(back.errors)")
        struct Audit: Decodable {
            struct Entry: Decodable {
                let action: String
                let reason: String
            }
            let entries: [Entry]
        }
        let audit = try tidemark(["audit", "--json", "--since", "1h", "--limit", "1"] + url)
            .json(Audit.self)
        #expect(audit.entries.map(\.action) == ["rollback"])
        #expect(audit.entries.first?.reason.hasSuffix(": a trial") == true)
        #expect(
            try tidemark(["audit", "--since", "0"] + url).output.contains("Nothing since then."))
        #expect(try tidemark(["status", "--url", "http://127.0.0.1:1"]).status == 69)
        #expect(try tidemark(["status", "--url", "ftp://x"]).status == 64)
        #expect(try tidemark(["status"]).status == 64)
    }

    @Test("tokens are read again when their file changes; a file that is none changes nothing")
    func rotation() throws {
        let scratch = try Scratch()
        let file = scratch.path + "/token"
        func write(_ text: String, _ mode: Int = 0o600) throws {
            // As an orchestrator does it: another file in its place.
            _ = FileManager.default.createFile(
                atPath: file + ".new", contents: Data(text.utf8),
                attributes: [.posixPermissions: mode])
            let moved = unsafe rename(file + ".new", file)
            #expect(moved == 0)
        }
        let (old, new) = ("0123456789abcdef-old", "0123456789abcdef-new!")
        try write(old)
        let log = EventLogger(level: .error, format: .text)
        let files = try TokenFiles(operate: file, read: "", log: log)
        #expect(files.tokens.pair.operate != nil && files.tokens.pair.read == nil)
        for (text, mode, holds) in [
            ("short", 0o600, old), (new, 0o644, old), (new, 0o600, new), ("", 0o600, new),
        ] {
            try write(text, mode)
            files.look()
            #expect(files.tokens.pair.operate == BearerToken(holds), "\(text) \(mode)")
        }
        try FileManager.default.removeItem(atPath: file)
        files.look()
        files.look()
        #expect(files.tokens.pair.operate == BearerToken(new))
        // The file without a token, that others can read, that is empty, that is gone; and the new one.
        #expect(log.counts.byKind["http"] == 5)
        #expect(throws: ConfigurationError.self) {
            try TokenFiles(operate: file, read: "", log: log)
        }
    }

    @Test("a daemon takes a new token from its file while it runs")
    func rotated() throws {
        let daemon = try ServedDaemon(try DaemonFixture())
        let next = "fedcba9876543210-operate"
        try Data(next.utf8).write(to: URL(fileURLWithPath: daemon.tokenFile))
        _ = try eventually("the new token") {
            daemon.ask("POST /v1/publishing/resume", "{}", token: next)?.status == 200 ? () : nil
        }
        let old = daemon.ask("POST /v1/publishing/resume", "{}", token: ServedDaemon.token)
        #expect(old?.status == 401)
    }

    @Test("the page comes with a policy that lets nothing else run, and its own program is in it")
    func page() throws {
        let daemon = try ServedDaemon(try DaemonFixture())
        let page = try #require(daemon.ask("GET /"))
        #expect(page.status == 200 && page.body.hasPrefix("<!doctype html>"))
        #expect(!page.body.contains("innerHTML") && !page.body.contains("http://cdn"))
        let policy = try #require(page.headers["content-security-policy"])
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
        for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
            let inside = try #require(
                page.body.firstMatch(of: try Regex("(?s)<\(tag)>(.*)</\(tag)>")))
            let text = String(try #require(inside.output[1].substring))
            let hash = Data(SHA256.hash(Array(text.utf8)).bytes).base64EncodedString()
            #expect(policy.contains("\(directive) 'sha256-\(hash)'"))
        }
    }
}
