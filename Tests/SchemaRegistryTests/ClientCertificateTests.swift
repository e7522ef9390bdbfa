import Foundation
import Glibc
import SchemaRegistry
import Testing

/// A registry behind TLS that asks its clients for a certificate; OpenSSL's own test server plays it.
@Suite("Registries that ask for a certificate", .serialized) struct ClientCertificateTests {
    private final class Authority {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-tls-\(UUID().uuidString)").path
        private var server: Process?

        init() throws {
            try FileManager.default.createDirectory(
                atPath: path + "/www", withIntermediateDirectories: true)
            for name in ["ca", "other"] {
                try openssl(
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=\(name)", "-keyout", "\(name).key", "-out", "\(name).pem")
            }
            try certificate("server", by: "ca", more: ["-nodes"])
            try certificate("client", by: "ca", more: ["-passout", "pass:s3cret"])
            try certificate("stranger", by: "other", more: ["-nodes"])
            try "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[]"
                .write(toFile: path + "/www/subjects", atomically: true, encoding: .utf8)
        }

        deinit {
            server?.terminate()
            try? FileManager.default.removeItem(atPath: path)
        }

        func file(_ name: String) -> String { "\(path)/\(name)" }

        private func certificate(_ name: String, by authority: String, more: [String]) throws {
            try "subjectAltName=IP:127.0.0.1"
                .write(toFile: file("\(name).ext"), atomically: true, encoding: .utf8)
            try openssl(
                ["req", "-newkey", "rsa:2048", "-subj", "/CN=\(name)", "-keyout", "\(name).key"]
                    + ["-out", "\(name).csr"] + more)
            try openssl(
                "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).pem", "-CAkey",
                "\(authority).key", "-CAcreateserial", "-days", "2", "-extfile", "\(name).ext",
                "-out", "\(name).pem")
        }

        private func process(_ arguments: [String], in folder: String) -> Process {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            process.arguments = arguments
            process.currentDirectoryURL = URL(filePath: folder)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            return process
        }

        private func openssl(_ arguments: String...) throws { try openssl(arguments) }

        private func openssl(_ arguments: [String]) throws {
            let process = process(arguments, in: path)
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "openssl \(arguments)")
        }

        /// - Returns: the server's port.
        func serve() throws -> UInt16 {
            // Below the ports that systems give out, so that hardly anybody has it.
            for _ in 0..<20 {
                let port = UInt16.random(in: 20_000..<30_000)
                let made = process(
                    [
                        "s_server", "-accept", "127.0.0.1:\(port)", "-cert", "../server.pem",
                        "-key", "../server.key", "-CAfile", "../ca.pem", "-Verify", "1",
                        "-verify_return_error", "-HTTP", "-quiet",
                    ], in: path + "/www")
                try made.run()
                for _ in 0..<100 where made.isRunning {
                    if Self.answers(port) {
                        server = made
                        return port
                    }
                    usleep(20_000)
                }
                made.terminate()
            }
            throw RegistryError.unreachable("no port for the test's server")
        }

        private static func answers(_ port: UInt16) -> Bool {
            let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(made) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
    }

    @Test("the right certificate is taken; none, a stranger's, and a wrong password are told apart")
    func certificates() throws {
        let authority = try Authority()
        let port = try authority.serve()
        func ask(
            _ name: String?, password: String? = nil, trusting: String = "ca"
        ) throws(RegistryError) -> Int {
            var configuration = RegistryConfiguration(url: "https://127.0.0.1:\(port)")
            configuration.authorityFile = authority.file("\(trusting).pem")
            configuration.certificate = name.map {
                .init(
                    file: authority.file("\($0).pem"), keyFile: authority.file("\($0).key"),
                    keyPassword: password)
            }
            return try CurlTransport(configuration).get("/subjects").status
        }
        func failure(_ body: () throws(RegistryError) -> Int) -> RegistryError? {
            do throws(RegistryError) {
                _ = try body()
                return nil
            } catch { return error }
        }
        #expect(try ask("client", password: "s3cret") == 200)
        for stranger in [nil, "stranger"] {
            let error = failure { () throws(RegistryError) in try ask(stranger) }
            guard case .tls = error else {
                Issue.record("\(stranger ?? "none"): \(error.map { "\($0)" } ?? "was taken")")
                continue
            }
        }
        for (name, password) in [("client", "wrong"), ("nobody", "s3cret")] {
            let error = failure { () throws(RegistryError) in try ask(name, password: password) }
            guard case .settings(let text) = error else {
                Issue.record("\(name): \(error.map { "\($0)" } ?? "was taken")")
                continue
            }
            #expect(text.contains("certificate") && !text.contains(password))
        }
        let untrusted = failure { () throws(RegistryError) in
            try ask("client", password: "s3cret", trusting: "other")
        }
        guard case .tls = untrusted else {
            Issue.record("a server that nobody vouches for was trusted")
            return
        }
    }
}
