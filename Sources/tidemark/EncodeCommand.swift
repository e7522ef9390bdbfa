import ArgumentParser
import Daemon
import Encoder
import Foundation
import Tensor
import Terminal

/// `encode`: texts to vectors or tokens, JSON lines in and out.
struct EncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Turns texts into vectors or tokens: JSON lines in and out.",
        discussion: """
            Reads {"text": …} a line from standard input and writes {"vector": […]} a line, or with \
            --tokens {"tokens": […]}, in the same order. Numbers are written so that they read back \
            to the same bits.
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: "A folder with adapters in PEFT's layout.", completion: .directory)
    var adapter: String?

    @Option(
        help: ArgumentHelp(
            "A store: texts are encoded as one of its snapshots does.", valueName: "folder"),
        completion: .directory)
    var store: String?

    @Option(
        help: ArgumentHelp(
            "With --store, the snapshot: an id, a tag, head, head~3, a time. Default: head.",
            valueName: "ref"))
    var snapshot: String?

    @Flag(help: "Write the ids of the tokens instead of vectors.")
    var tokens = false

    @Option(
        help: """
            Cut texts to this many tokens. Default: what the base was made for, with --store what \
            its configuration says.
            """)
    var maxTokens: Int?

    @Option(help: "Threads. Default: one a processor.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(
        help: """
            The numeric profile: fast or portable. Default: fast, with --store what its \
            configuration says.
            """)
    var numerics: NumericProfile?

    func validate() throws {
        guard adapter == nil || store == nil else {
            throw ValidationError("--adapter and --store exclude each other.")
        }
        guard snapshot == nil || store != nil else {
            throw ValidationError("--snapshot needs --store.")
        }
        guard numerics == nil || store == nil else {
            throw ValidationError("--numerics is for a base; a store's configuration says its own.")
        }
    }

    func run() throws {
        try reportingFailures { try encodeLines(try encoder()) }
    }

    private func encoder() throws -> TextEncoder {
        if let store {
            return try SnapshotEncoder.open(
                store: store, snapshot: snapshot ?? "head", base: model.base,
                maxTokens: maxTokens, threads: threads)
        }
        do {
            _ = try Numerics.load(numerics ?? .fast)
            let base = try model.loadBase()
            var adapters: Adapters?
            if let adapter { adapters = try Adapters.load(directory: adapter, base: base) }
            return try TextEncoder(
                base: base, adapters: adapters, maxTokens: maxTokens, threads: threads)
        } catch {
            throw ExitStatus.badConfiguration.failure(sentence(of: error))
        }
    }

    /// Texts are encoded this many at a time, so that the first lines come out early.
    private static let linesAtOnce = 1_024

    private func encodeLines(_ encoder: TextEncoder) throws {
        var number = 0
        var texts: [String] = []
        while let line = readLine() {
            number += 1
            if line.allSatisfy(\.isWhitespace) { continue }
            guard let input = try? JSONDecoder().decode(Input.self, from: Data(line.utf8)) else {
                throw ExitStatus.badData.failure(
                    "standard input, line \(number): not an object with a string \"text\"")
            }
            texts.append(input.text)
            if texts.count == Self.linesAtOnce {
                try write(texts, encoder)
                texts.removeAll(keepingCapacity: true)
            }
        }
        try write(texts, encoder)
    }

    private func write(_ texts: [String], _ encoder: TextEncoder) throws(EncoderError) {
        var output = ""
        if tokens {
            for text in texts {
                let ids = encoder.base.tokenizer.encode(text, maxTokens: encoder.maxTokens)
                output += "{\"tokens\":[\(ids.map(String.init).joined(separator: ","))]}\n"
            }
        } else {
            let vectors = try encoder.encode(texts)
            let size = encoder.base.hiddenSize
            for index in texts.indices {
                let row = vectors[index * size..<(index + 1) * size]
                // Swift prints the shortest decimal that reads back to the same bits.
                output += "{\"vector\":[\(row.map { "\($0)" }.joined(separator: ","))]}\n"
            }
        }
        FileHandle.standardOutput.write(Data(output.utf8))
    }

    private struct Input: Decodable {
        let text: String
    }
}

extension NumericProfile: ExpressibleByArgument {}
