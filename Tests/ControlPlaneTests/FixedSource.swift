import ControlPlane
import Foundation

struct FixedSource: ControlSource {
    var isLive = true
    var isReady = false

    func live() -> Verdict { Verdict(isLive, isLive ? "live" : "stuck") }
    func ready() -> Verdict { Verdict(isReady, isReady ? "ready" : "behind") }
    func metrics() -> (contentType: String, text: String) { ("text/plain", "tidemark_up 1\n") }
    func status() throws -> Data { Data(#"{"lag":3}"#.utf8) }
}
