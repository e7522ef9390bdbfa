import Foundation
import FuzzTargets
import Records
import Testing

/// Changed seeds in great number, without the fuzzer: for targets whose readers are quick.
@Suite struct MutationTests {
    /// `TIDEMARK_FUZZ_MUTATIONS=5000000` for more.
    private static let mutations =
        ProcessInfo.processInfo.environment["TIDEMARK_FUZZ_MUTATIONS"].flatMap(Int.init) ?? 100_000

    /// Values at which lengths and counts go wrong.
    private static let edges: [UInt64] = [
        0, 1, 2, 127, 128, 255, 256, 65_535, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 63 - 1,
        1 << 63, .max,
    ]

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0...random.next() % 4 {
            let at = bytes.isEmpty ? 0 : Int(random.next() % UInt64(bytes.count))
            switch random.next() % 6 {
            case 0 where !bytes.isEmpty: bytes[at] ^= 1 << UInt8(random.next() % 8)
            case 1 where !bytes.isEmpty: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
            case 3 where !bytes.isEmpty: bytes.remove(at: at)
            case 4 where at > 0: bytes.removeLast(bytes.count - at)
            default:
                let edge = Self.edges[Int(random.next() % UInt64(Self.edges.count))]
                let width = 1 << Int(random.next() % 4)
                for index in 0..<width {
                    let byte = UInt8(truncatingIfNeeded: edge >> (8 * index))
                    if at + index < bytes.count {
                        bytes[at + index] = byte
                    } else {
                        bytes.append(byte)
                    }
                }
            }
        }
    }

    @Test("no record of a store that was changed makes its reader trap")
    func storeRecords() throws {
        let target = try #require(FuzzTargets.named("store-records"))
        var random = SeededRandom(seed: 11)
        var pool = target.seeds
        for _ in 0..<Self.mutations {
            let index = Int(random.next() % UInt64(pool.count))
            var bytes = pool[index]
            mutate(&bytes, &random)
            // Kept to be changed further, a bounded number of times.
            if bytes.count < 4_096, random.next() % 8 == 0 {
                if pool.count < 4_096 {
                    pool.append(bytes)
                } else if index >= target.seeds.count {
                    pool[index] = bytes
                }
            }
            target.run(bytes)
        }
    }
}
