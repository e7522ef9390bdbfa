import Glibc

/// LMDB alone, without seals, sums or tables: what the store's commits are measured against.
public enum RawWrites {
    /// Puts the same rows in one transaction after the other, in a folder of its own.
    ///
    /// - Parameters:
    ///   - initial: Rows that are there before the first commit.
    ///   - rows: The rows of a commit by its number.
    ///   - clock: Called before the first commit and after each.
    public static func run(
        path: String, commits: Int, sync: Bool,
        initial: [(key: [UInt8], value: [UInt8])], rows: (Int) -> [(key: [UInt8], value: [UInt8])],
        clock: () -> Void
    ) throws(StoreError) {
        let folder = StoreFolder(path: path)
        try folder.create()
        let environment = try Environment(folder, readOnly: false, mapBytes: 64 << 30)
        let opening = try WriteTransaction(environment)
        let database = try opening.database("raw", create: true)
        for row in initial { try opening.put(database, row.key, row.value) }
        try opening.commit()
        environment.setSynced(sync)
        for number in 0..<commits {
            let rows = rows(number)
            clock()
            let transaction = try WriteTransaction(environment)
            for row in rows { try transaction.put(database, row.key, row.value) }
            try transaction.commit()
            clock()
        }
    }
}
