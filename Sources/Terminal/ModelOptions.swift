import ArgumentParser
import Encoder
import Foundation

/// Which base a command computes with.
package struct ModelOptions: ParsableArguments {
    /// The folder that was given; `nil` takes the default one.
    @Option(help: "The base's folder. Default: the one deploy/fetch-model filled.")
    package var base: String?

    /// Nothing was given yet.
    package init() {}

    /// Reads the base. Throws the exit status of a bad configuration, with the reason.
    package func load() throws -> BaseModel {
        do throws(EncoderError) {
            return try loadBase()
        } catch {
            throw ExitStatus.badConfiguration.failure(error.description)
        }
    }

    /// The same, with the encoder's own error.
    package func loadBase() throws(EncoderError) -> BaseModel {
        try BaseModel.load(directory: base ?? Self.cached)
    }

    /// `deploy/fetch-model`'s folder.
    static var cached: String {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
        return cache + "/tidemark/all-MiniLM-L6-v2"
    }

    /// The lines of a file that are not empty. Throws the exit status of bad data, also for a file
    /// without any.
    package func lines(_ path: String) throws -> [String] {
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let lines = text.split(separator: "\n").map(String.init)
            if lines.isEmpty { throw ExitStatus.badData.failure("\(path): holds no titles") }
            return lines
        } catch let error as ExitCode {
            throw error
        } catch {
            throw ExitStatus.badData.failure("\(path): \(error.localizedDescription)")
        }
    }
}
