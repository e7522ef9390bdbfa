import CCrashPoints
import Records
import Synchronization

/// What a store had the system do to its files, in order.
struct FileRecording {
    enum Call {
        /// - isDurable: the disk has it when the call returns.
        case write(file: Int, at: Int, bytes: [UInt8], isDurable: Bool)
        case truncate(file: Int, count: Int)
        case sync(file: Int)
        case create(name: String, file: Int)
        case rename(from: String, to: String, file: Int)
        case remove(name: String)
        case syncFolder(String)
        case mark(Int)
    }

    let calls: [Call]

    /// LMDB makes the first anew, the second says only who is writing.
    private static let volatile = ["lock.mdb", "writer.lock"]

    /// The process has one recorder, and suites run beside each other.
    private static let recorder = Mutex(())

    /// Records what `body` does to the files in `folder`, of which `names` are there already.
    ///
    /// - Parameter folder: a path without symbolic links.
    init(_ folder: String, names: [String: Int] = [:], _ body: () throws -> Void) throws {
        calls = try Self.recorder.withLock { _ in
            unsafe file_record_begin(folder)
            do { try body() } catch {
                file_record_end()
                throw error
            }
            return Self.calls(file_record_end(), names)
        }
    }

    private static func calls(_ count: Int, _ names: [String: Int]) -> [Call] {
        var files = names
        var next = (names.values.max() ?? -1) + 1
        var calls: [Call] = []
        for index in 0..<count {
            let record = unsafe file_record_at(index).pointee
            let name = unsafe String(cString: record.name)
            if volatile.contains(where: { name.hasSuffix($0) }) { continue }
            guard let call = unsafe call(record, name, &files, &next) else { continue }
            calls.append(call)
        }
        return calls
    }

    private static func call(
        _ record: file_record, _ name: String, _ files: inout [String: Int], _ next: inout Int
    ) -> Call? {
        if unsafe record.call == FILE_MARK { return unsafe .mark(record.at) }
        if unsafe record.call == FILE_CREATE {
            files[name] = next
            next += 1
            return .create(name: name, file: next - 1)
        }
        guard let file = files[name] else {
            // Only a folder can be synced that was never made or written to.
            return unsafe record.call == FILE_SYNC ? .syncFolder(name) : nil
        }
        switch unsafe record.call {
        case FILE_WRITE:
            let bytes = unsafe [UInt8](
                UnsafeRawBufferPointer(start: record.bytes, count: record.count))
            return unsafe .write(
                file: file, at: record.at, bytes: bytes, isDurable: record.durable != 0)
        case FILE_TRUNCATE: return unsafe .truncate(file: file, count: record.at)
        case FILE_SYNC: return .sync(file: file)
        case FILE_RENAME:
            guard let other = unsafe record.renamed else { return nil }
            let to = unsafe String(cString: other)
            files[name] = nil
            files[to] = file
            return .rename(from: name, to: to, file: file)
        default:
            files[name] = nil
            return .remove(name: name)
        }
    }
}

/// A disk, as far as it is known what it holds: what was synced, and what is under way to it.
///
/// What is under way may have arrived or not, whatever came before or after it: each page of a
/// write, each half of a kilobyte of a page, each entry of a folder. Source: fsync(2), and the
/// sector that a disk writes whole.
struct RecordedDisk {
    /// What a power failure does with one thing that is under way.
    enum Fate {
        case kept, lost
        /// Only these sectors of the page.
        case torn(sectors: UInt8)
        /// Only the bytes before this one.
        case cut(bytes: Int)
    }

    enum Pending {
        case write(file: Int, at: Int, bytes: [UInt8])
        case truncate(file: Int, count: Int)
        case create(name: String, file: Int)
        case rename(from: String, to: String, file: Int)
        case remove(name: String)
    }

    private static let pageBytes = 4_096
    private static let sectorBytes = 512

    private var contents: [Int: [UInt8]] = [:]
    private(set) var names: [String: Int] = [:]
    private(set) var pending: [Pending] = []

    init() {}

