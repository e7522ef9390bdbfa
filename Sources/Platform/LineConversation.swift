/// One client of a socket that speaks in lines: bytes and times in, lines and bytes out. No I/O.
///
/// A line is answered before the next one is looked at, and the answer is taken before that, so that
/// a client holds up nobody but itself.
package struct LineConversation {
    /// Longest line, its end included. A longer one is answered with an error, and the client let
    /// go.
    package static let lineBytesMax = 64 << 10
    /// How long a line may take from its first byte to its last, and an answer to be taken.
    package static let patienceMs: Int64 = 10_000

    private var received: [UInt8] = []
    /// Of `received`, known to hold no end of a line.
    private var searched = 0
    private var unsent: [UInt8] = []
    private var sentCount = 0
    /// When the line, the answer or the quiet that is under way began.
    package private(set) var sinceMs: Int64
    private var isEnding = false

    /// A conversation in which nothing was said yet.
    package init(nowMs: Int64) { sinceMs = nowMs }

    /// Whether more is to be read; otherwise the answer before has to be taken first.
    package var wantsBytes: Bool {
        unsent.isEmpty && !isEnding && received.count < Self.lineBytesMax
    }
    /// Whether some of an answer waits to be taken.
    package var wantsToSend: Bool { !unsent.isEmpty }
    /// Whether neither a line nor an answer is under way.
    package var isQuiet: Bool { received.isEmpty && unsent.isEmpty }
    /// Whether everything is said, and the client is to be let go.
    package var isOver: Bool { isEnding && unsent.isEmpty }

    /// Takes bytes as they came from the socket.
    package mutating func receive(_ bytes: some Collection<UInt8>, nowMs: Int64) {
        if received.isEmpty { sinceMs = nowMs }
        received += bytes
    }

    /// The next line that is to be answered; nil while there is none.
    package mutating func nextLine(nowMs: Int64) -> String? {
        guard unsent.isEmpty, !isEnding else { return nil }
        let found = received[searched...].firstIndex(of: UInt8(ascii: "\n"))
        guard let end = found, end < Self.lineBytesMax else {
            searched = received.count
            if received.count >= Self.lineBytesMax {
                self.end(
                    with: "error the line is longer than \(Self.lineBytesMax) bytes", nowMs: nowMs)
            }
            return nil
        }
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeSubrange(...end)
        searched = 0
        sinceMs = nowMs
        return line
    }

    /// An answer is one line, whatever a reason may hold.
    package mutating func answer(_ text: String, nowMs: Int64) {
        unsent += text.utf8.lazy.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }
        unsent.append(UInt8(ascii: "\n"))
        sinceMs = nowMs
    }

    /// Says `text`, and nothing after it.
    package mutating func end(with text: String, nowMs: Int64) {
        received = []
        searched = 0
        answer(text, nowMs: nowMs)
        isEnding = true
    }

    /// What is to be sent now.
    package var toSend: ArraySlice<UInt8> { unsent[sentCount...] }

    /// Tells how many bytes of `toSend` the socket took.
    package mutating func sent(_ count: Int, nowMs: Int64) {
        sentCount += count
        guard sentCount >= unsent.count else { return }
        unsent = []
        sentCount = 0
        sinceMs = nowMs
    }

    /// Gives up what takes too long.
    ///
    /// - Returns: whether the client is to be let go at once, as it does not take its answer.
    package mutating func look(nowMs: Int64) -> Bool {
        guard !isQuiet, nowMs - sinceMs > Self.patienceMs else { return false }
        if wantsToSend { return true }
        end(with: "error the line did not end within \(Self.patienceMs / 1000) s", nowMs: nowMs)
        return false
    }
}
