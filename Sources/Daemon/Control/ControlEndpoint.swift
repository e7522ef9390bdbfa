import Foundation
import Platform
import Records
import SnapshotStore
import Telemetry

/// The daemon's local socket, in the folder of its store: whoever may write there may use it.
package final class ControlEndpoint {
    private let desk: ControlDesk
    private let socket: ControlSocket

    init(store path: String, desk: ControlDesk, log: EventLogger) throws {
        self.desk = desk
        socket = try ControlSocket(
            path: Self.path(store: path),
            onNotice: { [log] notice in log.emit(.controlSocket(notice)) }
        ) { line in
            try Self.answer(to: line) { desk.ask($0) }
        }
    }

    /// The answer to a line, whatever it holds.
    package static func answer(
        to line: String, ask: (ControlRequest) -> ControlReply
    ) throws(PlatformError) -> String {
        let reply: ControlReply
        do {
            reply = ask(try JSONDecoder().decode(ControlRequest.self, from: Data(line.utf8)))
        } catch {
            reply = .failure(RequestError.badRequest("this is no request: \(sentence(of: error))"))
        }
        guard let bytes = try? JSONText.data(reply) else {
            throw PlatformError("the reply cannot be written")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func path(store: String) -> String { store + "/" + SnapshotStore.controlSocketName }

    /// Refuses what still waits, and removes the socket.
    func close() {
        desk.close()
        socket.close()
    }
}

/// A daemon that has a store open, as another process reaches it.
public final class DaemonConnection {
    private let client: ControlClient

    /// - Returns: `nil` where no daemon has the store open.
    public init?(store path: String) throws {
        guard let client = try ControlClient(path: ControlEndpoint.path(store: path)) else {
            return nil
        }
        self.client = client
    }

    /// Throws: `RequestError.refused` with what the daemon said.
    public func ask(_ request: ControlRequest) throws -> ControlReply {
        let line = String(decoding: try JSONText.data(request), as: UTF8.self)
        let answer = try client.ask(line)
        let reply = try JSONDecoder().decode(ControlReply.self, from: Data(answer.utf8))
        if case .failed(let code, let message) = reply {
            throw RequestError.refused(code: code, message)
        }
        return reply
    }
}