    /// A disk that holds these files, and nothing under way.
    init(_ files: [String: [UInt8]]) {
        for (file, name) in files.keys.sorted().enumerated() {
            names[name] = file
            contents[file] = files[name]
        }
    }

    /// Hands a call to the disk; what it waits for is not there yet.
    mutating func begin(_ call: FileRecording.Call) {
        switch call {
        case .write(let file, let at, let bytes, _):
            var start = at
            while start < at + bytes.count {
                let end = min(at + bytes.count, (start / Self.pageBytes + 1) * Self.pageBytes)
                pending.append(
                    .write(file: file, at: start, bytes: Array(bytes[start - at..<end - at])))
                start = end
            }
        case .truncate(let file, let count): pending.append(.truncate(file: file, count: count))
        case .create(let name, let file): pending.append(.create(name: name, file: file))
        case .rename(let from, let to, let file):
            pending.append(.rename(from: from, to: to, file: file))
        case .remove(let name): pending.append(.remove(name: name))
        case .sync, .syncFolder, .mark: break
        }
    }

    /// The call has returned: what it waited for is there.
    mutating func finish(_ call: FileRecording.Call) {
        switch call {
        case .sync(let file): settle { $0.file == file }
        case .write(let file, let at, let bytes, true):
            // The system writes whole pages, with all that was to be written there.
            let pages = at / Self.pageBytes...(at + bytes.count - 1) / Self.pageBytes
            settle { $0.file == file && $0.page.map(pages.contains) ?? false }
        case .syncFolder(let folder): settle { $0.folders.contains(folder) }
        default: break
        }
    }

    private mutating func settle(_ isThere: (Pending) -> Bool) {
        for one in pending where isThere(one) {
            Self.apply(one, .kept, &contents, &names)
        }
        pending.removeAll(where: isThere)
    }

    /// The files as they are after a power failure.
    func afterFailure(_ fate: (Int) -> Fate) -> [String: [UInt8]] {
        var (contents, names) = (contents, names)
        for (index, one) in pending.enumerated() {
            Self.apply(one, fate(index), &contents, &names)
        }
        return names.mapValues { contents[$0] ?? [] }
    }

    private static func apply(
        _ one: Pending, _ fate: Fate, _ contents: inout [Int: [UInt8]],
        _ names: inout [String: Int]
    ) {
        if case .lost = fate { return }
        switch one {
        case .write(let file, let at, let bytes):
            write(bytes, at, fate, &contents[file, default: []])
        case .truncate(let file, let count):
            let old = contents[file] ?? []
            contents[file] =
                old.count < count
                ? old + [UInt8](repeating: 0, count: count - old.count) : Array(old[..<count])
        case .create(let name, let file): names[name] = file
        case .rename(let from, let to, let file):
            names[from] = nil
            names[to] = file
        case .remove(let name): names[name] = nil
        }
    }

    private static func write(
        _ bytes: [UInt8], _ at: Int, _ fate: Fate, _ contents: inout [UInt8]
    ) {
        for (index, byte) in bytes.enumerated() {
            let place = at + index
            switch fate {
            case .kept, .lost: break
            case .torn(let sectors):
                if sectors >> UInt8(place % pageBytes / sectorBytes) & 1 == 0 { continue }
            case .cut(let count): if index >= count { return }
            }
            if place >= contents.count {
                contents += [UInt8](repeating: 0, count: place - contents.count + 1)
            }
            contents[place] = byte
        }
    }
}

extension RecordedDisk.Pending {
    fileprivate var file: Int? {
        switch self {
        case .write(let file, _, _), .truncate(let file, _): file
        default: nil
        }
    }

    fileprivate var page: Int? {
        if case .write(_, let at, _) = self { at / 4_096 } else { nil }
    }

    /// The folders whose entries it changes.
    fileprivate var folders: [String] {
        func folder(_ name: String) -> String {
            name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
        }
        return switch self {
        case .create(let name, _), .remove(let name): [folder(name)]
        case .rename(let from, let to, _): [folder(from), folder(to)]
        default: []
        }
    }
}
