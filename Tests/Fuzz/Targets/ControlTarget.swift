import Daemon
import Platform

/// Any bytes on the daemon's control socket: lines, their limits, and what requests they are.
///
/// The answers must not depend on how the bytes were cut into pieces, and each is one line.
enum ControlTarget: FuzzTarget {
    static let name = "control"

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let input = unsafe Array(bytes)
        let whole = answers(to: input, piece: max(1, input.count))
        for piece in [1, 13] {
            precondition(
                answers(to: input, piece: piece) == whole, "other answers in pieces of \(piece)")
        }
        let lines = input.count { $0 == UInt8(ascii: "\n") }
        precondition(whole.count { $0 == UInt8(ascii: "\n") } >= min(lines, 1))
    }

    private static func answers(to input: [UInt8], piece: Int) -> [UInt8] {
        var conversation = LineConversation(nowMs: 0)
        var sent: [UInt8] = []
        var rest = input[...]
        while !rest.isEmpty, conversation.wantsBytes {
            conversation.receive(rest.prefix(piece), nowMs: 0)
            rest = rest.dropFirst(piece)
            while let line = conversation.nextLine(nowMs: 0) {
                let reply: String
                do throws(PlatformError) {
                    reply = "ok \(try ControlEndpoint.answer(to: line, ask: Self.reply(to:)))"
                } catch { reply = "error \(error)" }
                conversation.answer(reply, nowMs: 0)
                let out = conversation.toSend
                precondition(out.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })
                sent += out
                conversation.sent(out.count, nowMs: 0)
            }
            sent += conversation.toSend
        }
        return sent
    }

    /// As a daemon that has nothing to do.
    private static func reply(to request: ControlRequest) -> ControlReply {
        switch request {
        case .status: return .snapshot(id: "none")
        case .snapshot(let tags, let who): return .snapshot(id: tags.joined() + who)
        case .tag(let reference, let name, _): return .snapshot(id: reference + name)
        case .untag(let name, _): return .untagged(name: name)
        case .pause(let part, let reason, let who): return .snapshot(id: "\(part)" + reason + who)
        case .resume(let part, let reason, let who): return .snapshot(id: "\(part)" + reason + who)
        case .recommend(let question): return .snapshot(id: question.userID + question.itemID)
        case .erase(let request): return .snapshot(id: request.userID + request.reason)
        case .reload(let who): return .reloaded(ReloadOutcome(taken: [who], pending: []))
        case .logLevel(let level, let reason, let who):
            return .failed(code: 64, message: level.rawValue + reason + who)
        case .rank(let request): return .snapshot(id: request.itemIDs.joined())
        case .approve(let request): return .snapshot(id: request.itemID + request.reason)
        case .object(let request): return .snapshot(id: request.userID + request.who)
        case .rollback(let request):
            do { return .snapshot(id: "\(try request.skipRanges().texts)") } catch {
                return .failed(code: FailureKind(error).rawValue, message: "\(error)")
            }
        }
    }

    static let seeds: [[UInt8]] = [
        #"{"status":{}}"# + "\n",
        #"{"snapshot":{"tags":["a","b"],"who":"me"}}"# + "\n" + #"{"status":{}}"# + "\n",
        #"{"tag":{"reference":"head~1","name":"a","who":"me"}}"# + "\n",
        #"{"untag":{"name":"a\n\u2028","who":""}}"# + "\n\n",
        #"{"rollback":{"_0":{"reference":"@2026-01-01T00:00:00Z","rewind":true,"#
            + #""skips":["t:0:1-5"],"dryRun":true,"reason":"r","who":"w"}}}"# + "\n",
        #"{"rollback":{"_0":{"reference":"x","rewind":false,"skips":["t:-1:9-1"],"#
            + #""dryRun":false,"reason":"","who":"w"}}}"# + "\n",
        #"{"pause":{"_0":"learning","reason":"r","who":"w"}}"# + "\n"
            + #"{"resume":{"_0":"publishing","reason":"","who":"w"}}"# + "\n",
        #"{"erase":{"_0":{"userID":"u","held":[{"table":"t","rows":1,"bytes":2}],"reason":"r","who":"w"}}}"#
            + "\n",
        #"{"reload":{"who":"w"}}"# + "\n"
            + #"{"logLevel":{"_0":"debug","reason":"","who":"w"}}"# + "\n",
        #"{"approve":{"_0":{"itemID":"i","declines":false,"upTo":0.3,"reason":"r","who":"w"}}}"#
            + "\n",
        #"{"rank":{"_0":{"userID":"u","itemIDs":["i"],"count":3,"context":[],"isView":false}}}"#
            + "\n",
        #"{"object":{"_0":{"userID":"u","reason":"r","who":"w"}}}"# + "\n",
        #"{"recommend":{"_0":{"userID":"u","itemID":"i","context":[],"isView":false}}}"# + "\n",
        "[[[[\n{\"status\"",
    ].map { Array($0.utf8) }
}
