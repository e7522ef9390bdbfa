import ArgumentParser
import Daemon
import Foundation
import Mapping
import Terminal

/// Runs tests of mappings and says what failed.
struct MappingTestRun {
    let files: [String]

    private static let ending = ".test.yaml"

    func run() throws {
        let paths = try (files.isEmpty ? ["."] : files).flatMap(Self.paths)
        guard !paths.isEmpty else {
            throw ExitStatus.usage.failure(
                "there is no *\(Self.ending) in \((files.isEmpty ? ["."] : files).joined(separator: ", "))"
            )
        }
        var passed = 0
        var failed = 0
        for path in paths {
            do throws(MappingProblems) {
                let (tests, mapping) = try MappingFile.tests(path: path)
                for test in tests.tests {
                    if let failure = test.failure(of: mapping) {
                        failed += 1
                        Standing.failed.show("\(path): \(test.name)\n  \(failure)")
                    } else {
                        passed += 1
                    }
                }
            } catch {
                failed += 1
                Standing.failed.show("\(error)")
            }
        }
        print("\(passed) tests passed, \(failed) failed")
        if failed > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
    }

    /// A file itself; of a folder its tests, in the order of their names.
    private static func paths(_ path: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
            isFolder.boolValue
        else { return [path] }
        return try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(ending) }.sorted()
            .map { (path as NSString).appendingPathComponent($0) }
    }
}
