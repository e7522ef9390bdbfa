import ControlPlane
import Foundation
import Synchronization
import Telemetry

/// The files with the tokens of the HTTP interface. They are read again when they change, so that tokens
/// are exchanged without a restart.
///
/// Thread: any.
package final class TokenFiles: Sendable {
    private struct File: Sendable {
        let place: String
        let path: String
        let isOperate: Bool
    }

    package let tokens = AccessTokens()
    private let files: [File]
    private let marks = Mutex<[String: FileMark]>([:])
    private let log: EventLogger

    /// - Parameters:
    ///   - operate: the file with the token that changes state; empty for none.
    ///   - read: the file with the token that reads alone; empty for none.
    /// - Throws: `ConfigurationError` for a file that cannot be used.
    package init(operate: String, read: String, log: EventLogger) throws {
        self.log = log
        files = [
            File(place: "http.token_file", path: operate, isOperate: true),
            File(place: "http.read_token_file", path: read, isOperate: false),
        ].filter { !$0.path.isEmpty }
        for file in files {
            let mark = FileMark(of: file.path)
            take(try Self.token(in: file), of: file)
            marks.withLock { $0[file.path] = mark }
        }
    }

    /// Reads what has changed. A file that cannot be used leaves the token before it in force, which is
    /// said once.
    package func look() {
        for file in files {
            let mark = FileMark(of: file.path)
            let isNew = marks.withLock { marks in
                guard marks[file.path] != mark else { return false }
                marks[file.path] = mark
                return true
            }
            guard isNew else { continue }
            do {
                take(try Self.token(in: file), of: file)
                log.emit(.http("the token of \(file.place) was read again"))
            } catch {
                log.emit(.http("\(sentence(of: error)); the token before stays in force"))
            }
        }
    }

    private func take(_ token: BearerToken, of file: File) {
        var pair = tokens.pair
        if file.isOperate { pair.operate = token } else { pair.read = token }
        tokens.replace(pair)
    }

    /// The token in the file; what the file holds is in no message.
    private static func token(in file: File) throws(ConfigurationError) -> BearerToken {
        let data = try SecretFile.read(file.path, place: file.place)
        guard let token = BearerToken(String(decoding: data, as: UTF8.self)) else {
            throw ConfigurationError(
                place: file.place,
                message:
                    "\(file.path) must hold one token of \(BearerToken.byteCountMin) or more visible ASCII characters"
            )
        }
        return token
    }
}
