import CFuzzer
import Foundation
import FuzzTargets

/// Runs one target under libFuzzer; `deploy/fuzz` builds and calls it.
///
///   tidemark-fuzz list                 the targets' names
///   tidemark-fuzz seeds TARGET FOLDER  writes the target's seeds into the folder
///   tidemark-fuzz run TARGET …         libFuzzer's own arguments follow
@main
enum FuzzDriver {
    /// Set once before libFuzzer starts; it calls on the same thread.
    nonisolated(unsafe) private static var target: any FuzzTarget.Type = FuzzTargets.all[0]

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "list":
            for target in FuzzTargets.all { print(target.name) }
        case "seeds" where arguments.count == 3:
            writeSeeds(of: known(arguments[2]), into: arguments[3])
        case "run" where arguments.count >= 2:
            unsafe target = known(arguments[2])
            run(Array(arguments.dropFirst(2)))
        default: fail(64, "usage: tidemark-fuzz list | seeds TARGET FOLDER | run TARGET …")
        }
    }

    private static func run(_ options: [String]) {
        var texts = unsafe ([CommandLine.arguments[0]] + options).map { unsafe strdup($0) }
        unsafe texts.append(nil)
        var count = unsafe Int32(texts.count - 1)
        let code = unsafe texts.withUnsafeMutableBufferPointer { buffer in
            var start = buffer.baseAddress
            return unsafe LLVMFuzzerRunDriver(&count, &start) { data, size in
                unsafe FuzzDriver.target.run(UnsafeRawBufferPointer(start: data, count: size))
                return 0
            }
        }
        exit(code)
    }

    private static func writeSeeds(of target: any FuzzTarget.Type, into folder: String) {
        for (index, seed) in target.seeds.enumerated() {
            let path = folder + "/seed-\(index)"
            do {
                try Data(seed).write(to: URL(filePath: path))
            } catch {
                fail(69, "cannot write \(path): \(error.localizedDescription)")
            }
        }
    }

    private static func known(_ name: String) -> any FuzzTarget.Type {
        guard let target = FuzzTargets.named(name) else {
            fail(64, "there is no target \(name), only \(FuzzTargets.all.map { $0.name })")
        }
        return target
    }

    private static func fail(_ code: Int32, _ message: String) -> Never {
        FileHandle.standardError.write(Data("tidemark-fuzz: \(message)\n".utf8))
        exit(code)
    }
}
