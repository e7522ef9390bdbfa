import Daemon
import Foundation
import Records
import Telemetry
import TestSupport
import Testing

/// The HTTP interface under TLS, as the program serves it and asks for it.
@Suite(.serialized) struct SafeHTTPTests {
    private func install(
        _ files: (certificate: String, key: String),
        as place: (certificate: String, key: String)
    ) throws {
        for (from, to) in [(files.key, place.key), (files.certificate, place.certificate)] {
            try FileManager.default.copyItem(atPath: from, toPath: to + ".new")
            let moved = unsafe rename(to + ".new", to)
            #expect(moved == 0)
        }
    }

    @Test("check and run refuse files that cannot be used, by the key and the file")
    func refused() throws {
        let fixture = try DaemonFixture()
        let authority = try TestAuthority()
        let good = try authority.issue("good")
        let other = try authority.issue("other")
        let late = try authority.issue("late", days: -1)
        let open = try authority.issue("open")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: open.key)
        let nowhere = authority.folder + "/nowhere.pem"
        for (certificate, key, clients, place, words) in [
            (good.certificate, "", "", "http.tls.key", "it is needed"),
            ("", good.key, "", "http.tls.certificate", "it is needed"),
            ("", "", authority.file, "http.tls.certificate", "it is needed"),
            (nowhere, good.key, "", "http.tls.certificate", "\(nowhere) cannot be read"),
            (good.certificate, nowhere, "", "http.tls.key", "\(nowhere) cannot be read"),
            (good.certificate, good.key, nowhere, "http.tls.client_ca", nowhere),
            (good.key, good.key, "", "http.tls.certificate", "\(good.key) holds no certificate"),
            (late.certificate, late.key, "", "http.tls.certificate", "that ended at"),
            (good.certificate, other.key, "", "http.tls.key", "\(other.key) holds another key"),
            (open.certificate, open.key, "", "http.tls.key", "others can read \(open.key)"),
        ] {
            let arguments = try fixture.overrides([
                "http.enabled=true", "http.port=0", "model.base=\(ShopStream.base)",
                "http.tls.certificate=\(certificate)", "http.tls.key=\(key)",
                "http.tls.client_ca=\(clients)",
            ]).flatMap { ["--set", $0] }
            let check = try tidemark(["check"] + arguments)
            let run = try tidemark(["run"] + arguments)
            #expect(check.status == 78 && run.status == 78, "\(check.output) \(run.errors)")
            for said in [check.output, run.errors] {
                #expect(said.contains(place) && said.contains(words), "\(words): \(said)")
            }
        }
        let fine = try tidemark(
            ["check"]
                + fixture.overrides([
                    "http.enabled=true", "http.tls.certificate=\(good.certificate)",
                    "http.tls.key=\(good.key)", "http.tls.client_ca=\(authority.file)",
                    "model.base=\(ShopStream.base)",
                ]).flatMap { ["--set", $0] })
        #expect(fine.status == 0 && fine.output.contains("TLS with a certificate until 20"))
        #expect(fine.output.contains("clients must show one, too"))
        // To other machines only with a token, whatever the certificate.
        let elsewhere = try tidemark(
            ["check"]
                + fixture.overrides([
                    "http.enabled=true", "http.host=0.0.0.0", "model.base=\(ShopStream.base)",
                    "http.tls.certificate=\(good.certificate)", "http.tls.key=\(good.key)",
                ]).flatMap { ["--set", $0] })
        #expect(elsewhere.status == 78 && elsewhere.output.contains("http.token_file"))
    }

    @Test(
        "commands ask under TLS, with a certificate of their own, while the daemon's is exchanged")
    func commands() throws {
        let fixture = try DaemonFixture()
        let (first, second) = (try TestAuthority("first"), try TestAuthority("second"))
        let clients = try TestAuthority("clients")
        let alice = try clients.issue("alice")
        let place = (certificate: first.folder + "/now.pem", key: first.folder + "/now.key")
        try install(try first.issue("server"), as: place)
        let shown = ["--cert", alice.certificate, "--key", alice.key]
        let daemon = try ServedDaemon(
            fixture,
            settings: [
                "http.tls.certificate=\(place.certificate)", "http.tls.key=\(place.key)",
                "http.tls.client_ca=\(clients.file)",
            ]
        ) { port in
            let asked = try? tidemark(
                ["status", "--url", "https://localhost:\(port)", "--ca", first.file] + shown)
            return asked?.status == 0
        }
        let url = ["--url", "https://localhost:\(daemon.port)"]
        let trusting = url + ["--ca", first.file] + shown
        let paused = try tidemark(
            ["pause", "publishing", "--reason", "a look", "--token-file", daemon.tokenFile]
                + trusting)
        #expect(paused.status == 0, "\(paused.errors)")
        let audit = try tidemark(["audit", "--json"] + trusting)
        #expect(audit.output.contains("certificate \(try clients.serial(of: alice.certificate))"))
        for command in [["snapshots", "list"], ["top", "--once"], ["status"]] {
            #expect(try tidemark(command + trusting).status == 0, "\(command)")
        }
        #expect(try tidemark(["rollback", "head", "--dry-run"] + trusting).status == 64)
        for (arguments, code, words) in [
            (url + shown, 69, "certificate"),
            (url + ["--ca", second.file] + shown, 69, "certificate"),
            (url + ["--ca", first.file], 69, "certificate required"),
            (url + ["--ca", first.folder + "/no.pem"], 64, "--ca: "),
            (["--url", "http://localhost:\(daemon.port)"], 64, "ask with https://"),
            (["--url", "http://localhost:\(daemon.port)", "--ca", first.file], 64, "--ca goes"),
            (url + ["--cert", alice.certificate], 64, "go together"),
        ] as [([String], Int32, String)] {
            let asked = try tidemark(["status"] + arguments)
            #expect(
                asked.status == code && asked.errors.contains(words), "\(words): \(asked.errors)")
        }
        try install(try second.issue("server"), as: place)
        _ = try eventually("the other certificate") {
            let asked = try tidemark(["status", "--ca", second.file] + url + shown)
            return asked.status == 0 ? () : nil
        }
        #expect(try tidemark(["status"] + trusting).status == 69)
        let beginning = try Wires.connect(port: daemon.port)
        defer { close(beginning) }
        let start = ContinuousClock.now
        daemon.end()
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("files that cannot be used leave the certificate before in force, which is said once")
    func exchanged() throws {
        let authority = try TestAuthority()
        let place = (certificate: authority.folder + "/now.pem", key: authority.folder + "/now.key")
        try install(try authority.issue("first"), as: place)
        var settings = Configuration.TLS()
        settings.certificate = place.certificate
        settings.key = place.key
        let log = EventLogger(level: .error, format: .text)
        let files = try #require(try TLSFiles(settings, log: log))
        #expect(try TLSFiles(Configuration.TLS(), log: log) == nil)
        let before = files.tls.identity.endsMs
        func look() { for _ in 0..<3 { files.look() } }
        look()
        #expect(log.counts.byKind["http"] == nil)
        // The certificate is another one, and the key is not yet: nothing is taken before both are there.
        let next = try authority.issue("next", days: 30)
        try FileManager.default.removeItem(atPath: place.certificate)
        try FileManager.default.copyItem(atPath: next.certificate, toPath: place.certificate)
        files.look()
        #expect(log.counts.byKind["http"] == nil)
        look()
        #expect(log.counts.byKind["http"] == 1 && files.tls.identity.endsMs == before)
        try install(next, as: place)
        look()
        #expect(log.counts.byKind["http"] == 2 && files.tls.identity.endsMs > before)
        try FileManager.default.removeItem(atPath: place.key)
        look()
        look()
        #expect(log.counts.byKind["http"] == 3 && files.tls.identity.endsMs > before)
    }
}
