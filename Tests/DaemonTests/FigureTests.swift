import Daemon
import Foundation
import Testing

@Suite struct FigureTests {
    @Test("the process's figures are read from the system's line, whatever the program is called")
    func process() throws {
        let stat =
            "4711 (a) b (c) S 1 4711 4711 0 -1 4194304 500 0 0 0 250 150 0 0 20 0 9 0 12000 1000000 300 18446744073709551615"
        let figures = try #require(
            ProcessFigures(
                stat: stat, bootSeconds: 1_000, ticks: 100, pageBytes: 4_096, openDescriptors: 12,
                descriptorsMax: 1_024))
        #expect(figures.cpuSeconds == 4 && figures.startSeconds == 1_120)
        #expect(figures.residentBytes == 1_228_800 && figures.virtualBytes == 1_000_000)
        #expect(figures.openDescriptors == 12 && figures.descriptorsMax == 1_024)
        #expect(
            ProcessFigures(
                stat: "4711 (cut) S 1 2", bootSeconds: 0, ticks: 100, pageBytes: 1,
                openDescriptors: 0, descriptorsMax: 0) == nil)
        let own = try #require(ProcessFigures.read())
        let ageSeconds = Date(timeIntervalSince1970: own.startSeconds).timeIntervalSinceNow
        #expect(ageSeconds < 2 && ageSeconds > -86_400)
        #expect(own.residentBytes > 1e6 && own.openDescriptors >= 3)
    }

    @Test("each reason for a dead letter that the code has is counted from the start")
    func reasons() throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources").standardizedFileURL
        var found: Set<String> = []
        for target in ["Events", "Mapping", "Schemas", "Engine", "Daemon/Session"] {
            let walk = FileManager.default.enumerator(
                at: sources.appendingPathComponent(target), includingPropertiesForKeys: nil)
            for case let file as URL in walk ?? .init() where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                for match in text.matches(of: /code: "([a-z0-9_]+)"/) {
                    found.insert(String(match.output.1))
                }
                guard let start = text.range(of: "public var code: String {") else { continue }
                let rest = text[start.upperBound...]
                let end = rest.range(of: "\n    }\n")?.lowerBound ?? rest.endIndex
                for match in rest[..<end].matches(of: /case [^:\n]+: "([a-z0-9_]+)"/) {
                    found.insert(String(match.output.1))
                }
            }
        }
        // A record that is skipped is no dead letter, nor is one that is passed over.
        found.subtract(["skipped"])
        #expect(found.count > 20, "\(found.sorted())")
        #expect(found.isSubset(of: DeadLetterReasons.known), "\(found.sorted())")
    }
}
