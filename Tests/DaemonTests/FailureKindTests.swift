import ContinualLearning
import ControlPlane
import Daemon
import Encoder
import Engine
import EventLog
import Events
import Foundation
import KafkaStream
import Platform
import Pricing
import Records
import ResponseModel
import SnapshotStore
import Tensor
import Testing
import Tokenization

@Suite struct FailureKindTests {
    private static let decoding: any Error = {
        struct Row: Decodable { let count: Int }
        do {
            _ = try JSONDecoder().decode([Row].self, from: Data(#"[{"count":"x"}]"#.utf8))
            return CocoaError(.featureUnsupported)
        } catch { return error }
    }()

    private static let foundation: any Error = {
        do {
            _ = try String(contentsOfFile: "/nowhere/at/all", encoding: .utf8)
            return EngineError.stateMismatch("")
        } catch { return error }
    }()

    /// Errors of every kind that can leave a target, with the README's exit code.
    private static let table: [(any Error, Int32)] = [
        (ConfigurationError(place: "a.yaml:2", message: "unknown key"), 78),
        (PricingError.badConfiguration(key: "depths", value: "x", expected: "y"), 78),
        (KafkaError.configuration(key: "kafka.client.x", reason: "no such setting"), 78),
        (KafkaError.reservedKey("group.id"), 78),
        (EncoderError.configuration("9999 tokens are not between 2 and 512"), 78),
        (ControlError.badHost("nowhere"), 78),
        (ControlError.tokenMissing(host: "0.0.0.0"), 78),
        (ControlError.cannotListen(host: "localhost", port: 1, reason: "in use"), 69),
        (KafkaError.unreachable(brokers: "a:1", reason: "timed out"), 69),
        (KafkaError.system("no thread"), 69),
        (PlatformError("control socket x: denied"), 69),
        (KafkaError.timedOut("reading", afterMs: 5), 69),
        (StoreError.diskFull(path: "/s"), 69),
        (StoreError.inUse(path: "/s", process: 7), 69),
        (StoreError.cannotWrite(path: "/s", reason: "read-only"), 69),
        (StoreError.quotaReached(path: "/s", usedBytes: 2, bytesMax: 1), 69),
        (StoreError.system(call: "open", path: "/s", code: EIO), 69),
        (StoreError.missing(path: "/s"), 65),
        (StoreError.damaged(path: "/s", what: "page 7"), 65),
        (StoreError.otherBase(path: "/s", found: .zero, expected: .zero), 65),
        (StoreError.olderFormat(path: "/s", found: 1, known: 2), 65),
        (StoreError.newerFormat(path: "/s", found: 3, known: 2), 65),
        (StoreError.unknownReference("x", nearest: []), 64),
        (StoreError.badTag("a b", reason: "a space"), 64),
        (StoreError.closed(path: "/s"), 70),
        (LogError.exists(path: "a"), 64),
        (LogError.system(path: "a", operation: "open it", errno: ENOENT, reason: "none"), 64),
        (LogError.system(path: "a", operation: "write to it", errno: ENOSPC, reason: "full"), 69),
        (LogError.truncated(path: "a", byte: 4), 65),
        (EngineError.stateMismatch("lora.rank is 4, and its adapters have 8"), 65),
        (EncoderError.malformed(file: "config.json", reason: "'x' is missing"), 65),
        (TokenizationError.noVocabulary(directory: "/m"), 65),
        (ByteCodingError.badValue(at: 4, "x"), 65),
        (ContinualLearningError.inconsistentState(table: "replay", "x"), 65),
        (ClusterError.another(found: "a", known: ["b"]), 65),
        (RequestError.noDaemon(store: "/s"), 69),
        (RequestError.badRequest("x"), 64),
        (RequestError.refused(code: 65, "damaged"), 65),
        (RequestError.refused(code: 3, "no code of ours"), 70),
        (RequestError.eventsGone(partition: "e:0", needed: 1, first: 2), 65),
        (PublishingError.notOpened("x"), 69),
        (PublishingError.otherCopy(topic: "m"), 65),
        (VerificationError.order(from: "a", to: "b"), 64),
        (VerificationError.journalIncomplete(commit: 4), 65),
        (RefreshCancelled(), 130),
        (decoding, 65),
        (foundation, 69),
    ]

    @Test("every kind of error ends with the exit code that the README has for it")
    func codes() {
        for (error, code) in Self.table {
            #expect(FailureKind(error).rawValue == code, "\(type(of: error)): \(error)")
        }
        #expect(Set(Self.table.map(\.1)) == [64, 65, 69, 70, 78, 130])
    }

    @Test("no error is told as a dump of its insides")
    func sentences() {
        for (error, _) in Self.table {
            let text = sentence(of: error)
            #expect(!text.isEmpty)
            for dump in [
                "Error Domain", "UserInfo", "codingPath", "Context(", "CodingKeys(", "Optional(",
            ] {
                #expect(!text.contains(dump), "\(text)")
            }
            // A case of an enumeration with its payload.
            let name = "\(error)".prefix { $0 != "(" }
            let isCase = !name.isEmpty && text.hasPrefix("\(name)(") && name.allSatisfy(\.isLetter)
            #expect(!isCase, "\(text)")
        }
        #expect(sentence(of: Self.decoding) == "'0.count' is not a whole number")
        #expect(sentence(of: Self.foundation) == "/nowhere/at/all: No such file or directory")
    }
}
